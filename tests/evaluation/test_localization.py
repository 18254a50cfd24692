"""Means over cases with patients as the unit, and their differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.settings import Evaluation
from radpipe.evaluation.localization import common, contrast, means_of
from radpipe.evaluation.shares import wilson

HOW = Evaluation(bootstrap=2000, seed=4)
ALONE = np.array([f"p{k}" for k in range(40)], object)


def test_a_share_has_the_interval_of_wilson():
    hits = np.array([1.0] * 30 + [0.0] * 10)
    (found,) = means_of(hits[None], ALONE, HOW)
    assert found.value[0] == 0.75
    low, high, why = found.judged()
    assert (low, high) == pytest.approx(wilson(0.75, 40, confidence=0.95), abs=0.01)
    assert why == ""


def test_a_mean_has_the_interval_of_its_standard_error():
    values = np.random.default_rng(1).normal(0.5, 0.1, 40)
    (found,) = means_of(values[None], ALONE, HOW)
    low, high, _ = found.judged()
    error = values.std(ddof=1) / np.sqrt(40)
    assert found.value[0] == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)


def test_cases_of_a_patient_tell_less_than_as_many_patients():
    values = np.repeat(np.random.default_rng(1).normal(0.5, 0.1, 10), 4)
    patients = np.repeat([f"p{k}" for k in range(10)], 4).astype(object)
    widths = []
    for names in (ALONE, patients):
        low, high, _ = means_of(values[None], names, HOW)[0].judged()
        widths.append(high - low)
    assert widths[1] > 1.6 * widths[0]


def test_a_difference_is_paired():
    rng = np.random.default_rng(2)
    level = rng.normal(0.5, 0.3, 40)
    first, second = level + 0.05 + rng.normal(0, 0.02, 40), level
    found = contrast(first, second, ALONE, HOW)
    error = (first - second).std(ddof=1) / np.sqrt(40)
    assert found.value == pytest.approx((first - second).mean())
    assert (found.high - found.low) / 2 == pytest.approx(2.02 * error, rel=0.1)
    assert found.p == pytest.approx(1 / 2001)
    assert found.why == ""


def test_what_does_not_differ_is_not_told_apart():
    values = np.random.default_rng(3).random(40)
    same = contrast(values, values, ALONE, HOW)
    assert (same.value, same.p) == (0, 1)
    assert same.why


def test_the_p_value_by_hand():
    # Of the 8 ways to swap 3 patients, 2 are as far as what was seen: all and none.
    found = contrast(np.array([1.0, 1, 1]), np.zeros(3), ALONE[:3], Evaluation(bootstrap=8000))
    assert found.p == pytest.approx(2 / 8, abs=0.02)


def test_one_patient_has_no_interval():
    found = contrast(np.array([1.0, 0]), np.zeros(2), np.array(["a", "a"], object), HOW)
    assert np.isnan([found.low, found.high]).all()


@given(st.lists(st.floats(0, 1, width=32), min_size=6, max_size=20), st.integers(1, 5))
def test_an_interval_holds_its_mean(values, per_patient):
    patients = np.array([str(k // per_patient) for k in range(len(values))], object)
    how = Evaluation(bootstrap=200)
    (found,) = means_of(np.array(values)[None], patients, how)
    low, high, why = found.judged()
    assert why or low <= found.value[0] <= high


def test_common_cases_stand_in_one_order():
    first, second = common(["b", "a", "c"], ["c", "x", "b"])
    assert (first.tolist(), second.tolist()) == ([0, 2], [2, 0])
