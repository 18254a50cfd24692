"""Learning curves: scores at shares of the train patients, and the power law through them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from radpipe.figures.frame import tidy
from radpipe.figures.palette import QUIET, chosen
from radpipe.figures.table import Columns, Table


def plot_learning(table: Table, *, ax: Axes, palette: Mapping[str, str] | None = None) -> None:
    """Draw points with intervals, fitted curves with bands; beyond what was seen, dashed.

    Parameters
    ----------
    table
        Columns of `<study>-learning.csv`.
    ax
        Drawn into; neither saved nor closed.
    palette
        Variant to colour, that of a curve's variant with most patients.

    """
    found = Columns(table)
    names = found.texts("curve")
    colour = dict(palette or chosen(found.rows(np.ones(len(names), np.bool_)), None))
    for (curve,), rows in found.groups("curve"):
        kinds, shade = np.array(rows.texts("kind")), colour.get(curve, QUIET)
        n, value, low, high = (rows.numbers(c) for c in ("patients", "value", "low", "high"))
        seen, line = kinds == "seen", kinds == "fitted"
        arms = np.maximum(np.stack([value - low, high - value]), 0.0)[:, seen]
        ax.errorbar(n[seen], value[seen], arms, fmt="o", color=shade, ms=6, lw=1.8, label=curve)
        if line.any():
            # Dashed beyond what was seen; both pieces meet at the largest number of patients.
            last, end = float(n[seen].max()), float(n[line].max())
            for first, to, style in ((float(n[line].min()), last, "-"), (last, end, "--")):
                grid = np.geomspace(first, to, 40)
                fitted = np.interp(grid, n[line], value[line])
                ax.plot(grid, fitted, color=shade, lw=1.8, ls=style)
            ax.fill_between(n[line], low[line], high[line], color=shade, alpha=0.15, lw=0)
    ax.set(xlabel="Train patients", ylabel="AUC", xscale="log")
    kinds = np.array(found.texts("kind"))
    shown = np.unique(found.numbers("patients")[(kinds == "seen") | (kinds == "gain")])
    ax.set_xticks(shown, [f"{patients:,.0f}" for patients in shown], minor=False)
    ax.set_xticks([], minor=True)
    ax.legend(loc="lower right", frameon=False)
    tidy(ax)
