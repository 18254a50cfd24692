"""A model that starts from weights that others learned: all that is promised is taken, or nothing.

A part of the model says of which library's implementation it is a copy (`models.base.Part`); the
start says to which implementation its tensors belong. Names and shapes must agree for every tensor
but those of the heads, so that no layer starts at random without a word.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from radpipe.core.borrowed import Borrowed, is_start, read_borrowed, whole
from radpipe.core.descriptors import InputRecipe
from radpipe.core.errors import ConfigError
from radpipe.core.recipe import Recipe
from radpipe.learning.models.base import Part
from radpipe.learning.starts.start import Starts, Taken, layers_without, tell

log = logging.getLogger("radpipe.train")

# Counts that batch norm keeps and does not use; older files lack them.
COUNTS = "num_batches_tracked"
SHOWN = 6


@dataclass(frozen=True)
class Offer:
    """The tensors of a start under the names that its library gives them.

    Attributes
    ----------
    sources
        Name in the library to name in the file.
    left
        Names in the file of what is not taken: heads.
    twice
        Faults: two tensors of the file that would get the same name.

    """

    sources: dict[str, str]
    left: tuple[str, ...]
    twice: tuple[str, ...] = ()


def borrowed_by(recipe: Recipe) -> list[Borrowed]:
    """Return the weights that others learned with which a run starts itself; none: it does not."""
    paths = [Path(each.path) for each in (recipe.weights, *recipe.further_weights)]
    return [read_borrowed(path) for path in paths if is_start(path)]


def input_of(recipe: Recipe, starts: Iterable[Borrowed]) -> InputRecipe | None:
    """Return how pictures were prepared for the weights that a run starts from; None: by nobody.

    Raises
    ------
    ConfigError
        The run is to prepare them alike, and they were prepared in several ways.

    """
    known = {start.name: start.input for start in starts}
    if not known:
        return None
    first = next(iter(known.values()))
    others = [name for name, each in known.items() if _prepares(each) != _prepares(first)]
    if others and recipe.train.normalize == "start":
        raise ConfigError(
            f"variants.{recipe.variant}.train.normalize: start asks how the starting weights have"
            f" learned, and {', '.join(others)} did otherwise than {next(iter(known))}, by their"
            " descriptors. The way out: normalize: unit, standard, imagenet or mrnet."
        )
    return first


def _prepares(found: InputRecipe) -> tuple[list[float], list[float]]:
    return found.normalisation(3)


def parts_of(model: nn.Module) -> dict[str, Part]:
    """Return the parts of a model that are copies of other libraries' networks.

    Returns
    -------
    dict
        Beginning of the names of its tensors to what it is.

    """
    found: dict[str, Part] = {}
    for name, module in model.named_modules():
        for below, part in getattr(module, "implementations", {}).items():
            found[f"{name}.{below}" if name else below] = part
    return found


def borrow(
    recipe: Starts, starts: Sequence[Borrowed], model: nn.Module, mean: Tensor, sd: Tensor
) -> Taken:
    """Copy the tensors that starts promise into every part of a model that is their implementation.

    Parameters
    ----------
    recipe
        Of the run that starts.
    starts
        Read with `read_borrowed`, at least one; their tensors are held to their hash first.
    model
        Changed in place, on the processor.
    mean, sd
        Float32 (channels,): how the run normalises pixels from 0 to 1.

    Raises
    ------
    ConfigError
        No part of the model is this implementation, a promised tensor has no place, or two starts
        are of one implementation.
    StaleError
        The tensors are not here, or were changed.

    """
    _refuse_rivals(recipe, starts)
    own, taken, left, stems = model.state_dict(), set[str](), list[str](), list[str]()
    for start in starts:
        parts = {name: part for name, part in parts_of(model).items() if fits(part, start)}
        if not parts:
            raise ConfigError(_no_part(recipe, start, model))
        file = whole(start.path, start.tensors, start.name)
        with safe_open(file, framework="pt") as opened:
            offer = offered(list(opened.keys()), start)
            filled, faults = fill(own, parts, offer, opened.get_tensor)
        if faults:
            raise ConfigError(_not_covered(recipe, start, faults))
        taken |= filled
        left += [*offer.left, *sorted(_beyond(offer, parts.values()))]
        stems += [part.stem or "" for part in parts.values()]
        _warn_of_input(recipe, start, mean, sd)
    weights = dict(model.named_parameters())
    found = Taken(
        " and ".join(f"{start.name} ({start.function})" for start in starts),
        len(taken),
        sum(weight.numel() for name, weight in weights.items() if name in taken),
        layers_without(taken, own),
        tuple(left),
        stems[0],
    )
    tell(found, model)
    return found


def _refuse_rivals(recipe: Starts, starts: Sequence[Borrowed]) -> None:
    """Refuse two starts of which nothing says which part each belongs to."""
    names: dict[str, str] = {}
    for start in starts:
        if (other := names.setdefault(start.function, start.name)) != start.name:
            raise ConfigError(
                f"{recipe.place}.further_weights: {other} and {start.name} are both"
                f" weights of {start.function}, and all parts of the network that are this take the"
                " same. The way out: leave one of them out."
            )


def fill(
    own: Mapping[str, Tensor],
    parts: Mapping[str, Part],
    offer: Offer,
    tensor_of: Callable[[str], Tensor],
) -> tuple[set[str], list[str]]:
    """Copy what is offered into the parts of a model.

    Parameters
    ----------
    own
        The model's tensors by name; changed in place.
    parts
        Beginning of their names to what lies there.
    offer, tensor_of
        What the file has, and a function that reads a tensor by its name there.

    Returns
    -------
    taken, faults
        Names of tensors that came from the file; what is promised and has no place, has another
        shape, or is missing.

    """
    taken: set[str] = set()
    faults = list(offer.twice)
    for below, part in parts.items():
        for name, source in _pairs(below, part, offer, own, faults):
            tensor = _for_stem(tensor_of(source), own[name], part)
            if part.resized is not None:
                tensor = part.resized(name, tensor, own[name])
            if tensor.shape != own[name].shape:
                faults.append(_misfit(name, own[name], tensor, part))
            else:
                own[name].copy_(tensor)
            taken.add(name)
        faults += _unfilled(below, part, own, taken)
    return taken, faults


def fits(part: Part, start: Borrowed) -> bool:
    """Tell whether a part of a model is the implementation that weights belong to."""
    return part.implementation == start.function


def offered(names: list[str], start: Borrowed) -> Offer:
    """Give the tensors of a file the names of the library, and set its heads aside.

    Parameters
    ----------
    names
        In the file.
    start
        Its `prefix` is taken off, its `rename` brings old names to those of now, its `heads` are
        set aside.

    """
    sources: dict[str, str] = {}
    left: list[str] = []
    twice: list[str] = []
    for source in names:
        name = source.removeprefix(start.prefix)
        for rename in start.rename:
            found = re.fullmatch(rename.pattern, name)
            name = found.expand(rename.becomes) if found else name
        if not source.startswith(start.prefix) or name.startswith(tuple(start.heads)):
            left.append(source)
        elif name in sources:
            twice.append(f"{sources[name]} and {source} both become {name}")
        else:
            sources[name] = source
    return Offer(sources, tuple(sorted(left)), tuple(twice))


def _pairs(
    below: str, part: Part, offer: Offer, own: Mapping[str, Tensor], faults: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield each tensor of a part with its source; note promised ones that have no place."""
    for theirs, source in offer.sources.items():
        name = below + theirs.removeprefix(part.below)
        if theirs.startswith(part.below) and name in own:
            yield name, source
        elif not theirs.endswith(COUNTS) and not theirs.startswith(part.beyond):
            faults.append(f"{source} has no place")


