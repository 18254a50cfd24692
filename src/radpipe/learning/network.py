"""A model with the normalisation of its input, and the file that keeps both."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from radpipe.core.errors import DataError, StaleError
from radpipe.core.files import atomic
from radpipe.core.recipe import Recipe
from radpipe.learning.data import Pixels
from radpipe.learning.models import build_empty

# The format keeps several entries in an order that differs from process to process.
ENTRY = "radpipe"


class Network(nn.Module):
    """A model that takes pixels from 0 to 1 and normalises them itself.

    Parameters
    ----------
    model
        Maps normalised pictures to logits.
    mean, sd
        Float32 (channels,), of pixels from 0 to 1.

    """

    mean: Tensor
    sd: Tensor

    def __init__(self, model: nn.Module, mean: Tensor, sd: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", mean[:, None, None].clone())
        self.register_buffer("sd", sd[:, None, None].clone())

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, channels, size, size), 0 to 1, to logits (batch, outputs)."""
        normal = (images - self.mean) / self.sd
        logits: Tensor = self.model(normal.contiguous(memory_format=torch.channels_last))
        return logits


def shape_of(store: Pixels, recipe: Recipe) -> dict[str, int]:
    """Return the keywords with which the recipe's model is built."""
    return {
        "n_channels": store.channels,
        "n_outputs": recipe.target.n_outputs,
        "size": recipe.image.side,
    }


def save_weights(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts atomically; equal content gives equal bytes."""
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
    model = build_empty(recipe.model, **shape_of(store, recipe))
    empty = torch.empty(store.channels)
    network = Network(model, empty, empty)
    network.load_state_dict(load_file(path), assign=True)
    return network.eval()
