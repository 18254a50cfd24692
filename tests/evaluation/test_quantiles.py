"""Quantiles against published tables."""

import math

import pytest
from scipy.stats import t

from radpipe.evaluation.quantiles import normal_of, student


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (39, 2.023), (399, 1.966)],
)
def test_published_quantiles_of_student(freedom, expected):
    """Tables of the distribution, 0.975."""
    assert student(0.975, freedom) == pytest.approx(expected, abs=4e-3)


@pytest.mark.parametrize("freedom", [19, 30, 200])
@pytest.mark.parametrize("value", [-0.4, 1.5, 2.1, 4.0])
def test_p_values_of_student_through_the_normal_distribution(value, freedom):
    p = math.erfc(abs(normal_of(value, freedom)) / math.sqrt(2))
    assert p == pytest.approx(2 * t.sf(abs(value), freedom), rel=0.02)
    assert math.copysign(1, normal_of(value, freedom)) == math.copysign(1, value)
