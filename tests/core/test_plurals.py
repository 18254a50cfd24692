"""Counts in messages."""

from radpipe.core.plurals import counted


def test_one_is_singular_and_all_others_are_plural():
    assert [counted(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert counted(1, "row holds", "rows hold") == "1 row holds"
    assert counted(1208, "row holds", "rows hold") == "1,208 rows hold"
