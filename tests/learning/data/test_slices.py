"""Volumes learned from a part of their slices: which are drawn, and what is left."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from radpipe.learning.data.cases import Batch
from radpipe.learning.data.slices import draw_first, left, thin


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(slices: np.ndarray) -> Batch:
    """Return a batch of (cases, views) volumes whose slices show their own number."""
    views = [
        torch.cat([torch.arange(float(n)) for n in their]).view(-1, 1, 1, 1) for their in slices.T
    ]
    return Batch(tuple(views), tuple(map(tuple, slices.T.tolist())))


def test_every_second_slice_from_the_drawn_one_on_is_left():
    batch = thin(numbered(np.array([[5], [4]])), np.array([[1], [0]]), 2)
    assert batch.counts == ((2, 2),)
    assert batch.views[0].flatten().tolist() == [1, 3, 0, 2]


def test_a_step_of_one_draws_nothing_and_leaves_the_batch():
    generator, batch = chance(), numbered(np.array([[5, 2]]))
    assert not draw_first(np.array([[5, 2]]), 1, generator).any()
    assert torch.equal(generator.get_state(), chance().get_state())
    assert thin(batch, np.zeros((1, 2), np.int64), 1) is batch


@given(
    slices=arrays(np.int64, array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 9)),
    step=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_what_is_left_is_what_was_announced_and_nothing_of_it_is_empty(slices, step, seed):
    first = draw_first(slices, step, chance(seed))
    counts = left(slices, first, step)
    assert ((counts > 0) == (slices > 0)).all()
    thinned = thin(numbered(slices), first, step)
    assert np.array_equal(np.array(thinned.counts).T, counts)
    for view, their, begins in zip(thinned.views, counts.T, first.T, strict=True):
        numbers = [begin + step * np.arange(n) for n, begin in zip(their, begins, strict=True)]
        assert view.flatten().tolist() == np.concatenate(numbers).tolist()


@pytest.mark.parametrize("step", [2, 3])
def test_every_slice_comes_equally_often(step):
    first = draw_first(np.full((3000, 1), 9), step, chance())
    shares = np.bincount(first[:, 0], minlength=step) / 3000
    # Three standard errors of a share.
    assert np.abs(shares - 1 / step).max() < 3 * np.sqrt((1 / step) * (1 - 1 / step) / 3000)
