"""Inverse power laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.evaluation.power_law import EXPONENTS, fit

N = np.array([50.0, 100.0, 200.0, 400.0])
EVEN = np.ones(4)


def curve(best, factor, exponent):
    return (best - factor * N**-exponent)[:, None]


@pytest.mark.parametrize("law", [(0.95, 1.5, 0.55), (0.9, 3.0, 1.0), (1.0, 0.8, 0.3)])
def test_a_curve_without_noise_is_found(law):
    best, factor, _ = law
    exponent = EXPONENTS[np.abs(EXPONENTS - law[2]).argmin()]
    found = fit(N, curve(best, factor, exponent), EVEN)
    assert (found.best[0], found.factor[0], found.exponent[0]) == pytest.approx(
        (best, factor, exponent)
    )
    at = found.at(np.array([800.0]))[0, 0]
    assert at == pytest.approx(best - factor * 800**-exponent)


def test_two_halvings_by_hand():
    """0.6, 0.8, 0.9, 0.95: each doubling halves what is left to 1: 1 - 20 / n; 0.975 at 800."""
    found = fit(N, np.array([[0.6], [0.8], [0.9], [0.95]]), EVEN)
    assert found.exponent[0] == pytest.approx(1.0)
    assert found.at(np.array([800.0]))[0, 0] == pytest.approx(0.975)


def test_more_patients_never_do_harm():
    found = fit(N, np.array([[0.9], [0.85], [0.8], [0.75]]), EVEN)
    assert found.factor[0] == 0
    assert found.at(N)[:, 0] == pytest.approx(0.825)


def test_what_weighs_nothing_does_not_count():
    scores = curve(0.9, 3.0, 1.0)
    scores[0] = 0.1
    found = fit(N, scores, np.array([1e-12, 1, 1, 1]))
    assert found.at(N[1:])[:, 0] == pytest.approx(scores[1:, 0], abs=1e-3)


@given(st.lists(st.lists(st.floats(0.3, 1), min_size=4, max_size=4), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_curves_rise_and_stay_below_1(points):
    found = fit(N, np.array(points).T, EVEN)
    at = found.at(np.append(N, 800.0))
    assert (np.diff(at, axis=0) >= -1e-12).all()
    assert (at <= 1 + 1e-9).all()
