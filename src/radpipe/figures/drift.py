"""How much the parts of a study differ: standardised differences, and grey values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.figures.frame import tidy
from radpipe.figures.palette import FAINT, PALETTE, QUIET

WIDTH = 11.0
ROW, AROUND = 0.26, 1.2
GREY_INCHES = 3.0
# The same colour for a part in both panels; also told apart by their marks.
COLOURS = {"train": PALETTE[0], "tune": PALETTE[4], "test": PALETTE[1]}
MARKS = {"tune": "o", "test": "D"}
# Differences beyond this are drawn at the edge, so that one of them does not hide all others.
EDGE = 1.0


def drift_figure(card: Mapping[str, Any]) -> Figure:
    """Draw how far tune and test are from train, row by row, and the grey values of each part.

    Parameters
    ----------
    card
        Card of a study.

    Returns
    -------
    Figure
        Of two panels, one below the other; the first is left out if there is nothing to compare.

    """
    rows = told_rows(card["drift"]["rows"])
    heights = [*([AROUND + ROW * len(rows)] if rows else []), GREY_INCHES]
    figure = Figure(figsize=(WIDTH, sum(heights)), dpi=110, layout="constrained")
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    if rows:
        plot_differences(rows, panels[0], notable=card["notable"])
    plot_grey(card["grey"], panels[-1])
    return figure


def told_rows(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of which some difference is known."""
    return [row for row in rows if any(d is not None for d in row["differences"].values())]


def plot_differences(rows: Sequence[Mapping[str, Any]], ax: Axes, *, notable: float) -> None:
    """Draw a mark for each part and row; grey is what is usually called no difference."""
    ax.axvspan(-notable, notable, color=FAINT, alpha=0.5, lw=0, zorder=0)
    ax.axvline(0, color=QUIET, lw=0.8, zorder=1)
    for part, mark in MARKS.items():
        found = [row["differences"].get(part) for row in rows]
        places = [k for k, value in enumerate(found) if value is not None]
        values = np.clip([found[k] for k in places], -EDGE, EDGE)
        if places:
            ax.plot(values, places, mark, color=COLOURS[part], ms=6, label=f"{part} − train")
    beyond = max(abs(d) for row in rows for d in row["differences"].values() if d is not None)
    reach = min(max(1.15 * beyond, 3 * notable), 1.05 * EDGE)
    ax.set_yticks(range(len(rows)), [row["title"] for row in rows])
    ax.set(xlim=(-reach, reach), ylim=(len(rows) - 0.4, -0.6))
    rest = f"; beyond ±{EDGE:g} at the edge" if beyond > EDGE else ""
    ax.set_xlabel(f"difference / standard deviation{rest}")
    ax.set_title("How far tune and test are from train", loc="left", fontsize=11)
    ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), fontsize=9)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    ax.set_axisbelow(True)
    tidy(ax)


def plot_grey(grey: Mapping[str, Any], ax: Axes) -> None:
    """Draw how often each grey value occurs in each part; black, as borders are, is left out."""
    for part, share in grey["histograms"].items():
        edges = np.linspace(0, 1, len(share) + 1)
        moved = grey["distances"].get(part)
        rest = "" if moved is None else f", {100 * moved:.1f} % of full scale from train"
        label = f"{part}{rest}"
        percent = 100 * np.asarray(share)
        ax.stairs(percent, edges, baseline=None, color=COLOURS[part], lw=1.6, label=label)
    ax.set(xlim=(0, 1), ylim=(0, None), xlabel="grey value / full scale", ylabel="pixels / %")
    ax.set_title("Grey values of stored pictures", loc="left", fontsize=11)
    if grey["histograms"]:
        ax.legend(frameon=False, fontsize=9)
    tidy(ax)
