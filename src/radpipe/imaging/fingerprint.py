"""What a study's pictures or volumes are like: sizes, depths, intensities, and sizes to choose."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radpipe.imaging.read import Array
from radpipe.imaging.resize import How

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
PERCENTILES = (0.5, 5, 25, 50, 75, 95, 99.5)
SIZES = (32, 48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024)
# Enlarging adds work and no information; a few small pictures may bear it.
MAX_UPSCALED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What is noted of one picture or volume.

    Attributes
    ----------
    slices
        1 for a picture.
    rows, columns
        Original size, pixels.
    mode, bits
        How the file kept its pixels.
    mean, sd
        Of the stored squares, scaled to 0..1.
    sums, squares
        Of the stored squares' pixels and of their squares, one for each channel: whole numbers,
        so that mean and SD of any cases follow without looking at pixels again.
    histogram
        (256,) counts of the resized slices' pixels without borders, by upper 8 bits.

    """

    slices: int
    rows: int
    columns: int
    mode: str
    bits: int
    mean: float
    sd: float
    sums: tuple[int, ...]
    squares: tuple[int, ...]
    histogram: NDArray[np.int64]


def traits(
    original: Array,
    mode: str,
    squares: Array,
    contents: Sequence[Array],
    size: tuple[int, int] | None = None,
) -> Traits:
    """Describe one picture or volume from its original, stored and borderless pixels.

    Parameters
    ----------
    original
        (slices, rows, columns) or (slices, rows, columns, 3), uint8 or uint16.
    mode
        How the file kept them.
    squares
        (slices, size, size, channels) as stored.
    contents
        The same slice by slice without borders, (rows, columns, channels).
    size
        Original rows and columns, if `original` was decoded smaller.

    """
    full = int(np.iinfo(squares.dtype).max)
    # Counts and integer sums are exact, so the same on every processor; borders are zeros.
    counts = np.zeros((squares.shape[-1], full + 1), np.int64)
    for content in contents:
        for channel, mine in enumerate(counts):
            mine += _counted(content[..., channel], full)
    values = np.arange(full + 1)
    sums, squared = (counts @ values).tolist(), (counts @ (values * values)).tolist()
    rows, columns = size or original.shape[1:3]
    mean = sum(sums) / squares.size
    variance = max(sum(squared) / squares.size - mean * mean, 0.0)
    return Traits(
        slices=original.shape[0],
        rows=rows,
        columns=columns,
        mode=mode,
        bits=original.dtype.itemsize * 8,
        mean=mean / full,
        sd=variance**0.5 / full,
        sums=tuple(sums),
        squares=tuple(squared),
        histogram=counts.sum(axis=0).reshape(256, -1).sum(axis=1),
    )


def _counted(plane: Array, full: int) -> NDArray[np.int64]:
    """Count how often each value stands in a plane, (full + 1,)."""
    if plane.dtype == np.uint8:
        # Pillow counts bytes as they are; NumPy makes words of eight bytes of them first.
        return np.array(Image.fromarray(np.ascontiguousarray(plane)).histogram(), np.int64)
    return np.bincount(plane.ravel(), minlength=full + 1)


def fingerprint(seen: Sequence[Traits], how: How) -> dict[str, Any]:
    """Sum up a study's pictures or volumes; what is said of pictures is meant of both.

    Parameters
    ----------
    seen
        Its pictures, at least one.
    how
        Way of resizing, which decides what side counts as too small.

    Returns
    -------
    dict
        JSON: `n_pictures`, `rows`, `columns`, `aspect` (columns / rows) as quantiles, `bits`
        and `modes` as counts, `intensity` (0..1), `n_blank`, `input_sizes` with the share
        of pictures each would enlarge, and `recommended_size`.

    """
    rows = np.array([one.rows for one in seen])
    columns = np.array([one.columns for one in seen])
    choices = _input_sizes(rows, columns, how)
    small_enough = [c["size"] for c in choices if c["upscaled"] <= MAX_UPSCALED]
    return {
        "n_pictures": len(seen),
        "rows": _quantiles(rows),
        "columns": _quantiles(columns),
        "aspect": _quantiles(columns / rows),
        "bits": _counts(str(one.bits) for one in seen),
        "modes": _counts(one.mode for one in seen),
        "n_blank": sum(one.sd == 0 for one in seen),
        "intensity": _intensity(seen),
        "input_sizes": choices,
        "recommended_size": max(small_enough, default=SIZES[0]),
    }


def slice_counts(views: Sequence[str], slices: Sequence[int]) -> dict[str, Any]:
    """Sum up how many slices a study's volumes have.

    Parameters
    ----------
    views, slices
        View and number of slices of each volume, at least one.

    Returns
    -------
    dict
        JSON: `n_slices` in all, and `slices` as quantiles for each view; empty for pictures.

    """
    if max(slices) == 1:
        return {}
    view, count = np.array(views), np.array(slices)
    by_view = {name: _quantiles(count[view == name]) for name in sorted(set(views))}
    return {"n_slices": int(count.sum()), "slices": by_view}


def _input_sizes(
    rows: NDArray[np.int64], columns: NDArray[np.int64], how: How
) -> list[dict[str, float]]:
    """Say of each usual size how many pictures it enlarges and how much it shrinks."""
    # A letterbox scales by the long side, the others enlarge once the short side is.
    side = np.maximum(rows, columns) if how == "letterbox" else np.minimum(rows, columns)
    return [
        {
            "size": size,
            "upscaled": round(float(np.mean(side < size)), 6),
            "median_scale": round(float(np.median(size / side)), 6),
        }
        for size in SIZES
    ]


def _intensity(seen: Sequence[Traits]) -> dict[str, Any]:
    """Pool the pictures' histograms: each pixel that is not border counts once."""
    pooled = np.sum([one.histogram for one in seen], axis=0)
    share = pooled / pooled.sum()
    value = np.arange(256) / 255
    mean = float(share @ value)
    reached = np.cumsum(share)
    return {
        "mean": round(mean, 6),
        "sd": round(float(np.sqrt(share @ (value - mean) ** 2)), 6),
        "percentiles": {
            str(p): round(float(value[min(int(np.searchsorted(reached, p / 100)), 255)]), 6)
            for p in PERCENTILES
        },
        "histogram": [round(float(x), 8) for x in share.reshape(64, 4).sum(axis=1)],
        "picture_mean": _quantiles(np.array([one.mean for one in seen])),
        "picture_sd": _quantiles(np.array([one.sd for one in seen])),
    }


def _quantiles(values: NDArray[Any]) -> dict[str, float]:
    found = np.quantile(values, QUANTILES)
    return {f"{q:g}": round(float(v), 6) for q, v in zip(QUANTILES, found, strict=True)}


def _counts(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
