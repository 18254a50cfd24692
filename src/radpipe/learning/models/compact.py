"""A small residual network for small pictures: full resolution first, two kinds of pooling."""

from itertools import pairwise

import torch
from pydantic import Field
from torch import nn

from radpipe.core.settings import Count, Strict
from radpipe.learning.models.base import architecture


class CompactSettings(Strict):
    """Settings of the architecture `compact`."""

    widths: list[Count] = Field(
        default=[16, 32, 64, 128],
        min_length=1,
        description="Channels of the stem and of each following stage, which halves the side.",
    )
    first_stride: Count = Field(
        default=1,
        description="Of the stem. 1 keeps every pixel, 2 is four times as fast and enough where"
        " findings are larger than a few pixels; its kernel is then 5 pixels wide.",
    )
    dropout: float = Field(default=0.2, ge=0, lt=1, description="Before the last layer.")


class CompactResidual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (arXiv:1512.03385, figure 5 left)."""

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_conv(n_in, n_out, stride=stride), nn.ReLU(inplace=True), *_conv(n_out, n_out)
        )
        # Averaging before the 1 x 1 convolution looks at every pixel (arXiv:1812.01187, D).
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(stride, ceil_mode=True), *_conv(n_in, n_out, kernel=1)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (batch, n_in, side, side) to (batch, n_out, side / stride, side / stride)."""
        return torch.relu(self.body(images) + self.shortcut(images))


class Pool(nn.Module):
    """Mean and maximum over the picture, side by side."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, rows, columns) to (batch, 2 x channels)."""
        return torch.cat([images.mean(dim=(2, 3)), images.amax(dim=(2, 3))], dim=1)


@architecture("compact", CompactSettings)
def compact(settings: CompactSettings, *, n_channels: int, n_outputs: int, size: int) -> nn.Module:
    """Build the network; input (batch, n_channels, size, size), output (batch, n_outputs)."""
    del size  # the network ends in a pooling over whatever is left
    stride = settings.first_stride
    return nn.Sequential(
        *stem_and_stages(
            settings.widths, n_channels, kernel=3 if stride == 1 else 5, stride=stride
        ),
        Pool(),
        nn.Dropout(settings.dropout),
        nn.Linear(2 * settings.widths[-1], n_outputs),
    )


def stem_and_stages(
    widths: list[int], n_channels: int, *, kernel: int = 3, stride: int = 1
) -> list[nn.Module]:
    """Make a stem, which keeps every pixel with a stride of 1, and stages that halve the side."""
    stages = [CompactResidual(n_in, n_out, stride=2) for n_in, n_out in pairwise(widths)]
    stem = _conv(n_channels, widths[0], kernel=kernel, stride=stride)
    return [*stem, nn.ReLU(inplace=True), *stages]


def _conv(n_in: int, n_out: int, *, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    layer = nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return [layer, nn.BatchNorm2d(n_out)]
