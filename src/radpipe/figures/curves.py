"""ROC, precision-recall, reliability and decision curves, with their bands."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes

from radpipe.figures.frame import tidy
from radpipe.figures.palette import QUIET, chosen
from radpipe.figures.table import Columns, Table

Corner: TypeAlias = Literal["lower right", "lower left", "upper left", "upper right"]


def plot_roc(table: Table, *, ax: Axes, palette: Mapping[str, str] | None = None) -> None:
    """Draw one ROC curve with its band per variant (and class), and readers' points.

    Parameters
    ----------
    table
        Columns of curves.csv, and `variant`: x is 1 - specificity, y is sensitivity.
    ax
        Drawn into; neither saved nor closed.
    palette
        Variant to colour; by default by order of appearance.

    """
    curves, points = _apart(Columns(table))
    palette = chosen(Columns(table), palette)
    _curves(curves, "roc", ax, palette)
    _points(points, ax, palette)
    ax.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="chance", zorder=1)
    _square(ax, "1 − specificity", "Sensitivity")
    _legend(ax, "lower right")


def plot_pr(table: Table, *, ax: Axes, palette: Mapping[str, str] | None = None) -> None:
    """Draw one precision-recall curve with its band per variant.

    Parameters
    ----------
    table
        Columns of curves.csv, and `variant`: x is recall, y is precision.
    ax, palette
        As in `plot_roc`.

    """
    _curves(Columns(table), "pr", ax, palette)
    _square(ax, "Recall (sensitivity)", "Precision (positive predictive value)")
    _legend(ax, "lower left")


def plot_reliability(table: Table, *, ax: Axes, palette: Mapping[str, str] | None = None) -> None:
    """Draw observed against predicted probability per variant, with intervals.

    Parameters
    ----------
    table
        Columns of curves.csv, and `variant`: x is the mean predicted probability of a bin,
        y the share that was observed, low and high its interval.
    ax, palette
        As in `plot_roc`.

    """
    found = Columns(table)
    ax.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="perfect calibration", zorder=1)
    _curves(found, "reliability", ax, palette, marker="o")
    _square(ax, "Mean predicted probability", "Observed share")
    _legend(ax, "upper left")


def plot_smooth(table: Table, *, ax: Axes, palette: Mapping[str, str] | None = None) -> None:
    """Draw a smooth calibration curve with its band per variant.

    Parameters
    ----------
    table
        Columns of curves.csv, and `variant`: x is the predicted probability, y the observed share.
    ax, palette
        As in `plot_roc`.

    """
    ax.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="perfect calibration", zorder=1)
    _curves(Columns(table), "smooth", ax, palette)
    _square(ax, "Predicted probability", "Observed share, smoothed")
    _legend(ax, "upper left")


def plot_decision(table: Table, *, ax: Axes, palette: Mapping[str, str] | None = None) -> None:
    """Draw the net benefit of each variant at each threshold, and that of flagging everyone.

    Parameters
    ----------
    table
        Columns of curves.csv, and `variant`: x is the threshold, y the net benefit, of the curves
        "decision" and "decision-all".
    ax, palette
        As in `plot_roc`. Thresholds at which neither a variant nor flagging everyone is better than
        flagging no one are left out.

    """
    found = Columns(table)
    _curves(found, "decision", ax, palette)
    everyone = found.rows(np.array([name == "decision-all" for name in found.texts("curve")]))
    for _, rows in list(everyone.groups("variant", "class"))[:1]:
        order = np.argsort(rows.numbers("x"), kind="stable")
        x, y = rows.numbers("x")[order], rows.numbers("y")[order]
        ax.plot(x, y, color=QUIET, lw=1, ls="--", label="flag everyone", zorder=1)
    ax.axhline(0, color=QUIET, lw=1, ls=":", label="flag no one", zorder=1)
    x, y = found.numbers("x"), found.numbers("y")
    height = max(float(np.nanmax(y, initial=0.0)), 0.02)
    ax.set(xlim=(0, float(x[y > 0].max(initial=0.1))), ylim=(-0.1 * height, 1.08 * height))
    ax.set(xlabel="Threshold probability", ylabel="Net benefit")
    tidy(ax)
    _legend(ax, "upper right")


def _curves(
    table: Columns,
    curve: str,
    ax: Axes,
    palette: Mapping[str, str] | None,
    marker: str = "",
) -> None:
    if "curve" in table:
        mask = np.array([name == curve for name in table.texts("curve")], dtype=np.bool_)
        table = table.rows(mask)
    colour = chosen(table, palette)
    several = len(set(table.texts("class"))) > 1
    for (variant, name), rows in table.groups("variant", "class"):
        x, y = rows.numbers("x"), rows.numbers("y")
        rows = rows.rows(np.argsort(x, kind="stable"))
        x, y = rows.numbers("x"), rows.numbers("y")
        low, high = rows.numbers("low"), rows.numbers("high")
        known = np.isfinite(low) & np.isfinite(high)
        shade = colour[variant]
        label = f"{variant}, {name}" if several else variant
        ax.plot(x, y, color=shade, lw=1.8, marker=marker, ms=4, label=label, zorder=3)
        if known.any():
            ax.fill_between(
                x[known], low[known], high[known], color=shade, alpha=0.1, lw=0, zorder=2
            )


def _apart(table: Columns) -> tuple[Columns, Columns]:
    """Return the variants that are drawn as curves, and those that are points.

    Readers are points: curves of several people hide each other, and those of variants.
    """
    is_point = np.array([kind == "point" for kind in table.texts("curve")], dtype=np.bool_)
    readers = set(table.rows(is_point).texts("variant"))
    others = np.array([name not in readers for name in table.texts("variant")], dtype=np.bool_)
    return table.rows(others), table.rows(is_point)


def _points(table: Columns, ax: Axes, palette: Mapping[str, str]) -> None:
    """Draw the points at which readers decide, 1 - specificity and sensitivity."""
    several = len(set(table.texts("class"))) > 1
    for (variant, name), rows in table.groups("variant", "class"):
        ax.plot(
            *(rows.numbers("x"), rows.numbers("y")),
            color=palette[variant],
            ls="none",
            marker="D",
            ms=6,
            mec="white",
            mew=0.8,
            label=f"{variant}, {name}" if several else variant,
            zorder=4,
        )


def _square(ax: Axes, xlabel: str, ylabel: str) -> None:
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=xlabel, ylabel=ylabel, aspect="equal")
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.set_yticks(np.linspace(0, 1, 6))
    tidy(ax)


def _legend(
    ax: Axes, where: Literal["lower right", "lower left", "upper left", "upper right"]
) -> None:
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles, labels, loc=where, framealpha=0.8, edgecolor="none", fontsize=9)
