"""Trunks: what turns one slice into a row of features."""

from typing import Annotated, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.settings import Count, Positive, Strict
from radpipe.learning.models.base import Part, Stem
from radpipe.learning.models.compact import Pool, stem_and_stages


class TrunkBlock(Strict):
    """A convolution, then normalisation, activation, dropout and pooling, where asked for."""

    filters: Count = Field(description="Channels of the convolution.")
    kernel: Literal[1, 3, 5, 7, 9, 11] = Field(default=3, description="Side, pixels.")
    stride: Count = 1
    padding: int = Field(default=1, ge=0, description="Pixels.")
    norm: bool = Field(default=False, description="Batch normalisation.")
    leak: float = Field(default=0.0, ge=0, lt=1, description="Slope below 0; 0: a plain ReLU.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share set to 0.")
    pool: bool = Field(default=True, description="Maximum over 3 x 3 pixels, stride 2.")


class Plain(Strict):
    """Convolutions one after another, then the mean over the picture."""

    kind: Literal["plain"]
    blocks: list[TrunkBlock] = Field(min_length=1)
    width: Positive = Field(
        default=1.0, description="Factor on all filters; 1 is the published size."
    )
    first_stride: Count | None = Field(
        default=None,
        description="Stride of the first convolution instead of its block's: 1 or 2 for slices"
        " of less than 128 pixels, of which nothing would be left.",
    )
    grey_as_colour: bool = Field(
        default=True,
        description="Take a grey slice as red, green and blue, as networks for photographs do.",
    )


class TrunkResidual(Strict):
    """The trunk of the architecture `compact`: mean and maximum over the picture."""

    kind: Literal["residual"]
    widths: list[Count] = Field(default=[16, 32, 64, 128], min_length=1)
    kernel: Literal[3, 5, 7] = Field(default=3, description="Side of the first filters, pixels.")
    stride: Count = Field(
        default=1,
        description="Of the first convolution: 2 takes a quarter of the time, and lesions of"
        " two pixels with it.",
    )


Trunk = Annotated[Plain | TrunkResidual, Field(discriminator="kind")]


ALEXNET = (
    TrunkBlock(filters=64, kernel=11, stride=4, padding=2),
    TrunkBlock(filters=192, kernel=5, padding=2),
    TrunkBlock(filters=384, pool=False),
    TrunkBlock(filters=256, pool=False),
    TrunkBlock(filters=256),
)


class GreyAsColour(nn.Conv2d):
    """A convolution for three channels that is given one, and takes it three times.

    Adding its weights up over the channels first gives the same result and gradients, and
    saves two thirds of the work.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Map (slices, 1, rows, columns) to (slices, filters, rows, columns)."""
        weight = self.weight.sum(dim=1, keepdim=True)
        return F.conv2d(images, weight, self.bias, self.stride, self.padding)


def make_trunk(settings: Plain | TrunkResidual, n_channels: int) -> tuple[nn.Module, int]:
    """Build a trunk; return it and the number of its features.

    The trunk maps (slices, n_channels, size, size) to (slices, features).
    """
    if isinstance(settings, TrunkResidual):
        stages = stem_and_stages(
            settings.widths, n_channels, kernel=settings.kernel, stride=settings.stride
        )
        return nn.Sequential(*stages, Pool()), 2 * settings.widths[-1]
    layers: list[nn.Module] = []
    channels = n_channels
    for number, block in enumerate(settings.blocks):
        filters = max(1, round(block.filters * settings.width))
        as_colour = number == 0 and n_channels == 1 and settings.grey_as_colour
        kind, n_in = (GreyAsColour, 3) if as_colour else (nn.Conv2d, channels)
        stride = settings.first_stride if number == 0 else None
        layers.append(kind(n_in, filters, block.kernel, stride or block.stride, block.padding))
        if block.norm:
            layers.append(nn.BatchNorm2d(filters))
        layers.append(nn.LeakyReLU(block.leak) if block.leak else nn.ReLU())
        if block.dropout:
            layers.append(nn.Dropout(block.dropout))
        if block.pool:
            layers.append(nn.MaxPool2d(3, 2))
        channels = filters
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if _is_alexnet(settings):
        stem: Stem | None = "repeat" if n_channels == 1 and settings.grey_as_colour else None
        # A plain dict is no module, tensor or parameter: torch leaves it alone.
        part = Part("torchvision/alexnet", below="features.", stem=stem)
        vars(trunk)["implementations"] = {"": part}
    return trunk, channels


def _is_alexnet(settings: Plain) -> bool:
    """Tell whether these are the convolutions of AlexNet (Krizhevsky, arXiv:1404.5997)."""
    whole = settings.width == 1 and settings.first_stride is None
    return whole and settings.blocks == list(ALEXNET)


def take_channels(network: nn.Module, n_channels: int, *, as_colour: bool) -> None:
    """Let the first convolution take pictures of another number of channels.

    Pooling, stride and padding stay as they are, whatever the weights.
    """
    name, first = next(
        (name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)
    )
    if as_colour and n_channels == 1:
        first.__class__ = GreyAsColour  # the same weights, used otherwise
        return
    stem = nn.Conv2d(
        n_channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        stride=first.stride,  # type: ignore[arg-type]
        padding=first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, stem)
