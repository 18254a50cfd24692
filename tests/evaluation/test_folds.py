"""What decides on a mean over folds, chosen on scores of single folds."""

import numpy as np
import pytest

from radpipe.core.settings import Evaluation
from radpipe.evaluation.ensemble import EnsembleCases, pool
from radpipe.evaluation.folds import Disagreement, as_means_of_folds, choose_for
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
    assert between.noise == pytest.approx([0])
    truth, scores = as_means_of_folds(BINARY, tune.truth, tune.scores, between)
    assert len(truth) == len(scores) == 8 * 200
    np.testing.assert_allclose(scores[:200], tune.scores, atol=1e-12)


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
