"""ChestX-ray14 as the NIH serves it through the steps up to its parts."""

import numpy as np
import pytest
from PIL import Image

from radpipe.app.cli import check_data
from radpipe.core.params import load_params
from radpipe.core.tables import read_table
from radpipe.imaging.store import Store
from tests.studies.fake_nih import LAYOUT, TARGET, FakeNih

STORED = ("fetch", "index", "ingest", "split")


@pytest.fixture
def raw(tmp_path):
    """Write 24 patients in the layout of the NIH; return the root."""
    return FakeNih.of(24).write(tmp_path / "nih")


@pytest.fixture
def settled(project, raw):
    """Return a project with these patients."""
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


def test_a_patient_in_two_lists_is_refused_and_not_named(settled, raw):
    lists = [raw / name for name in ("train_val_list.txt", "test_list.txt")]
    train, test = (file.read_text() for file in lists)
    moved = "00000004_000.png\n"
    assert moved in test
    for file, text in zip(lists, (train + moved, test.replace(moved, "")), strict=True):
        file.write_text(text)
    settled.set("studies.bones.split.on_leak", "refuse")
    for step in STORED[:3]:
        assert settled.step(step, "--study", "bones").returncode == 0
    done = settled.step("split", "--study", "bones")
    assert done.returncode == 2
    assert "official parts" in done.stderr
    assert "0000000" not in done.stderr


def test_deep_and_printed_pictures_among_others_keep_what_they_show(settled, raw):
    """A PNG of 16 bits is stored by its upper 8, a JPEG for print by its brightness."""
    films = sorted(raw.rglob("*.png"))
    grey = np.asarray(Image.open(films[0]).convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 257).save(films[0])
    printed = Image.new("CMYK", (40, 40), (0, 0, 0, 55))
    printed.save(films[1], format="JPEG", quality=100)
    settled.set("studies.bones.image.side", 40)
    for step in STORED[:3]:
        done = settled.step(step, "--study", "bones")
        assert done.returncode == 0, done.stderr
    store = Store(settled.root / "data/bones/store")
    deep, flat = (store.pixels([store.row_of(film.name)])[0, ..., 0] for film in films[:2])
    np.testing.assert_array_equal(deep, grey)
    assert flat.min() >= 195
    assert flat.max() <= 205
