"""The crops around joints that are most likely wrong, to be looked at."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

ACROSS = 5
INCHES = 2.2


def joints_figure(
    crops: NDArray[np.floating], captions: Sequence[str], known: NDArray[np.floating]
) -> Figure:
    """Draw crops side by side.

    Parameters
    ----------
    crops
        (n, side, side), 0 to 1.
    captions
        What stands below each.
    known
        (n, 4) true boxes in pixels of the crop, drawn as outlines, which may be larger than the
        crop; NaN: not known.

    """
    down = max(1, -(-len(crops) // ACROSS))
    figure = Figure(figsize=(ACROSS * INCHES, down * (INCHES + 0.35)), layout="constrained")
    axes = np.atleast_2d(figure.subplots(down, ACROSS, squeeze=False)).ravel()
    edges = known[np.isfinite(known).all(axis=1)]
    # The same for all, so that crops are of one size: a pixel more than what is farthest out.
    low = min([0.0, *edges.ravel()]) - 1.5
    high = max([float(crops.shape[-1]), *edges.ravel()]) + 0.5
    for ax in axes:
        ax.set_axis_off()
    for ax, crop, caption, box in zip(axes, crops, captions, known, strict=False):
        ax.imshow(crop, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(caption, fontsize=9, y=-0.14)
        if np.isfinite(box).all():
            x0, y0, x1, y1 = box - 0.5  # a pixel's centre is a whole number in imshow
            ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color="#e69f00"))
        ax.set_xlim(low, high)
        ax.set_ylim(high, low)
    return figure
