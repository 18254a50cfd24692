"""Training curves of all variants in one plot."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from radpipe.figures.frame import tidy
from radpipe.figures.palette import INK, chosen
from radpipe.figures.table import Columns, Table


def plot_history(
    table: Table, *, ax: Axes, metric: str = "loss", palette: Mapping[str, str] | None = None
) -> None:
    """Draw a value over epochs: `tune` solid, `train` dashed, one thin line per run.

    Parameters
    ----------
    table
        Columns of history.csv (`fold, seed, epoch, tune_loss, train_loss, ...`) and `variant`.
        A column that is not there, such as `train_auc`, is not drawn.
    ax
        Drawn into; neither saved nor closed.
    metric
        What stands behind `tune_` and `train_`.
    palette
        Variant to colour; by default by order of appearance.

    """
    found = Columns(table)
    colour = chosen(found, palette)
    parts = [part for part in ("tune", "train") if f"{part}_{metric}" in found]
    runs = dict.fromkeys(zip(*map(found.texts, ("variant", "fold", "seed")), strict=True))
    thin = len(runs) > len(set(found.texts("variant")))
    for (variant, fold, seed), rows in found.groups("variant", "fold", "seed"):
        rows = rows.rows(np.argsort(rows.numbers("epoch"), kind="stable"))
        for part in parts:
            ax.plot(
                rows.numbers("epoch"),
                rows.numbers(f"{part}_{metric}"),
                color=colour[variant],
                ls="-" if part == "tune" else "--",
                lw=1.2 if thin else 1.8,
                alpha=0.9 if part == "tune" else 0.55,
                label=f"{variant} fold {fold} seed {seed} {part}",
            )
    name = metric.upper() if metric == "auc" else metric.replace("_", " ").capitalize()
    ax.set(xlabel="Epoch", ylabel=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(ax)
    ax.grid(axis="y", color="#EEEEEE", lw=0.8)
    ax.set_axisbelow(True)
    handles = [
        Line2D([], [], color=colour[variant], lw=2, label=variant)
        for variant in dict.fromkeys(found.texts("variant"))
    ]
    handles += [
        Line2D([], [], color=INK, lw=1.4, ls="-" if part == "tune" else "--", label=part)
        for part in parts
    ]
    ax.legend(handles=handles, frameon=False, fontsize=9, labelcolor=INK)
