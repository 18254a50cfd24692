"""Smooth calibration curves."""

import numpy as np
import pytest
from scipy.optimize import minimize

from radpipe.evaluation.smooth_calibration import KNOTS, smooth_calibration, spline


def draw(n, *, bend, seed=0):
    """Return truths and probabilities; the true odds are `bend` times the predicted ones."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=n)
    truth = (rng.random(n) < 1 / (1 + np.exp(-bend * odds))).astype(float)
    return truth, 1 / (1 + np.exp(-odds))


def test_the_basis_by_hand():
    """Knots 0, 1, 2, 3; scale 9. At 2 the first piece is (8 - 1 * 3 / 1 * 0) / 9.

    At 4: (64 - 2^3 * 3 + 1^3 * 2) / 9 = 42 / 9; at 5: (125 - 27 * 3 + 8 * 2) / 9 = 60 / 9; at 6:
    (216 - 64 * 3 + 27 * 2) / 9 = 78 / 9: straight from 3 on, 18 / 9 a step.
    """
    found = spline(np.array([-1.0, 2, 4, 5, 6]), np.arange(4.0))
    np.testing.assert_allclose(found[:, 2], np.array([0, 8, 42, 60, 78]) / 9)
    np.testing.assert_allclose(found[:, :2].T, [np.ones(5), [-1, 2, 4, 5, 6]])


def test_the_fit_is_the_likeliest():
    truth, chance = draw(300, bend=0.5)
    curve = np.array(smooth_calibration(truth, chance, np.arange(300), confidence=0.95))
    x = np.log(chance / (1 - chance))
    design = spline(x, np.quantile(x, KNOTS))

    def loss(beta):
        odds = design @ beta
        return (np.logaddexp(0, odds) - truth * odds).sum()

    best = minimize(loss, np.zeros(4)).x
    at = spline(np.log(curve[:, 0] / (1 - curve[:, 0])), np.quantile(x, KNOTS)) @ best
    np.testing.assert_allclose(curve[:, 1], 1 / (1 + np.exp(-at)), atol=2e-3)


def test_a_perfect_model_lies_on_the_diagonal_and_a_sure_one_does_not():
    truth, chance = draw(4000, bend=1.0)
    right = np.array(smooth_calibration(truth, chance, np.arange(4000), confidence=0.999))
    assert ((right[:, 2] <= right[:, 0]) & (right[:, 0] <= right[:, 3])).all()
    truth, chance = draw(4000, bend=0.3)
    sure = np.array(smooth_calibration(truth, chance, np.arange(4000), confidence=0.95))
    assert sure[0, 2] > sure[0, 0]
    assert sure[-1, 3] < sure[-1, 0]


def test_copies_of_patients_tell_nothing_new():
    """Each case three times, of one patient: the same band, but for the quantiles of places."""
    truth, chance = draw(200, bend=1.0)
    once = np.array(smooth_calibration(truth, chance, np.arange(200), confidence=0.95))
    owner = np.repeat(np.arange(200), 3)
    thrice = np.array(
        smooth_calibration(np.repeat(truth, 3), np.repeat(chance, 3), owner, confidence=0.95)
    )
    np.testing.assert_allclose(once, thrice, atol=0.03)


@pytest.mark.parametrize(
    ("truth", "chance"),
    [
        pytest.param([1.0] * 4 + [0.0] * 30, np.linspace(0.1, 0.9, 34), id="four patients"),
        pytest.param([1.0, 0.0] * 20, np.full(40, 0.3), id="one probability"),
        pytest.param(np.repeat([0.0, 1.0], 20), np.linspace(0.1, 0.9, 40), id="separated"),
    ],
)
def test_what_cannot_be_told_is_not_drawn(truth, chance):
    found = smooth_calibration(np.array(truth), chance, np.arange(len(chance)), confidence=0.95)
    assert found == []
