"""Which part of a file's pixels shows a case: all of it, the half of one side, or a crop.

Pictures of the patient's left are mirrored, so that both sides of the body look alike: a right
knee and a mirrored left one both have their outer side on the left.
"""

import math
from dataclasses import dataclass

import numpy as np

from radpipe.core.errors import DataError
from radpipe.imaging.read import Array, Shown, Side
from radpipe.imaging.resize import Box

WORDS = {"R": "right", "L": "left"}


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a file's pixels.

    Attributes
    ----------
    x0, y0, x1, y1
        Left, top, right and lower edge in pixels of the file; pixel (row, column) reaches from
        (x, y) = (column, row) to (column + 1, row + 1). Crops may have fractions and reach
        beyond the picture.
    mirrored
        Whether its columns are turned round in the store.

    """

    x0: float
    y0: float
    x1: float
    y1: float
    mirrored: bool = False

    def seen_at(self, step: tuple[float, float], origin: tuple[float, float]) -> "Region":
        """Return the same in other pixels.

        Parameters
        ----------
        step
            How many rows and columns a pixel there stands for.
        origin
            Where row 0 and column 0 begin there.

        """
        (down, across), (top, left) = step, origin
        return Region(
            self.x0 / across + left,
            self.y0 / down + top,
            self.x1 / across + left,
            self.y1 / down + top,
            self.mirrored,
        )

    @property
    def width(self) -> float:
        """Columns."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Rows."""
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True)
class Facing:
    """Which side of the patient a case is, and what its file shows.

    Attributes
    ----------
    side
        The case's side of the patient, or None where sides do not matter.
    both
        The file shows both sides of the patient, unless its own tags say otherwise.

    """

    side: Side | None = None
    both: bool = False


def region_of(
    shape: tuple[int, ...], facing: Facing, *, shows: Shown | None = None, toward: Side = "L"
) -> Region:
    """Return the part of a picture that shows a case.

    Parameters
    ----------
    shape
        (rows, columns, ...) of the picture.
    facing
        What is known of the case.
    shows
        What the file itself says it shows: one side, both ("B"), or nothing.
    toward
        Side of the patient towards which the columns run. "L" is how radiographs are hung: the
        patient's right is on the reader's left.

    Raises
    ------
    DataError
        The file says that it shows the other side only.

    """
    rows, columns = shape[:2]
    side = facing.side
    if side is None:
        return Region(0, 0, columns, rows)
    one_side = shows is not None and shows != "B"
    if one_side and shows != side:
        raise DataError(
            f"shows the patient's {WORDS[shows or side]} side, says the file, and the table asks"
            f" for the {WORDS[side]}"
        )
    # A knee on the side towards which the columns run is seen as in a mirror.
    mirrored = side == toward
    if one_side or not facing.both:
        return Region(0, 0, columns, rows, mirrored)
    middle = columns // 2
    if side == toward:
        return Region(columns - middle, 0, columns, rows, mirrored)
    return Region(0, 0, middle, rows, mirrored)


def cut(pixels: Array, region: Region) -> tuple[Array, Box]:
    """Cut a region out; what lies beyond the picture is black.

    Parameters
    ----------
    pixels
        (rows, columns) or (rows, columns, 3).
    region
        Its edges may have fractions.

    Returns
    -------
    pixels
        All pixels that the region touches, mirrored if it is.
    box
        (x0, y0, x1, y1) of the region in them.

    """
    left, top = math.floor(region.x0), math.floor(region.y0)
    right, low = math.ceil(region.x1), math.ceil(region.y1)
    rows, columns = pixels.shape[:2]
    inside = pixels[max(top, 0) : max(low, 0), max(left, 0) : max(right, 0)]
    if left < 0 or top < 0 or right > columns or low > rows:
        whole = np.zeros((low - top, right - left, *pixels.shape[2:]), pixels.dtype)
        above, before = max(-top, 0), max(-left, 0)
        whole[above : above + inside.shape[0], before : before + inside.shape[1]] = inside
        inside = whole
    x0, x1 = region.x0 - left, region.x1 - left
    if region.mirrored:
        inside = inside[:, ::-1]
        x0, x1 = (right - left) - x1, (right - left) - x0
    return inside, (x0, region.y0 - top, x1, region.y1 - top)
