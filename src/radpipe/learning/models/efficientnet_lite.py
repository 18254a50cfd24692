"""EfficientNet-Lite0: EfficientNet-B0 (Tan & Le, ICML 2019, arXiv:1905.11946, table 1) for phones.

Lite, as its authors describe it in the blog of TensorFlow (2020-03-16), leaves out
squeeze-and-excitation and bounds activations by 6. Convolutions are padded as TensorFlow pads,
behind first.
"""

from collections import OrderedDict
from typing import NamedTuple

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.settings import Strict
from radpipe.learning.models.base import STEM, Part, Stem, architecture

IMPLEMENTATION = "efficientnet-lite-pytorch/efficientnet-lite0"
# Of batch norm, as its authors trained it.
EPS = 1e-3
STEM_WIDTH, TOP_WIDTH = 32, 1280


class Stage(NamedTuple):
    """A row of table 1: the same block several times, of which the first may halve the maps."""

    expand: int
    kernel: int
    stride: int
    width: int
    blocks: int


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


class EfficientNetLiteSettings(Strict):
    """Settings of the architecture `efficientnet_lite`."""

    dropout: float = Field(default=0.2, ge=0, lt=1, description="Before the last layer.")
    momentum: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="Share of a batch in the running values of norms, as published (0.99 by"
        " TensorFlow's count). After n steps they still hold 0.99**n of what they were, so short"
        " trainings from random weights want torch's usual 0.1.",
    )
    stem: Stem | None = Field(
        default=None, description=STEM.format(default="filters of their own, drawn at random.")
    )


class Padded(nn.Conv2d):
    """A convolution without bias that TensorFlow would call SAME: maps of side n become n / stride.

    What an odd number of rows or columns is too much goes behind.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, channels, rows, columns) to (batch, channels, rows / s, columns / s)."""
        (rows, columns), (kernel, _), (stride, _) = maps.shape[2:], self.kernel_size, self.stride
        down, across = (
            max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in (rows, columns)
        )
        if down or across:
            maps = F.pad(maps, (across // 2, across - across // 2, down // 2, down - down // 2))
        return super().forward(maps)


def layer(
    n_in: int,
    n_out: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    bounded: bool = True,
) -> nn.Sequential:
    """Make a convolution, its norm, and where it is `bounded`, an activation from 0 to 6."""
    parts: list[tuple[str, nn.Module]] = [
        ("conv", Padded(n_in, n_out, kernel, stride=stride, groups=groups, bias=False)),
        ("norm", nn.BatchNorm2d(n_out, eps=EPS)),
    ]
    return nn.Sequential(OrderedDict([*parts, *([("bound", nn.ReLU6())] if bounded else [])]))


class Block(nn.Module):
    """An inverted residual (Sandler et al., CVPR 2018): widen, look around, narrow, add.

    Attributes
    ----------
    expand, depthwise, project
        Its layers; the first is nothing where it would not widen.

    """

    def __init__(self, n_in: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = n_in * stage.expand
        self.expand: nn.Module = layer(n_in, wide) if stage.expand > 1 else nn.Identity()
        self.depthwise = layer(wide, wide, stage.kernel, stride=stride, groups=wide)
        self.project = layer(wide, stage.width, bounded=False)
        self.adds = stride == 1 and n_in == stage.width

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, n_in, rows, columns) to (batch, width, rows / stride, columns / stride)."""
        found: Tensor = self.project(self.depthwise(self.expand(maps)))
        return found + maps if self.adds else found


class EfficientNetLite(nn.Module):
    """The network.

    Attributes
    ----------
    stem, blocks, top
        Up to maps of 1,280 channels, a 32nd of the side.
    last
        From their means to logits.
    implementations
        What it is in another library.

    """

    def __init__(
        self, settings: EfficientNetLiteSettings, *, n_channels: int, n_outputs: int
    ) -> None:
        super().__init__()
        # Three equal colours where a start has learned from colours.
        self.as_colour = n_channels == 1 and settings.stem == "repeat"
        self.stem = layer(3 if self.as_colour else n_channels, STEM_WIDTH, 3, stride=2)
        blocks: list[nn.Module] = []
        width = STEM_WIDTH
        for stage in STAGES:
            for number in range(stage.blocks):
                blocks.append(Block(width, stage, 1 if number else stage.stride))
                width = stage.width
        self.blocks = nn.Sequential(*blocks)
        self.top = layer(width, TOP_WIDTH)
        self.dropout = nn.Dropout(settings.dropout)
        self.last = nn.Linear(TOP_WIDTH, n_outputs)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = settings.momentum
        stem = settings.stem if n_channels == 1 else None
        self.implementations = {"": Part(IMPLEMENTATION, own=("last.",), stem=stem)}

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, n_channels, size, size) to logits (batch, n_outputs)."""
        if self.as_colour:
            images = images.expand(-1, 3, -1, -1)
        maps = self.top(self.blocks(self.stem(images)))
        logits: Tensor = self.last(self.dropout(maps.mean(dim=(2, 3))))
        return logits


@architecture("efficientnet_lite", EfficientNetLiteSettings)
def efficientnet_lite(
    settings: EfficientNetLiteSettings, *, n_channels: int, n_outputs: int, size: int
) -> nn.Module:
    """Build the network; input (batch, n_channels, size, size), output (batch, n_outputs)."""
    del size  # means over maps of any side
    return EfficientNetLite(settings, n_channels=n_channels, n_outputs=n_outputs)
