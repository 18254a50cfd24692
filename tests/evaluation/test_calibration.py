"""Temperature, reliability and Wilson's interval, by hand."""

import numpy as np
import pytest

from radpipe.evaluation.calibration import apply_temperature, fit_temperature, reliability, wilson
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE

NAN = float("nan")


def test_temperature_two_takes_the_root_of_the_odds():
    """Odds 9:1 become 3:1; probabilities 0.81, 0.09, 0.09 / 0.99 become roots 9:3:3."""
    binary = apply_temperature(BINARY, np.array([[0.1, 0.9]]), 2.0)
    assert binary == pytest.approx(np.array([[0.25, 0.75]]))
    labels = apply_temperature(LABELS, np.array([[0.1, 0.9]]), 2.0)
    assert labels == pytest.approx(np.array([[0.25, 0.75]]))
    three = apply_temperature(THREE, np.array([[0.81, 0.09, 0.09]]) / 0.99, 2.0)
    assert three == pytest.approx(np.array([[0.6, 0.2, 0.2]]))


def test_temperature_one_changes_no_bit():
    scores = np.array([[0.1, 0.9]], dtype=np.float32)
    assert apply_temperature(BINARY, scores, 1.0).tolist() == scores.tolist()


def test_zero_and_one_stay_finite():
    found = apply_temperature(THREE, np.array([[0.0, 0.0, 1.0]]), 3.0)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1)


def test_grades_from_a_chain_are_calibrated_like_classes():
    """Products of conditional probabilities can be 0; the most probable grade stays so."""
    scores = np.array([[1.0, 0, 0], [0.1, 0.9, 0], [0.01, 0.09, 0.9], [0.2, 0.3, 0.5]])
    truth = np.array([[0.0], [1], [2], [0]])
    temperature = fit_temperature(GRADES, truth, scores)
    found = apply_temperature(GRADES, scores, temperature)
    assert temperature > 1
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found.argmax(axis=1) == scores.argmax(axis=1)).all()


def test_fitted_temperature_of_sure_answers_by_hand():
    """Said 0.9, right in 3 of 4: the best odds are 3:1, log 9 / T = log 3, T = 2."""
    scores = np.array([[0.1, 0.9]] * 4)
    truth = np.array([[1.0], [1], [1], [0]])
    assert fit_temperature(BINARY, truth, scores) == pytest.approx(2, abs=1e-4)
    both = fit_temperature(LABELS, np.hstack([1 - truth, truth]), scores)
    assert both == pytest.approx(2, abs=1e-4)


def test_nothing_known_leaves_probabilities_alone():
    assert fit_temperature(BINARY, np.array([[NAN]]), np.array([[0.1, 0.9]])) == 1


def test_reliability_by_hand():
    truth = np.array([0, 1, 1, 1, NAN])
    points = reliability(truth, np.array([0.12, 0.18, 1.0, 0.95, 0.5]), confidence=0.95)
    assert [point[:2] for point in points] == [
        pytest.approx((0.15, 0.5)),
        pytest.approx((0.975, 1.0)),
    ]


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [
        # z = 1.959964: z^2 = 3.841459. 0 of 10: high = z^2 / (10 + z^2).
        pytest.param(0.0, 10, (0.0, 3.841459 / 13.841459), id="0 of 10"),
        pytest.param(1.0, 10, (10 / 13.841459, 1.0), id="10 of 10"),
        # Half of 100: 0.5 -+ z sqrt(0.0025 + 0.00009603649) / 1.03841459 = 0.5 -+ 0.096170.
        pytest.param(0.5, 100, (0.403832, 0.596168), id="50 of 100, a textbook value"),
    ],
)
def test_wilson_by_hand(share, n, expected):
    assert wilson(share, n, confidence=0.95) == pytest.approx(expected, abs=1e-5)
