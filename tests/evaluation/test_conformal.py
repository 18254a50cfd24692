"""Conformal thresholds, p-values and sets: worked out by hand, then against what defines them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from radpipe.evaluation import conformal
from radpipe.evaluation.conformal import (
    Calibration,
    Conformal,
    Question,
    conformity,
    least_kept,
    lots,
    most_missed,
    needed,
    needed_certain,
    questions_of,
    set_of,
)
from radpipe.evaluation.ensemble import EnsembleCases
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE

NINE = np.arange(1, 10) / 10  # one case of each of nine patients


def calibration(scores, owner=None, drawn=None):
    scores = np.asarray(scores, dtype=float)
    owner = np.arange(len(scores)) if owner is None else np.asarray(owner)
    drawn = np.arange(len(scores)) / 100 if drawn is None else np.asarray(drawn)
    return Calibration.of(scores, owner, drawn)


@pytest.mark.parametrize(
    ("miss", "limit"),
    [
        pytest.param(0.1, 0.1, id="of ten places one may be below: none of the nine is missed"),
        pytest.param(0.2, 0.2, id="two places: one of the nine is missed"),
        pytest.param(0.29, 0.2, id="three places would be 0.3"),
        pytest.param(0.3, 0.3, id="the level itself, in spite of rounding"),
        pytest.param(0.09, math.nan, id="nine patients are too few"),
    ],
)
def test_threshold_of_nine_patients(miss, limit):
    assert calibration(NINE).threshold(miss) == pytest.approx(limit, nan_ok=True)


def test_a_patient_counts_once():
    """Patient 0 has four cases, of which one is low: a quarter of him is missed.

    Scores 0.1 (patient 0), 0.2 (patient 1), 0.9 (the rest): patients' worth of cases below 0.1,
    0.2 and 0.9 are 0, 1/4 and 5/4. Of 4 patients (1 + 1/4) / 5 = 0.25.
    """
    one = calibration([0.1, 0.9, 0.9, 0.9, 0.2, 0.9, 0.9], [0, 0, 0, 0, 1, 2, 3])
    assert one.n_patients == 4
    np.testing.assert_allclose(one.below, [0, 0.25, 1.25, 4])
    assert [one.threshold(miss) for miss in (0.2, 0.25, 0.45)] == [0.1, 0.2, 0.9]


@pytest.mark.parametrize(
    ("n", "miss", "doubt", "missed"),
    [
        pytest.param(28, 0.1, 0.05, -1, id="0.9^28 is 0.0523"),
        pytest.param(29, 0.1, 0.05, 0, id="0.9^29 is 0.0471"),
        pytest.param(46, 0.1, 0.05, 1, id="the next that nonparametric tolerance limits know"),
        pytest.param(59, 0.05, 0.05, 0, id="95 % of 95 %: Wilks, Ann Math Stat 1941;12:91"),
        pytest.param(93, 0.05, 0.05, 1, id="95 % of 95 %, the second smallest"),
        pytest.param(3, 0.9, 0.9999, 2, id="never all: that some are missed is certain"),
    ],
)
def test_most_missed(n, miss, doubt, missed):
    assert most_missed(n, miss, doubt) == missed


@given(st.integers(1, 3000), st.floats(0.01, 0.6), st.floats(0.001, 0.4))
@settings(max_examples=60, deadline=None)
def test_most_missed_is_the_binomial_quantile(n, miss, doubt):
    missed = most_missed(n, miss, doubt)
    assert missed < 0 or binom.cdf(missed, n, miss) <= doubt + 1e-9
    assert binom.cdf(missed + 1, n, miss) > doubt - 1e-9


def test_what_an_unlucky_part_keeps_by_hand():
    """Of nine patients the smallest score is the threshold: (1 - m)^9 is 0.025 at m 0.3363."""
    assert least_kept(9, 0.1, 0.025) == pytest.approx(0.025 ** (1 / 9), abs=1e-5)
    assert least_kept(8, 0.1, 0.025) == 0


@given(st.integers(9, 2000), st.sampled_from([0.05, 0.1, 0.2]))
@settings(max_examples=40, deadline=None)
def test_what_an_unlucky_part_keeps_is_a_quantile_of_beta(n, miss):
    missed = math.floor((n + 1) * miss + 1e-12)
    expected = beta.ppf(0.025, n + 1 - missed, missed) if missed else 0.0
    assert least_kept(n, miss, 0.025) == pytest.approx(expected, abs=1e-5)


def test_fewest_patients():
    assert (needed(0.1), needed(0.05), needed(0.1, n_folds=3)) == (9, 19, 57)
    assert (needed_certain(0.1, 0.95), needed_certain(0.05, 0.95)) == (29, 59)


def test_the_certain_threshold_draws_one_case_of_each_patient():
    """Of 46 patients one may be missed; the second case of each has the smaller lot."""
    scores = np.concatenate([np.arange(46) + 100, np.arange(46)])
    one = calibration(scores, np.tile(np.arange(46), 2), np.repeat([0.5, 0.2], 46))
    assert one.certain_threshold(0.1, 0.95) == 1
    assert math.isnan(calibration(NINE).certain_threshold(0.1, 0.95))


def test_lots_are_the_names_alone():
    names = np.array(["a", "b", "a"], dtype=object)
    drawn = lots(names)
    assert drawn[0] == drawn[2] != drawn[1]
    np.testing.assert_array_equal(lots(names[::-1]), drawn[::-1])
    many = lots(np.array([f"case {k}" for k in range(2000)], dtype=object))
    assert abs(many.mean() - 0.5) < 0.03


def one_question(*folds):
    """Return what two answers' calibrations of each fold say."""
    return Conformal(Question("", ("no", "yes")), dict(enumerate(folds)))


