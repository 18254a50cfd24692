"""Intervals of areas: published standard errors, what is sought, and where there is none."""

import numpy as np
import pytest
from scipy.stats import norm

from radpipe.evaluation.intervals import difference, estimate
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.paired import clustered_delong
from radpipe.evaluation.roc_areas import Area, hanley_mcneil, rows_of, score_interval, worth_of
from radpipe.evaluation.sample import make_sample
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE


def area_of(truth, scores, owner=None):
    owner = np.arange(len(truth)) if owner is None else owner
    truth, scores = np.asarray(truth, float), np.asarray(scores, float)
    return Area.of(truth, scores, owner, int(owner.max()) + 1, 0.95)


def sample_of(truth, positive):
    scores = np.column_stack([1 - np.asarray(positive), positive])
    return make_sample(BINARY, np.asarray(truth, dtype=float)[:, None], scores)


def estimated(sample, owner):
    return estimate(sample, owner, ["auc"], n_draws=100, rng=np.random.default_rng(0))


def test_the_published_standard_error():
    """0.893 of 51 abnormal and 58 normal cases: 0.032 (Hanley & McNeil 1982, table II)."""
    assert np.sqrt(hanley_mcneil(0.893, 51, 58)) == pytest.approx(0.032, abs=5e-4)


def test_both_ends_are_a_standard_normal_quantile_away():
    low, high = score_interval(0.9, 0.002, 30, 50, confidence=0.95)
    scale = 0.002 / hanley_mcneil(0.9, 30, 50)
    for end in (low, high):
        z = abs(0.9 - end) / np.sqrt(scale * hanley_mcneil(end, 30, 50))
        assert z == pytest.approx(norm.ppf(0.975), rel=1e-6)
    assert low < 0.9 < high < 1


def test_perfect_scores_are_no_certainty():
    """Ten positives and ten negatives in order: the lowest area that is not too far from 1."""
    row = area_of([0] * 10 + [1] * 10, np.arange(20)).row(0.95)
    assert (row.value, row.high) == (1, 1)
    assert row.low == pytest.approx(score_interval(1, None, 10, 10, confidence=0.95)[0])
    assert 0.7 < row.low < 0.9
    # The wrong way round it is the mirror image.
    back = area_of([1] * 10 + [0] * 10, np.arange(20)).row(0.95)
    assert (back.low, back.high) == pytest.approx((0, 1 - row.low))


def test_many_cases_of_few_patients_make_no_area_certain():
    """Ten and ten patients of twenty cases: one pair the wrong way round is no 0.995 to 1."""
    owner, truth = np.repeat(np.arange(20), 20), np.repeat([0, 1], 200)
    perfect = area_of(truth, np.arange(400), owner).row(0.95)
    alone = area_of([0] * 10 + [1] * 10, np.arange(20)).row(0.95)
    assert (perfect.low, perfect.high) == pytest.approx((alone.low, alone.high))
    scores = np.arange(400.0)
    scores[[199, 200]] = scores[[200, 199]]
    nearly = area_of(truth, scores, owner).row(0.95)
    assert nearly.value == pytest.approx(1 - 1 / 40_000)
    assert perfect.low < nearly.low < 0.94


def test_what_cases_are_worth_by_hand():
    """Two patients of two cases, excess 0.1, 0.1 and -0.1, -0.1: design 2 of at most 2."""
    placed, owner = np.array([0.8, 0.8, 0.6, 0.6]), np.array([0, 0, 1, 1])
    assert worth_of(0.7, placed, owner) == pytest.approx(2)
    # Unlike within patients: two patients tell 1, two are taken to tell 2.
    assert worth_of(0.7, placed, np.array([0, 1, 0, 1])) == pytest.approx(4 * 4 / (2 + 4))
    assert worth_of(0.7, placed, np.arange(4)) == 4


def test_influence_is_obuchowskis_variance():
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(100), 3)
    truth = rng.integers(0, 2, 300).astype(float)
    scores = rng.normal(size=100)[owner] + rng.normal(size=300) + truth
    found = area_of(truth, scores, owner)
    areas, covariance = clustered_delong(truth, scores[:, None], owner)
    assert found.value == areas[0]
    assert (found.influence**2).sum() == pytest.approx(covariance[0, 0], rel=0.02)


