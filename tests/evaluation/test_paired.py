"""Paired tests: hand values, brute force from the definitions, simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from radpipe.core.settings import Target
from radpipe.evaluation.draws import draw_patients
from radpipe.evaluation.intervals import spread
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.paired import (
    area_influence,
    area_test,
    clustered_delong,
    delong,
    holm,
    midranks,
    normal_p,
    placements,
)
from radpipe.evaluation.permutation import permutation_ps
from radpipe.evaluation.sample import make_sample

NAN = float("nan")


def swapped(name, first, second, owner, **more):
    return permutation_ps([name], first, second, owner, **more)[name]


BINARY = Target(kind="binary", classes=["no", "yes"])
THREE = Target(kind="multi-class", classes=["a", "b", "c"])


def sample_of(truth, positive):
    positive = np.asarray(positive, dtype=float)
    scores = np.column_stack([1 - positive, positive])
    return make_sample(BINARY, np.asarray(truth, dtype=float)[:, None], scores)


def kernel(x, y):
    return (x > y) + 0.5 * (x == y)


def brute_delong(truth, scores):
    """DeLong 1988 from its definition: sample covariance of structural components."""
    yes, no = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    v10 = np.array([[np.mean([kernel(s[i], s[j]) for j in no]) for i in yes] for s in scores.T])
    v01 = np.array([[np.mean([kernel(s[i], s[j]) for i in yes]) for j in no] for s in scores.T])
    return v10.mean(axis=1), np.cov(v10) / len(yes) + np.cov(v01) / len(no)


def brute_obuchowski(truth, scores, owner):
    """Obuchowski 1997 from its definition, cluster by cluster, for one score."""
    yes, no = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    m, n = len(yes), len(no)
    v10 = {i: np.mean([kernel(scores[i], scores[j]) for j in no]) for i in yes}
    v01 = {j: np.mean([kernel(scores[i], scores[j]) for i in yes]) for j in no}
    area = np.mean(list(v10.values()))
    clusters = sorted(set(owner))
    x = [sum(v10[i] for i in yes if owner[i] == c) for c in clusters]
    y = [sum(v01[j] for j in no if owner[j] == c) for c in clusters]
    mc = [sum(owner[i] == c for i in yes) for c in clusters]
    nc = [sum(owner[j] == c for j in no) for c in clusters]
    i10, i01, i = sum(k > 0 for k in mc), sum(k > 0 for k in nc), len(clusters)
    dx = [a - k * area for a, k in zip(x, mc, strict=True)]
    dy = [b - k * area for b, k in zip(y, nc, strict=True)]
    s10 = i10 / ((i10 - 1) * m) * sum(d**2 for d in dx)
    s01 = i01 / ((i01 - 1) * n) * sum(d**2 for d in dy)
    s11 = i / (i - 1) * sum(a * b for a, b in zip(dx, dy, strict=True))
    return area, s10 / m + s01 / n + 2 * s11 / (m * n)


def test_midranks_by_hand():
    assert midranks(np.array([0.3, 0.1, 0.3, 0.9])).tolist() == [2.5, 1, 2.5, 4]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=15))
def test_midranks_against_scipy(numbers):
    np.testing.assert_array_equal(midranks(np.array(numbers, float)), rankdata(numbers))


def test_placements_by_hand():
    """Positives 0.8, 0.4; negatives 0.4, 0.2: shares 1 and 3/4 below, 3/4 and 1 above."""
    area, placed = placements(np.array([1, 1, 0, 0]), np.array([0.8, 0.4, 0.4, 0.2]))
    assert area == 7 / 8
    assert placed.tolist() == [1, 3 / 4, 3 / 4, 1]


def test_delong_variance_by_hand():
    """The case above: both components have variance 1/32, so 1/32/2 + 1/32/2 = 1/32."""
    areas, covariance = delong(np.array([1, 1, 0, 0]), np.array([[0.8, 0.4, 0.4, 0.2]]).T)
    assert areas == pytest.approx([7 / 8])
    assert covariance == pytest.approx(np.array([[1 / 32]]))


@pytest.mark.parametrize("seed", range(3))
def test_delong_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    truth = np.r_[1, 1, 0, 0, rng.integers(0, 2, 26)]
    scores = np.round(rng.normal(size=(30, 2)) + truth[:, None] * 0.8, 1)
    areas, covariance = delong(truth, scores)
    expected = brute_delong(truth, scores)
    np.testing.assert_allclose(areas, expected[0])
    np.testing.assert_allclose(covariance, expected[1])


@pytest.mark.parametrize("seed", range(3))
def test_clusters_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    truth = np.r_[1, 1, 0, 0, rng.integers(0, 2, 26)]
    scores = np.round(rng.normal(size=30) + truth * 0.8, 1)
    owner = np.arange(30) // 3
    areas, covariance = clustered_delong(truth, scores[:, None], owner)
    area, variance = brute_obuchowski(truth, scores, owner)
    assert areas[0] == pytest.approx(area)
    assert covariance[0, 0] == pytest.approx(variance)


def test_clusters_by_hand():
    """Two patients with one positive and one negative each.

    Scores: (0.8, 0.4) and (0.4, 0.2), area 7/8, excess of positives 1/8, -1/8, of
    negatives -1/8, 1/8. S10 = 2/(1 x 2) x 2/64 = 1/32 = S01, S11 = 2 x (-2/64) = -1/16;
    variance = 1/64 + 1/64 - 2/16/4 = 0.
    """
    truth, scores = np.array([1, 0, 1, 0]), np.array([[0.8, 0.4, 0.4, 0.2]]).T
    _, covariance = clustered_delong(truth, scores, np.array([0, 0, 1, 1]))
    assert covariance == pytest.approx(np.array([[0.0]]), abs=1e-15)


def test_too_few_patients_have_no_variance():
    truth, scores = np.array([1, 0, 0]), np.array([[0.8, 0.4, 0.4]]).T
    areas, covariance = delong(truth, scores)
    assert areas[0] == 1
    assert np.isnan(covariance).all()
    nothing = delong(np.ones(3), scores)
    assert np.isnan(nothing[0]).all()


def clustered_study(seed, patients=150):
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), 3)
    truth = rng.integers(0, 2, 3 * patients)
    own = rng.normal(size=patients)[owner]
    first = own + rng.normal(size=len(owner)) + truth
    second = own + rng.normal(size=len(owner)) + 0.6 * truth
    return truth, np.column_stack([first, second]), owner


def test_clustered_variance_is_the_bootstrap_variance():
    truth, scores, owner = clustered_study(0)
    _, covariance = clustered_delong(truth, scores, owner)
    chances = 1 / (1 + np.exp(-scores))
    draws = draw_patients(owner, 1500, np.random.default_rng(0))
    a, b = (spread(sample_of(truth, chances[:, k]), draws, ["auc"])["auc"][0] for k in (0, 1))
    expected = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert np.sqrt(covariance[0, 0]) == pytest.approx(a.std(), rel=0.1)
    assert np.sqrt(expected) == pytest.approx((a - b).std(), rel=0.1)


def test_binary_and_macro_form_agree():
    """With one column the influence form is Obuchowski's up to I / (I - 1) of each class."""
    truth, scores, owner = clustered_study(1)
    pair = [sample_of(truth, 1 / (1 + np.exp(-scores[:, k]))) for k in (0, 1)]
    difference, p = area_test(*pair, owner)
    influence = area_influence(pair[0])[1] - area_influence(pair[1])[1]
    variance = 150 / 149 * (np.bincount(owner, influence) ** 2).sum()
    assert normal_p(difference, variance) == pytest.approx(p, rel=0.05)


