"""A contact sheet: a few stored pictures of each label or class, with nothing written on them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

INCHES = 1.15
# Width of a letter, inches.
LETTER = 0.075
# White between pictures, as a share of their side.
GAP = 0.06


def contact_figure(pictures: Mapping[str, NDArray[np.floating[Any]]], *, across: int) -> Figure:
    """Draw pictures row by row, the label beside each row and nothing else.

    Parameters
    ----------
    pictures
        Label to (n, side, side, 1 or 3), 0 to 1; n at most `across`; at least one label.
    across
        Pictures side by side.

    """
    names = [name.replace("_", " ").replace(" ", "\n", 1) for name in pictures]
    longest = max(len(line) for name in names for line in name.split("\n"))
    beside = 0.2 + longest * LETTER
    width = beside + across * INCHES
    figure = Figure(figsize=(width, len(pictures) * INCHES), dpi=110)
    ax = figure.add_axes((beside / width, 0, 1 - beside / width, 1))
    sheet, middles = montage(list(pictures.values()), across=across)
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
    ax.set_xticks([])
    ax.set_yticks(middles, names, fontsize=9)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def montage(
    rows: list[NDArray[np.floating[Any]]], *, across: int
) -> tuple[NDArray[np.floating[Any]], list[float]]:
    """Lay rows of pictures side by side on white.

    Parameters
    ----------
    rows
        Each (n, side, side, 1 or 3), 0 to 1; n at most `across`.
    across
        Pictures a row.

    Returns
    -------
    sheet : ndarray of shape (height, width, 3)
        All of them.
    middles : list of float
        Where the middle of each row is, pixels from the top.

    """
    side = rows[0].shape[1]
    step = side + max(1, round(GAP * side))
    sheet = np.ones((len(rows) * step, across * step, 3))
    for line, pictures in enumerate(rows):
        for k, pixels in enumerate(pictures):
            sheet[line * step : line * step + side, k * step : k * step + side] = pixels
    return sheet, [line * step + side / 2 for line in range(len(rows))]


def notice_figure(text: str) -> Figure:
    """Draw a sentence in place of a sheet that must not be drawn."""
    figure = Figure(figsize=(8, 1), dpi=110)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=10)
    return figure
