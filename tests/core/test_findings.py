"""Findings that are made of errors."""

import pytest

from radpipe.core.errors import DataError
from radpipe.core.findings import Finding, problem, summary


def test_an_error_becomes_one_line_and_its_way_out():
    error = DataError("two files:\n  a.png\n  b.png\nThe way out: delete one.")
    assert problem(error) == Finding("problem", "two files: a.png b.png", "delete one.")


def test_an_error_without_a_way_out():
    assert problem(DataError("it has no rows.")) == Finding("problem", "it has no rows.")


@pytest.mark.parametrize(
    ("levels", "line"),
    [
        (["ok"], "nothing found"),
        (["ok", "note"], "1 note: nothing that must be mended"),
        (["note", "warning", "warning"], "2 warnings, 1 note: look at each warning before"),
        (["note", "problem", "ok"], "1 problem, 1 note: mend each problem, and look once more"),
    ],
)
def test_findings_are_summed_up(levels, line):
    assert summary(Finding(level, "said") for level in levels).startswith(line)