def _beyond(offer: Offer, parts: Iterable[Part]) -> set[str]:
    """Return the tensors of the file that every part ends before."""
    return {
        source
        for theirs, source in offer.sources.items()
        if all(theirs.startswith(part.beyond) for part in parts)
    }


def _unfilled(below: str, part: Part, own: Iterable[str], taken: set[str]) -> list[str]:
    """List tensors of the library's layers that the file does not fill."""
    return [
        f"{name} is not in the file"
        for name in own
        if name.startswith(below)
        and name not in taken
        and not name.removeprefix(below).startswith(part.own)
        and not name.endswith(COUNTS)
    ]


def _for_stem(theirs: Tensor, own: Tensor, part: Part) -> Tensor:
    """Bring filters for three colours, (filters, 3, rows, columns), to one channel, as named."""
    if theirs.ndim != 4 or theirs.shape[1] != 3 or own.shape[1:2] != (1,):
        return theirs
    if part.stem == "sum":
        return theirs.sum(dim=1, keepdim=True)
    return theirs.mean(dim=1, keepdim=True) if part.stem == "mean" else theirs


def _misfit(name: str, own: Tensor, theirs: Tensor, part: Part) -> str:
    text = f"{name} is {tuple(own.shape)}, and {tuple(theirs.shape)} in the file"
    if part.stem is None and theirs.ndim == 4 and theirs.shape[1] == 3 and own.shape[1] == 1:
        text += (
            " (grey pictures: say model.stem: repeat, sum or mean, where the architecture has that"
            " setting; else it takes pictures of three channels)"
        )
    return text


