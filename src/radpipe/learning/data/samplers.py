"""Which cases a run trains on, and in which order an epoch visits them."""

import numpy as np
import torch
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target, Training
from radpipe.learning.data.cases import Cases

# Streams of chance that a run draws from: see `stream_of`.
DOWNSAMPLING, ORDER = 0, 1


def stream_of(seed: int, stream: int) -> int:
    """Return the seed of one of several streams of chance, so that they are not alike.

    0: downsampling; 1: order of cases and augmentation; 1 + rank: dropout of other processes.
    """
    state = np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def downsampled(cases: Cases, target: Target, train: Training, seed: int) -> Cases:
    """Return the cases that a run trains on: all, unless `train.sampler` is "downsample".

    Then of every class as many as the rarest class has, and none whose class is unknown. What is
    not drawn is not the run's: it counts neither for class weights nor for normalisation.

    Parameters
    ----------
    cases
        Of the run's `train` part.
    target, train
        Classes, and how to draw.
    seed
        The run's.

    Raises
    ------
    ConfigError
        The target is multi-label: cases have no one class.

    """
    if train.sampler != "downsample":
        return cases
    _need_classes(target, train)
    level = cases.targets[:, 0]
    members = [np.flatnonzero(level == k) for k in range(len(target.classes))]
    members = [mine for mine in members if len(mine)]
    least = min(map(len, members), default=0)
    chance = torch.Generator().manual_seed(stream_of(seed, DOWNSAMPLING))
    drawn = [mine[torch.randperm(len(mine), generator=chance)[:least].numpy()] for mine in members]
    kept = np.sort(np.concatenate([*drawn, np.empty(0, np.int64)]))
    return cases.take(kept)


def draw_order(
    targets: np.ndarray, target: Target, train: Training, generator: torch.Generator
) -> Tensor:
    """Draw the positions of one epoch, int64 (n,).

    Parameters
    ----------
    targets
        (n, columns), NaN where unknown; an uncertain one counts as the class next to it.
    target, train
        `sampler` is "shuffle" or "downsample" (every case once) or "weighted" (with
        replacement, every class equally likely).
    generator
        Where chance comes from.

    Raises
    ------
    ConfigError
        Weighted drawing was asked for a multi-label target, whose cases have no one class.

    """
    n = len(targets)
    if train.sampler != "weighted":
        return torch.randperm(n, generator=generator)
    _need_classes(target, train)
    level = np.rint(targets[:, 0]).astype(np.int64)
    chance = torch.from_numpy(1.0 / np.bincount(level)[level])
    return torch.multinomial(chance, n, replacement=True, generator=generator)


def cut(order: Tensor, batch_size: int) -> list[Tensor]:
    """Cut an order into batches; a last batch of one case is dropped if others are larger.

    Batch normalisation has no variance to divide by in a batch of one. The order is int64 (n,),
    and so is each batch, with at most `batch_size` cases.
    """
    batches = list(torch.split(order, batch_size))
    lonely = len(batches) > 1 and len(batches[-1]) == 1 < batch_size
    return batches[:-1] if lonely else batches


def _need_classes(target: Target, train: Training) -> None:
    if target.kind == "multi-label":
        raise ConfigError(
            f"train.sampler: {train.sampler!r} needs one class a case, and the target is"
            " multi-label; use 'shuffle', and class_weights: balanced for rare labels."
        )
