"""Shares: published Wilson intervals, the effective number of cases, and what is put together."""

import numpy as np
import pytest

from radpipe.evaluation.quantiles import student
from radpipe.evaluation.rows import Row, correlation, difference_of, mean_of
from radpipe.evaluation.shares import Share, overlap, rows_of, wilson

NAN = float("nan")


def share(hits, n):
    """Return hits of n cases, of a patient each, with its interval."""
    hit = np.arange(n) < hits
    return Share(hit, np.ones(n, dtype=bool)).row(np.arange(n), n, 0.95)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(hits, n, low, high):
    """Newcombe, Stat Med 1998;17:857, table I, method 3."""
    assert wilson(hits / n, n, confidence=0.95) == pytest.approx((low, high), abs=5e-5)
    row = share(hits, n)
    assert (row.low, row.high) == pytest.approx((low, high), abs=5e-5)


def test_ten_of_ten_is_no_certainty():
    """N / (n + z^2): 10 / 13.84, and of two of two 2 / 5.84."""
    row = share(10, 10)
    assert (row.value, row.low, row.high) == pytest.approx((1, 0.722, 1), abs=5e-4)
    assert row.high == 1
    assert share(2, 2).low == pytest.approx(0.3424, abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_published_differences(first, second, low, high):
    """Newcombe, Stat Med 1998;17:873, table II, method 10: independent shares."""
    row = difference_of(share(*first), share(*second), paired=False)
    assert (row.low, row.high) == pytest.approx((low, high), abs=5e-5)


def test_cases_that_are_alike_count_as_one():
    """Four patients with two cases each, three all found, one all missed: as 3 of 4."""
    owner = np.repeat(np.arange(4), 2)
    row = Share(owner < 3, np.ones(8, dtype=bool)).row(owner, 4, 0.95)
    assert (row.low, row.high) == pytest.approx(wilson(0.75, 4, confidence=0.95))
    # Where all are found, nothing tells how alike they are.
    row = Share(np.ones(8, dtype=bool), np.ones(8, dtype=bool)).row(owner, 4, 0.95)
    assert (row.low, row.high) == pytest.approx(wilson(1, 4, confidence=0.95))


def test_cases_that_differ_within_patients_count_at_most_each():
    """Every patient has one hit and one miss: as eight cases, less Student's (2.365 / 3.182)^2."""
    owner, hit = np.repeat(np.arange(4), 2), np.tile([True, False], 4)
    row = Share(hit, np.ones(8, dtype=bool)).row(owner, 4, 0.95)
    expected = wilson(0.5, 8 * (2.365 / 3.182) ** 2, confidence=0.95)
    assert (row.low, row.high) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("cases", [3, 7, 20])
def test_rounding_decides_nothing(cases):
    """Patients with the same share each, whose influence is 0 or 1e-17."""
    owner, hit = np.repeat(np.arange(9), cases), np.tile(np.arange(cases) < 1, 9)
    row = Share(hit, np.ones(9 * cases, dtype=bool)).row(owner, 9, 0.95)
    worth = 9 * cases * (student(0.975, 9 * cases - 1) / student(0.975, 8)) ** 2
    assert (row.low, row.high) == pytest.approx(wilson(1 / cases, worth, confidence=0.95))


@pytest.mark.parametrize("patients", [2, 5])
def test_few_patients_of_many_cases_are_covered(patients):
    """Twenty cases a patient whose chances vary: 95 % of 200 intervals hold the mean chance."""
    rng, owner, held = np.random.default_rng(1), np.repeat(np.arange(patients), 20), 0
    for _ in range(200):
        hit = rng.random(20 * patients) < rng.beta(12, 4, patients)[owner]
        row = Share(hit, np.ones(20 * patients, dtype=bool)).row(owner, patients, 0.95)
        held += row.low <= 0.75 <= row.high
    assert held >= 184


def test_influence_is_the_clustered_standard_error():
    """Patients with 2, 1, 1 cases; hits 1, 1, 0 of them: moves 0/4, 0.5/4, -0.5/4; n / (n - 1)."""
    hit, owner = np.array([True, False, True, False]), np.array([0, 0, 1, 2])
    row = Share(hit, np.ones(4, dtype=bool)).row(owner, 3, 0.95)
    assert row.influence == pytest.approx(np.sqrt(3 / 2) * np.array([0, 0.125, -0.125]))


def test_no_case_has_no_share():
    row = Share(np.ones(3, dtype=bool), np.zeros(3, dtype=bool)).row(np.arange(3), 3, 0.95)
    assert np.isnan([row.value, row.low, row.high]).all()
    assert row.why == "no such case"


def test_arms_of_a_mean_by_hand():
    """Unrelated arms of 0.3 and 0.4 below give sqrt(0.09 + 0.16) / 2; alike ones their mean."""
    one, other = np.array([1.0, -1, 0, 0]), np.array([0.0, 0, 1, -1])
    apart = mean_of([Row(0.8, 0.5, 0.9, one), Row(0.6, 0.2, 0.6, other)])
    assert (apart.value, apart.low, apart.high) == pytest.approx((0.7, 0.45, 0.75))
    alike = mean_of([Row(0.8, 0.5, 0.9, one), Row(0.6, 0.2, 0.6, 2 * one)])
    assert (alike.low, alike.high) == pytest.approx((0.35, 0.75))
    assert correlation(one, 2 * one) == pytest.approx(1)
    assert correlation(one, 0 * one) == 0


def test_a_paired_difference_by_hand():
    """Arms 0.1 and 0.2, correlation 0.5: sqrt(0.01 + 0.04 - 0.02).

    The same moves of three patients count as a correlation of 2/3: sqrt(0.04 + 0.01 - 4/3 x 0.02).
    """
    one, other = np.array([1.0, -1, 0]), np.array([1.0, 0, -1])
    change = difference_of(Row(0.8, 0.7, 0.9, one), Row(0.6, 0.4, 0.8, other), paired=True)
    half = np.sqrt(0.03)
    assert (change.low, change.high) == pytest.approx((0.2 - half, 0.2 + half))
    same = difference_of(Row(0.8, 0.6, 0.9, one), Row(0.8, 0.6, 0.9, one), paired=True)
    half = np.sqrt(0.05 - 0.08 / 3)
    assert (same.value, same.low, same.high) == pytest.approx((0, -half, half))


@pytest.mark.parametrize("paired", [True, False])
def test_without_an_interval_of_both_sides_there_is_none(paired):
    nothing = Row(0.5, NAN, NAN, np.array([1.0, -1]), "too few")
    for pair in ((nothing, share(1, 2)), (share(1, 2), nothing)):
        change = difference_of(*pair, paired=paired)
        assert np.isnan([change.low, change.high]).all()
        assert change.why == "too few"
    mean = mean_of([nothing, share(1, 2)])
    assert np.isnan([mean.low, mean.high]).all()


def test_two_that_are_right_on_everything_may_still_differ():
    change = difference_of(share(10, 10), share(10, 10), paired=True)
    assert (change.low, change.high) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


@pytest.mark.parametrize("hits", [10, 19])
def test_the_same_decisions_so_far_are_no_certainty(hits):
    """Twenty patients: nothing tells the two apart, but a zero of no width would be too much."""
    change = difference_of(share(hits, 20), share(hits, 20), paired=True)
    assert change.value == 0
    assert change.low < -0.03
    assert change.high > 0.03


def test_errors_on_other_images_of_the_same_patient_are_no_certainty():
    owner, of = np.repeat(np.arange(20), 2), np.ones(40, dtype=bool)
    pair = [Share(np.arange(40) != case, of).row(owner, 20, 0.95) for case in (6, 7)]
    assert np.array_equal(pair[0].influence, pair[1].influence)
    change = difference_of(*pair, paired=True)
    assert change.low < 0 < change.high


def test_labels_that_are_all_right_are_as_one():
    """Twenty patients: the mean of 14 labels says no more than one of them, 20 / 23.84."""
    hit, of = np.ones(20, dtype=bool), np.ones(20, dtype=bool)
    rows = rows_of([[Share(hit, of)]] * 14, np.ones(14, dtype=bool), np.arange(20), 0.95)
    for row in rows:
        assert (row.value, row.low, row.high) == pytest.approx((1, 0.8389, 1), abs=5e-5)


def test_classes_that_are_all_right_are_of_other_cases():
    """Ten cases each, 10 / 13.84: 1 - 0.2775 / sqrt(2)."""
    hit, of = np.ones(20, dtype=bool), np.arange(20) < 10
    rows = rows_of(
        [[Share(hit, of)], [Share(hit, ~of)]], np.ones(2, dtype=bool), np.arange(20), 0.95
    )
    assert rows[0].low == pytest.approx(1 - 0.2775 / np.sqrt(2), abs=5e-5)
    assert overlap([of, ~of, np.ones(20, dtype=bool)])[0] == pytest.approx([1, 0, np.sqrt(0.5)])


def test_a_mean_of_columns_is_over_those_that_count():
    hit, of = np.array([True, True, False]), np.ones(3, dtype=bool)
    columns = [[Share(hit, of)], [Share(~hit, of)]]
    rows = rows_of(columns, np.array([True, False]), np.arange(3), 0.95)
    assert [row.value for row in rows] == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    nothing = rows_of(columns, np.array([False, False]), np.arange(3), 0.95)
    assert np.isnan(nothing[0].value)
