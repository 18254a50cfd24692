"""ChestX-ray14 as the NIH serves it through the steps up to its parts."""

import pytest

from radpipe.app.cli import check_data
from radpipe.core.params import load_params
from radpipe.core.tables import read_table
from tests.studies.fake_nih import LAYOUT, TARGET, FakeNih

STORED = ("fetch", "index", "ingest", "split")


@pytest.fixture
def settled(project, tmp_path):
    """Return a project with 24 patients in the layout of the NIH."""
    raw = FakeNih.of(24).write(tmp_path / "nih")
    block = {**project.params["studies"]["bones"], "target": TARGET, "layout": LAYOUT}
    block |= {"source": {"kind": "path", "path": str(raw)}, "image": {"side": 32}}
    block |= {"split": {"seed": 1, "folds": 2, "on_leak": "group", "correlation": 1.0}}
    project.set("studies", {"bones": block})
    return project


def test_the_official_test_list_becomes_the_test_part(settled, monkeypatch, capsys):
    for step in STORED:
        done = settled.step(step, "--study", "bones")
        assert done.returncode == 0, done.stderr
        assert "0000000" not in done.stdout + done.stderr
    split = read_table(settled.root / "data/bones/split.parquet").to_pylist()
    assert len(split) == 48
    for row in split:
        assert (row["part"] == "test") == (int(row["named"]) % 4 == 0)
    assert {row["target_effusion"] for row in split} == {0, 1}

    monkeypatch.chdir(settled.root)
    check_data(load_params(), "bones")
    told = capsys.readouterr().out
    assert "test: 12 images" in told
    assert "age numbers" in told
    assert "problem" not in told
    assert "_list.txt" not in told
