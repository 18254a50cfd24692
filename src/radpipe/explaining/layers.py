"""Layers of a network by name: which give maps, and what they say of a batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from radpipe.core.errors import ConfigError, near_miss
from radpipe.explaining.subject import Member
from radpipe.learning.data.cases import Batch
from radpipe.learning.models.collection import Collection
from radpipe.learning.models.exam import Exam
from radpipe.learning.models.fusion import FusionModel

# What passes maps on coarser or as they are; the features are those before.
PASSES = (
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
    nn.Sequential,
    nn.ModuleList,
)
# Names in a message.
SHOWN = 40


@dataclass(frozen=True)
class Seen:
    """What one layer said of one view.

    Attributes
    ----------
    layer, view
        Name below the network's model, and number of the view.
    own
        Its output, (slices, channels, rows, columns), a leaf of the graph.
    passed
        The copy that the network went on with: where a ReLU in place followed, its values after it.

    """

    layer: str
    view: int
    own: Tensor
    passed: Tensor


@dataclass
class _Watch:
    """Which view is being looked at, and what was seen."""

    views: list[Tensor] = field(default_factory=list)
    view: int = 0
    seen: list[Seen] = field(default_factory=list)

    def start(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Note the views that the model is given."""
        del module
        given = args[0]
        self.views = [given] if isinstance(given, Tensor) else list(given)

    def turn(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Note which view a layer is given."""
        del module
        for number, view in enumerate(self.views):
            if args and args[0] is view:
                self.view = number


@contextmanager
def watching(member: Member, names: list[str]) -> Iterator[list[Seen]]:
    """Collect what layers say, in the order of their calls, while the member answers.

    Each goes on with a copy of its output, from which gradients come back to the output itself; so
    nothing that follows writes over it, and nothing before it is in the graph.

    Parameters
    ----------
    member
        Whose network for pixels is watched; its hooks are gone afterwards.
    names
        Names of layers below the network's model.

    """
    model = _model_of(member)
    watch = _Watch()

    def keep(name: str) -> Callable[[nn.Module, Any, Any], Tensor]:
        def hook(module: nn.Module, args: Any, output: Any) -> Tensor:
            del module, args
            own: Tensor = output.detach().requires_grad_()
            passed = own.clone()
            watch.seen.append(Seen(name, watch.view, own, passed))
            return passed

        return hook

    handles = [model.register_forward_pre_hook(watch.start)]
    handles += [part.register_forward_pre_hook(watch.turn) for part in model.modules()]
    handles += [model.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        yield watch.seen
    finally:
        for handle in handles:
            handle.remove()


def maps_of(member: Member, batch: Batch) -> dict[str, tuple[int, ...]]:
    """Return which layers give maps for a batch, in the order of their calls.

    Returns
    -------
    dict
        Name below the network's model to the shape of its output, (slices, channels, rows,
        columns), with more than one row or column.

    """
    found = _outputs_of(member, batch)
    return {name: shape for name, shape in found.items() if shape[2:] != (1, 1)}


def _outputs_of(member: Member, batch: Batch) -> dict[str, tuple[int, ...]]:
    """Return what `maps_of` does, with maps of one pixel."""
    model = _model_of(member)
    found: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            del module, args
            if isinstance(output, Tensor) and output.ndim == 4:
                found.pop(name, None)  # a later call counts
                found[name] = tuple(output.shape)

        return hook

    handles = [part.register_forward_hook(note(name)) for name, part in model.named_modules()]
    try:
        with torch.no_grad():
            member.logits(batch)
    finally:
        for handle in handles:
            handle.remove()
    return found


# What was found of a model, as long as it lives: a pass more for each batch would be a third more.
_CHOSEN: WeakKeyDictionary[nn.Module, dict[str | None, list[str]]] = WeakKeyDictionary()


def layers_for(member: Member, batch: Batch, wanted: str | None) -> list[str]:
    """Return what `choose_layers` says, remembered as long as the network lives."""
    known = _CHOSEN.setdefault(_model_of(member), {})
    if wanted not in known:
        known[wanted] = choose_layers(member, _example_of(batch), wanted)
    return known[wanted]


def _example_of(batch: Batch) -> Batch:
    """Return one black case of which every view has a slice, as in no batch it need have."""
    views = [view.new_zeros((1, *view.shape[1:])) for view in batch.views]
    table = None if batch.table is None else batch.table[:1]
    return Batch(tuple(views), ((1,),) * len(views), table)


def choose_layers(member: Member, batch: Batch, wanted: str | None) -> list[str]:
    """Find the layers that a setting means.

    Parameters
    ----------
    member, batch
        Whose layers, and an example of what it is asked.
    wanted
        A name below the network's model; `*` in it stands for anything, as in `trunks.*.0.9`.
        None: the last features that still are maps, of each trunk or network side by side.

    Raises
    ------
    ConfigError
        No layer of that name gives maps, or the network has none that does.

    """
    outputs = _outputs_of(member, batch)
    maps = [name for name, shape in outputs.items() if shape[2:] != (1, 1)]
    model = _model_of(member)
    title = f"{member.what.variant} (model.name: {member.what.model.name})"
    if wanted is None:
        found = [last for branch in branches(model) if (last := _last(model, outputs, branch))]
        if not found:
            raise ConfigError(
                f"layer: no layer of {title} gives maps of features, which grad-cam draws; use"
                " saliency, integrated-gradients, occlusion or lime."
            )
        return found
    found = [name for name in maps if fnmatchcase(name, wanted)]
    if not found:
        names = [name for name in maps if name]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise ConfigError(
            f"layer: {title} has no layer {wanted!r} that gives maps{near_miss(wanted, names)}"
            f" Those that do, last first: {', '.join(names[::-1][:SHOWN])}{more}."
        )
    return found


def branches(model: nn.Module) -> list[str]:
    """Return the beginnings of the names of layers that look at pixels side by side."""
    if isinstance(model, FusionModel):
        return ["image." + name for name in branches(model.image)]
    if isinstance(model, Collection):
        return [f"networks.{k}." for k in range(len(model.networks))]
    if isinstance(model, Exam):
        grid = enumerate(model.trunks)
        return [f"trunks.{v}.{k}." for v, row in grid for k in range(len(list(row.children())))]
    return [""]


def _last(model: nn.Module, outputs: dict[str, tuple[int, ...]], branch: str) -> str | None:
    """Return the last layer of a branch that gives maps and is no part of a block that does."""
    blocks = {name for name in outputs if type(model.get_submodule(name)) not in PASSES}
    features = [
        name
        for name, shape in outputs.items()
        if name in blocks
        and name.startswith(branch)
        and shape[2:] != (1, 1)
        and not blocks.intersection(_above(name))
    ]
    return features[-1] if features else None


def _above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _model_of(member: Member) -> nn.Module:
    sees = member.sees
    assert sees is not None  # noqa: S101 - `check_fits` has refused what sees nothing
    return sees.model
