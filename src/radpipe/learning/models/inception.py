"""Inception v3 up to one of its modules, and dense layers (Szegedy et al., CVPR 2016).

arXiv:1512.00567. Modules are called as Keras calls what they end in, mixed0 to mixed10; layers have
torchvision's names below `trunk`, so that weights trained elsewhere fit.
"""

from collections import OrderedDict
from typing import Literal

from pydantic import Field
from torch import nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Strict
from radpipe.learning.models.base import STEM, Part, Stem, architecture, dense
from radpipe.learning.models.cnn import Dense, dense_layers
from radpipe.learning.models.trunks import take_channels

# torchvision's names of the modules, and the channels of what they end in.
MODULES = {
    "mixed0": ("Mixed_5b", 256),
    "mixed1": ("Mixed_5c", 288),
    "mixed2": ("Mixed_5d", 288),
    "mixed3": ("Mixed_6a", 768),
    "mixed4": ("Mixed_6b", 768),
    "mixed5": ("Mixed_6c", 768),
    "mixed6": ("Mixed_6d", 768),
    "mixed7": ("Mixed_6e", 768),
    "mixed8": ("Mixed_7a", 1280),
    "mixed9": ("Mixed_7b", 2048),
    "mixed10": ("Mixed_7c", 2048),
}
Module = Literal[
    "mixed0",
    "mixed1",
    "mixed2",
    "mixed3",
    "mixed4",
    "mixed5",
    "mixed6",
    "mixed7",
    "mixed8",
    "mixed9",
    "mixed10",
]
SMALLEST = 75


class InceptionSettings(Strict):
    """Settings of the architecture `inception`."""

    last: Module = Field(default="mixed7", description="The module that is kept last.")
    dense: Dense = Field(
        default=Dense(widths=[]), description="Layers between its maps, flattened, and the outputs."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Before the outputs.")
    stem: Stem | None = Field(
        default=None, description=STEM.format(default="filters of their own, drawn at random.")
    )


class Inception(nn.Sequential):
    """The modules, `trunk`, and the dense layers, `head`.

    Attributes
    ----------
    implementations
        What the modules are in torchvision.

    """

    def __init__(self, trunk: nn.Module, head: nn.Module, part: Part) -> None:
        super().__init__(OrderedDict(trunk=trunk, head=head))
        self.implementations = {"trunk.": part}


@architecture("inception", InceptionSettings)
def inception(
    settings: InceptionSettings, *, n_channels: int, n_outputs: int, size: int
) -> nn.Module:
    """Build the network; input (batch, n_channels, size, size), output (batch, n_outputs)."""
    # torchvision takes seconds to import, so only those wait who train one of its networks.
    from torchvision.models import get_model

    if size < SMALLEST:
        raise ConfigError(
            f"model.name: 'inception' needs an image side of at least {SMALLEST} pixels, and it is"
            f" {size}; use larger pictures, or another architecture."
        )
    whole: nn.Module = get_model(
        "inception_v3", weights=None, aux_logits=False, transform_input=False, init_weights=True
    )
    name, channels = MODULES[settings.last]
    children = list(whole.named_children())
    kept = 1 + [child for child, _ in children].index(name)
    trunk = nn.Sequential(OrderedDict(children[:kept]))
    if n_channels != 3:
        take_channels(trunk, n_channels, as_colour=settings.stem == "repeat")
    widths = [channels * _side(size, settings.last) ** 2, *settings.dense.widths]
    layers = [nn.Flatten(), *dense_layers(settings.dense, widths), nn.Dropout(settings.dropout)]
    layers.append(dense(widths[-1], n_outputs, bias=True, start="glorot-uniform"))
    part = Part(
        "torchvision/inception_v3",
        beyond=tuple(f"{child}." for child, _ in children[kept:]),
        stem=settings.stem if n_channels == 1 else None,
    )
    return Inception(trunk, nn.Sequential(*layers), part)


def _side(size: int, last: Module) -> int:
    """Return the side of a module's maps: convolutions and poolings of 3 pixels without padding."""
    halved = [True, False, True, False, True]
    halved += [True] * (int(last.removeprefix("mixed")) >= 3)
    halved += [True] * (int(last.removeprefix("mixed")) >= 8)
    for half in halved:
        size = (size - 3) // 2 + 1 if half else size - 2
    return size
