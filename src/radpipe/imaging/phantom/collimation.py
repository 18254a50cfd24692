"""The part of a film that a collimator leaves open."""

from collections.abc import Sequence

import numpy as np

from radpipe.imaging.phantom.bones import Box

# Of the room beside what must be seen, so much is covered.
SHARES = (0.3, 0.9)


def exposed_part(
    shape: tuple[int, int],
    seen: Sequence[Box],
    rng: np.random.Generator,
    *,
    margin: float,
    most: float,
) -> tuple[slice, slice]:
    """Draw the rows and columns of a film that are exposed.

    Parameters
    ----------
    shape
        Rows and columns.
    seen
        (x0, y0, x1, y1) that must not be covered, pixels.
    rng
        Source of the widths of the four borders.
    margin, most
        Pixels around `seen` that stay open, and of the widest border.

    """
    rows, columns = shape
    x0, y0, x1, y1 = np.array(seen).T
    room = np.array([y0.min(), rows - y1.max(), x0.min(), columns - x1.max()]) - margin
    border = np.rint(np.clip(room, 0, most) * rng.uniform(*SHARES, 4)).astype(int).tolist()
    return slice(border[0], rows - border[1]), slice(border[2], columns - border[3])
