"""Paired comparison of decisions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.evaluation.decided import DECIDED, Counted, decided_rows, score_test
from radpipe.evaluation.scored import Scored
from tests.evaluation.test_comparison import EVALUATION, variant


def both(table):
    """Return two variants' hits of independent cases, from counts of (first, second)."""
    pairs = [pair for pair, n in table.items() for _ in range(n)]
    first, second = (np.array(column, bool) for column in zip(*pairs, strict=True))
    every = np.ones(len(first), bool)
    return Counted(first, every), Counted(second, every), np.arange(len(first))


@pytest.mark.parametrize(
    ("table", "p"),
    [
        pytest.param({(1, 1): 794, (1, 0): 150, (0, 1): 86, (0, 0): 570}, 3.099293441e-05, id="a"),
        pytest.param({(1, 1): 59, (1, 0): 6, (0, 1): 16, (0, 0): 80}, 0.0330062576613, id="b"),
    ],
)
def test_mcnemar_as_statsmodels_has_it(table, p):
    """`mcnemar(table, exact=False, correction=False)` of statsmodels 0.15.0."""
    assert score_test(*both(table)) == pytest.approx(p, rel=1e-9)


def test_few_who_differ_by_hand():
    """5 to 0: the far signs are 2 of 32, and both count half: mid-p 1 / 32."""
    assert score_test(*both({(1, 0): 5, (1, 1): 4})) == pytest.approx(1 / 32)
    assert score_test(*both({(1, 1): 4, (0, 0): 3})) == 1


def test_cases_of_a_patient_are_one():
    """Six cases that differ, all of one patient: nothing is told."""
    first, second, _ = both({(1, 0): 6, (1, 1): 4})
    owner = np.array([0] * 6 + [1, 2, 3, 4])
    assert score_test(first, second, owner) == pytest.approx(0.5)


def test_predictive_values_go_around_the_pooled_share():
    """By hand, for 20 copies of five cases; Kosinski's own statistic is near.

    Positives of the first: cases 0, 1, 2, of whom two are ill; of the second: 0, 1, of whom
    two are. Pooled 4/5. Terms of a copy: case 0 and 1 0.2 / 3 - 0.2 / 2, case 2 -0.8 / 3.
    """
    truth = np.tile([1, 1, 0, 0, 1], 20).astype(bool)
    first = Counted(truth, np.tile([1, 1, 1, 0, 0], 20).astype(bool))
    second = Counted(truth, np.tile([1, 1, 0, 0, 0], 20).astype(bool))
    terms = np.array([0.2 / 3 - 0.1, 0.2 / 3 - 0.1, -0.8 / 3])
    z = abs(20 * terms.sum()) / math.sqrt(20 * (terms**2).sum())
    assert 20 * terms.sum() / 20 == pytest.approx(2 / 3 - 1)
    found = score_test(first, second, np.arange(100))
    assert found == pytest.approx(math.erfc(z / math.sqrt(2)))


def kosinski(first, second):
    """Return the weighted generalised score statistic of independent cases.

    (p1 - p2)^2 / ((p (1 - p) - 2 C) (1 / n1 + 1 / n2)), p pooled and C the sum of (hit - p)^2 over
    cases that both count, over n1 + n2: Kosinski, Stat Med 2013;32:964.
    """
    n, m = first.of.sum(), second.of.sum()
    found, other = (one.hit[one.of].mean() for one in (first, second))
    p = (n * found + m * other) / (n + m)
    both = ((first.hit - p) ** 2)[first.of & second.of].sum() / (n + m)
    return (found - other) ** 2 / ((p * (1 - p) - 2 * both) * (1 / n + 1 / m))


@pytest.mark.parametrize("size", [300, 3000])
def test_predictive_values_are_tested_nearly_as_kosinski_does(size):
    rng = np.random.default_rng(0)
    truth = rng.random(size) < 0.3
    odds = 2 * truth - 1 + rng.normal(size=size)
    first, second = (Counted(truth, odds + 0.7 * rng.normal(size=size) > 0) for _ in range(2))
    expected = math.erfc(math.sqrt(kosinski(first, second) / 2))
    assert score_test(first, second, np.arange(size)) == pytest.approx(expected, rel=0.05)


def test_clusters_by_hand():
    """Thirteen patients of four cases, the first of eight, of whom b and c cases differ.

    b, the first is right and the second not: 3 2 1 1 1 1 1 1 2 0 0 0 1; c, the other way round:
    0 0 0 0 0 0 0 0 0 1 1 2 0. Differences add up to 10, their squares to 30: chi-square 100 / 30
    (Obuchowski 1998 times 13 / 12). With an equal weight for each patient (Durkalski 2003) it would
    be 2.125^2 / 1.453 = 3.107.
    """
    counts = [(3, 0), (2, 0), *[(1, 0)] * 6, (2, 0), (0, 1), (0, 1), (0, 2), (1, 0)]
    sizes = [8, *[4] * 12]
    owner = np.repeat(np.arange(13), sizes)
    first, second = (
        np.concatenate([np.arange(n) < each[0] for n, each in zip(sizes, pairs, strict=True)])
        for pairs in (counts, [each[::-1] for each in counts])
    )
    every = np.ones(len(owner), bool)
    found = score_test(Counted(first, every), Counted(second, every), owner)
    assert found == pytest.approx(math.erfc(math.sqrt(100 / 30 / 2)))


def test_no_case_is_no_test():
    first, _, owner = both({(1, 0): 3})
    nobody = Counted(first.hit, np.zeros(3, bool))
    assert math.isnan(score_test(first, nobody, owner))


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.booleans(), st.booleans(), st.booleans(), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=60, deadline=None)
def test_either_order_is_the_same_test(cases):
    owner, *columns = (np.array(column) for column in zip(*cases, strict=True))
    one, other = Counted(columns[0], columns[1]), Counted(columns[2], columns[3])
    p, turned = score_test(one, other, owner), score_test(other, one, owner)
    assert p == pytest.approx(turned, nan_ok=True)
    assert math.isnan(p) or 0 <= p <= 1


def test_every_pair_and_metric_is_compared():
    variants = [Scored(*variant(name, noise)) for name, noise in (("a", 0.5), ("b", 3), ("c", 6))]
    rows = decided_rows("bones", variants, "test", EVALUATION)
    assert all(set(row) == set(DECIDED) for row in rows)
    assert len(rows) == 4 * 3
    for row in rows:
        a, b = (
            variants["abc".index(row[key])].metrics["parts"]["test"]["metrics"][row["metric"]]
            for key in ("variant_a", "variant_b")
        )
        assert row["difference"] == pytest.approx(a["value"] - b["value"], abs=2e-6)
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["p_holm"] >= row["p"]
    assert decided_rows("bones", variants[:1], "test", EVALUATION) == []
