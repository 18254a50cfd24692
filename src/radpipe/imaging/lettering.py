"""Lines of letters near the upper and lower edge of a film: a guess, made to be seldom wrong.

Overlays that software burns into pixels are sharp and stand in lines: along a row that cuts such a
line, dark turns into bright within two pixels twelve times and more, along its neighbours, too, and
not far above and below it no longer. Nothing that the rays draw does so: bone, skin and the edges
of collimators are blurred or few, noise is too weak, and a marker of lead is one letter or a few.

Found are lines of about ten letters and more, capitals 9 pixels high or higher, lighter or darker
than their ground. Not found are initials and other short text, smaller letters, faint or
blurred ones (scanned, or written by hand), lines that run upwards, and what stands away from the
two edges. Taken for letters may be what is as sharp and as regular: a ruler or a barcode, many
staples side by side. So the answer is a reason to look, and "no" is no proof that nothing is
written.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Share of the rows, at either edge, that is looked at.
EDGE = 0.2
# How much brighter within two pixels, as a share of the brightest value of the film.
RISE = 0.25
# Rises along a row of a line of text, and along one between lines. A marker with initials has up
# to eight.
MANY, FEW = 12, 4
# Gap that parts one line from the next beside it, in heights: RIGHT and LEFT are two.
APART = 5.0
# Least height of a line, pixels, and greatest, as a share of the film's longer side.
LEAST, GREATEST = 5, 0.06
# Each so many rows and columns are looked at for the brightest value.
STRIDE = 8


def has_lettering(pixels: NDArray[Any]) -> bool:
    """Tell whether lines of letters stand near the upper or lower edge of a film.

    Parameters
    ----------
    pixels
        As displayed, unsigned, (rows, columns) or (rows, columns, 3); bright is large.

    """
    grey = pixels if pixels.ndim == 2 else pixels[..., 1]
    depth = max(1, round(EDGE * len(grey)))
    edges = (grey[:depth], grey[-depth:])
    top = max(int(part.max()) for part in (grey[::STRIDE, ::STRIDE], *edges))
    greatest = GREATEST * max(grey.shape)
    return any(
        _has_line(_rises(edge, RISE * top), greatest)
        for edge in edges
        if _may_have_line(edge, RISE * top)
    )


def _may_have_line(edge: NDArray[Any], rise: float) -> bool:
    """Tell quickly that there is no line: any line holds one of so many rows."""
    counts = np.count_nonzero(_rises(edge[:: LEAST - 1], rise), axis=1)
    return bool((counts >= MANY).any())


def _rises(edge: NDArray[Any], rise: float) -> NDArray[np.bool_]:
    """Mark where dark begins to turn into bright along a row."""
    # Halves, so that a sum stays within the type.
    half = edge >> 1
    bright = half[:, 2:] > half[:, :-2] + half.dtype.type(rise / 2)
    found: NDArray[np.bool_] = bright[:, 1:] & ~bright[:, :-1]
    return found


def _has_line(rises: NDArray[np.bool_], greatest: float) -> bool:
    """Tell whether a run of rows is a line of text: many rises, and few just above and below."""
    counts = np.count_nonzero(rises, axis=1)
    ends = np.flatnonzero(np.diff(np.r_[False, counts >= MANY, False]))
    for first, last in ends.reshape(-1, 2).tolist():
        height = last - first
        if LEAST <= height <= greatest:
            beside = (counts[max(0, first - height) : first], counts[last : last + height])
            quiet = all(len(rows) == 0 or rows.min() <= FEW for rows in beside)
            if quiet and _together(rises[first:last]) >= MANY:
                return True
    return False


def _together(rises: NDArray[np.bool_]) -> float:
    """Return how many rises of a row follow each other closely: the median of its rows."""
    longest = []
    for row in rises:
        columns = np.flatnonzero(row)
        apart = np.flatnonzero(np.diff(columns) > APART * len(rises))
        longest.append(np.diff(np.r_[-1, apart, len(columns) - 1]).max())
    return float(np.median(longest))
