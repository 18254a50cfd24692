"""VGG networks (Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556), averaged at the end.

The three large dense layers of the publication are replaced by the mean over the last maps and
one layer, as networks for radiographs do. Convolutions have the names of torchvision's, so that
weights trained elsewhere fit.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Positive, Strict
from radpipe.learning.models.base import STEM, Part, Stem, architecture
from radpipe.learning.models.trunks import GreyAsColour

# Convolutions of the five stages, each of which ends in a pooling: configurations A, B, D and E
# of table 1.
DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
FILTERS = (64, 128, 256, 512, 512)


class VggSettings(Strict):
    """Settings of the architecture `vgg`."""

    depth: Literal[11, 13, 16, 19] = Field(default=16, description="Layers, as published.")
    width: Positive = Field(
        default=1.0, description="Factor on all filters; 1 is the published size."
    )
    batch_norm: bool = Field(default=False, description="After every convolution.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Before the last layer.")
    grey_as_colour: bool = Field(
        default=True,
        description="Take a grey picture as red, green and blue, as networks for photographs do.",
    )
    stem: Stem | None = Field(
        default=None, description=STEM.format(default="as grey_as_colour says.")
    )

    @property
    def grey_stem(self) -> Stem | None:
        """How grey pictures are taken; None: by filters of one channel of their own."""
        return self.stem or ("repeat" if self.grey_as_colour else None)


class Vgg(nn.Module):
    """Convolutions and poolings, the mean over the last maps, and a linear layer.

    Attributes
    ----------
    features
        The convolutions, numbered as torchvision's are.
    implementations
        What they are in torchvision, if they are as wide.
    last
        From features to logits.

    """

    def __init__(self, settings: VggSettings, *, n_channels: int, n_outputs: int) -> None:
        super().__init__()
        name = f"torchvision/vgg{settings.depth}{'_bn' if settings.batch_norm else ''}"
        stem = settings.grey_stem if n_channels == 1 else None
        self.implementations = (
            {"": Part(name, own=("last.",), stem=stem)} if settings.width == 1 else {}
        )
        self.features = nn.Sequential(*_stages(settings, n_channels))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = nn.Dropout(settings.dropout)
        self.last = nn.Linear(_filters(settings)[-1], n_outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, n_channels, size, size) to logits (batch, n_outputs)."""
        logits: Tensor = self.last(self.dropout(self.pool(self.features(images))))
        return logits


@architecture("vgg", VggSettings)
def vgg(settings: VggSettings, *, n_channels: int, n_outputs: int, size: int) -> nn.Module:
    """Build the network; input (batch, n_channels, size, size), output (batch, n_outputs)."""
    if size < 2 ** len(FILTERS):
        raise ConfigError(
            f"model.name: 'vgg' pools five times, for which {size} pixels are too few; use an"
            " image side of at least 32, or another architecture."
        )
    return Vgg(settings, n_channels=n_channels, n_outputs=n_outputs)


def _filters(settings: VggSettings) -> list[int]:
    return [max(1, round(filters * settings.width)) for filters in FILTERS]


def _started(layer: nn.Conv2d) -> nn.Conv2d:
    """Give a convolution torchvision's start: the publication's was a smaller network."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _stages(settings: VggSettings, n_channels: int) -> Iterator[nn.Module]:
    as_colour = n_channels == 1 and settings.grey_stem == "repeat"
    kind, n_in = (GreyAsColour, 3) if as_colour else (nn.Conv2d, n_channels)
    for count, n_out in zip(DEPTHS[settings.depth], _filters(settings), strict=True):
        for _ in range(count):
            layer = kind(n_in, n_out, 3, padding=1)
            yield _started(layer)
            if settings.batch_norm:
                yield nn.BatchNorm2d(n_out)
            yield nn.ReLU(inplace=True)
            kind, n_in = nn.Conv2d, n_out
        yield nn.MaxPool2d(2)
