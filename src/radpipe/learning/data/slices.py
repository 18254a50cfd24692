"""Volumes learned from a part of their slices at a time."""

import numpy as np
import numpy.typing as npt
import torch

from radpipe.learning.data.cases import Batch

Ints = npt.NDArray[np.int64]


def draw_first(slices: Ints, step: int, generator: torch.Generator) -> Ints:
    """Draw from which slice on every `step`-th is taken.

    Parameters
    ----------
    slices
        Int64 (batch, views): numbers of slices; 0 where a case lacks a view.
    step
        1 or more; 1 draws nothing.
    generator
        Where chance comes from.

    Returns
    -------
    array
        Int64 of the same shape, 0 to `step` - 1, and below the number of slices: at least one
        slice is left of every volume that has any.

    """
    if step == 1:
        return np.zeros_like(slices)
    chance = torch.rand(slices.shape, generator=generator, dtype=torch.float64).numpy()
    return np.asarray(chance * np.minimum(slices, step), np.int64)


def left(slices: Ints, first: Ints, step: int) -> Ints:
    """Return how many slices are left, int64 of the shape of `slices` and `first`."""
    return -((first - slices) // step)


def thin(batch: Batch, first: Ints, step: int) -> Batch:
    """Leave every `step`-th slice of volumes.

    Parameters
    ----------
    batch
        Some cases.
    first
        Int64 (cases, views), from `draw_first`.
    step
        1 leaves the batch as it is.

    """
    if step == 1:
        return batch
    views, counts = [], []
    for view, their, begins in zip(batch.views, batch.counts, first.T, strict=True):
        ends = np.cumsum(their)
        kept = [
            np.arange(end - n + begin, end, step)
            for n, end, begin in zip(their, ends, begins, strict=True)
        ]
        numbers = torch.from_numpy(np.concatenate(kept))
        views.append(view.index_select(0, numbers.to(view.device, non_blocking=True)))
        counts.append(tuple(map(len, kept)))
    return Batch(tuple(views), tuple(counts), batch.table)
