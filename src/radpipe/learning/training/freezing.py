"""Layers that keep their weights, for some epochs or for good, and layers that thaw one by one."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Freeze, Training
from radpipe.learning.training.naming import modules_named

log = logging.getLogger("radpipe.train")


@dataclass(frozen=True)
class Group:
    """Layers that thaw together.

    Attributes
    ----------
    epochs
        For how many they are frozen; None: for good.
    modules
        The named modules; what is below them goes with them.
    weights
        Their weights that would be trained.

    """

    epochs: int | None
    modules: tuple[nn.Module, ...]
    weights: tuple[nn.Parameter, ...]

    def in_force(self, epoch: int) -> bool:
        """Tell whether they are frozen, `epoch` epochs being finished."""
        return self.epochs is None or epoch < self.epochs


@dataclass(frozen=True)
class Frozen:
    """The layers that `train.freeze` names: all of them, then those that thaw by themselves."""

    groups: tuple[Group, ...]


def lr_in_force(how: Freeze | None, epoch: int) -> float | None:
    """Return the learning rate while layers are frozen, `epoch` epochs being finished, if any."""
    if how is None or how.lr is None or how.epochs is None:
        return None
    return how.lr if epoch < how.epochs else None


def find_frozen(model: nn.Module, train: Training) -> Frozen | None:
    """Find the layers that `train.freeze` names; None if it names none.

    Raises
    ------
    ConfigError
        A name is no module's, a layer that is to thaw was not frozen, or nothing would be left to
        train.

    """
    how = train.freeze
    if how is None:
        return None
    whole = _group(model, how.layers, how.epochs, "train.freeze.layers")
    held = set(whole.weights)
    if all(weight in held for weight in model.parameters() if weight.requires_grad):
        raise ConfigError(
            f"train.freeze.layers: {', '.join(how.layers)} hold every weight of the"
            " network, so there is nothing left to train. Leave one out."
        )
    groups = [whole]
    below = {module for top in whole.modules for module in top.modules()}
    for thaw in how.thaw:
        group = _group(model, thaw.layers, thaw.after, "train.freeze.thaw")
        if not below.issuperset(group.modules):
            raise ConfigError(
                f"train.freeze.thaw: {', '.join(thaw.layers)} are to learn after {thaw.after}"
                f" epochs, and freeze.layers ({', '.join(how.layers)}) does not hold all of"
                " them, so they learn from the first. Freeze them, or take them out there."
            )
        groups.append(group)
        if thaw.after >= train.epochs:
            log.warning(
                "train.freeze.thaw: %s would learn after %d epochs, and the training has %d",
                ", ".join(thaw.layers),
                thaw.after,
                train.epochs,
            )
    return Frozen(tuple(groups))


def set_training(network: nn.Module, frozen: Frozen | None, epoch: int) -> None:
    """Get a network ready for a step of training, `epoch` epochs being finished.

    Follows from the epoch alone, so that a resumed run needs to know nothing else. A frozen weight
    has no gradient at all, and optimisers leave it alone, weight decay and momentum included.
    Frozen layers act as in evaluation: batch norm keeps its statistics, dropout drops nothing.
    """
    network.train()
    if frozen is None:
        return
    whole, *parts = frozen.groups
    _set(whole, whole.in_force(epoch))
    # Those that have thawed come last: of two entries for a layer the earlier counts.
    for group in sorted(parts, key=lambda group: group.in_force(epoch), reverse=True):
        _set(group, group.in_force(epoch))


def _set(group: Group, now: bool) -> None:
    for weight in group.weights:
        weight.requires_grad_(not now)
    for module in group.modules:
        module.train(not now)


def _group(model: nn.Module, names: Sequence[str], epochs: int | None, where: str) -> Group:
    modules = modules_named(model, names, where)
    found = {weight: None for module in modules for weight in module.parameters()}
    return Group(epochs, modules, tuple(weight for weight in found if weight.requires_grad))
