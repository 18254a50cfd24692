"""Squares and maps as PNG: windowing, colours of maps, and how strongly they lie on the picture."""

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radpipe.app.viewer.wire import Array

Colours = NDArray[np.uint8]
# Sides in the browser, pixels: small squares are enlarged here, pixel by pixel.
SHOWN = 384


@dataclass(frozen=True)
class Look:
    """How pictures are shown.

    Attributes
    ----------
    darkest, brightest
        Shares of the range of the pixels, 0 to 1, that become black and white.
    colours
        A key of `COLOURS`.
    strength
        Of the map, 0 (none) to 1.

    """

    darkest: float = 0.0
    brightest: float = 1.0
    colours: str = "orange"
    strength: float = 0.4


def windowed(pixels: Array, look: Look) -> Colours:
    """Bring a slice (rows, columns[, 3]) of uint8 or uint16 to RGB, (rows, columns, 3)."""
    white = np.iinfo(pixels.dtype).max
    width = max(look.brightest - look.darkest, 1 / white)
    share = (pixels.astype(np.float32) / white - look.darkest) / width
    grey = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    return grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, axis=2)


def scaled(maps: Mapping[str, Array], *, alone: bool) -> dict[str, NDArray[np.float32]]:
    """Bring maps to -1..1 by their largest size, all together or each view `alone`.

    Together shows which view speaks loudest; a map of nothing stays 0.
    """
    most = {view: float(np.abs(each).max(initial=0)) for view, each in maps.items()}
    if not alone:
        most = dict.fromkeys(most, max(most.values(), default=0.0))
    return {
        view: (each / most[view] if most[view] > 0 else np.zeros_like(each)).astype(np.float32)
        for view, each in maps.items()
    }


def jet(values: NDArray[np.float32]) -> Colours:
    """Return the colours of the map "jet" for 0..1: blue, cyan, yellow, red; (..., 3)."""
    four = 4 * values[..., None]
    shares = np.minimum(four - np.array([1.5, 0.5, -0.5]), np.array([4.5, 3.5, 2.5]) - four)
    found: Colours = np.rint(255 * shares.clip(0, 1)).astype(np.uint8)
    return found


def _orange(values: NDArray[np.float32]) -> tuple[Colours, NDArray[np.float32]]:
    """Colour what speaks for the answer orange and what speaks against it blue, by its size."""
    rgb = np.where(values[..., None] >= 0, np.array([255, 140, 0]), np.array([40, 120, 255]))
    return rgb.astype(np.uint8), np.abs(values)


def _jet(values: NDArray[np.float32]) -> tuple[Colours, NDArray[np.float32]]:
    return jet(values.clip(0, 1)), np.ones_like(values)


def _knee(values: NDArray[np.float32]) -> tuple[Colours, NDArray[np.float32]]:
    """Keep of jet what is red, yellow or green, as a published viewer of knees did.

    Hues of up to 80 and from 161 on, of OpenCV's 0..180: in jet all from green (hue 80) upwards.
    """
    rgb = jet(values.clip(0, 1))
    hue = np.asarray(Image.fromarray(rgb).convert("HSV"))[..., 0].astype(np.float32) / 255 * 180
    vivid = rgb.max(axis=-1) >= 64
    return rgb, (((hue <= 80) | (hue >= 161)) & vivid).astype(np.float32)


# Name in the page to a function of a map's slice, -1..1: colours and how opaque they are, 0..1.
COLOURS: dict[str, Callable[[NDArray[np.float32]], tuple[Colours, NDArray[np.float32]]]] = {
    "orange": _orange,
    "red to green": _knee,
    "jet": _jet,
}
# Each view of these is scaled by its own maximum.
ALONE = ("red to green",)


def overlaid(pixels: Array, drawn: NDArray[np.float32] | None, look: Look) -> Colours:
    """Lay a map (rows, columns), -1..1, on a slice; RGB, (rows, columns, 3)."""
    below = windowed(pixels, look)
    if drawn is None or not look.strength:
        return below
    rgb, opaque = COLOURS[look.colours](drawn)
    share = (look.strength * opaque)[..., None]
    laid: Colours = np.rint(below * (1 - share) + rgb * share).astype(np.uint8)
    return laid


def address_of(pixels: Colours) -> str:
    """Return an RGB picture, enlarged to `SHOWN` at least, as the address of a PNG."""
    times = max(1, -(-SHOWN // max(pixels.shape[:2])))
    large = pixels.repeat(times, axis=0).repeat(times, axis=1)
    stream = io.BytesIO()
    Image.fromarray(large).save(stream, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def first_slice(drawn: Array | None, slices: int) -> int:
    """Return the slice to show first: where the map is largest, else the middle one."""
    if drawn is None or not drawn.any():
        return slices // 2
    return int(np.abs(drawn).reshape(len(drawn), -1).max(axis=1).argmax())
