"""Subgroups of texts and numbers."""

import numpy as np

from radpipe.evaluation.subgroups import subgroups

NAN = float("nan")


def named(values):
    return {name: np.flatnonzero(mask).tolist() for name, mask in subgroups(values)}


def test_texts_with_unknown():
    values = np.array(["m", "f", None, "f"], dtype=object)
    assert named(values) == {"f": [1, 3], "m": [0], "unknown": [2]}


def test_few_numbers_are_values():
    assert named(np.array([1.0, 0, NAN, 1])) == {"0": [1], "1": [0, 3], "unknown": [2]}


def test_many_numbers_are_quarters():
    """Quartiles of 0..8 are 2, 4, 6; every case is in exactly one quarter."""
    assert named(np.arange(9.0)) == {
        "[0, 2)": [0, 1],
        "[2, 4)": [2, 3],
        "[4, 6)": [4, 5],
        "[6, 8]": [6, 7, 8],
    }


def test_equal_quartiles_leave_no_empty_group():
    found = named(np.array([0.0] * 20 + list(range(1, 10)) + [NAN]))
    assert list(found) == ["[0, 2)", "[2, 9]", "unknown"]


def test_many_texts_are_no_groups():
    assert subgroups(np.array(list("abcdefghi"), dtype=object)) == []
    assert subgroups(np.array([None, None], dtype=object)) == []
