"""Areas of many draws from one order of the cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.evaluation import draws
from radpipe.evaluation.draws import Weights, draw_patients
from radpipe.evaluation.metrics.areas import area_of


def pair_by_pair(truth, scores, weights):
    """Return the area by its definition: every pair is looked at."""
    yes, no = truth == 1, truth == 0
    wins = (scores[yes, None] > scores[no]) + 0.5 * (scores[yes, None] == scores[no])
    won = np.einsum("id,ij,jd->d", weights[yes], wins, weights[no])
    pairs = weights[yes].sum(axis=0) * weights[no].sum(axis=0)
    return np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)


def some_study(seed, n, rate, digits):
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < rate).astype(float)
    scores = np.round(rng.normal(size=n) + truth, digits)
    truth[rng.random(n) < 0.1] = np.nan
    return truth, scores, np.unique(rng.integers(0, n // 3 + 1, n), return_inverse=True)[1]


@pytest.mark.parametrize("small", [0, 1 << 18])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("digits", [1, 9])
def test_areas_are_those_of_the_definition(monkeypatch, small, rate, digits):
    """With and without ties, with either answer the rarer one, by sparse and by full matrices."""
    monkeypatch.setattr(draws, "SMALL", small)
    truth, scores, owner = some_study(1, 300, rate, digits)
    (block,) = draw_patients(owner, 70, np.random.default_rng(0))
    expected = pair_by_pair(truth, scores, block.counts[owner])
    np.testing.assert_allclose(area_of(truth, scores, block), expected, rtol=1e-14)


def test_equal_orders_give_equal_areas_to_the_bit():
    truth, scores, owner = some_study(2, 200, 0.3, 2)
    (block,) = draw_patients(owner, 50, np.random.default_rng(0))
    again = area_of(truth, np.exp(scores), block)
    np.testing.assert_array_equal(area_of(truth, scores, block), again)


def test_weights_too_large_for_float32_are_added_in_float64():
    """A weight of 4,097 times 4,097 is more than float32 can hold to the last digit."""
    truth, scores = np.array([1.0, 1, 0, 0, 0]), np.array([0.9, 0.4, 0.4, 0.1, 0.6])
    counts = np.array([[4097.0], [4099], [4093], [4097], [3]])
    found = area_of(truth, scores, Weights(counts, np.arange(5), whole=True))
    assert found == pair_by_pair(truth, scores, counts)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1, np.nan]), st.integers(0, 9), st.integers(0, 3)),
        max_size=90,
    )
)
def test_any_small_study(cases):
    columns = np.array(cases, dtype=float).reshape(-1, 3)
    truth, scores, weights = columns[:, 0], columns[:, 1], columns[:, 2:]
    found = area_of(truth, scores, Weights.of(weights))
    expected = pair_by_pair(truth, scores, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