def three_classes(seed, n=240):
    rng = np.random.default_rng(seed)
    truth, owner = rng.integers(0, 3, n), np.arange(n) // 2
    pair = []
    for strength in (1.0, 0.7):
        odds = rng.normal(size=(n, 3))
        odds[np.arange(n), truth] += strength
        scores = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
        pair.append(make_sample(THREE, truth[:, None].astype(float), scores))
    return *pair, owner


def test_macro_variance_is_the_bootstrap_variance():
    first, second, owner = three_classes(0)
    area, influence = area_influence(first)
    assert area == pytest.approx(values(METRICS["auc"], first)[0])
    draws = draw_patients(owner, 1500, np.random.default_rng(0))
    drawn = [spread(one, draws, ["auc"])["auc"][0] for one in (first, second)]
    analytic = np.sqrt((np.bincount(owner, influence) ** 2).sum())
    assert analytic == pytest.approx(drawn[0].std(), rel=0.1)
    difference, p = area_test(first, second, owner)
    expected = normal_p(difference, (drawn[0] - drawn[1]).var())
    assert np.log(p) == pytest.approx(np.log(expected), rel=0.25)


def test_area_of_labels_leaves_out_what_cannot_be_answered():
    target = Target(kind="multi-label", classes=["edema", "fracture"])
    truth = np.array([[1, 0], [0, 0], [1, NAN], [0, 0]])
    scores = np.array([[0.9, 0.1], [0.1, 0.2], [0.3, 0.1], [0.4, 0.1]])
    sample = make_sample(target, truth, scores)
    area, influence = area_influence(sample)
    assert area == values(METRICS["auc"], sample)[0] == 3 / 4
    assert influence.sum() == pytest.approx(0)
    nothing = make_sample(target, np.zeros((4, 2)), scores)
    assert np.isnan(area_influence(nothing)[0])


