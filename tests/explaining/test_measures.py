"""Measures of one map against one truth, by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import hypergeom, spearmanr

from radpipe.explaining import measures

TRUTH = np.array([[1, 1, 0], [0, 0, 0]], bool)
MAP = np.array([[3.0, 1.0, 0.0], [-5.0, 2.0, 2.0]])
MAPS = arrays(np.float64, 12, elements=st.floats(-4, 4, width=32))
TRUTHS = arrays(np.bool_, 12).filter(lambda truth: truth.any())


def test_the_highest_place_counts():
    assert measures.pointing(MAP, TRUTH) == 1.0
    assert measures.pointing(MAP, ~TRUTH) == 0.0
    # Two of the three highest places lie inside.
    assert measures.pointing(np.array([2.0, 2.0, 2.0, 1.0]), np.array([1, 1, 0, 0], bool)) == (
        pytest.approx(2 / 3)
    )


def test_only_evidence_for_the_answer_counts():
    assert measures.energy_inside(MAP, TRUTH) == pytest.approx((3 + 1) / 8)
    assert measures.marked(MAP, 0.6).tolist() == [[True, False, False], [False, True, True]]
    assert measures.overlap(measures.marked(MAP, 0.6), TRUTH) == pytest.approx(1 / 4)


def test_a_map_that_says_nothing_gains_nothing_and_loses_nothing():
    nothing = np.full((2, 3), -1.0)
    assert measures.pointing(nothing, TRUTH) == measures.area(TRUTH) == pytest.approx(1 / 3)
    assert measures.energy_inside(nothing, TRUTH) == measures.area(TRUTH)
    assert not measures.marked(nothing, 0.5).any()
    assert measures.overlap(measures.marked(nothing, 0.5), TRUTH) == 0
    assert measures.overlap(np.zeros(3, bool), np.zeros(3, bool)) == 0


@given(TRUTHS, st.floats(0, 5))
def test_a_constant_map_is_chance(truth, level):
    flat = np.full(12, level)
    assert measures.pointing(flat, truth) == measures.area(truth)
    assert measures.energy_inside(flat, truth) == pytest.approx(measures.area(truth))


@given(MAPS, TRUTHS)
def test_shares_are_shares_and_what_is_inside_is_not_outside(evidence, truth):
    inside = measures.energy_inside(evidence, truth)
    assert 0 <= inside <= 1
    assert inside + measures.energy_inside(evidence, ~truth) == pytest.approx(1)


@given(MAPS, TRUTHS)
def test_pointing_does_not_depend_on_the_scale_of_evidence(evidence, truth):
    bent = np.sign(evidence) * np.abs(evidence) ** 3 * 8
    assert measures.pointing(bent, truth) == measures.pointing(evidence, truth)


@given(MAPS, st.lists(st.floats(0.05, 1), min_size=1, max_size=4))
def test_several_thresholds_mark_what_each_does(evidence, shares):
    top = max(evidence.max(), 0)
    for share, found in zip(shares, measures.marked_at(evidence, shares), strict=True):
        assert found.tolist() == [top > 0 and max(one, 0) >= share * top for one in evidence]


def test_the_threshold_is_the_one_that_overlaps_best():
    first = (np.array([1.0, 0.5, 0.2, 0.0]), np.array([1, 1, 0, 0], bool))
    # From above 0.2 to 0.5 the overlap is whole.
    assert measures.best_threshold([first]) == 0.25
    second = (np.array([1.0, 0.45, 0.2, 0.0]), np.array([1, 0, 0, 0], bool))
    assert measures.best_threshold([first, second]) == 0.5
    assert np.isnan(measures.best_threshold([]))


@pytest.mark.parametrize(("n_marked", "n_true", "n"), [(2, 1, 4), (5, 7, 30), (4, 4, 6), (0, 3, 9)])
def test_the_overlap_of_a_random_mask_is_the_mean_over_all_masks(n_marked, n_true, n):
    shared = np.arange(0, min(n_marked, n_true) + 1)
    weights = hypergeom(n, n_true, n_marked).pmf(shared)
    expected = float((weights * shared / (n_marked + n_true - shared)).sum())
    assert measures.chance_overlap(n_marked, n_true, n) == pytest.approx(expected)


def test_the_overlap_of_a_random_mask_by_hand():
    # Half of all masks of two of four pixels hold the one that is true: IoU 1/2, else 0.
    assert measures.chance_overlap(2, 1, 4) == pytest.approx(0.25)
    assert measures.chance_overlap(0, 0, 4) == 0


def test_a_truth_widens_within_its_slice_and_not_around_the_edge():
    truth = np.zeros((2, 4, 4), bool)
    truth[0, 0, 0] = True
    wide = measures.widened(truth, 1)
    assert np.argwhere(wide).tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert measures.widened(truth, 1.5).sum() == 4
    assert np.array_equal(measures.widened(truth, 0), truth)
    truth[0, 3, 3] = True
    assert measures.widened(truth, 2).sum() == 12


@given(arrays(np.bool_, (2, 5, 4)), st.floats(0, 3))
def test_widening_is_what_distances_say(truth, tolerance):
    places = np.argwhere(truth)
    wide = np.zeros_like(truth)
    for at in np.ndindex(truth.shape):
        near = [np.hypot(*(np.array(at[1:]) - p[1:])) for p in places if p[0] == at[0]]
        wide[at] = any(distance <= tolerance for distance in near)
    assert np.array_equal(measures.widened(truth, tolerance), wide)


@given(MAPS, MAPS)
def test_likeness_is_the_correlation_of_ranks(first, second):
    found = measures.likeness(first, second)
    flat = [np.ptp(each) == 0 for each in (first, second)]
    expected = float(all(flat)) if any(flat) else spearmanr(first, second).statistic
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_area_under_a_curve_of_straight_lines():
    assert measures.under_curve([0, 0.5, 1], [1, 0.5, 0.5]) == pytest.approx(0.625)


def test_the_average_gives_every_map_the_same_say():
    maps = [np.array([4.0, 0.0, -9.0]), np.array([0.0, 1.0, 1.0]), np.zeros(3)]
    assert measures.average_of(maps) == pytest.approx(np.array([1 / 3, 1 / 6, 1 / 6]))


def test_volumes_become_equally_deep():
    volume = np.arange(4.0)[:, None, None]
    assert measures.as_deep(volume, 2).ravel().tolist() == [1, 3]
    assert measures.as_deep(volume, 6).ravel().tolist() == [0, 1, 1, 2, 3, 3]
    assert np.array_equal(measures.as_deep(volume, 4), volume)


def test_views_stand_in_one_row():
    views = {"b": np.ones((1, 2, 2)), "a": np.zeros((2, 1, 1))}
    assert measures.joined(views).tolist() == [0, 0, 1, 1, 1, 1]
