"""A model with the normalisation of its input, and the file that keeps both."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from radpipe.core.errors import ConfigError, DataError, StaleError
from radpipe.core.files import atomic
from radpipe.core.recipe import Recipe
from radpipe.core.settings import ModelChoice, Target, Training
from radpipe.learning.data.cases import Batch, Pixels
from radpipe.learning.models import build_empty, takes_exams
from radpipe.learning.models.combination import Combination
from radpipe.learning.models.covariates import Auxiliary
from radpipe.learning.networks.losses import n_outputs

# The format keeps several entries in an order that differs from process to process.
ENTRY = "radpipe"


class Blueprint(Protocol):
    """What decides how a network is built and what its outputs mean; a `Recipe` fits."""

    @property
    def variant(self) -> str:
        """Name in messages."""

    @property
    def target(self) -> Target:
        """What is predicted."""

    @property
    def model(self) -> ModelChoice:
        """Architecture and its settings."""

    @property
    def train(self) -> Training:
        """Says loss, normalisation and threads."""


class Network(nn.Module):
    """A model that takes pixels from 0 to 1 and normalises them itself.

    Parameters
    ----------
    model
        Maps normalised pictures, or the slices of exams and their counts, and what the table
        says, if it takes one, to logits.
    mean, sd
        Float32 (channels,), of pixels from 0 to 1.
    exams
        Whether the model takes exams (`models.takes_exams`).
    stretch
        Whether the range of each volume is brought to 0..1 first.
    held_out
        Whether pictures are normalised in evaluation, too, as they should be.

    """

    mean: Tensor
    sd: Tensor

    def __init__(
        self,
        model: nn.Module,
        mean: Tensor,
        sd: Tensor,
        *,
        exams: bool = False,
        stretch: bool = False,
        held_out: bool = True,
    ) -> None:
        super().__init__()
        self.model = model
        self.exams = exams
        self.stretch = stretch
        self.held_out = held_out
        self.register_buffer("mean", mean[:, None, None].clone())
        self.register_buffer("sd", sd[:, None, None].clone())

    def forward(self, batch: Batch) -> Tensor:
        """Map a batch to logits: the input of `decide`.

        Returns
        -------
        Tensor
            (cases, outputs), with the answers to the auxiliary task behind, if there is one;
            or (cases, views, outputs).

        """
        views = [self._normal(v, n) for v, n in zip(batch.views, batch.counts, strict=True)]
        table = [] if batch.table is None else [batch.table]
        logits: Tensor = (
            self.model(views, batch.counts) if self.exams else self.model(*views, *table)
        )
        return logits

    def decide(self, outputs: Tensor) -> Tensor:
        """Put the logits of views together and leave out what was only asked for training.

        From what `forward` returns to logits (cases, outputs).
        """
        combine, asked = self.combine, self.auxiliary
        if asked is not None:
            return outputs[:, : -asked.classes]
        return outputs if combine is None else combine(outputs)

    @property
    def auxiliary(self) -> Auxiliary | None:
        """What the network is asked beside the target, if anything."""
        found = getattr(self.model, "asked", None)
        return found if isinstance(found, Auxiliary) else None

    @property
    def combine(self) -> Combination | None:
        """What puts the logits of views together, if the model has several."""
        found = getattr(self.model, "combine", None)
        return found if isinstance(found, Combination) else None

    def _normal(self, images: Tensor, counts: Sequence[int]) -> Tensor:
        if not (self.training or self.held_out):
            return channels_last(images)
        if self.stretch:
            images = stretched(images, counts)
        return channels_last((images - self.mean).div_(self.sd))


def channels_last(images: Tensor) -> Tensor:
    """Lay the channels of images (n, channels, rows, columns) last, for one channel too.

    Grey pictures lie the same in memory either way, and torch leaves their strides as they were;
    but by the strides it then chooses how the first convolution lays out what it makes, and all
    that follows is slower by a third if this is not what the weights lie like.
    """
    images = images.contiguous(memory_format=torch.channels_last)
    _, channels, rows, columns = images.shape
    return images.as_strided(
        images.shape, (rows * columns * channels, 1, columns * channels, channels)
    )


def stretched(images: Tensor, counts: Sequence[int]) -> Tensor:
    """Bring the range of each volume to 0..1; a volume of one value becomes 0.

    Parameters
    ----------
    images
        (slices of all volumes, channels, rows, columns); so is the result.
    counts
        Number of slices of each volume.

    """
    parts = []
    for volume in torch.split(images, [n for n in counts if n]):
        low, high = volume.aminmax()
        parts.append((volume - low) / (high - low).clamp_min(1e-6))
    return torch.cat(parts) if parts else images


def make_network(recipe: Blueprint, model: nn.Module, mean: Tensor, sd: Tensor) -> Network:
    """Put a recipe's model and the normalisation of its input together.

    Mean and standard deviation are float32 (channels,), of pixels from 0 to 1.

    Raises
    ------
    ConfigError
        The model puts yes-or-no answers together, and the target has exclusive classes.

    """
    exams, stretch = takes_exams(recipe.model), recipe.train.normalize == "mrnet"
    held_out = recipe.train.normalize_held_out
    network = Network(model, mean, sd, exams=exams, stretch=stretch, held_out=held_out)
    if network.combine is not None and recipe.target.kind not in ("binary", "multi-label"):
        raise ConfigError(
            f"variants.{recipe.variant}.model.head: 'views' puts yes-or-no answers together, and"
            f" the target is {recipe.target.kind}; use 'joint'."
        )
    return network


def shape_of(store: Pixels, recipe: Recipe) -> dict[str, int]:
    """Return the keywords with which the recipe's model is built."""
    return {
        "n_channels": store.channels,
        "n_outputs": n_outputs(recipe.target, recipe.train),
        "size": recipe.image.side,
        "n_views": len(store.views),
        "volumes": store.volumes,
    }


