"""Plain convolutional networks: blocks of convolutions, then fully connected layers.

The form of the custom Keras networks for bone radiographs, whose nine published members
are settings in `presets/bones.yaml`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Count, Positive, Strict
from radpipe.learning.models.base import Start, architecture, conv, dense

# Keras' defaults: its momentum 0.99 is the share that is kept, torch's the share replaced.
MOMENTUM, EPSILON = 0.01, 1e-3


class CnnBlock(Strict):
    """Convolutions with ReLU, then normalisation, pooling and dropout."""

    filters: Count = Field(description="Channels of each convolution.")
    convolutions: Count = 1
    kernel: Literal[1, 3, 5, 7, 9, 11] = Field(default=3, description="Side in pixels.")
    norm: bool = Field(default=False, description="Batch normalisation after the last ReLU.")
    pool: Count = Field(default=2, description="Side and stride of the maximum, pixels.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share set to 0.")
    start: Start = Field(default="glorot-uniform", description="Initial weights.")


class Dense(Strict):
    """The fully connected layers between the blocks and the outputs."""

    widths: list[Count]
    bias: bool = True
    norm: bool = Field(default=False, description="Batch normalisation before each ReLU.")
    start: Start = Field(default="glorot-uniform", description="Initial weights.")


class CnnSettings(Strict):
    """Settings of the architecture `cnn`."""

    blocks: list[CnnBlock] = Field(min_length=1)
    dense: Dense
    width: Positive = Field(
        default=1.0, description="Factor on all filters and widths; 1 is the published size."
    )


@architecture("cnn", CnnSettings)
def cnn(settings: CnnSettings, *, n_channels: int, n_outputs: int, size: int) -> nn.Module:
    """Build the network; input (batch, n_channels, size, size), output (batch, n_outputs)."""
    layers: list[nn.Module] = []
    channels, side = n_channels, size
    for block in settings.blocks:
        filters = _scaled(block.filters, settings.width)
        layers += _block(block, channels, filters)
        channels, side = filters, side // block.pool
    if side < 1:
        raise ConfigError(
            f"model.blocks: {size} pixels are too few for {len(settings.blocks)} poolings;"
            " use a larger image size or fewer blocks."
        )
    widths = [_scaled(width, settings.width) for width in settings.dense.widths]
    layers.append(nn.Flatten())
    layers += dense_layers(settings.dense, [channels * side * side, *widths])
    last = widths[-1] if widths else channels * side * side
    layers.append(dense(last, n_outputs, bias=True, start="glorot-uniform"))
    return nn.Sequential(*layers)


def _block(block: CnnBlock, n_in: int, filters: int) -> Iterator[nn.Module]:
    for index in range(block.convolutions):
        channels = filters if index else n_in
        yield conv(channels, filters, block.kernel, start=block.start)
        yield nn.ReLU(inplace=True)
    if block.norm:
        yield nn.BatchNorm2d(filters, momentum=MOMENTUM, eps=EPSILON)
    yield nn.MaxPool2d(block.pool)
    if block.dropout:
        yield nn.Dropout(block.dropout)


def dense_layers(settings: Dense, widths: list[int]) -> Iterator[nn.Module]:
    """Yield fully connected layers from each width to the next, each with its norm and ReLU."""
    for n_in, n_out in pairwise(widths):
        yield dense(n_in, n_out, bias=settings.bias, start=settings.start)
        if settings.norm:
            yield nn.BatchNorm1d(n_out, momentum=MOMENTUM, eps=EPSILON)
        yield nn.ReLU(inplace=True)


def _scaled(count: int, width: float) -> int:
    return max(1, round(count * width))
