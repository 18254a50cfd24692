"""A map on its picture, in colours: the published ways and one that can be read.

Maps are brought to 0..1 (or -1..1 where they have a sign) by `scaled` first, because what is drawn
is where evidence lies and not how much there is.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from radpipe.core.settings import Fraction, Positive, Strict

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

# What 000 keeps of JET, in the numbers of OpenCV: hue 0..180, saturation and value 0..255.
WARM_HUES = ((0, 80), (161, 180))
LEAST_SATURATION, LEAST_VALUE = 39, 64
# Spread of JET's three bumps: where each is highest, on 0..1.
JET = (0.75, 0.5, 0.25)


class Overlay(Strict):
    """How a map is laid over its picture."""

    colours: Literal["jet", "jet-inverted", "RdGy", "Spectral", "viridis", "coolwarm"] = Field(
        default="viridis", description="From low to high; of maps with a sign from against to for."
    )
    blend: Literal["mix", "add", "beside"] = Field(
        default="mix",
        description="mix: picture and colours by strength, colours less where the map is low; add:"
        " colours added to the picture and all scaled again; beside: the map alone.",
    )
    even: bool = Field(
        default=False, description="Mix with the same strength where the map is low, too."
    )
    strength: Positive = Field(default=0.6, description="Of the colours.")
    only_warm: bool = Field(
        default=False,
        description="Black in the place of colours other than red, yellow and green.",
    )
    least: Fraction = Field(default=0.0, description="Below it a map is taken for 0.")


def scaled(drawn: NDArray[np.float32], *, signed: bool) -> Floats:
    """Bring a view's map to 0..1 by its largest value, or to -1..1 by its largest absolute one.

    Of any shape; all slices of a volume by the same number, as 000 does. A map of zeros stays so,
    and what is negative without a sign is 0.
    """
    values = drawn.astype(np.float64)
    values = values if signed else values.clip(0)
    largest = np.abs(values).max(initial=0.0)
    return values / largest if largest > 0 else values


def overlay(
    picture: NDArray[np.unsignedinteger], drawn: Floats, how: Overlay, *, signed: bool
) -> Bytes:
    """Lay a map over a slice.

    Parameters
    ----------
    picture
        (rows, columns) or (rows, columns, 1 or 3), uint8 or uint16.
    drawn
        (rows, columns), from `scaled`.
    how
        Colours and way.
    signed
        Whether the map goes from -1.

    Returns
    -------
    ndarray
        uint8 (rows, columns, 3).

    """
    drawn = np.where(np.abs(drawn) < how.least, 0.0, drawn)
    place = (drawn + 1) / 2 if signed else drawn
    colours = coloured(place.clip(0, 1), how.colours)
    if how.only_warm:
        colours = np.where(is_warm(colours)[..., None], colours, 0.0)
    if how.blend == "beside":
        return _bytes(colours)
    below = _colour(picture)
    if how.blend == "add":
        total = below + how.strength * colours
        return _bytes(total / max(total.max(), 1e-12))
    share = np.full_like(place, how.strength) if how.even else how.strength * np.abs(drawn)
    share = share.clip(0, 1)[..., None]
    return _bytes((1 - share) * below + share * colours)


def coloured(place: Floats, name: str) -> Floats:
    """Turn places 0..1 of any shape into colours, red, green and blue from 0 to 1, last."""
    if name == "jet":
        return np.stack([(1.5 - np.abs(4 * (place - top))).clip(0, 1) for top in JET], axis=-1)
    if name == "jet-inverted":
        return coloured(1 - place, "jet")
    # Takes a second to import, so only those wait who need it.
    from matplotlib import colormaps

    found: Floats = np.asarray(colormaps[name](place))[..., :3]
    return found


def is_warm(colours: Floats) -> NDArray[np.bool_]:
    """Tell which colours (..., 3) from 0 to 1 are red, yellow or green, as 000 does."""
    from matplotlib.colors import rgb_to_hsv

    hue, saturation, value = np.moveaxis(rgb_to_hsv(colours), -1, 0)
    turns = np.rint(hue * 180)
    there = np.zeros(hue.shape, bool)
    for low, high in WARM_HUES:
        there |= (turns >= low) & (turns <= high)
    found: NDArray[np.bool_] = (
        there
        & (np.rint(saturation * 255) >= LEAST_SATURATION)
        & (np.rint(value * 255) >= LEAST_VALUE)
    )
    return found


def _colour(picture: NDArray[np.unsignedinteger]) -> Floats:
    """Return a picture as red, green and blue from 0 to 1."""
    values = picture.astype(np.float64) / (2 ** (8 * picture.dtype.itemsize) - 1)
    values = values[..., None] if values.ndim == 2 else values
    return np.repeat(values, 3, axis=-1) if values.shape[-1] == 1 else values


def _bytes(colours: Floats) -> Bytes:
    found: Bytes = np.rint(colours.clip(0, 1) * 255).astype(np.uint8)
    return found
