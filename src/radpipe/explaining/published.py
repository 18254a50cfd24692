"""Explanations as the published systems drew them: method, and how it is laid over the picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from radpipe.explaining.overlay import Overlay


@dataclass(frozen=True)
class Published:
    """One of them.

    Attributes
    ----------
    method
        For `read_method`.
    overlay
        Its colours.
    about
        What is known against it.

    """

    method: Mapping[str, Any]
    overlay: Overlay
    about: str


PUBLISHED: dict[str, Published] = {
    # The layer is the default: the last convolution and its ReLU, before the pooling.
    "000": Published(
        {"name": "grad-cam", "weigh": "view"},
        Overlay(colours="jet", even=True, strength=0.4, only_warm=True),
        "Each plane is scaled by its own maximum, so that a plane which says nothing glows as much"
        " as one that decides.",
    ),
    "003": Published(
        {"name": "saliency", "form": "absolute"},
        Overlay(colours="RdGy", blend="beside"),
        "Grey values in the middle of the scale mean a middling gradient, not none.",
    ),
    "003-spectral": Published(
        {"name": "saliency", "form": "absolute"},
        Overlay(colours="Spectral", blend="beside"),
        "Colours from red to blue suggest a sign that the map has not.",
    ),
    "004-densenet": Published(
        {
            "name": "grad-cam",
            "layer": "networks.*.features.denseblock4.denselayer16.conv2",
            "of": "probability",
        },
        Overlay(colours="jet-inverted", blend="add", strength=0.002),
        "The layer adds 32 of 1,024 channels; colours are turned over and can hardly be seen.",
    ),
    "004-efficientnet": Published(
        {"name": "grad-cam", "layer": "networks.*.features.8.0", "of": "probability"},
        Overlay(colours="jet-inverted", blend="add", strength=0.002),
        "Values are those before batch norm and activation; colours can hardly be seen.",
    ),
    "004-lime": Published(
        {
            "name": "lime",
            "of": "softmax-of-sigmoids",
            "samples": 1000,
            "fill": 0.0,
            "features": 10,
            "superpixels": {"kind": "quickshift"},
        },
        Overlay(colours="coolwarm"),
        "A softmax over sigmoids lets one finding count against another; without a seed it drew"
        " another map each time.",
    ),
}
