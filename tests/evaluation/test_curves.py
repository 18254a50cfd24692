"""Curves by hand, and bands around them."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from radpipe.evaluation import curves
from radpipe.evaluation.curve_points import POINTS
from radpipe.evaluation.draws import Draws, Weights, draw_patients
from radpipe.evaluation.metrics.areas import area_of

# Positives 0.9, 0.4; negatives 0.6, 0.1.
TRUTH, SCORE = np.array([1.0, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1])
ONCE = np.ones((4, 1))


def levels(truth, scores, weights, fine=None):
    return curves.Levels.of(truth, *curves.levels_of(truth, scores, fine=fine), Weights.of(weights))


def passed(truth, chances, weights):
    return curves.Levels.of(truth, *curves.thresholds_passed(chances), Weights.of(weights))


def at(grid: np.ndarray, curve: np.ndarray, x: float) -> float:
    return float(curve[np.argmin(np.abs(grid - x)), 0])


def test_roc_by_hand():
    """Points (0, 0), (0, 1/2), (1/2, 1/2), (1/2, 1), (1, 1)."""
    found = curves.roc(levels(TRUTH, SCORE, ONCE))
    places = (0, 0.25, 0.49, 0.5, 1)
    assert [at(curves.ROC_GRID, found, x) for x in places] == [0.5, 0.5, 0.5, 1, 1]


def test_roc_of_a_tie_is_a_slope():
    found = curves.roc(levels(np.array([1.0, 0]), np.array([0.5, 0.5]), np.ones((2, 1))))
    np.testing.assert_allclose(found[:, 0], curves.ROC_GRID)


def test_roc_encloses_the_area():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400).astype(float)
    scores = rng.normal(size=400) + truth
    weights = rng.integers(0, 3, (400, 2)).astype(float)
    area = np.trapezoid(curves.roc(levels(truth, scores, weights)), curves.ROC_GRID, axis=0)
    np.testing.assert_allclose(area, area_of(truth, scores, Weights.of(weights)), atol=0.005)


def test_precision_recall_by_hand():
    """Recall 1/2 is reached with precision 1, recall 1 with 2/3."""
    found = curves.precision_recall(levels(TRUTH, SCORE, ONCE))
    assert [at(curves.PR_GRID, found, x) for x in (0.01, 0.5, 0.51, 1)] == pytest.approx(
        [1, 1, 2 / 3, 2 / 3]
    )


def test_precision_recall_against_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 60).astype(float)
    scores = np.round(rng.normal(size=60) + truth, 1)
    precision, recall, _ = precision_recall_curve(truth, scores)
    found = curves.precision_recall(levels(truth, scores, np.ones((60, 1))))[:, 0]
    for x, y in zip(curves.PR_GRID, found, strict=True):
        first = np.flatnonzero(recall >= x - 1e-9)[-1]
        assert y == pytest.approx(precision[first])


def test_net_benefit_by_hand():
    """At t = 0.5 two are flagged, one rightly: (1 - 1) / 4; at 0.2 (2 - 1/4) / 4."""
    found = curves.net_benefit(passed(TRUTH, SCORE, ONCE))
    assert at(curves.DECISION_GRID, found, 0.5) == pytest.approx(0)
    assert at(curves.DECISION_GRID, found, 0.2) == pytest.approx(1.75 / 4)
    everyone = curves.treat_all(passed(TRUTH, SCORE, ONCE))
    assert at(curves.DECISION_GRID, everyone, 0.2) == pytest.approx((2 - 2 / 4) / 4)


@pytest.mark.parametrize(
    ("threshold", "model", "everyone"),
    [
        (0.1, 0.310717797443, 0.292035398230),
        (0.3, 0.212389380531, 0.089759797724),
        (0.5, 0.123893805310, -0.274336283186),
    ],
)
def test_net_benefit_as_dcurves_has_it(threshold, model, everyone):
    """`dcurves.dca` of dcurves 1.1.7, for five risks of 72 patients without and 41 with it."""
    risks, counts = (0.06, 0.35, 0.4, 0.45, 0.8), ((37, 20, 3, 8, 4), (2, 12, 1, 8, 18))
    chances = np.concatenate([np.repeat(risks, n) for n in counts])
    found = passed(np.repeat([0.0, 1.0], [72, 41]), chances, np.ones((113, 1)))
    at_model, at_all = (
        at(curves.DECISION_GRID, curve(found), threshold)
        for curve in (curves.net_benefit, curves.treat_all)
    )
    assert (at_model, at_all) == pytest.approx((model, everyone), abs=1e-11)


def test_coarse_levels_are_close():
    """Of 5,000 distinct scores some 800 points are left, and the curves move by less than 1/100."""
    rng = np.random.default_rng(1)
    truth = (rng.random(5000) < 0.1).astype(float)
    scores, weights = rng.normal(size=5000) + truth, rng.integers(0, 3, (5000, 3)).astype(float)
    exact, coarse = (levels(truth, scores, weights, fine) for fine in (None, curves.FINE))
    assert len(coarse.yes) <= 2 * curves.FINE + 1 < len(exact.yes)
    assert np.abs(curves.roc(exact) - curves.roc(coarse)).max() < 1 / 100
    change = np.abs(curves.precision_recall(exact) - curves.precision_recall(coarse))
    assert np.median(change) < 0.01


def test_one_class_has_no_curve():
    ones = np.ones(4)
    assert np.isnan(curves.roc(levels(ones, SCORE, ONCE))).all()
    assert np.isnan(curves.precision_recall(levels(0 * ones, SCORE, ONCE))).all()


def test_rows_with_bands(three):
    rng = np.random.default_rng(0)
    truth, scores = rng.integers(0, 2, 40), rng.dirichlet([1, 1, 1], 40)
    sample = three(truth, scores)
    draws = draw_patients(np.arange(40), 60, rng)
    rows = curves.curve_rows(sample, ["a", "b", "c"], "tune", draws=draws, confidence=0.9)
    assert {row["class"] for row in rows} == {"a", "b"}  # no case of class c
    assert {row["curve"] for row in rows} == {
        "roc",
        "pr",
        "reliability",
        "smooth",
        "decision",
        "decision-all",
        *(name for name, _, _ in POINTS),
    }
    assert set(rows[0]) == set(curves.COLUMNS)
    for row in rows:
        # Precision jumps, so its value may leave the band; points that are the same in every
        # draw have none.
        if row["curve"] != "pr" and np.isfinite(row["low"]):
            assert row["low"] - 0.02 <= row["y"] <= row["high"] + 0.02


def test_band_of_draws_without_a_class_is_undefined(binary):
    sample = binary([1, 0], [0.9, 0.1])
    draws = Draws(np.array([0, 0]), 3, lambda: lambda n: np.zeros((1, n)))
    rows = curves.curve_rows(sample, ["ill"], "test", draws=draws, confidence=0.9)
    roc = [row for row in rows if row["curve"] == "roc"]
    assert np.isnan([row["low"] for row in roc]).all()
    assert np.isfinite([row["y"] for row in roc]).all()


def test_a_perfect_curve_has_no_band(binary):
    """Every draw of these patients is perfect, too; that is no certainty about others."""
    truth = np.arange(20) % 2
    sample = binary(list(truth), list(np.where(truth == 1, 0.8, 0.3)))
    draws = draw_patients(np.arange(20), 50, np.random.default_rng(0))
    rows = curves.curve_rows(sample, ["yes"], "test", draws=draws, confidence=0.95)
    for kind in ("roc", "pr"):
        ends = [(row["y"], row["low"], row["high"]) for row in rows if row["curve"] == kind]
        assert {y for y, _, _ in ends} == {1}
        assert np.isnan([end[1:] for end in ends]).all()
    benefit = [row for row in rows if row["curve"] == "decision"]
    assert any(row["low"] < row["high"] for row in benefit)
