"""When results were made, and from which commit: as receipts say, and nobody else."""

from dataclasses import replace

from radpipe.app.report.made import Made, made_of, together
from radpipe.core.receipts import Receipt
from tests.app.test_report_page import page

FACTS = {"finished": "2026-11-30T17:47:20+00:00", "commit": "c" * 40, "clean": True}


def written(name, **facts):
    """Write a receipt of a training into the folder of now."""
    nothing = {"settings": {}, "code": {}, "inputs": {}, "outputs": {}}
    receipt = Receipt(step="train", run=name, facts={**FACTS, **facts}, **nothing)
    receipt.write()
    return receipt.path


def test_several_receipts_are_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = written("a")
    later = written("b", finished="2026-12-01T08:00:59+00:00", commit="d" * 40, clean=False)
    found = made_of([later, first, tmp_path / "missing.json"])
    assert (found.first, found.last) == ("2026-11-30 17:47", "2026-12-01 08:00")
    assert found.commits == ("d" * 40, "c" * 40)
    assert not found.clean
    assert found.receipts == (str(later), str(first))


def test_without_git_there_is_no_commit_and_nothing_is_said_to_be_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = made_of([written("a", commit=None, clean=None)])
    assert (found.commits, found.clean) == ((), True)
    assert made_of([tmp_path / "missing.json"]) is None
    assert together([]) is None


def test_the_page_names_date_and_commit(studies):
    made = Made("2026-11-30 17:44", "2026-11-30 17:49", ("c" * 40,), True, ())
    text = page([replace(studies[0], made={"bones-v1": made})])
    assert "Trained and scored from 2026-11-30 17:44 to 2026-11-30 17:49 (UTC), commit" in text
    assert f"git checkout {'c' * 40}" in text
    assert "changes that no commit holds" not in text
    changed = page([replace(studies[0], made={"bones-v1": replace(made, clean=False)})])
    assert "partly with changes that no commit holds" in changed
    assert "Trained and scored from" not in page(studies)
