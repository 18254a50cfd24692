"""Networks of the library timm, by the names that it gives them, and dense layers.

timm is Wightman's collection (Apache-2.0), an optional extra of radpipe. Layers have its names
below `trunk`, so that weights for it fit.
"""

import logging
import math
from collections import OrderedDict
from functools import partial
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.settings import Strict
from radpipe.learning.models.base import STEM, Part, Stem, architecture, dense
from radpipe.learning.models.cnn import Dense, dense_layers

log = logging.getLogger("radpipe.train")

SMALLEST = 32


class TimmSettings(Strict):
    """Settings of the architecture `timm`."""

    network: str = Field(
        pattern=r"^[a-z0-9_]+$",
        description="As timm calls it, without the tag of weights: legacy_xception.",
    )
    dense: Dense = Field(
        default=Dense(widths=[]), description="Layers between its features and the outputs."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Before the outputs.")
    stem: Stem | None = Field(
        default=None, description=STEM.format(default="filters of their own, drawn at random.")
    )


class Timm(nn.Module):
    """A network of timm without its head, `trunk`, and the dense layers, `head`.

    Attributes
    ----------
    implementations
        What the trunk is in timm.

    """

    def __init__(self, trunk: nn.Module, head: nn.Module, part: Part, *, repeat: bool) -> None:
        super().__init__()
        self.trunk, self.head, self.repeat = trunk, head, repeat
        self.implementations = {"trunk.": part}

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, n_channels, size, size) to logits (batch, n_outputs)."""
        # Its own convolutions pad in ways of their own, so the picture is repeated, not filters.
        colours = images.expand(-1, 3, -1, -1) if self.repeat else images
        logits: Tensor = self.head(self.trunk(colours))
        return logits


@architecture("timm", TimmSettings)
def network(settings: TimmSettings, *, n_channels: int, n_outputs: int, size: int) -> nn.Module:
    """Build the network; input (batch, n_channels, size, size), output (batch, n_outputs)."""
    timm = _timm(settings.network)
    if size < SMALLEST:
        raise ConfigError(
            f"model.name: 'timm' needs an image side of at least {SMALLEST} pixels, and it is"
            f" {size}; use larger pictures, or another architecture."
        )
    repeat = n_channels == 1 and settings.stem == "repeat"
    colours = 3 if repeat else n_channels
    trunk, n_features = _made(timm, settings.network, colours, size)
    widths = [n_features, *settings.dense.widths]
    layers = [*dense_layers(settings.dense, widths), nn.Dropout(settings.dropout)]
    layers.append(dense(widths[-1], n_outputs, bias=True, start="glorot-uniform"))
    part = Part(
        f"timm/{settings.network}",
        stem=settings.stem if n_channels == 1 else None,
        resized=partial(_resized, n_before=_n_before(trunk)),
    )
    head = OrderedDict((str(number), layer) for number, layer in enumerate(layers))
    return Timm(trunk, nn.Sequential(head), part, repeat=repeat)


def _timm(name: str) -> Any:
    """Import timm, which takes seconds, and hold a name to what it has."""
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            "model.name: 'timm' needs the package timm, which is not installed"
            f" ({error}). The way out: pip install 'radpipe[timm]'; in a clone `make install` has"
            " it."
        ) from error
    # It also makes names that it has given up, of which nobody would know which network they are.
    if name not in timm.list_models():
        raise ConfigError(
            f"model.network: timm {timm.__version__} has no network"
            f" {name!r}{near_miss(name, timm.list_models())} `timm.list_models()` lists all."
        )
    return timm


def _made(timm: Any, name: str, n_channels: int, size: int) -> tuple[nn.Module, int]:
    """Make a network without its head, from nothing but its name; return how many features it has.

    It is asked for those of one picture: what timm calls a network's features is not always what it
    gives, and some take no picture of any side but a few, which shows here and not in the midst of
    a run.
    """
    of_size = _of_size(timm, name, size)
    try:
        trunk: nn.Module = timm.create_model(
            name, pretrained=False, num_classes=0, in_chans=n_channels, **of_size
        )
        with torch.no_grad():
            features = trunk.eval()(torch.zeros(1, n_channels, size, size))
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        said = str(error).partition("\n")[0] or type(error).__name__
        raise ConfigError(
            f"model.network: timm's {name!r} cannot be made for pictures of {n_channels} x {size} x"
            f" {size} ({said}). The way out: pictures of the side that it was made for, or another"
            " network."
        ) from error
    if features.ndim != 2:
        raise ConfigError(
            f"model.network: timm's {name!r} gives {tuple(features.shape[1:])} of a picture and no"
            " list of features that could have a head. The way out: another network."
        )
    return trunk.train(), int(features.shape[1])


def _of_size(timm: Any, name: str, size: int) -> dict[str, Any]:
    """Return what a network that is made for one side has to be told."""
    found = timm.models.get_pretrained_cfg(name)
    return {"img_size": size} if found is not None and found.fixed_input_size else {}


def _n_before(trunk: Any) -> int:
    """Return how many position embeddings are of no place in the picture, such as a class's."""
    without = getattr(trunk, "no_embed_class", False)
    return 0 if without else int(getattr(trunk, "num_prefix_tokens", 0))


def _resized(name: str, theirs: Tensor, own: Tensor, *, n_before: int) -> Tensor:
    """Bring position embeddings, (1, places, width), to pictures of another side, bicubic."""
    if not name.endswith("pos_embed") or theirs.shape == own.shape or theirs.ndim != 3:
        return theirs
    from timm.layers.pos_embed import resample_abs_pos_embed

    side = math.isqrt(own.shape[1] - n_before)
    log.info("position embeddings: from %d to %d places", theirs.shape[1], own.shape[1])
    resampled: Tensor = resample_abs_pos_embed(theirs, [side, side], num_prefix_tokens=n_before)
    return resampled