def save_weights(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors of any shape and JSON facts atomically; equal content gives equal bytes."""
    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    with atomic(path) as temporary:
        save_file(whole, temporary, metadata={ENTRY: json.dumps(about)})


def read_about(path: Path) -> dict[str, Any]:
    """Read the facts of a file that `save_weights` wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()[ENTRY])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: not a whole file of weights ({error}). Delete it and run again."
        ) from error
    return about


def load_network(path: Path, recipe: Recipe, store: Pixels) -> Network:
    """Read the network of a run.

    Raises
    ------
    StaleError
        The weights were trained from another recipe.

    """
    if read_about(path)["recipe"] != recipe.sha256:
        raise StaleError(
            f"{path}: trained from another recipe than {recipe.variant}'s. Run snakemake (or"
            " dvc repro), which trains again."
        )
    return read_network(path, recipe, shape_of(store, recipe))


def read_network(path: Path, what: Blueprint, shape: Mapping[str, Any]) -> Network:
    """Read a network from weights that are known to fit.

    Parameters
    ----------
    path
        Of `weights.safetensors`.
    what
        Which architecture, and how its input is normalised.
    shape
        From `shape_of`.

    Raises
    ------
    DataError
        The weights are not those of this architecture and shape.

    """
    model = build_empty(what.model, **shape)
    empty = torch.empty(shape["n_channels"])
    network = make_network(what, model, empty, empty)
    try:
        network.load_state_dict(read_tensors(path), assign=True)
    except RuntimeError as error:
        raise DataError(
            f"{path}: not the weights of architecture {what.model.name!r} with these settings"
            f" ({str(error).splitlines()[0]})"
        ) from error
    return network.to(memory_format=torch.channels_last).eval()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors, of any shape, of a file that `save_weights` wrote.

    Copied, because tensors in a file lie anywhere, and where a tensor lies may decide the last bits
    of what is computed with it.
    """
    return {name: tensor.clone() for name, tensor in load_file(path).items()}