def test_the_area_that_is_tested_is_the_one_that_ranks():
    target = Target(kind="multi-label", classes=["edema", "fracture"], score_on=["fracture"])
    truth = np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    first, second = (
        make_sample(target, truth, np.array(scores))
        for scores in (
            [[0.9, 0.1], [0.1, 0.2], [0.3, 0.3], [0.4, 0.1]],
            [[0.1, 0.1], [0.9, 0.2], [0.1, 0.3], [0.9, 0.1]],
        )
    )
    assert area_influence(first)[0] == values(METRICS["auc"], first)[0] == 0.375
    # They differ in the label that does not count alone.
    owner = np.arange(4)
    assert area_test(first, second, owner) == (0, 1)
    assert swapped("auc", first, second, owner, n_draws=20, rng=np.random.default_rng(0)) == 1


def test_equal_scores_have_p_one():
    first, _, owner = three_classes(1)
    assert area_test(first, first, owner) == (0, 1)
    assert swapped("auc", first, first, owner, n_draws=20, rng=np.random.default_rng(0)) == 1
    one = sample_of([1, 1, 0, 0], [0.8, 0.4, 0.4, 0.2])
    assert area_test(one, one, np.arange(4)) == (0, 1)


def test_no_variance_and_a_difference_has_no_p():
    perfect, reverse = sample_of([1, 1, 0, 0], [4, 3, 2, 1]), sample_of([1, 1, 0, 0], [1, 2, 3, 4])
    difference, p = area_test(perfect, reverse, np.arange(4))
    assert difference == 1
    assert np.isnan(p)
    first, second, _ = three_classes(1)
    assert np.isnan(area_test(first, second, np.zeros(240, dtype=int))[1])


def test_permutation_by_hand():
    """Four patients, one case each; the first variant is right on all, the second on none.

    Accuracy differs by 1 - k/2 for k swaps of 4, so 2 of 16 equally likely swaps are as far
    from 0 as what was seen: p tends to 1/8.
    """
    right = sample_of([1, 1, 0, 0], [0.9, 0.9, 0.1, 0.1])
    wrong = sample_of([1, 1, 0, 0], [0.1, 0.1, 0.9, 0.9])
    arguments = {"n_draws": 20_000, "rng": np.random.default_rng(0)}
    assert swapped("accuracy", right, wrong, np.arange(4), **arguments) == pytest.approx(
        1 / 8, abs=0.01
    )
    # One patient owns all: swapped or not, the distance is the same.
    assert swapped("accuracy", right, wrong, np.zeros(4, dtype=int), **arguments) == 1


def test_permutation_agrees_with_delong():
    truth, scores, owner = clustered_study(2)
    pair = [sample_of(truth, 1 / (1 + np.exp(-scores[:, k]))) for k in (0, 1)]
    _, p = area_test(*pair, owner)
    found = swapped("auc", *pair, owner, n_draws=2000, rng=np.random.default_rng(0))
    assert found == pytest.approx(p, abs=0.03)


def test_permutation_under_the_null_is_uniform():
    """Two equally good variants, 60 studies: p below 0.2 about one time in five."""
    rng, small = np.random.default_rng(11), 0
    for _ in range(60):
        truth = np.r_[np.ones(20), np.zeros(20)]
        odds = rng.normal(size=(40, 2)) + truth[:, None]
        # The second is sharper, which only ranks forgive.
        chances = 1 / (1 + np.exp(-odds * [1, 3]))
        pair = [sample_of(truth, chances[:, k]) for k in (0, 1)]
        small += swapped("auc", *pair, np.arange(40), n_draws=150, rng=rng) < 0.2
    assert 4 <= small <= 21


def test_undefined_metric_has_no_swapped():
    one = sample_of([1, 1, 1], [0.1, 0.2, 0.3])
    assert np.isnan(swapped("auc", one, one, np.arange(3), n_draws=9, rng=np.random.default_rng(0)))


def test_holm_by_hand():
    """0.01 x 4, 0.02 x 3, 0.03 x 2, 0.04 x 1, each at least the one before."""
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])


def test_holm_leaves_undefined_alone():
    found = holm([NAN, 0.01, 0.04])
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([0.02, 0.04])
    assert holm([]).tolist() == []
