"""Quantiles against published tables."""

import pytest

from radpipe.evaluation.quantiles import student


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (39, 2.023), (399, 1.966)],
)
def test_published_quantiles_of_student(freedom, expected):
    """Tables of the distribution, 0.975."""
    assert student(0.975, freedom) == pytest.approx(expected, abs=4e-3)