def _place(recipe: Starts, start: Borrowed) -> str:
    """Return the setting that names a start."""
    further = [Path(each.path).parent.name for each in recipe.further_weights]
    setting = "further_weights" if start.name in further else "weights"
    return f"{recipe.place}.{setting}"


def _no_part(recipe: Starts, start: Borrowed, model: nn.Module) -> str:
    has = sorted({part.implementation for part in parts_of(model).values()})
    return (
        f"{_place(recipe, start)}: {start.name} are weights of {start.function}, and no"
        f" part of architecture {recipe.model.name!r} with these settings is that; it has:"
        f" {', '.join(has) or 'no part that is known from a library'}. Networks of another library"
        " may have the same shapes and be another function. The way out: a network with that part"
        " (docs/how-to/borrowed-weights.md lists them), or other weights."
    )


def _not_covered(recipe: Starts, start: Borrowed, faults: list[str]) -> str:
    rest = len(faults) - SHOWN
    shown = "\n  ".join([*faults[:SHOWN], *([f"and {rest} more"] if rest > 0 else [])])
    return (
        f"{_place(recipe, start)}: {start.name} promises all tensors of"
        f" {start.function} but its heads ({', '.join(start.heads) or 'none'}), and nothing is"
        f" taken unless all of them are:\n  {shown}\nThe way out: change the setting of model that"
        f" makes the difference, or, if the file has other names, say `prefix`, `rename` or `heads`"
        f" in weights/{start.name}.json."
    )


def _warn_of_input(recipe: Starts, start: Borrowed, mean: Tensor, sd: Tensor) -> None:
    """Warn where pictures are prepared otherwise than those that the weights have learned from."""
    theirs = [torch.tensor(each) for each in start.input.normalisation(len(mean))]
    pairs = list(zip((mean, sd), theirs, strict=True))
    if not all(torch.allclose(a, b, atol=1e-3) for a, b in pairs):
        log.warning(
            "%s has learned from pixels with mean=%s sd=%s, and train.normalize: %s gives them"
            " mean=%s sd=%s. The way out, unless it is meant: normalize: start",
            start.name,
            *(_rounded(each) for each in theirs),
            recipe.normalize,
            _rounded(mean),
            _rounded(sd),
        )
    if recipe.image.side != start.input.side:
        log.info(
            "%s has learned at %d pixels and goes on at %d",
            start.name,
            start.input.side,
            recipe.image.side,
        )


def _rounded(values: Tensor) -> list[Any]:
    return [round(value, 4) for value in values.flatten().tolist()]
