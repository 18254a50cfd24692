"""Layers that keep their weights, for some epochs or for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.settings import Freeze, Training


@dataclass(frozen=True)
class Frozen:
    """The layers that `train.freeze` names.

    Attributes
    ----------
    how
        For how many epochs.
    modules
        The named modules; what is below them goes with them.
    weights
        Their weights that would be trained.

    """

    how: Freeze
    modules: tuple[nn.Module, ...]
    weights: tuple[nn.Parameter, ...]


def in_force(how: Freeze, epoch: int) -> bool:
    """Tell whether layers are frozen, `epoch` epochs being finished."""
    return how.epochs is None or epoch < how.epochs


def find_frozen(model: nn.Module, train: Training) -> Frozen | None:
    """Find the layers that `train.freeze` names; None if it names none.

    Raises
    ------
    ConfigError
        A name is no module's, or nothing would be left to train.

    """
    if train.freeze is None:
        return None
    known = dict(model.named_modules())
    for name in train.freeze.layers:
        if not name or name not in known:
            top = [child for child, _ in model.named_children()]
            raise ConfigError(
                f"train.freeze.layers: no module is called {name!r}{near_miss(name, known)}"
                f" The network consists of: {', '.join(top)}; names go on below with a dot."
            )
    modules = tuple(known[name] for name in train.freeze.layers)
    found = {weight: None for module in modules for weight in module.parameters()}
    weights = tuple(weight for weight in found if weight.requires_grad)
    if all(weight in found for weight in model.parameters() if weight.requires_grad):
        raise ConfigError(
            f"train.freeze.layers: {', '.join(train.freeze.layers)} hold every weight of the"
            " network, so there is nothing left to train. Leave one out."
        )
    return Frozen(train.freeze, modules, weights)


def set_training(network: nn.Module, frozen: Frozen | None, epoch: int) -> None:
    """Get a network ready for a step of training, `epoch` epochs being finished.

    Follows from the epoch alone, so that a resumed run needs to know nothing else. A frozen weight
    has no gradient at all, and optimisers leave it alone, weight decay and momentum included.
    Frozen layers act as in evaluation: batch norm keeps its statistics, dropout drops nothing.
    """
    network.train()
    if frozen is None:
        return
    now = in_force(frozen.how, epoch)
    for weight in frozen.weights:
        weight.requires_grad_(not now)
    if now:
        for module in frozen.modules:
            module.eval()


@contextmanager
def rate_of_step(optimizer: Optimizer, how: Freeze | None, epoch: int) -> Iterator[float]:
    """Yield the learning rate of a step, which is `freeze.lr` while layers are frozen.

    The schedule's own rate is put back afterwards, because schedules go on from what they find.
    """
    own = [group["lr"] for group in optimizer.param_groups]
    if how is not None and how.lr is not None and in_force(how, epoch):
        for group in optimizer.param_groups:
            group["lr"] = how.lr
    try:
        yield optimizer.param_groups[0]["lr"]
    finally:
        for group, rate in zip(optimizer.param_groups, own, strict=True):
            group["lr"] = rate
