"""Networks of torchvision for photographs, one or several side by side, with one head.

AlexNet (Krizhevsky, arXiv:1404.5997), ConvNeXt (Liu et al., CVPR 2022, arXiv:2201.03545), DenseNet
(Huang et al., CVPR 2017, arXiv:1608.06993), EfficientNet (Tan and Le, ICML 2019, arXiv:1905.11946),
Inception v3 (Szegedy et al., CVPR 2016, arXiv:1512.00567), MnasNet (Tan et al., CVPR 2019,
arXiv:1807.11626), ResNet and VGG without their last layers. Each sees the same picture; their
features are joined. Layers have torchvision's names below `networks.<number>`, so that weights
trained elsewhere fit.
"""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Count, Strict
from radpipe.learning.models.base import STEM, Part, Stem, architecture
from radpipe.learning.models.trunks import take_channels

Name = Literal[
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "densenet169",
    "densenet201",
    "efficientnet_b0",
    "efficientnet_b5",
    "efficientnet_b7",
    "inception_v3",
    "mnasnet1_0",
    "resnet18",
    "resnet50",
    "vgg16",
    "vgg19",
    "vgg19_bn",
]
# Sides below which nothing is left of a picture; most networks halve it five times.
SMALLEST = {"alexnet": 63, "inception_v3": 75}
HALVED = 32
# Huang et al. 2017, table 1: layers of each block, and channels that each adds.
DENSENET_BLOCKS = {
    "densenet121": (6, 12, 24, 16),
    "densenet169": (6, 12, 32, 32),
    "densenet201": (6, 12, 48, 32),
}
DENSENET_GROWTH = 32
# Sides for which the last maps of VGG are 7 x 7 and those of AlexNet 6 x 6, as their published
# layers want them.
WHOLE = {"vgg": range(224, 256), "alexnet": range(223, 255)}


class CollectionSettings(Strict):
    """Settings of the architecture `torchvision`."""

    networks: list[Name] = Field(min_length=1, description="One, or several side by side.")
    blocks: list[Count] | None = Field(
        default=None,
        min_length=1,
        description="Of DenseNets: layers of each dense block; null: as published.",
    )
    growth: Count | None = Field(
        default=None,
        description="Of DenseNets: channels that each layer adds, and half of the stem's; null: as"
        " published.",
    )
    hidden: Count | None = Field(
        default=None, description="Width of a linear layer before the last one, without activation."
    )
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


class Collection(nn.Module):
    """Networks side by side, their features joined, and a head.

    Attributes
    ----------
    networks
        Without their last layers.
    implementations
        What the networks are in torchvision, by the beginning of the names of their tensors.
    hidden
        A linear layer on the features, or nothing.
    last
        From these to logits.

    """

    def __init__(
        self, settings: CollectionSettings, *, n_channels: int, n_outputs: int, size: int
    ) -> None:
        super().__init__()
        made = [_headless(name, settings, n_channels, size) for name in settings.networks]
        self.networks = nn.ModuleList([network for network, _ in made])
        stem = settings.grey_stem if n_channels == 1 else None
        published = settings.blocks is None and settings.growth is None
        self.implementations = {
            f"networks.{k}.": Part(f"torchvision/{name}", stem=stem)
            for k, name in enumerate(settings.networks)
            if published
        }
        width = sum(n_features for _, n_features in made)
        self.hidden: nn.Module = nn.Identity()
        if settings.hidden:
            self.hidden, width = nn.Linear(width, settings.hidden), settings.hidden
        self.dropout = nn.Dropout(settings.dropout)
        self.last = nn.Linear(width, n_outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, n_channels, size, size) to logits (batch, n_outputs)."""
        features = torch.cat([network(images) for network in self.networks], dim=1)
        logits: Tensor = self.last(self.dropout(self.hidden(features)))
        return logits


@architecture("torchvision", CollectionSettings)
def collection(
    settings: CollectionSettings, *, n_channels: int, n_outputs: int, size: int
) -> nn.Module:
    """Build the network; input (batch, n_channels, size, size), output (batch, n_outputs)."""
    smallest = max(SMALLEST.get(name, HALVED) for name in settings.networks)
    if size < smallest:
        raise ConfigError(
            f"model.name: 'torchvision' halves a picture five times, for which {size} pixels are"
            f" too few; use an image side of at least {smallest}, or another architecture."
        )
    return Collection(settings, n_channels=n_channels, n_outputs=n_outputs, size=size)


def _headless(
    name: str, settings: CollectionSettings, n_channels: int, size: int
) -> tuple[nn.Module, int]:
    """Build a network of random weights without its head; return it and its number of features."""
    network = _empty(name, settings)
    if size in WHOLE.get("vgg" if name.startswith("vgg") else name, ()):
        # Nothing to average; on a GPU this layer has no gradient that is the same every time.
        network.avgpool = nn.Identity()
    width = _take_off_head(network, name)
    if n_channels != 3:
        take_channels(network, n_channels, as_colour=settings.grey_stem == "repeat")
    return network, width


def _take_off_head(network: nn.Module, name: str) -> int:
    """Replace what answers the published question by nothing; return the number of features."""
    head = "fc" if hasattr(network, "fc") else "classifier"
    layers = [layer for layer in getattr(network, head).modules() if isinstance(layer, nn.Linear)]
    if name == "convnext_tiny":
        # Before the linear layer come a norm, which belongs to the features, and a flattening.
        classifier: Any = network.classifier
        classifier[-1] = nn.Identity()
    else:
        setattr(network, head, nn.Identity())
    if name == "inception_v3":
        network.dropout = nn.Identity()  # there is one before our last layer
    return layers[0].in_features


def _empty(name: str, settings: CollectionSettings) -> nn.Module:
    """Build a network of random weights, with its head."""
    # torchvision takes seconds to import, so only those wait who train one of its networks.
    from torchvision.models import DenseNet, get_model

    network: nn.Module
    if settings.blocks is None and settings.growth is None:
        # Inception's second head only helps to train it, and what it does to the input is said by
        # `train.normalize`: torchvision itself does it to some of its weights and not to others.
        inception = {"aux_logits": False, "transform_input": False, "init_weights": True}
        network = get_model(name, weights=None, **(inception if name == "inception_v3" else {}))
        return network
    if not name.startswith("densenet"):
        raise ConfigError(
            f"model.blocks and model.growth are of DenseNets, and model.networks names {name}; take"
            " them out, or name DenseNets only."
        )
    growth = settings.growth or DENSENET_GROWTH
    blocks: Any = tuple(settings.blocks or DENSENET_BLOCKS[name])
    network = DenseNet(growth, blocks, 2 * growth)
    return network
