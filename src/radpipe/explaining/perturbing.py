"""What a network says of many changed copies of one case, in passes that copies fill alone.

A pass holds copies of one case and always as many, so that what is said of a copy depends on
neither other cases nor the number of copies.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radpipe.explaining.subject import Material, Member, Of, still
from radpipe.learning.data.cases import Batch
from radpipe.learning.networks.inference import BATCH
from radpipe.learning.training.run import arithmetic

# Copies of a case, (k) cases, and their numbers, int64 (k,), to what is asked.
Change = Callable[[Batch, NDArray[np.int64]], Batch]
# For a view, by its number, and copies (k,): where pixels stay, bool (k, slices, side, side).
Keep = Callable[[int, NDArray[np.int64]], Tensor]
# What stands where pixels are hidden: a grey from 0 to 1; the mean that the network takes off; the
# mean of the case's own view.
Fill = float | Literal["mean", "case"]
# Rows of a table in a pass: they cost next to nothing.
ROWS = 1024


def perturbed_outputs(
    members: Sequence[Member],
    material: Material,
    case: int,
    n: int,
    change: Change,
    *,
    of: Of = "probability",
    batch: int = BATCH,
) -> NDArray[np.float32]:
    """Ask members about changed copies of a case.

    Parameters
    ----------
    members
        One network, or those of an ensemble, of which the mean is returned.
    material, case
        The cases, and the number of one.
    n
        How many copies.
    change
        What becomes of them, a pass at a time; see `hiding`. The last pass repeats numbers.
    of
        Logits or probabilities.
    batch
        Slices in a pass, at least one copy; rows of a table are more.

    Returns
    -------
    ndarray
        Float32 (n, questions).

    """
    found = []
    for member in members:
        with arithmetic(member.what.train):
            one = material.batch(member, [case])
            found.append(asked_of_copies(member, one, n, change, of=of, batch=batch))
    means = np.stack([each.numpy() for each in found]).mean(axis=0, dtype=np.float64)
    return np.asarray(means, np.float32)


def asked_of_copies(
    member: Member, one: Batch, n: int, change: Change, *, of: Of, batch: int
) -> Tensor:
    """Return answers to changed copies of the only case of a batch, (n, questions), as above."""

    def ask(numbers: NDArray[np.int64]) -> Tensor:
        copies = copies_of(one, len(numbers))
        return member.answers(change(copies, numbers), of).float().cpu()

    with still(member), torch.inference_mode():
        return torch.cat(each_pass(n, per_pass(one, batch), ask))


def each_pass(n: int, size: int, ask: Callable[[NDArray[np.int64]], Tensor]) -> list[Tensor]:
    """Ask about numbers 0 to n - 1, `size` at a time, the last pass filled up; cut that off."""
    found = []
    for start in range(0, n, size):
        numbers = np.arange(start, start + size)
        found.append(ask(np.minimum(numbers, n - 1))[: n - start])
    return found


def per_pass(one: Batch, batch: int) -> int:
    """Return how many copies of a case make a pass of about `batch` slices."""
    slices = int(sum(map(len, one.views)))
    return max(1, batch // slices) if slices else ROWS


def copies_of(one: Batch, k: int) -> Batch:
    """Return a batch of k copies of the only case of a batch."""
    views = tuple(view.repeat(k, 1, 1, 1) for view in one.views)
    table = None if one.table is None else one.table.repeat(k, 1)
    return Batch(views, tuple(counts * k for counts in one.counts), table)


def hiding(one: Batch, keep: Keep, fill: Sequence[Tensor]) -> Change:
    """Return a change that puts a fill where pixels are not kept.

    Parameters
    ----------
    one
        The case.
    keep
        Where pixels stay.
    fill
        For each view what fits its shape, (slices, channels, side, side); from `filled`.

    """

    def change(copies: Batch, numbers: NDArray[np.int64]) -> Batch:
        views = []
        for k, (view, other) in enumerate(zip(copies.views, fill, strict=True)):
            stays = keep(k, numbers).to(view.device).flatten(0, 1)[:, None]
            whole = other.expand_as(one.views[k]).repeat(len(numbers), 1, 1, 1)
            views.append(torch.where(stays, view, whole))
        return Batch(tuple(views), copies.counts, copies.table)

    return change


def filled(member: Member, one: Batch, fill: Fill) -> list[Tensor]:
    """Return what stands where pixels of a case are hidden, for each view; see `Fill`."""
    sees = member.sees
    assert sees is not None  # noqa: S101 - `check_fits` has refused what sees nothing
    if fill == "case":
        return [view.mean(dim=(0, 2, 3), keepdim=True) for view in one.views]
    if fill == "mean":
        return [sees.mean[None] for _ in one.views]
    return [view.new_tensor(float(fill)).reshape(1, 1, 1, 1) for view in one.views]
