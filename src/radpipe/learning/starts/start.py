"""A model that starts from another network's tensors, where these fit."""

import logging
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from torch import Tensor, nn

from radpipe.core.borrowed import is_start
from radpipe.core.errors import ConfigError
from radpipe.core.recipe import Artifact, Recipe
from radpipe.core.settings import Image, ModelChoice
from radpipe.learning.networks.network import read_about
from radpipe.learning.starts.lineage import Ancestor, check_lineage, patients_of_test, read_lineage

log = logging.getLogger("radpipe.train")

NOTHING = "random.json"
# Where a `Network` keeps its model's tensors.
MODEL = "model."
# Layers named in the log; the receipt names all.
SHOWN = 8


@dataclass(frozen=True)
class Taken:
    """What a model took over.

    Attributes
    ----------
    run
        The run that it starts from.
    tensors, parameters
        How many were taken: tensors of all kinds, and single values of trained weights.
    fresh
        Layers of which at least one tensor was not taken, by name: they start from their own
        random initialisation.
    left
        Tensors of weights that others learned that were left, by name: their heads, and what lies
        beyond the layer after which the network is cut.
    stem
        How filters for three colours were taken for grey pictures; empty: as they were.

    """

    run: str
    tensors: int
    parameters: int
    fresh: tuple[str, ...]
    left: tuple[str, ...] = ()
    stem: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the receipt says of it."""
        return {**asdict(self), "fresh": list(self.fresh), "left": list(self.left)}


def starts_from_weights(recipe: Recipe) -> bool:
    """Tell whether a recipe names starting weights."""
    return Path(recipe.weights.path).name != NOTHING


def read_ancestors(recipe: Recipe, *, tune: Sequence[str]) -> tuple[Ancestor, ...]:
    """Read the lineage of a recipe's starting weights; refuse what has learned from the wrong.

    Parameters
    ----------
    recipe
        Of the run that starts.
    tune
        Hashes of the patients in its `tune`; those of `test` are read from its split.

    Returns
    -------
    tuple of Ancestor
        The run that it starts from last; none for weights that others learned.

    Raises
    ------
    ConfigError
        See `check_lineage`.
    DataError
        The file is no network's weights, or does not say whom they have learned from.

    """
    path = Path(recipe.weights.path)
    if is_start(path):
        return ()
    return held(recipe, read_lineage(read_about(path), path), tune=tune)


def held(
    recipe: Recipe, lineage: tuple[Ancestor, ...], *, tune: Sequence[str]
) -> tuple[Ancestor, ...]:
    """Return a lineage that has not learned from whom a run is to be judged by.

    Raises
    ------
    ConfigError
        See `check_lineage`.

    """
    test = patients_of_test(Path(recipe.split.path))
    check_lineage(recipe, lineage, tune=tune, test=test)
    return lineage


class Starts(Protocol):
    """What starts from weights: the recipe of a run, or of a frozen network."""

    @property
    def place(self) -> str:
        """Its block in `params.yaml`."""

    @property
    def model(self) -> ModelChoice:
        """Architecture and its settings."""

    @property
    def weights(self) -> Artifact:
        """The weights."""

    @property
    def further_weights(self) -> list[Artifact]:
        """Those of further parts."""

    @property
    def image(self) -> Image:
        """Form of the pictures."""

    @property
    def normalize(self) -> str:
        """How their pixels are normalised."""


def start_from(
    recipe: Starts, ancestor: Ancestor, model: nn.Module, mean: Tensor, sd: Tensor
) -> Taken:
    """Copy the tensors of starting weights into a model where name and shape are the same.

    If the model has an attribute `start_prefix`, such as "image.", a tensor whose name the model
    does not know is tried with this in front: so a network becomes a part of a larger one.

    Parameters
    ----------
    recipe, ancestor
        Of the run that starts, and the run that made the weights.
    model
        Changed in place, on the processor.
    mean, sd
        Float32 (channels,): the run's own normalisation, which stays (see `_tell_normalisation`).

    Raises
    ------
    ConfigError
        Not one trained weight fits.

    """
    own, taken = model.state_dict(), set()
    with safe_open(Path(recipe.weights.path), framework="pt") as file:
        for name, source in names_of(list(file.keys()), own, _prefix(model)).items():
            tensor = file.get_tensor(source)
            if tensor.shape == own[name].shape:
                own[name].copy_(tensor)
                taken.add(name)
        theirs = {name: file.get_tensor(name).flatten() for name in ("mean", "sd")}
    weights = dict(model.named_parameters())
    n_taken = sum(weight.numel() for name, weight in weights.items() if name in taken)
    if not n_taken:
        raise ConfigError(
            f"{recipe.place}.weights: no tensor of {ancestor.title}, architecture"
            f" {ancestor.model!r}, has name and shape of one of its own, architecture"
            f" {recipe.model.name!r}. Start from a run of the same architecture, with the same"
            " settings under model."
        )
    found = Taken(ancestor.title, len(taken), n_taken, layers_without(taken, own))
    tell(found, model)
    _tell_normalisation({"mean": mean, "sd": sd}, theirs)
    return found


def layers_without(taken: Container[str], own: Iterable[str]) -> tuple[str, ...]:
    """Return the layers of which a tensor was not taken, in their order."""
    layers = dict.fromkeys(name.rpartition(".")[0] or name for name in own if name not in taken)
    return tuple(layers)


def names_of(sources: Sequence[str], own: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return which tensor of the weights each tensor of a model may take.

    Parameters
    ----------
    sources
        Names in the file; those below "model." are a model's.
    own
        The model's tensors by name.
    prefix
        Tried in front of what the model does not know; may be empty.

    """
    theirs = {name.removeprefix(MODEL): name for name in sources if name.startswith(MODEL)}
    found = {name: source for name, source in theirs.items() if name in own}
    if prefix:
        below = {prefix + name: source for name, source in theirs.items() if name not in own}
        # A name of its own comes first.
        found = {name: source for name, source in below.items() if name in own} | found
    return found


def _prefix(model: nn.Module) -> str:
    found = getattr(model, "start_prefix", "")
    return found if isinstance(found, str) else ""


def tell(taken: Taken, model: nn.Module) -> None:
    """Log what a model took over, as a share of its weights, too."""
    n_weights = sum(weight.numel() for weight in model.parameters())
    rest = len(taken.fresh) - SHOWN
    fresh = ", ".join(taken.fresh[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
    log.info(
        "started from %s: tensors=%d parameters=%d (%.1f%%) fresh=%s",
        taken.run,
        taken.tensors,
        taken.parameters,
        100 * taken.parameters / n_weights,
        fresh or "none",
    )


def _tell_normalisation(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    """Log it if a run normalises otherwise than the weights that it starts from have seen.

    The run's own counts: it is what `train.normalize` says, fits the channels of its store, and
    with `standard` gives the layers that were taken what they have learned from, pixels of mean 0
    and SD 1, whatever the brightness of another scanner. From equal stores and patients both are
    equal.
    """
    pairs = [(ours[name], theirs[name]) for name in ours]
    if all(a.shape == b.shape and torch.allclose(a, b) for a, b in pairs):
        return
    texts = [
        " ".join(f"{name}={[round(v, 4) for v in values.tolist()]}" for name, values in of.items())
        for of in (ours, theirs)
    ]
    log.info("normalised by its own %s, not by the start's %s", *texts)
