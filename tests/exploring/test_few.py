"""No count is told that is of one to four patients alone."""

import numpy as np
import pytest

from radpipe.exploring.few import told, told_each


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        pytest.param([0, 1, 2, 3, 4], 5, id="five patients"),
        pytest.param([0, 1, 2, 3], None, id="four patients"),
        pytest.param([0, 0, 0, 1, 1, 2, 2, 3], None, id="eight cases of four patients"),
        pytest.param([0, 0, 1, 2, 3, 4], 6, id="six cases of five patients"),
        pytest.param([], 0, id="nobody"),
    ],
)
def test_a_count_needs_five_patients(patient, expected):
    who = np.array(patient, dtype=int)
    assert told(np.ones(len(who), bool), who) == expected


def test_one_hidden_group_takes_the_smallest_other_with_it():
    # 9 - 7 would be the two that are hidden.
    group = np.array([0] * 7 + [1] * 2 + [2] * 20)
    assert told_each(group, np.arange(29), 4) == [None, None, 20, 0]


def test_two_hidden_groups_hide_one_another():
    group = np.array([0] * 7 + [1] * 2 + [2] * 3)
    assert told_each(group, np.arange(12), 3) == [7, None, None]


def test_cases_in_no_group_do_not_count():
    group = np.array([-1, -1, 0, 0, 0, 0, 0])
    assert told_each(group, np.arange(7), 2) == [5, 0]
