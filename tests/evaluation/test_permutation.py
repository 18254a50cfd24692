"""Swapping two variants' answers: how many swaps it takes, and when to stop."""

import numpy as np
import pytest

from radpipe.evaluation import draws, permutation
from radpipe.evaluation.draws import Weights
from radpipe.evaluation.paired import holm
from radpipe.evaluation.permutation import Swaps, permutation_ps, swaps_for
from radpipe.evaluation.sample import make_sample
from tests.evaluation.conftest import BINARY


def decided(right):
    """Return 60 cases, half of them positive, decided rightly where `right` says so."""
    truth = np.arange(60) % 2
    positive = np.where(np.asarray(right) == (truth == 1), 0.9, 0.1)
    return make_sample(
        BINARY, truth[:, None].astype(float), np.column_stack([1 - positive, positive])
    )


def test_swaps_follow_the_number_of_tests():
    """At the limit of Holm's correction 20 swaps are expected to be as far: 20 x 105 / 0.05."""
    assert swaps_for(105, n_draws=2000, confidence=0.95) == pytest.approx(42_000, abs=1)
    assert swaps_for(3, n_draws=2000, confidence=0.95) == 2000


def test_a_clear_difference_is_found_among_105_pairs():
    """2,000 swaps can give no less than 105 / 2,001; those that follow the pairs can."""
    good, poor = decided(np.ones(60)), decided(np.arange(60) % 5 > 1)
    most = swaps_for(105, n_draws=200, confidence=0.95)
    found = permutation_ps(
        ["accuracy", "kappa"],
        good,
        poor,
        np.arange(60),
        n_draws=200,
        most=most,
        rng=np.random.default_rng(0),
    )
    for p in found.values():
        assert p < 1 / 2001
        assert holm([p] + [0.5] * 104)[0] < 0.05


def test_an_unclear_difference_needs_no_more_swaps(monkeypatch):
    asked = []
    original = permutation._swaps

    def counted(owner, patients, n_draws, rng):
        asked.append(n_draws)
        return original(owner, patients, n_draws, rng)

    monkeypatch.setattr(permutation, "_swaps", counted)
    first, second = decided(np.arange(60) % 5 > 0), decided(np.arange(60) % 5 > 0.5)
    arguments = {"n_draws": 100, "most": 5000, "rng": np.random.default_rng(0)}
    assert permutation_ps(["accuracy"], first, second, np.arange(60), **arguments) == {
        "accuracy": 1
    }
    assert asked == [100, 0]
    permutation_ps(
        ["accuracy"], decided(np.ones(60)), decided(np.zeros(60)), np.arange(60), **arguments
    )
    assert asked == [100, 0, 100, 4900]


def test_swaps_do_not_depend_on_the_size_of_a_block(monkeypatch):
    first, second = decided(np.arange(60) % 5 > 0), decided(np.arange(60) % 4 > 0)
    owner = np.arange(60) // 2

    def found():
        rng = np.random.default_rng(3)
        return permutation_ps(["accuracy"], first, second, owner, n_draws=50, rng=rng)

    whole = found()
    monkeypatch.setattr(draws, "BLOCK", 70)
    monkeypatch.setattr(draws, "LEAST", 1)
    assert found() == whole


def test_sums_of_swapped_answers_by_hand():
    """Two patients with two and one case; in the only draw the second one swaps."""
    swaps = Swaps(np.array([[0.0], [1]]), np.array([0, 0, 1]))
    terms = np.array([[1.0, 2, 4, 10, 20, 40]])
    np.testing.assert_array_equal(terms @ swaps, [[1 + 2 + 40, 10 + 20 + 4]])
    np.testing.assert_array_equal(terms[0] @ swaps, [43, 34])
    np.testing.assert_array_equal(terms[0] @ Weights(swaps.counts, swaps.owner), [43, 34])
