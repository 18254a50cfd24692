"""Agreement of readers, against published worked examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radpipe.evaluation.agreement import (
    fleiss,
    fleiss_kappa,
    interval_by_patient,
    krippendorff,
    weighted_kappa,
)

NAN = np.nan
# Krippendorff 2011, section C: four observers, twelve units, answers missing.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
# Fleiss 1971, table 1: 30 patients, six psychiatrists, five diagnoses.
DIAGNOSES = np.array(
    [
        [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0],
        [2, 0, 4, 0, 0], [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6],
        [1, 0, 0, 5, 0], [1, 1, 0, 4, 0], [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
        [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0], [0, 2, 0, 4, 0], [1, 0, 2, 0, 3],
        [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0], [1, 0, 0, 4, 1],
        [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
    ],
    dtype=float,
)  # fmt: skip


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_with_missing_answers_is_as_published(level, alpha):
    assert round(krippendorff(OBSERVERS, level), 3) == alpha


def test_alpha_of_two_observers_is_as_published():
    """Krippendorff 2011, sections A (binary, 0.095) and B (nominal, 0.692)."""
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert round(krippendorff(np.array([first, second], float).T), 3) == 0.095
    a = [1, 1, 2, 2, 4, 3, 3, 3, 5, 4, 4, 1]
    b = [2, 1, 2, 2, 2, 3, 3, 3, 5, 4, 4, 4]
    assert round(krippendorff(np.array([a, b], float).T), 3) == 0.692


def test_fleiss_kappa_of_psychiatric_diagnoses_is_as_published():
    assert round(fleiss_kappa(DIAGNOSES), 3) == 0.430


def test_fleiss_kappa_uses_the_cases_that_all_have_read():
    rows = [[k for k, n in enumerate(row) for _ in range(int(n))] for row in DIAGNOSES]
    answers = np.array([*rows, [0, NAN, 0, 0, 0, 0]], float)
    assert fleiss(answers) == pytest.approx(fleiss_kappa(DIAGNOSES))
    with pytest.raises(ValueError, match="same number of readers"):
        fleiss_kappa(np.array([[2.0, 0.0], [1.0, 0.0]]))


def test_weighted_kappa_by_hand():
    """Agree on 8 of 10; by chance on 0.52; distances of linear and squared weights by hand."""
    first = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1], float)
    second = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0], float)
    assert weighted_kappa(first, second) == pytest.approx((0.8 - 0.52) / 0.48)
    a, b = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])
    # Seen 1/3; expected: 0+1+1, 1+0+0, 2+1+1 of 9 is 7/9, squared 9/9.
    assert weighted_kappa(a, b, "linear") == pytest.approx(1 - (1 / 3) / (7 / 9))
    assert weighted_kappa(a, b, "quadratic") == pytest.approx(1 - 1 / 3)


@settings(max_examples=30, deadline=None)
@given(arrays(float, (12, 3), elements=st.integers(0, 3).map(float)))
def test_perfect_agreement_is_one_and_no_order_of_readers_matters(answers):
    alike = np.repeat(answers[:, :1], 3, axis=1)
    for coefficient in (krippendorff, fleiss):
        found = coefficient(alike)
        assert np.isnan(found) if len(set(alike[:, 0])) == 1 else found == pytest.approx(1)
        here, there = coefficient(answers), coefficient(answers[:, ::-1])
        assert here == pytest.approx(there, nan_ok=True)
    here, there = (weighted_kappa(*answers[:, pair].T, "linear") for pair in ([0, 1], [1, 0]))
    assert here == pytest.approx(there, nan_ok=True)


def test_nothing_to_agree_on_is_undefined():
    one = np.zeros((4, 2))
    assert np.isnan(krippendorff(one))
    assert np.isnan(fleiss(one))
    assert np.isnan(weighted_kappa(one[:, 0], one[:, 1]))
    assert np.isnan(weighted_kappa(np.array([NAN]), np.array([1.0])))
    assert np.isnan(fleiss(np.array([[NAN, 1.0]])))


@settings(max_examples=30, deadline=None)
@given(
    arrays(float, (8, 3), elements=st.sampled_from([0.0, 1.0, 2.0, NAN])),
    arrays(int, 8, elements=st.integers(0, 3)),
)
def test_a_case_that_counts_several_times_is_as_good_as_so_many_cases(answers, times):
    weights = times.astype(float)
    several = np.repeat(answers, times, axis=0)
    for level in ("nominal", "ordinal", "interval"):
        expected = krippendorff(several, level)
        assert krippendorff(answers, level, weights) == pytest.approx(expected, nan_ok=True)
    assert fleiss(answers, weights) == pytest.approx(fleiss(several), nan_ok=True)
    here = weighted_kappa(*answers[:, :2].T, "linear", weights)
    assert here == pytest.approx(weighted_kappa(*several[:, :2].T, "linear"), nan_ok=True)


def test_cases_of_a_patient_are_drawn_together():
    """Doubled cases of the same patients leave the interval; as other patients they narrow it."""
    rng = np.random.default_rng(0)
    answers = rng.integers(0, 2, (40, 3)).astype(float)
    answers[:, 1:] = np.where(rng.random((40, 2)) < 0.7, answers[:, :1], answers[:, 1:])
    twice, owner = np.repeat(answers, 2, axis=0), np.repeat(np.arange(40), 2)

    def width(cases, owners):
        rng = np.random.default_rng(1)
        how = {"n_draws": 200, "confidence": 0.95, "rng": rng}
        value, low, high = interval_by_patient(fleiss, cases, owners, **how)
        assert low < value < high
        return high - low

    alone = width(answers, np.arange(40))
    assert width(twice, owner) == pytest.approx(alone)
    assert width(twice, np.arange(80)) < 0.85 * alone
