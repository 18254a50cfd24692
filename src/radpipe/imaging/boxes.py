"""Boxes: from a file's pixels into stored squares and back, and how well two of them agree.

A box is (x0, y0, x1, y1); arrays of n boxes are float64 (n, 4). Pixel (row, column) reaches from
(column, row) to (column + 1, row + 1).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Image
from radpipe.imaging.regions import Region

Boxes = NDArray[np.float64]


def to_square(boxes: Boxes, regions: list[Region], image: Image) -> Boxes:
    """Move boxes from the pixels of files into those of stored squares.

    Parameters
    ----------
    boxes
        (n, 4) in pixels of the file.
    regions
        The region that each square shows.
    image
        How regions were made square.

    """
    scale, offset = _fits(regions, image)
    x0, y0, x1, y1 = boxes.T
    left, top, width = _frames(regions)
    across = np.stack([x0 - left, x1 - left], axis=1)
    mirrored = np.array([region.mirrored for region in regions])
    across[mirrored] = (width[:, None] - across[:, ::-1])[mirrored]
    down = np.stack([y0 - top, y1 - top], axis=1)
    x = across * scale[:, :1] + offset[:, :1]
    y = down * scale[:, 1:] + offset[:, 1:]
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)


def from_square(boxes: Boxes, regions: list[Region], image: Image) -> Boxes:
    """Move boxes (n, 4) from stored squares into the pixels of files: `to_square` reversed."""
    scale, offset = _fits(regions, image)
    left, top, width = _frames(regions)
    across = (boxes[:, [0, 2]] - offset[:, :1]) / scale[:, :1]
    down = (boxes[:, [1, 3]] - offset[:, 1:]) / scale[:, 1:]
    mirrored = np.array([region.mirrored for region in regions])
    across[mirrored] = (width[:, None] - across[:, ::-1])[mirrored]
    x, y = across + left[:, None], down + top[:, None]
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)


def scale_of(region: Region, image: Image) -> tuple[float, float]:
    """Return how many pixels of the stored square one of the file becomes, across and down."""
    scale, _ = _fits([region], image)
    return float(scale[0, 0]), float(scale[0, 1])


def overlap(ours: Boxes, theirs: Boxes) -> NDArray[np.float64]:
    """Return the intersection over union of each of n pairs, (n,), 0 to 1."""
    low = np.maximum(ours[:, :2], theirs[:, :2])
    high = np.minimum(ours[:, 2:], theirs[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    union = _area(ours) + _area(theirs) - shared
    ratio: NDArray[np.float64] = np.divide(shared, union, out=np.zeros(len(ours)), where=union > 0)
    return ratio


def best_fixed_box(boxes: Boxes, factors: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Return the one box that overlaps given ones best on average: what a detector must beat.

    Of boxes around the median centre, with the median width and height times `factors`.

    Parameters
    ----------
    boxes
        (n, 4), in any unit.
    factors
        (m,), above 0; 0.8 to 2 in steps of 0.1 if left out.

    Returns
    -------
    ndarray
        (4,), in the unit of `boxes`.

    """
    factors = np.linspace(0.8, 2.0, 13) if factors is None else factors
    centre = np.median((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0)
    half = np.median(boxes[:, 2:] - boxes[:, :2], axis=0) / 2
    tried = [np.concatenate([centre - f * half, centre + f * half]) for f in factors]
    scores = [overlap(np.tile(one, (len(boxes), 1)), boxes).mean() for one in tried]
    return tried[int(np.argmax(scores))]


def _area(boxes: Boxes) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    return area


def _frames(regions: list[Region]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return tuple(  # type: ignore[return-value]
        np.array([getattr(region, name) for region in regions], float)
        for name in ("x0", "y0", "width")
    )


def _fits(regions: list[Region], image: Image) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how much each region is scaled, (n, 2), and where it begins in its square, (n, 2)."""
    size = np.array([[region.width, region.height] for region in regions], float)
    if image.resize == "squash":
        return image.side / size, np.zeros_like(size)
    if image.resize == "crop":
        shortest = size.min(axis=1, keepdims=True)
        scale = np.repeat(image.side / shortest, 2, axis=1)
        return scale, -(size - shortest) / 2 * scale
    # As `resize.scale` and `resize.pad` do it: whole pixels, an odd one goes to the far side.
    content = np.maximum(1, np.rint(size * image.side / size.max(axis=1, keepdims=True)))
    return content / size, (image.side - content) // 2
