"""Slopes and intercepts: by hand, against scikit-learn, and where Newton jumps too far."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from radpipe.evaluation import recalibration
from radpipe.evaluation.draws import Weights, draw_patients
from radpipe.evaluation.recalibration import Grouping, expit
from radpipe.evaluation.sample import logit


def recalibrate(truth, odds, weights):
    grouping = Grouping.of(truth, odds)
    return grouping.fit(grouping.weigh(Weights.of(weights)))


def shift(truth, odds, weights):
    grouping = Grouping.of(truth, odds)
    return grouping.shift(grouping.weigh(Weights.of(weights)))


@pytest.mark.parametrize("seed", [0, 1])
def test_slope_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=200)
    truth = (rng.random(200) < expit(0.3 + 0.7 * odds)).astype(float)
    weight = rng.integers(0, 4, 200).astype(float)
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(odds[:, None], truth, sample_weight=weight)
    # Of 200 distinct odds 128 groups are made, which is felt in the third or fourth digit ...
    intercept, slope = recalibrate(truth, odds, weight[:, None])
    assert slope[0] == pytest.approx(fit.coef_[0, 0], rel=0.005)
    assert intercept[0] == pytest.approx(fit.intercept_[0], abs=1e-3)
    # ... and not at all where every case counts once.
    once = LogisticRegression(C=np.inf, tol=1e-10).fit(odds[:, None], truth)
    intercept, slope = recalibrate(truth, odds, np.ones((200, 1)))
    assert slope[0] == pytest.approx(once.coef_[0, 0], rel=1e-6)
    assert intercept[0] == pytest.approx(once.intercept_[0], abs=1e-6)


def test_draws_in_groups_are_those_of_a_full_fit(monkeypatch):
    """400 cases with 400 distinct odds, 50 draws: within a twentieth of their own spread."""
    rng = np.random.default_rng(2)
    odds = 3 * rng.normal(size=400)
    truth = (rng.random(400) < expit(0.5 + 0.8 * odds)).astype(float)
    weights = draw_patients(np.arange(400) // 2, 50, rng)
    (block,) = weights
    grouped = (*recalibrate(truth, odds, block), shift(truth, odds, block))
    monkeypatch.setattr(recalibration, "GROUPS", 400)
    full = (*recalibrate(truth, odds, block), shift(truth, odds, block))
    for ours, theirs in zip(grouped, full, strict=True):
        assert (ours - theirs).std() < 0.05 * theirs.std()


@pytest.mark.parametrize(
    "odds", [[-2.0, -1, 1, 2], [2.0, 1, -1, -2], [0.0, 0, 0, 0], [-1.0, 0, 0, 1]]
)
def test_no_finite_slope(odds):
    """Separated upwards, downwards, not told apart, and touching."""
    truth = np.array([0.0, 0, 1, 1])
    assert np.isnan(recalibrate(truth, np.array(odds), np.ones((4, 2)))).all()


def test_a_draw_can_overlap_only_where_the_whole_does():
    """The second draw leaves out the one case that makes the classes overlap."""
    truth, odds = np.array([0.0, 0, 1, 1, 1]), np.array([-2.0, -1, 1, 2, -1.5])
    weights = np.column_stack([np.ones(5), [1, 1, 1, 1, 0]])
    _, slope = recalibrate(truth, odds, weights)
    assert np.isfinite(slope).tolist() == [True, False]


def test_full_steps_that_jump_too_far():
    """Found by hypothesis: from slope 1 full steps run away; halved ones do not."""
    truth = np.array([0.0, 0, 1, 1])
    odds = logit(np.array([0.05, 0.15, 0.1, 0.1]))
    intercept, slope = recalibrate(truth, odds, np.ones((4, 1)))
    again = recalibrate(np.array([0.0, 0, 1]), odds[:3], np.array([[1.0], [1], [2]]))
    assert (intercept[0], slope[0]) == pytest.approx((again[0][0], again[1][0]), rel=1e-6)


@pytest.mark.parametrize("at_once", [1, 7, 50])
def test_draws_do_not_depend_on_those_beside_them(monkeypatch, at_once):
    """50 draws of 60 cases, of which some have one class only or are separated."""
    rng = np.random.default_rng(4)
    odds = rng.normal(size=60)
    truth = (rng.random(60) < expit(2 * odds - 3)).astype(float)
    weights = (rng.random((60, 50)) < 0.2).astype(float)
    together = (*recalibrate(truth, odds, weights), shift(truth, odds, weights))
    assert all(0 < np.isnan(found).sum() < 50 for found in together)
    monkeypatch.setattr(recalibration, "AT_ONCE", at_once)
    apart = (*recalibrate(truth, odds, weights), shift(truth, odds, weights))
    for ours, theirs in zip(together, apart, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    none = (*recalibrate(truth, odds, weights[:, :0]), shift(truth, odds, weights[:, :0]))
    assert all(found.shape == (0,) for found in none)


def test_draws_lost_by_full_steps_are_found_by_halved_ones(monkeypatch):
    rng = np.random.default_rng(3)
    odds = rng.normal(size=40)
    truth = (rng.random(40) < expit(odds)).astype(float)
    weights = rng.integers(0, 3, (40, 5)).astype(float)
    expected = recalibrate(truth, odds, weights)
    monkeypatch.setattr(recalibration, "STEPS", 1)
    np.testing.assert_allclose(recalibrate(truth, odds, weights), expected, rtol=1e-6)


answers = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-16, 16), st.integers(0, 3)), min_size=2, max_size=20
)


@settings(max_examples=100, deadline=None)
@given(answers)
def test_a_slope_is_a_maximum_of_the_likelihood(cases):
    """Wherever a slope is given, the weighted residuals balance."""
    truth, odds, weight = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
    intercept, slope = recalibrate(truth, odds, weight[:, None])
    yes, no = odds[(truth == 1) & (weight > 0)], odds[(truth == 0) & (weight > 0)]
    overlap = len(yes) and len(no) and yes.min() < no.max() and no.min() < yes.max()
    assert np.isfinite(slope[0]) == bool(overlap)
    if overlap:
        residual = weight * (truth - expit(intercept + slope * odds))
        assert residual.sum() == pytest.approx(0, abs=1e-5)
        assert (residual * odds).sum() == pytest.approx(0, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(answers)
def test_a_shift_gives_the_observed_share(cases):
    truth, odds, weight = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
    found = shift(truth, odds, weight[:, None])[0]
    if 0 < truth @ weight < weight.sum():
        assert weight @ expit(odds + found) == pytest.approx(truth @ weight, abs=1e-5)
    else:
        assert np.isnan(found)
