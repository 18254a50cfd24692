"""Maps laid over films: small pictures with nothing written on them.

Columns are the film, and the film under each method's map; rows are views. A line of two colours
runs around the known finding, so that it is seen on light and on dark ground.
"""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import rgb_to_hsv
from numpy.typing import NDArray
from PIL import Image

from radpipe.core.files import atomic

Grey = NDArray[np.floating[Any]]
# Side of a film in a gallery, pixels, and white between films.
SIDE, GAP = 168, 4
QUALITY = 82
# Most that a map hides of the film.
COVER = 0.7
LINE, EDGE = (0.35, 1.0, 0.95), (0.0, 0.0, 0.0)


def heat(film: Grey, drawn: Grey) -> Grey:
    """Lay a map over a film, the more the higher it is.

    What speaks for the answer is warm; what speaks against it is blue.
    """
    warm, cold = colormaps["inferno"](0.25 + 0.75 * drawn), colormaps["Blues"](0.3 - 0.7 * drawn)
    colours = np.where(drawn[..., None] >= 0, warm, cold)[..., :3]
    cover = COVER * np.abs(drawn)[..., None] ** 0.7
    found: Grey = (1 - cover) * film + cover * colours
    return found


def jet(film: Grey, drawn: Grey) -> Grey:
    """Lay 0.4 of the map in the colours of a rainbow over 0.6 of the film."""
    return 0.6 * film + 0.4 * _colours("jet", drawn)


def jet_red_to_green(film: Grey, drawn: Grey) -> Grey:
    """Do the same, but only where the rainbow is red, yellow or green: the higher values."""
    colours = _colours("jet", drawn)
    hue, saturation, value = np.moveaxis(rgb_to_hsv(colours), -1, 0)
    # Of a circle of 180, as OpenCV counts.
    turned = np.rint(hue * 180)
    kept = ((turned <= 80) | (turned >= 161)) & (saturation >= 39 / 255) & (value >= 64 / 255)
    return np.where(kept[..., None], 0.6 * film + 0.4 * colours, film)


def jet_inverted(film: Grey, drawn: Grey) -> Grey:
    """Add 0.002 of a rainbow turned round, and bring the sum to 1: the film, almost as it was."""
    total = film + 0.002 * _colours("jet", 1 - np.clip(drawn, 0, 1))
    return total / max(float(total.max()), 1e-6)


def spectral(film: Grey, drawn: Grey) -> Grey:
    """Draw the map beside the film, not over it."""
    del film
    return _colours("Spectral_r", drawn)


LOOKS: dict[str, Callable[[Grey, Grey], Grey]] = {
    "heat": heat,
    "jet": jet,
    "jet-red-to-green": jet_red_to_green,
    "jet-inverted": jet_inverted,
    "spectral": spectral,
}


def overlay(film: Grey, drawn: Grey, look: str, *, side: int = SIDE) -> Grey:
    """Return a film under a map, (side, side, 3), 0 to 1.

    Parameters
    ----------
    film
        (rows, columns, 1 or 3), 0 to 1.
    drawn
        (rows, columns), -1 to 1.
    look
        One of `LOOKS`.
    side
        Of the result, pixels.

    """
    return np.clip(LOOKS[look](enlarged(film, side), _sized(drawn, side)), 0, 1)


def enlarged(film: Grey, side: int = SIDE) -> Grey:
    """Return a film in the size of the gallery, (side, side, 3), 0 to 1."""
    channels = [_sized(film[..., k], side) for k in range(film.shape[2])]
    return np.clip(np.stack(channels * (3 // len(channels)), axis=-1), 0, 1)


def outlined(picture: Grey, inside: NDArray[np.bool_] | None) -> Grey:
    """Return a picture (side, side, 3) with a line around what a mask of any size covers."""
    if inside is None:
        return picture
    side = len(picture)
    place = (np.arange(side) + 0.5) * len(inside) / side
    large = inside[np.ix_(place.astype(int), place.astype(int))]
    line = large & ~_shrunk(large)
    found = picture.copy()
    found[line] = LINE
    found[_grown(large) & ~large] = EDGE
    return found


def sheet(rows: Sequence[Sequence[Grey]]) -> NDArray[np.uint8]:
    """Lay pictures of one size, each (side, side, 3), 0 to 1, row by row on white; uint8."""
    side, across = len(rows[0][0]), max(map(len, rows))
    step = side + GAP
    whole = np.ones((len(rows) * step - GAP, across * step - GAP, 3))
    for line, pictures in enumerate(rows):
        for k, picture in enumerate(pictures):
            whole[line * step : line * step + side, k * step : k * step + side] = picture
    return np.rint(whole * 255).astype(np.uint8)


def save_jpeg(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a picture (rows, columns, 3) as a JPEG file, with nothing beside the pixels."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=QUALITY, optimize=True)
    with atomic(path) as temporary:
        temporary.write_bytes(stream.getvalue())


def _colours(name: str, drawn: Grey) -> Grey:
    found: Grey = colormaps[name](np.clip(drawn, 0, 1))[..., :3]
    return found


def _sized(values: Grey, side: int) -> Grey:
    """Bring an array (rows, columns) to the size of the gallery."""
    image = Image.fromarray(np.asarray(values, dtype=np.float32))
    how = Image.Resampling.BOX if len(values) > side else Image.Resampling.BICUBIC
    return np.asarray(image.resize((side, side), how), dtype=np.float64)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wide = np.pad(mask, 1)
    found: NDArray[np.bool_] = np.logical_or.reduce(
        [wide[1:-1, 1:-1], wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]]
    )
    return found


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return ~_grown(~mask) if mask.any() else mask
