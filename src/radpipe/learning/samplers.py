"""The order in which an epoch visits the training cases."""

import numpy as np
import torch
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target, Training


def draw_order(
    targets: np.ndarray, target: Target, train: Training, generator: torch.Generator
) -> Tensor:
    """Draw the positions of one epoch, int64 (n,).

    Parameters
    ----------
    targets
        (n, columns), NaN where unknown.
    target, train
        `sampler` is "shuffle" (every case once) or "weighted" (with replacement, every
        class equally likely).
    generator
        Where chance comes from.

    Raises
    ------
    ConfigError
        Weighted drawing was asked for a multi-label target, whose cases have no one class.

    """
    n = len(targets)
    if train.sampler == "shuffle":
        return torch.randperm(n, generator=generator)
    if target.kind == "multi-label":
        raise ConfigError(
            "train.sampler: 'weighted' needs one class a case, and the target is multi-label;"
            " use 'shuffle', and class_weights: balanced for rare labels."
        )
    level = targets[:, 0].astype(np.int64)
    chance = torch.from_numpy(1.0 / np.bincount(level)[level])
    return torch.multinomial(chance, n, replacement=True, generator=generator)


def cut(order: Tensor, batch_size: int) -> list[Tensor]:
    """Cut an order into batches; a last batch of one case is dropped if others are larger.

    Batch normalisation has no variance to divide by in a batch of one.
    """
    batches = list(torch.split(order, batch_size))
    lonely = len(batches) > 1 and len(batches[-1]) == 1 < batch_size
    return batches[:-1] if lonely else batches