@pytest.mark.parametrize(
    ("truth", "scores", "why"),
    [
        pytest.param([1] * 4 + [0] * 20, range(24), "an answer of 4 patients, fewer than 5"),
        pytest.param([1] + [0] * 20, range(21), "an answer of 1 patient, fewer than 5"),
        pytest.param([1] * 9 + [0] * 9, [0.5] * 18, "every case has the same score"),
        pytest.param([1, 1], [0.1, 0.2], "one answer only"),
    ],
)
def test_why_there_is_no_interval(truth, scores, why):
    row = area_of(truth, list(scores)).row(0.95)
    assert np.isnan([row.low, row.high]).all()
    assert row.why == why


def test_a_single_patient_has_no_interval():
    found = estimated(sample_of([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.2]), np.zeros(4, dtype=int))
    low, high, why = found["auc"].judged()
    assert np.isnan([low, high]).all()
    assert why == "an answer of 1 patient, fewer than 5"


def labels_of(rare, n=100, columns=14):
    """Return areas of labels of which five have so few positives."""
    rng, owner, found = np.random.default_rng(3), np.arange(n), []
    for column in range(columns):
        truth = (np.arange(n) < (rare if column < 5 else 40)).astype(float)
        found.append(area_of(truth, rng.normal(size=n) + truth, owner))
    return found


def test_rare_labels_leave_the_mean_its_interval():
    """Five of 14 labels have two positives: these have no interval, the mean has."""
    rows = rows_of(labels_of(2), [True] * 14, 0.95)
    assert [np.isfinite(row.low) for row in rows] == [True] + [False] * 5 + [True] * 9
    assert rows[0].low < rows[0].value < rows[0].high
    # They make it wider than labels with many positives would.
    many = rows_of(labels_of(40), [True] * 14, 0.95)[0]
    assert rows[0].high - rows[0].low > many.high - many.low
    # Most of them rare: no interval.
    short = rows_of(labels_of(2)[:6], [True] * 6, 0.95)[0]
    assert short.why == "an answer of 2 patients, fewer than 5"


def test_differences_are_narrower_than_those_of_independent_samples():
    rng, owner = np.random.default_rng(3), np.arange(200)
    truth, odds = rng.integers(0, 2, 200), rng.normal(size=200)
    pair = [
        estimated(sample_of(truth, 1 / (1 + np.exp(-(odds + (1 + shift) * truth)))), owner)
        for shift in (0.0, 0.2)
    ]
    paired, apart = (difference(pair[1], pair[0], "auc", paired=p) for p in (True, False))
    (low, high), (far_low, far_high) = paired.interval(), apart.interval()
    assert 0 < low < paired.value[0] < high
    assert high - low < (far_high - far_low) / 3


def test_equal_scores_differ_by_nothing():
    found = estimated(sample_of([1, 0] * 6, np.linspace(0.9, 0.1, 12)), np.arange(12))
    assert 0 < found["auc"].value[0] < 1
    assert difference(found, found, "auc").interval() == (0, 0)


@pytest.mark.parametrize("name", sorted(name for name in METRICS if METRICS[name].exact))
@pytest.mark.parametrize("target", [BINARY, THREE, GRADES, LABELS], ids=lambda t: t.kind)
def test_rows_have_the_values_of_their_metric(name, target):
    """Two ways to the same number, for every metric with intervals in closed form."""
    rng, n, classes = np.random.default_rng(5), 90, len(target.classes)
    columns = classes if target.kind == "multi-label" else 1
    truth = rng.integers(0, 2 if columns > 1 else classes, (n, columns)).astype(float)
    truth[rng.random(truth.shape) < 0.1] = np.nan
    sample = make_sample(target, truth, rng.dirichlet(np.ones(classes), n))
    rows = METRICS[name].rows(sample, np.arange(n) // 2, 0.95)
    found = values(METRICS[name], sample)
    assert [row.value for row in rows] == pytest.approx(found, nan_ok=True)
    for row in rows:
        assert not np.isfinite(row.value) or row.low <= row.value <= row.high
