"""Sizes and intensities of a study's pictures or volumes, to choose the input size by."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

TICKS = (32, 64, 128, 256, 512, 1024)


def sizes_figure(
    rows: NDArray[Any],
    columns: NDArray[Any],
    fingerprint: Mapping[str, Any],
    *,
    size: int,
    detail: Mapping[str, Any] | None = None,
) -> Figure:
    """Draw original sizes, what each input size would enlarge and lose, and intensities.

    Parameters
    ----------
    rows, columns
        (n,) original sizes, pixels.
    fingerprint
        A store's fingerprint: `input_sizes`, `recommended_size`, `intensity`; of volumes also
        `slices`.
    size
        Side of the stored squares, pixels; marked where sizes are.
    detail
        Block `detail` of a study's card: the share that each input size would lose; None: that
        part is left out.

    """
    what = "volumes" if "slices" in fingerprint else "pictures"
    figure = Figure(figsize=(13, 4), dpi=110, layout="constrained")
    if detail is None:
        left, middle, right = figure.subplots(1, 3)
    else:
        figure.set_size_inches(11, 8)
        left, middle, right, last = figure.subplots(2, 2).flat
        plot_detail(detail, last, size=size)
    plot_sizes(rows, columns, left, size=size, what=what)
    if "slices" in fingerprint:
        left.set_title(f"{left.get_title()} of {slice_range(fingerprint['slices'])} slices")
    best = fingerprint["recommended_size"]
    plot_input_sizes(fingerprint["input_sizes"], middle, size=size, best=best, what=what)
    plot_intensities(fingerprint["intensity"], right)
    return figure


def slice_range(slices: Mapping[str, Mapping[str, float]]) -> str:
    """Return the fewest and the most slices over all views, such as "17-61"."""
    fewest = min(quantiles["0"] for quantiles in slices.values())
    most = max(quantiles["1"] for quantiles in slices.values())
    return f"{fewest:.0f}-{most:.0f}"


def plot_sizes(
    rows: NDArray[Any], columns: NDArray[Any], ax: Axes, *, size: int, what: str = "pictures"
) -> Axes:
    """Draw one disc per original size, its area in proportion to how many share it.

    Parameters
    ----------
    rows, columns
        (n,) original sizes, pixels.
    ax
        Where to draw; it is returned.
    size
        Side of the stored squares, pixels.
    what
        What the title counts.

    """
    found, counts = np.unique(np.stack([columns, rows], axis=1), axis=0, return_counts=True)
    ax.scatter(found[:, 0], found[:, 1], s=8 + 300 * counts / len(rows), alpha=0.4, lw=0)
    top = 1.08 * max(int(found.max()), size)
    ax.plot([0, top], [0, top], color="0.7", lw=0.8, label="square")
    ax.plot([0, size, size], [size, size, 0], color="C3", lw=1.2, label=f"stored, {size}")
    ax.set(xlim=(0, top), ylim=(0, top), xlabel="columns / pixels", ylabel="rows / pixels")
    ax.set_title(f"Original sizes, {len(rows)} {what}")
    ax.legend(frameon=False, loc="upper left")
    return ax


def plot_input_sizes(
    choices: list[Mapping[str, float]],
    ax: Axes,
    *,
    size: int,
    best: int,
    what: str = "pictures",
) -> Axes:
    """Draw the share of pictures or volumes that each input size would enlarge."""
    sides = [choice["size"] for choice in choices]
    ax.plot(sides, [100 * choice["upscaled"] for choice in choices], "o-", ms=3)
    ax.axvline(size, color="C3", lw=1.2, label=f"stored, {size}")
    ax.axvline(best, color="C2", lw=1.2, ls="--", label=f"largest with <= 5 %, {best}")
    ax.set_xscale("log", base=2)
    ax.set_xticks(TICKS, [str(tick) for tick in TICKS])
    ax.set(ylim=(-3, 103), xlabel="input size / pixels", ylabel=f"{what} enlarged / %")
    ax.set_title("Is an input size too large?")
    ax.legend(frameon=False)
    return ax


def plot_detail(detail: Mapping[str, Any], ax: Axes, *, size: int) -> Axes:
    """Draw the share of detail that each input size would lose, and how much work it is.

    Parameters
    ----------
    detail
        `sides`, a list of {side, lost}, and the `stored` side, beyond which it is estimated.
    ax
        Where to draw; it is returned.
    size
        Side of the stored squares, pixels.

    """
    sides = np.array([one["side"] for one in detail["sides"]])
    lost = 100 * np.array([one["lost"] for one in detail["sides"]])
    seen = sides <= detail["stored"]
    ax.plot(sides, lost, ":", color="C0", lw=1.2)
    ax.plot(sides[seen], lost[seen], "o-", color="C0", ms=3, label="measured")
    ax.plot(sides[~seen], lost[~seen], "o", mfc="white", color="C0", ms=4, label="estimated")
    ax.axvline(size, color="C3", lw=1.2, label=f"stored, {size}")
    ax.set_xscale("log", base=2)
    ax.set_xticks(TICKS, [str(tick) for tick in TICKS])
    ax.set(ylim=(0, None), xlabel="input size / pixels", ylabel="detail lost / % of variance")
    ax.set_title("Is an input size too small?")
    ax.legend(frameon=False)
    return ax


def plot_intensities(intensity: Mapping[str, Any], ax: Axes) -> Axes:
    """Draw how often each grey value occurs, borders left out."""
    share = np.asarray(intensity["histogram"])
    edges = np.linspace(0, 1, len(share) + 1)
    ax.stairs(100 * share, edges, fill=True, alpha=0.6)
    ax.axvline(intensity["mean"], color="C3", lw=1.2, label=f"mean {intensity['mean']:.3f}")
    ax.plot([], [], " ", label=f"SD {intensity['sd']:.3f}")
    ax.set_yscale("symlog", linthresh=1)
    ax.set(xlim=(0, 1), ylim=(0, None), xlabel="grey value / full scale", ylabel="pixels / %")
    ax.set_title("Intensities")
    ax.legend(frameon=False)
    return ax
