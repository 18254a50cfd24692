"""What `radpipe run` says at its end."""

from types import SimpleNamespace

from radpipe.app.outcome import outcome
from tests.app.fake_results import VARIANTS


def test_a_ranking_for_each_study_and_where_the_page_is(results, monkeypatch):
    monkeypatch.chdir(results)
    text = outcome(SimpleNamespace(plan=SimpleNamespace(compared=list(VARIANTS)), localize={}))
    bones, chest, page = text.split("\n\n")
    lines = bones.splitlines()
    assert lines[0] == "bones: AUC with its 95 % interval, on test"
    assert lines[1].startswith("  1. bones-v1")
    assert lines[3].startswith("  3. bones-floor")
    assert lines[4].endswith(", the ideal observer")
    assert chest.startswith("chest: AUC with its 95 % interval, on tune, the validation set (test")
    assert page == f"The page: {results}/results/report.html"
