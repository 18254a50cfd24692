"""Shares in which each patient counts once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.evaluation.per_patient import patient_share

YES, NO = True, False


def share(hit, owner):
    return patient_share(np.array(hit), np.ones(len(hit), bool), np.array(owner), 0.95)


def test_a_patient_of_four_cases_counts_as_one_of_one():
    """Half of the first patient's four cases, and the second's only one: (1/2 + 1) / 2."""
    assert share([YES, YES, NO, NO, YES], [0, 0, 0, 0, 1]).value == 0.75


def test_one_case_each_is_wilson():
    """8 of 10: Wilson's limits by his formula (z = 1.959964)."""
    row = share([YES] * 8 + [NO] * 2, range(10))
    assert (row.low, row.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert float((row.influence**2).sum()) == pytest.approx(0.8 * 0.2 / 10)


def test_ten_of_ten_is_no_certainty():
    row = share([YES] * 20, np.repeat(np.arange(10), 2))
    assert (row.value, row.low, row.high) == (1.0, pytest.approx(0.722467, abs=1e-6), 1.0)


def test_no_case_is_no_share():
    row = patient_share(np.array([YES]), np.array([NO]), np.array([0]), 0.95)
    assert np.isnan(row.value)
    assert row.why == "no such case"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_the_interval_holds_the_share(cases):
    row = share(*zip(*cases, strict=True))
    assert 0 <= row.low <= row.value + 1e-12
    assert row.value - 1e-12 <= row.high <= 1
