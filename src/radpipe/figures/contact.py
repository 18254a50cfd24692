"""A contact sheet: a few stored pictures of each label or class, with nothing written on them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

INCHES = 1.15


def contact_figure(pictures: Mapping[str, NDArray[np.floating[Any]]], *, across: int) -> Figure:
    """Draw pictures row by row, the label beside each row and nothing else.

    Parameters
    ----------
    pictures
        Label to (n, side, side, channels), 0 to 1; n at most `across`.
    across
        Pictures side by side.

    """
    rows = max(len(pictures), 1)
    figure = Figure(figsize=(across * INCHES + 1.6, rows * INCHES), dpi=110, layout="constrained")
    axes = figure.subplots(rows, across, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for line, (name, shown) in zip(axes, pictures.items(), strict=False):
        for ax, pixels in zip(line, shown, strict=False):
            grey = pixels.mean(axis=2) if pixels.shape[2] != 3 else pixels
            ax.imshow(grey, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
        label = name.replace("_", " ").replace(" ", "\n", 1)
        place = (-0.12, 0.5)
        line[0].text(
            *place, label, transform=line[0].transAxes, ha="right", va="center", fontsize=9
        )
    return figure


def notice_figure(text: str) -> Figure:
    """Draw a sentence in place of a sheet that must not be drawn."""
    figure = Figure(figsize=(8, 1), dpi=110)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=10)
    return figure
