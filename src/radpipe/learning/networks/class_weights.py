"""Weights of classes in a loss, from the targets of a run's own train part."""

import numpy as np
import torch
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Target, Training


def class_weights(targets: np.ndarray, target: Target, train: Training) -> Tensor | None:
    """Return the weight of every class from known targets, as `train.class_weights` says.

    Parameters
    ----------
    targets
        (n, columns) class indices, or 0 and 1 a label; NaN where unknown.
    target, train
        How many classes there are; which weights.

    Returns
    -------
    Tensor or None
        Float32 (columns, classes); columns is 1 unless the target is multi-label. A class
        without a case gets 1. None: no weights.

    Raises
    ------
    ConfigError
        Weights of present findings were asked for a target of several exclusive classes.

    """
    if train.class_weights == "none":
        return None
    if train.class_weights in ("balanced", "effective"):
        beta = train.effective_beta if train.class_weights == "effective" else None
        return _by_count(targets, target, beta)
    if target.kind not in ("binary", "multi-label"):
        raise ConfigError(
            f"train.class_weights: {train.class_weights!r} weighs what is present against what"
            f" is absent, and the target is {target.kind}; use 'balanced' or 'none'."
        )
    absent, present = (np.nansum(targets == level, axis=0) for level in (0, 1))
    both = (absent > 0) & (present > 0)
    if train.class_weights == "positive":
        rows = [np.ones(len(both)), absent / np.maximum(present, 1)]
    else:
        prevalence = present / np.maximum(absent + present, 1)
        rows = [prevalence, 1 - prevalence]
    weights = np.where(both, np.stack(rows), 1.0).T
    return torch.from_numpy(np.ascontiguousarray(weights, dtype=np.float32))


def _by_count(targets: np.ndarray, target: Target, beta: float | None) -> Tensor:
    """Weigh classes by their number, or by what it is worth where later cases add less (`beta`)."""
    n_levels = 2 if target.kind == "multi-label" else len(target.classes)
    weights = np.ones((targets.shape[1], n_levels), dtype=np.float32)
    for column, values in enumerate(targets.T):
        known = values[~np.isnan(values)].astype(np.int64)
        counts = np.bincount(known, minlength=n_levels)
        seen = counts > 0
        if beta is None:
            weights[column, seen] = len(known) / (n_levels * counts[seen])
        else:
            # 1 - beta**n without losing the digits of a beta near 1.
            each = -1 / np.expm1(counts[seen] * np.log(beta))
            weights[column, seen] = each / each.mean()
    return torch.from_numpy(weights)
