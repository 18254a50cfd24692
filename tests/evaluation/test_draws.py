"""Draws of patients, and sums over cases that go by patient."""

import tracemalloc

import numpy as np
import pytest

from radpipe.evaluation import draws
from radpipe.evaluation.draws import Weights, draw_patients, leave_out, owners


def counts_of(some):
    return np.concatenate([block.counts for block in some], axis=1)


def test_draws_take_whole_patients():
    owner = owners(np.array(["p2", "p1", "p2", "p10"], dtype=object))
    assert owner.tolist() == [2, 0, 2, 1]
    counts = counts_of(draw_patients(owner, 50, np.random.default_rng(0)))
    assert counts.shape == (3, 50)
    assert (counts.sum(axis=0) == 3).all()
    again = draw_patients(owner, 50, np.random.default_rng(0))
    np.testing.assert_array_equal(counts, counts_of(again))
    np.testing.assert_array_equal(counts, counts_of(again))
    np.testing.assert_array_equal(counts[:, :7], counts_of(again.first(7)))


def test_a_source_that_is_used_again_gives_other_draws():
    rng = np.random.default_rng(0)
    first, second = (counts_of(draw_patients(np.arange(9), 20, rng)) for _ in range(2))
    assert (first != second).any()


def test_draws_do_not_depend_on_the_size_of_a_block(monkeypatch):
    some = draw_patients(np.arange(5), 7, np.random.default_rng(0))
    whole = counts_of(some)
    monkeypatch.setattr(draws, "BLOCK", 11)
    monkeypatch.setattr(draws, "LEAST", 1)
    assert [block.counts.shape for block in some] == [(5, 2), (5, 2), (5, 2), (5, 1)]
    np.testing.assert_array_equal(counts_of(some), whole)


def test_a_patient_is_drawn_once_on_average():
    counts = counts_of(draw_patients(np.arange(40), 2000, np.random.default_rng(3)))
    assert counts.mean(axis=1) == pytest.approx(np.ones(40), abs=0.1)
    # Of a binomial count of 40 with chance 1 / 40.
    assert counts.var() == pytest.approx(1 - 1 / 40, rel=0.05)


def test_jackknife_leaves_out_one_patient_each():
    left = counts_of(leave_out(np.array([0, 1, 1, 2])))
    np.testing.assert_array_equal(left, [[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    grouped = counts_of(leave_out(np.array([0, 1, 2, 3]), groups=2))
    np.testing.assert_array_equal(grouped, [[0, 1], [1, 0], [0, 1], [1, 0]])


@pytest.mark.parametrize("small", [0, 1 << 18])
def test_sums_by_hand(monkeypatch, small):
    """Three patients with 2, 1 and 1 cases, counted 2, 0, 1 and 1, 1, 1 times."""
    monkeypatch.setattr(draws, "SMALL", small)
    weights = Weights(np.array([[2.0, 1], [0, 1], [1, 1]]), np.array([0, 0, 1, 2]))
    terms = np.array([[1.0, 2, 4, 8], [True, False, True, True]])
    np.testing.assert_array_equal(terms @ weights, [[14, 15], [3, 3]])
    np.testing.assert_array_equal(terms[0] @ weights, [14, 15])
    np.testing.assert_array_equal(weights.total, [5, 4])
    np.testing.assert_array_equal(terms[0, 1:] @ weights.take(np.array([1, 2, 3])), [12, 14])
    group = np.array([2, 0, 2, 0])
    np.testing.assert_array_equal(weights.in_groups(group, 3), [[3, 2], [0, 0], [2, 2]])
    np.testing.assert_array_equal(weights.in_groups(group, 3, terms[0]), [[12, 10], [0, 0], [2, 5]])


def test_an_array_stands_for_patients_with_one_case():
    array = np.array([[1.0, 0], [2, 1]])
    np.testing.assert_array_equal(np.array([3.0, 4]) @ Weights.of(array), [11, 4])
    weights = Weights.once(2)
    assert Weights.of(weights) is weights
    np.testing.assert_array_equal(np.array([3.0, 4]) @ weights, [7])


def test_memory_does_not_grow_with_the_number_of_draws(monkeypatch):
    monkeypatch.setattr(draws, "BLOCK", 1 << 15)
    monkeypatch.setattr(draws, "LEAST", 1)

    def peak(n_draws):
        some = draw_patients(np.arange(200) // 2, n_draws, np.random.default_rng(0))
        tracemalloc.start()
        for block in some:
            np.ones(200) @ block
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(6000) < 1.1 * peak(1200)
