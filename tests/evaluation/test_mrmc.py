"""Multi-reader multi-case analysis, against published results to their printed digits.

Figures of the VanDyke study: Van Dyke et al., ISMRM 1993, as printed by Smith, Hillis & Pesce in
the documentation of their software; of the Franken study: Franken et al., Invest Radiol
1992;27:732, as printed by Chakraborty, RJafroc quick start, chapter 6. Their analyses go in as
what is printed of them: a figure for each reader, and mean variances and covariances of these.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radpipe.evaluation.mrmc import (
    Errors,
    Mean,
    compare_modalities,
    jackknifed,
    mean_of_readers,
    pairs_of,
    shares,
    system_against_readers,
    within_scale,
)
from radpipe.evaluation.paired import clustered_delong, delong, placements

VAN_DYKE = np.array(
    [
        [0.9196457, 0.8587762, 0.9038647, 0.9731079, 0.8297907],
        [0.9478261, 0.9053140, 0.9217391, 0.9993559, 0.9299517],
    ]
)
SENSITIVITY = np.array([[40, 35, 37, 42, 31], [44, 37, 41, 45, 40]]) / 45
FRANKEN = np.array(
    [[0.853460, 0.864993, 0.857304, 0.815242], [0.849616, 0.843510, 0.840118, 0.814337]]
)


def covariance(modalities, readers, *, var, cov1, cov2, cov3):
    """Return a covariance of these means."""
    within, across = np.full((readers, readers), cov2), np.full((readers, readers), cov3)
    np.fill_diagonal(within, var)
    np.fill_diagonal(across, cov1)
    blocks = [[within if a == b else across for b in range(modalities)] for a in range(modalities)]
    return pairs_of(np.block(blocks), modalities)


def printed(mean: Mean, **values):
    """Compare with printed numbers, which came from numbers of seven digits."""
    for name, value in values.items():
        assert getattr(mean, name) == pytest.approx(value, rel=2e-5, abs=2e-7), name


def test_areas_of_van_dyke_with_delongs_covariance():
    errors = {"var": 0.0007921325, "cov1": 0.0003420090, "cov2": 0.0003395265}
    found = compare_modalities(VAN_DYKE, covariance(2, 5, **errors, cov3=0.0002358497))
    assert found.equality.statistic == pytest.approx(4.484854, rel=2e-5)
    assert (found.equality.df1, found.equality.df2) == (1, pytest.approx(15.06611, rel=2e-5))
    assert found.equality.p == pytest.approx(0.05123303, rel=2e-5)
    change = {"value": -0.04380032, "error": 0.0206825, "p": 0.05123303}
    printed(found.differences[0, 1], **change, low=-0.0878671960, high=0.0002665519)
    first = covariance(1, 5, var=1, cov1=0, cov2=0.0004775239, cov3=0)[0, :, 0]
    printed(
        mean_of_readers(VAN_DYKE[0], first),
        **{"value": 0.8970370, "error": 0.03307642, "df": 12.59597},
        **{"low": 0.8253461, "high": 0.9687280},
    )
    second = covariance(1, 5, var=1, cov1=0, cov2=0.0002015292, cov3=0)[0, :, 0]
    printed(
        mean_of_readers(VAN_DYKE[1], second),
        **{"value": 0.9408374, "error": 0.02150464, "df": 12.56530},
        **{"low": 0.8942155, "high": 0.9874592},
    )


def test_areas_of_van_dyke_about_these_readers():
    errors = {"var": 0.0008022883, "cov1": 0.0003466137, "cov2": 0.0003440748}
    matrix = covariance(2, 5, **errors, cov3=0.0002390284)
    found = compare_modalities(VAN_DYKE, matrix, readers="fixed")
    assert found.equality.statistic == pytest.approx(5.475953, rel=2e-5)
    assert found.equality.p == pytest.approx(0.01927984, rel=1e-4)
    change = {"value": -0.04380032, "error": 0.01871748}
    printed(found.differences[0, 1], **change, low=-0.08048591, high=-0.00711473)
    first = covariance(1, 5, var=0.0010141028, cov1=0, cov2=0.0004839618, cov3=0)[0, :, 0]
    printed(
        mean_of_readers(VAN_DYKE[0], first, readers="fixed"),
        **{"error": 0.02428971, "low": 0.8494301, "high": 0.9446440},
    )


def test_sensitivity_of_van_dyke():
    errors = {"var": 0.0023681257, "cov1": 0.0009943883, "cov2": 0.0010145903}
    found = compare_modalities(SENSITIVITY, covariance(2, 5, **errors, cov3=0.0006604938))
    assert found.equality.statistic == pytest.approx(6.689493, rel=1e-6)
    assert found.equality.df2 == pytest.approx(15.71732, rel=1e-6)
    change = {"value": -0.09777778, "error": 0.03780451, "p": 0.02008822}
    printed(found.differences[0, 1], **change, low=-0.1780371, high=-0.0175185)
    second = covariance(1, 5, var=1, cov1=0, cov2=0.000382716, cov3=0)[0, :, 0]
    printed(
        mean_of_readers(SENSITIVITY[1], second),
        **{"value": 0.92, "error": 0.03741657, "df": 7.575855, "low": 0.8328691},
    )


def test_areas_of_franken_where_the_covariances_would_make_the_spread_negative():
    """Cov2 is smaller than Cov3, so that only what readers differ by is left."""
    errors = {"var": 0.001525776, "cov1": 7.916821e-04, "cov2": 4.836377e-04}
    found = compare_modalities(FRANKEN, covariance(2, 4, **errors, cov3=5.125091e-04))
    # Areas of six digits only, and their differences are small.
    assert found.equality.statistic == pytest.approx(4.694058, rel=1e-3)
    assert found.equality.df2 == pytest.approx(3)
    assert found.equality.p == pytest.approx(0.1188379, rel=1e-3)
    change = found.differences[0, 1]
    assert change.value == pytest.approx(0.01085482, abs=1e-6)
    assert (change.low, change.high) == pytest.approx((-0.005089627, 0.02679926), abs=5e-6)
    first = covariance(1, 4, var=1, cov1=0, cov2=0.0004722991, cov3=0)[0, :, 0]
    mean = mean_of_readers(FRANKEN[0], first)
    assert (mean.low, mean.high) == pytest.approx((0.7990828, 0.8964170), abs=1e-6)
    assert mean.df == pytest.approx(70.12179, rel=1e-4)


def test_means_of_a_covariance_by_hand():
    matrix = np.arange(16.0).reshape(4, 4)
    matrix = (matrix + matrix.T) / 2
    errors = Errors.of(pairs_of(matrix, 2))
    # Readings 0, 1 are modality 0; readers are 0 and 1 of each.
    assert errors.var == pytest.approx((0 + 5 + 10 + 15) / 4)
    assert errors.cov1 == pytest.approx((matrix[0, 2] + matrix[1, 3]) / 2)
    assert errors.cov2 == pytest.approx((matrix[0, 1] + matrix[2, 3]) / 2)
    assert errors.cov3 == pytest.approx((matrix[0, 3] + matrix[1, 2]) / 2)


def test_a_system_against_readers_is_their_differences_as_one_modality():
    """By hand: differences 0.1 and 0.2, mean squares 0.005, covariance of the two 0.001."""
    matrix = np.array([[0.001, 0, 0], [0, 0.002, 0], [0, 0, 0.002]])
    found = system_against_readers(np.array([0.9, 0.8, 0.7]), matrix)
    spread = 0.005 + 2 * 0.001
    assert found.value == pytest.approx(0.15)
    assert found.error == pytest.approx(math.sqrt(spread / 2))
    assert found.df == pytest.approx(spread**2 / 0.005**2)


@settings(max_examples=30, deadline=None)
@given(arrays(float, (6, 4), elements=st.floats(0.5, 1)), st.sampled_from(["random", "fixed"]))
def test_neither_order_of_readers_nor_of_modalities_matters(estimates, readers):
    """Rows of estimates stand for draws, whose covariance they give."""
    matrix = np.cov(estimates, rowvar=False) + 1e-4 * np.eye(4)
    figures = estimates.mean(axis=0).reshape(2, 2)
    here = compare_modalities(figures, pairs_of(matrix, 2), readers=readers)
    change = here.differences[0, 1]
    for order, sign in (([1, 0, 3, 2], 1), ([2, 3, 0, 1], -1)):
        moved = matrix[np.ix_(order, order)]
        flat = figures.ravel()[order].reshape(2, 2)
        there = compare_modalities(flat, pairs_of(moved, 2), readers=readers).differences[0, 1]
        assert there.value == pytest.approx(sign * change.value, abs=1e-12)
        assert there.error == pytest.approx(change.error, nan_ok=True)
        assert there.p == pytest.approx(change.p, nan_ok=True, abs=1e-9)


def test_an_interval_on_log_odds_stays_inside():
    """By hand: 0.9 with 0.1 to either side, of log odds 2.1972 with 0.1 / 0.09 = 1.1111."""
    plain = Mean(0.9, 0.8, 1.0, 0.05, 4.0, 0.01)
    odds = [1 / (1 + math.exp(-(math.log(9) + way * 0.1 / 0.09))) for way in (-1, 1)]
    found = within_scale(plain)
    assert (found.low, found.high) == pytest.approx(odds)
    assert (found.value, found.error, found.df) == (0.9, 0.05, 4.0)
    for value in (0.0, 1.0):
        assert math.isnan(within_scale(Mean(value, 0.9, 1.1, 0.1, 4.0, 0.01)).low)


def test_one_reader_is_no_sample():
    assert math.isnan(mean_of_readers(np.array([0.8]), np.array([[0.01]])).low)
    fixed = mean_of_readers(np.array([0.8]), np.array([[0.01]]), readers="fixed")
    assert fixed.error == pytest.approx(0.1)


def test_the_jackknife_of_a_share_is_its_variance():
    """With a case a patient p (1 - p) / (n - 1); patients without a positive case say nothing."""
    right = np.array([1, 1, 1, 0, 1, 0, 1, 1], bool)[:, None]
    positive = np.array([1, 1, 1, 1, 1, 0, 0, 0], bool)
    found, matrix = shares(right, positive, np.arange(8))
    assert found[0] == pytest.approx(0.8)
    assert matrix[0, 0] == pytest.approx(0.8 * 0.2 / 4)
    # Cases of one patient that are alike are worth one.
    twice = np.repeat(np.arange(8), 2)
    doubled, alike = shares(np.repeat(right, 2, axis=0), np.repeat(positive, 2), twice)
    assert (doubled[0], alike[0, 0]) == (pytest.approx(0.8), pytest.approx(0.8 * 0.2 / 4))


def test_delong_and_the_jackknife_agree_on_areas():
    """Both are published for VanDyke; here on cases of our own, and by patient."""
    rng = np.random.default_rng(0)
    truth = np.repeat([1.0, 0.0], 60)
    scores = (
        rng.normal(size=(120, 3)) + truth[:, None] * [1.0, 1.5, 0.5] + rng.normal(size=(120, 1))
    )
    areas, matrix = delong(truth, scores)
    without = [
        [placements(np.delete(truth, i), np.delete(column, i))[0] for column in scores.T]
        for i in range(120)
    ]
    np.testing.assert_allclose(jackknifed(np.array(without)), matrix, rtol=0.05)
    # Two alike cases of each patient: as many patients, as much variance.
    again, clustered = clustered_delong(
        np.repeat(truth, 2), np.repeat(scores, 2, axis=0), np.repeat(np.arange(120), 2)
    )
    np.testing.assert_allclose(again, areas)
    np.testing.assert_allclose(clustered, matrix, rtol=1e-9)
