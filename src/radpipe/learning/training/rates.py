"""Learning rates of single layers, and of single steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.optim import Optimizer

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Training
from radpipe.learning.training.freezing import lr_in_force
from radpipe.learning.training.naming import modules_named

# Key of an optimiser's group: times the rate that the schedule gives to all.
FACTOR = "factor"


def groups_of(model: nn.Module, train: Training) -> list[Any]:
    """Return what an optimiser is made over: all weights, or a group for each rate of layers.

    Every group keeps the schedule's rate; the factor is put in for the step alone
    (`rate_of_step`), so that schedules need to know nothing of it, whatever they do.

    Raises
    ------
    ConfigError
        A name of `train.layer_rates` is no module's, or of one without weights.

    """
    weights = list(model.parameters())
    if not train.layer_rates:
        return weights
    factors = dict.fromkeys(weights, 1.0)
    named = [(name, rate.factor) for rate in train.layer_rates for name in rate.layers]
    # A module within another one comes after it, so that its own factor counts.
    for name, factor in sorted(named, key=lambda each: each[0].count(".")):
        factors |= dict.fromkeys(_weights_of(model, name), factor)
    return [
        {"params": [w for w in weights if factors[w] == factor], FACTOR: factor}
        for factor in sorted(set(factors.values()), reverse=True)
    ]


def _weights_of(model: nn.Module, name: str) -> list[nn.Parameter]:
    (module,) = modules_named(model, [name], "train.layer_rates")
    if not (found := list(module.parameters())):
        raise ConfigError(
            f"train.layer_rates: {name} ({type(module).__name__}) has no weights, so no rate of"
            " its own. The way out: leave it out, or name the layer that was meant."
        )
    return found


@contextmanager
def rate_of_step(optimizer: Optimizer, train: Training, epoch: int) -> Iterator[float]:
    """Yield the learning rate of a step, `epoch` epochs being finished.

    It is `freeze.lr` while layers are frozen, and that of a layer is `layer_rates` of it. The
    schedule's own rate is put back afterwards, because schedules go on from what they find.
    """
    groups = optimizer.param_groups
    own = [group["lr"] for group in groups]
    given = lr_in_force(train.freeze, epoch)
    for group, rate in zip(groups, own, strict=True):
        group["lr"] = (rate if given is None else given) * group.get(FACTOR, 1.0)
    try:
        yield own[0] if given is None else given
    finally:
        for group, rate in zip(groups, own, strict=True):
            group["lr"] = rate
