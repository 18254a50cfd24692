"""Residual networks of torchvision (He et al., CVPR 2016, arXiv:1512.03385)."""

from functools import partial

from pydantic import Field
from torch import nn

from radpipe.core.settings import Strict
from radpipe.learning.models.base import STEM, Part, Stem, architecture
from radpipe.learning.models.trunks import GreyAsColour


class ResnetSettings(Strict):
    """Settings of the architectures `resnet18` and `resnet50`."""

    small_stem: bool = Field(
        default=False,
        description="For pictures below 64 pixels: a 3 x 3 stem without stride and pooling"
        " keeps 8 times more rows and columns, at 16 times the work or more.",
    )
    stem: Stem | None = Field(
        default=None, description=STEM.format(default="filters of their own, drawn at random.")
    )


def resnet(
    name: str, settings: ResnetSettings, *, n_channels: int, n_outputs: int, size: int
) -> nn.Module:
    """Build a torchvision network whose stem and last layer fit the study, at any `size`."""
    # torchvision takes seconds to import, so only those wait who train one of its networks.
    from torchvision.models import get_model

    del size  # the network ends in a global average
    net: nn.Module = get_model(name, weights=None, num_classes=n_outputs)
    if settings.small_stem:
        net.conv1 = _stem(n_channels, kernel=3, stride=1)
        net.maxpool = nn.Identity()
    elif n_channels == 1 and settings.stem == "repeat":
        net.conv1.__class__ = GreyAsColour  # the same weights, used otherwise
    elif n_channels != 3:
        net.conv1 = _stem(n_channels, kernel=7, stride=2)
    stem = settings.stem if n_channels == 1 else None
    # A plain dict is no module, tensor or parameter: torch leaves it alone.
    vars(net)["implementations"] = {"": Part(f"torchvision/{name}", own=("fc.",), stem=stem)}
    return net


def _stem(n_channels: int, *, kernel: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(n_channels, 64, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


architecture("resnet18", ResnetSettings)(partial(resnet, "resnet18"))
architecture("resnet50", ResnetSettings)(partial(resnet, "resnet50"))
