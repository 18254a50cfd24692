"""Optimisers and learning-rate schedules, made from settings."""

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from radpipe.core.settings import Cosine, OneCycle, Plateau, StepDecay, Training
from radpipe.learning.training.rates import groups_of
from radpipe.learning.training.scores import larger_is_better


def make_optimizer(model: nn.Module, train: Training) -> Optimizer:
    """Make the optimiser over all weights of a model.

    Raises
    ------
    ConfigError
        A name of `train.layer_rates` is no module's.

    """
    common: dict[str, Any] = {"lr": train.lr, "weight_decay": train.weight_decay}
    weights = groups_of(model, train)
    if train.optimizer == "rmsprop":
        # torch has no fused one. Its square root is MKL's: see below.
        return torch.optim.RMSprop(
            weights,
            alpha=train.decay_rate,
            eps=train.epsilon,
            momentum=train.momentum,
            **common,
        )
    # One pass over the weights instead of ten. Its square root is the processor's, rounded right. A
    # plain step's is MKL's, which is off by a last bit in up to a fifth of the values, by the kind
    # of processor, so the two ways do not give the same bits (docs/reference/bits.md).
    common["fused"] = True
    if train.optimizer == "sgd":
        return torch.optim.SGD(weights, momentum=train.momentum, **common)
    kind = torch.optim.AdamW if train.optimizer == "adamw" else torch.optim.Adam
    return kind(weights, betas=train.betas, eps=train.epsilon, **common)


def make_schedule(optimizer: Optimizer, train: Training, *, steps_per_epoch: int) -> LRScheduler:
    """Make the learning-rate schedule; `per_step` tells how often it moves."""
    schedule = train.schedule
    if isinstance(schedule, Plateau):
        return ReduceLROnPlateau(
            optimizer,
            mode="max" if larger_is_better(schedule.metric) else "min",
            factor=schedule.factor,
            # torch lowers after `patience` bad epochs and one more, Keras and we after them.
            patience=schedule.patience - 1,
            threshold=schedule.min_delta,
            threshold_mode="rel" if schedule.relative else "abs",
            min_lr=schedule.min_lr,
        )
    if isinstance(schedule, OneCycle):
        return OneCycleLR(
            optimizer,
            max_lr=train.lr,
            total_steps=max(train.epochs * steps_per_epoch, 2),
            pct_start=schedule.warmup,
            cycle_momentum=False,
        )
    if isinstance(schedule, Cosine):
        return CosineAnnealingLR(optimizer, T_max=train.epochs, eta_min=schedule.min_lr)
    if isinstance(schedule, StepDecay):
        return StepLR(optimizer, step_size=schedule.every, gamma=schedule.factor)
    return LambdaLR(optimizer, _always_one)


def per_step(schedule: LRScheduler) -> bool:
    """Tell whether a schedule moves after every optimiser step, and not every epoch."""
    return isinstance(schedule, OneCycleLR)


def end_epoch(schedule: LRScheduler, train: Training, scores: dict[str, float]) -> None:
    """Move a schedule that moves once an epoch, given the epoch's `tune` scores."""
    if isinstance(schedule, ReduceLROnPlateau):
        assert isinstance(train.schedule, Plateau)  # noqa: S101 - tells the type checker
        schedule.step(scores[train.schedule.metric])
    elif not per_step(schedule):
        schedule.step()


def _always_one(_: int) -> float:
    return 1.0
