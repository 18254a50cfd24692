"""What DVC is asked to fetch, and how often."""

import pytest

from radpipe.core.errors import RadpipeError
from radpipe.engines import record


def answering(monkeypatch, *answers: str) -> list[tuple[str, ...]]:
    """Let DVC answer so, "" being a failure; return what it is asked."""
    asked: list[tuple[str, ...]] = []

    def dvc(*arguments: str) -> str:
        asked.append(arguments)
        if not (answer := answers[len(asked) - 1]):
            raise RadpipeError("dvc pull failed:\nERROR: Checkout failed\nresults/report.html")
        return answer

    monkeypatch.setattr(record, "dvc", dvc)
    return asked


def test_a_pull_that_fails_goes_on_where_it_was(monkeypatch, caplog):
    asked = answering(monkeypatch, "", "2 files fetched")
    assert record._pull() == "2 files fetched"
    assert asked == [("pull",), ("pull",)]
    assert "is tried once more: results/report.html" in caplog.text


def test_a_pull_that_fails_twice_has_failed(monkeypatch):
    answering(monkeypatch, "", "")
    with pytest.raises(RadpipeError, match="Checkout failed"):
        record._pull()


def test_a_pull_that_succeeds_is_the_only_one(monkeypatch, caplog):
    assert len(asked := answering(monkeypatch, "done")) == 0
    assert record._pull() == "done"
    assert len(asked) == 1
    assert not caplog.text