def test_p_values_by_hand():
    """Of nine patients, two score as little as 0.2: (1 + 2) / 10."""
    one = one_question([calibration(NINE), calibration(NINE)])
    found = one.p_values({0: np.array([[0.05, 0.2], [0.25, 0.95]])})
    np.testing.assert_allclose(found, [[0.1, 0.3], [0.3, 1.0]])


def test_p_values_as_crepes_has_them():
    """`ConformalClassifier.predict_p(..., smoothing=False)` of crepes 0.9.1, classes as bins."""
    positive = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.45, 0.5, 0.1, 0.05, 0.35])
    truth, new = np.repeat([1.0, 0.0], [5, 6]), np.array([0.05, 0.33, 0.5, 0.75, 0.95])
    names = np.array([f"c{k}" for k in range(11)], dtype=object)
    scores = np.column_stack([1 - positive, positive])
    (one,) = conformal.learn(BINARY, {0: EnsembleCases(names, names, truth[:, None], scores)})
    expected = [
        [1.0, 0.166666666667],
        [0.571428571429, 0.333333333333],
        [0.285714285714, 0.333333333333],
        [0.142857142857, 0.666666666667],
        [0.142857142857, 1.0],
    ]
    found = one.p_values({0: np.column_stack([1 - new, new])})
    np.testing.assert_allclose(found, expected, atol=1e-11)


def test_p_values_of_two_folds_by_hand():
    """2 + 1 and 0 of nine each, two new ones among 20: twice 3 / 20."""
    one = one_question([calibration(NINE)] * 2, [calibration(NINE)] * 2)
    found = one.p_values({0: np.array([[0.15, 0.95]]), 1: np.array([[0.05, 0.95]])})
    np.testing.assert_allclose(found, [[2 * 3 / 20, 1.0]])
    assert one.n_patients == [18, 18]
    assert one.too_few(0.2) == ""
    assert one.too_few(0.1) == "patients of tune: no 18, yes 18; 38 are needed"


SCORES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 12).map(lambda k: k / 12)), min_size=1, max_size=30
)


@given(SCORES, st.floats(0.02, 0.7), st.lists(st.floats(0, 1), min_size=1, max_size=10))
@settings(max_examples=100, deadline=None)
def test_a_threshold_decides_as_p_values_do(cases, miss, asked):
    owner, scores = zip(*cases, strict=True)
    one = calibration(scores, owner)
    new = np.array([*asked, *scores])
    p = (1 + one.at_or_below(new)) / (one.n_patients + 1)
    limit = one.threshold(miss)
    flags = new >= limit if np.isfinite(limit) else np.ones(len(new), bool)
    np.testing.assert_array_equal(flags, p > miss + conformal.ROUNDING)


@given(SCORES, st.floats(0.05, 0.9))
@settings(max_examples=100, deadline=None)
def test_a_new_patient_is_missed_as_rarely_as_promised(cases, miss):
    """Each of the patients in turn is the new one: the mean of what is missed is at most `miss`.

    That is what exchangeable means, so it holds for every set of patients and no draws are needed.
    """
    owner, scores = map(np.array, zip(*cases, strict=True))
    missed = []
    for new in np.unique(owner):
        rest = owner != new
        limit = calibration(scores[rest], owner[rest]).threshold(miss) if rest.any() else np.nan
        missed.append((scores[~rest] < limit).mean() if np.isfinite(limit) else 0.0)
    assert np.mean(missed) <= miss + 1e-9


def test_sets_are_never_empty_and_of_grades_without_gaps():
    kept = np.array([[True, False, True], [False, False, False]])
    fits = np.array([[0.4, 0.2, 0.4], [0.2, 0.5, 0.3]])
    grades, classes = questions_of(GRADES)[0], questions_of(THREE)[0]
    np.testing.assert_array_equal(set_of(grades, kept, fits), [[1, 1, 1], [0, 1, 0]])
    np.testing.assert_array_equal(set_of(classes, kept, fits), [[1, 0, 1], [0, 1, 0]])


def test_what_is_asked_of_each_target():
    assert [one.answers for one in questions_of(BINARY)] == [("healthy", "ill")]
    assert [one.answers for one in questions_of(LABELS)] == [
        ("no edema", "edema"),
        ("no fracture", "fracture"),
    ]
    truth, scores = np.array([[1.0, np.nan]]), np.array([[0.75, 0.25]])
    np.testing.assert_array_equal(conformal.given(LABELS, truth), [[[0, 1]], [[0, 0]]])
    np.testing.assert_array_equal(conformity(LABELS, scores), [[[0.25, 0.75]], [[0.75, 0.25]]])
    np.testing.assert_array_equal(
        conformal.given(THREE, np.array([[2.0], [np.nan]])), [[[0, 0, 1], [0, 0, 0]]]
    )
