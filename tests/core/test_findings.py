"""Findings that are made of errors."""

from radpipe.core.errors import DataError
from radpipe.core.findings import Finding, problem


def test_an_error_becomes_one_line_and_its_way_out():
    error = DataError("two files:\n  a.png\n  b.png\nThe way out: delete one.")
    assert problem(error) == Finding("problem", "two files: a.png b.png", "delete one.")


def test_an_error_without_a_way_out():
    assert problem(DataError("it has no rows.")) == Finding("problem", "it has no rows.")
