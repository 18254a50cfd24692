"""What decides on a mean over folds, chosen on scores of single folds."""

import numpy as np
import pytest

from radpipe.core.settings import Evaluation
from radpipe.evaluation.ensemble import EnsembleCases, pool
from radpipe.evaluation.folds import TIMES, Disagreement, as_means_of_folds, choose_for, deviations
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.operating_point import choose
from tests.evaluation.conftest import BINARY, THREE

RULE = Evaluation(threshold="sensitivity", sensitivity=0.9)


def cases(truth, logits):
    """Return cases of a patient each; logits (cases,) of the second class, or (cases, classes)."""
    names = np.array([f"c{i:05}" for i in range(len(truth))], dtype=object)
    if logits.ndim == 1:
        logits = np.column_stack([0 * logits, logits])
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return EnsembleCases(names, names, truth[:, None].astype(float), scores)


def study(rng, noise, folds, n=4000):
    """Return tune, each case seen by one noisy model, and another part as each of them sees it."""
    truth = (rng.random((2, n)) < 0.3).astype(float)
    agreed = 1.5 * (1.8 * truth + rng.normal(size=(2, n)) - 1.3)
    tune = cases(truth[0], agreed[0] + 1.5 * noise * rng.normal(size=n))
    runs = {
        (fold, 0): cases(truth[1], agreed[1] + 1.5 * noise * rng.normal(size=n))
        for fold in range(folds)
    }
    return tune, runs


@pytest.mark.parametrize("noise", [0.3, 0.7, 1.5])
def test_the_rule_keeps_its_sensitivity(noise):
    """Five folds, noise of models in units of the signal's SD: 0.90, not 0.92, 0.95 or 0.99.

    The standard error is that of 1,200 positives each in tune and in the other part, 0.012.
    """
    tune, runs = study(np.random.default_rng(1), noise, 5)
    own = choose(BINARY, tune.truth, tune.scores, RULE)
    point = choose_for(BINARY, tune, own, runs, RULE)
    assert point.folds == 5
    test = pool(runs, "test")
    found = [
        values(METRICS["sensitivity"], p.sample(BINARY, test.truth, test.scores))[0]
        for p in (own, point)
    ]
    assert found[1] == pytest.approx(0.9, abs=0.03)
    slopes = [
        values(METRICS["calibration_slope"], p.sample(BINARY, test.truth, test.scores))[0]
        for p in (own, point)
    ]
    (slope,) = values(METRICS["calibration_slope"], own.sample(BINARY, tune.truth, tune.scores))
    assert slopes[1] == pytest.approx(slope, abs=0.15)
    if noise >= 0.7:
        assert found[0] > 0.93
        assert slopes[0] > 1.3


def test_classes_keep_theirs():
    rng = np.random.default_rng(2)
    truth = rng.choice(3, (2, 3000), p=[0.5, 0.3, 0.2])
    agreed = rng.normal(size=(2, 3000, 3)) + 1.5 * np.eye(3)[truth]
    tune = cases(truth[0], agreed[0] + rng.normal(size=(3000, 3)))
    runs = {(f, 0): cases(truth[1], agreed[1] + rng.normal(size=(3000, 3))) for f in range(5)}
    own = choose(THREE, tune.truth, tune.scores, RULE)
    point = choose_for(THREE, tune, own, runs, RULE)
    test = pool(runs, "test")
    found = [
        values(METRICS["sensitivity"], p.sample(THREE, test.truth, test.scores))[0]
        for p in (own, point)
    ]
    assert found[0] > 0.94
    assert found[1] == pytest.approx(0.9, abs=0.03)


def test_one_fold_and_no_disagreement_change_nothing():
    tune, runs = study(np.random.default_rng(1), 0.7, 1, n=200)
    own = choose(BINARY, tune.truth, tune.scores, RULE)
    assert choose_for(BINARY, tune, own, runs, RULE) is own
    twice = {(0, 0): runs[0, 0], (1, 0): runs[0, 0]}
    between = Disagreement.of(BINARY, twice)
    assert between.noise == pytest.approx(0 * between.noise)
    truth, scores = as_means_of_folds(BINARY, tune.truth, tune.scores, between)
    assert len(truth) == len(scores) == TIMES * 200
    np.testing.assert_allclose(scores[:200], tune.scores, atol=2e-3)


UNLIKE = {
    "grows with the logit": lambda agreed: 0.2 + 0.5 * np.abs(agreed),
    "far negatives alone": lambda agreed: np.where(agreed < -2.5, 2.5, 0.2),
    "the doubtful most": lambda agreed: 1.5 * np.exp(-(agreed**2) / 4),
}


@pytest.mark.parametrize("kind", UNLIKE)
def test_the_rule_keeps_its_sensitivity_where_folds_disagree_unevenly(kind):
    """Five folds; the standard error of 0.90 is that of 2,400 positives in both parts, 0.009."""
    rng, n = np.random.default_rng(4), 8000
    truth = (rng.random((2, n)) < 0.3).astype(float)
    agreed = 1.5 * (1.8 * truth + rng.normal(size=(2, n)) - 1.3)
    apart = UNLIKE[kind](agreed)
    tune = cases(truth[0], agreed[0] + apart[0] * rng.normal(size=n))
    runs = {
        (fold, 0): cases(truth[1], agreed[1] + apart[1] * rng.normal(size=n)) for fold in range(5)
    }
    own = choose(BINARY, tune.truth, tune.scores, RULE)
    point = choose_for(BINARY, tune, own, runs, RULE)
    test = pool(runs, "test")
    found = values(METRICS["sensitivity"], point.sample(BINARY, test.truth, test.scores))[0]
    assert found == pytest.approx(0.9, abs=0.03)


def test_what_stands_for_chance():
    """Means over folds vary as 1 / folds, folds by 1 in all, whatever their number."""
    for folds in (2, 3, 5, 10):
        points = deviations(folds, 3)
        assert points.mean() == pytest.approx(0, abs=1e-9)
        assert points.mean(axis=1).var(axis=0) == pytest.approx(np.full(3, 1 / folds))
        assert (points**2).mean(axis=(0, 1)) == pytest.approx(np.ones(3))


def test_neither_order_nor_unknown_cases_decide():
    tune, runs = study(np.random.default_rng(1), 0.7, 3, n=300)
    own = choose(BINARY, tune.truth, tune.scores, RULE)
    expected = choose_for(BINARY, tune, own, runs, RULE)
    assert choose_for(BINARY, tune.take(np.arange(300)[::-1]), own, runs, RULE) == expected
    unknown = np.where(np.arange(300)[:, None] % 3 == 0, np.nan, tune.truth)
    some = EnsembleCases(tune.case, tune.patient, unknown, tune.scores)
    known = some.take(some.known)
    assert choose_for(BINARY, some, own, runs, RULE) == choose_for(BINARY, known, own, runs, RULE)


def test_no_truth_decides():
    """The other part's truths are not looked at."""
    tune, runs = study(np.random.default_rng(1), 0.7, 3, n=300)
    own = choose(BINARY, tune.truth, tune.scores, RULE)
    unknown = {
        run: EnsembleCases(one.case, one.patient, np.full_like(one.truth, np.nan), one.scores)
        for run, one in runs.items()
    }
    expected = choose_for(BINARY, tune, own, runs, RULE)
    assert choose_for(BINARY, tune, own, unknown, RULE) == expected
