"""The ranking as a forest plot: variants with intervals, the ceiling on top, chance."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from radpipe.figures.frame import tidy
from radpipe.figures.palette import FAINT, INK, QUIET, chosen
from radpipe.figures.table import Columns, Table

# What a model without knowledge reaches; other metrics depend on the classes' shares.
CHANCE = {"auc": 0.5}


def plot_ranking(
    table: Table, *, ax: Axes, metric: str = "auc", palette: Mapping[str, str] | None = None
) -> None:
    """Draw each variant's value and interval, best first, the ceiling as the top row.

    Parameters
    ----------
    table
        Columns of ranking.csv for one study and part; rows of other metrics are left out.
    ax
        Drawn into; neither saved nor closed.
    metric
        Which rows.
    palette
        Variant to colour; by default by order of appearance.

    """
    found = Columns(table)
    found = found.rows(np.array([name == metric for name in found.texts("metric")], np.bool_))
    ceiling = np.array([kind == "ceiling" for kind in found.texts("kind")], np.bool_)
    colour = chosen(found.rows(~ceiling), palette)
    value = found.numbers("value")
    order = np.lexsort((np.nan_to_num(-value, nan=np.inf), ~ceiling))
    found, ceiling = found.rows(order), ceiling[order]
    value, low, high = (found.numbers(name) for name in ("value", "low", "high"))
    names = found.texts("variant")
    # What has no interval is not compared, so it is named and not drawn.
    compared = np.isfinite(low) & np.isfinite(high)
    for row, name in enumerate(names):
        shade = INK if ceiling[row] else colour[name]
        ax.plot([low[row], high[row]], [row, row], color=shade, lw=2.2, solid_capstyle="butt")
        place = value[row] if compared[row] else np.nan
        ax.plot(place, row, "D" if ceiling[row] else "o", color=shade, ms=7, label=name)
        if ceiling[row] and np.isfinite(low[row]):
            ax.axvspan(low[row], high[row], color=FAINT, alpha=0.5, lw=0, zorder=0)
        ax.annotate(
            f"{value[row]:.3f}  [{low[row]:.3f}, {high[row]:.3f}]"
            if compared[row]
            else "no interval",
            (1.02, row),
            xycoords=ax.get_yaxis_transform(),
            va="center",
            fontsize=10,
            color=INK,
        )
    if metric in CHANCE:
        ax.axvline(CHANCE[metric], color=QUIET, lw=1, ls=":", label="chance")
        ax.text(CHANCE[metric], len(names) - 0.45, " chance", color=QUIET, fontsize=9, va="bottom")
    shown = [
        "ceiling (ideal observer)" if top else name
        for name, top in zip(names, ceiling, strict=True)
    ]
    ax.set_yticks(range(len(names)), shown)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("AUC" if metric == "auc" else metric.replace("_", " ").capitalize())
    tidy(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#EEEEEE", lw=0.8)
    ax.set_axisbelow(True)
