"""External validation as a forest plot: each variant at home and on the cohort."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from radpipe.figures.frame import tidy
from radpipe.figures.palette import INK, QUIET, chosen
from radpipe.figures.ranking import CHANCE
from radpipe.figures.table import Columns, Table

# Height of the two lines of a variant, from the middle of its row.
HOME, AWAY = -0.16, 0.16


def plot_external(
    table: Table, *, ax: Axes, metric: str = "auc", palette: Mapping[str, str] | None = None
) -> None:
    """Draw each variant's value and interval at home (circle) and on the cohort (square).

    Parameters
    ----------
    table
        Rows of a cohort's scores.csv; those of classes and of other metrics are left out.
    ax
        Drawn into; neither saved nor closed. At its right stands cohort minus home.
    metric
        Which rows.
    palette
        Variant to colour; by default by order of appearance.

    """
    found = Columns(table)
    whole = zip(found.texts("metric"), found.texts("class"), strict=True)
    found = found.rows(np.array([key == (metric, "") for key in whole], np.bool_))
    names, colour = found.texts("variant"), chosen(found, palette)
    part = next(iter(found.texts("home_part")), "test")
    for row, name in enumerate(names):
        label = (f"home, {part}", "cohort") if row == 0 else (None, None)
        _line(ax, found, row, row + HOME, "home_", marker="o", shade=colour[name], label=label[0])
        _line(ax, found, row, row + AWAY, "", marker="s", shade=colour[name], label=label[1])
        _difference(ax, found, row)
    if metric in CHANCE:
        ax.axvline(CHANCE[metric], color=QUIET, lw=1, ls=":")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("AUC" if metric == "auc" else metric.replace("_", " ").capitalize())
    ax.text(1.02, 1.04, "cohort − home", transform=ax.transAxes, fontsize=10, color=INK)
    tidy(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#EEEEEE", lw=0.8)
    ax.set_axisbelow(True)
    if names:
        legend = ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set(color=INK)


def _line(
    ax: Axes,
    found: Columns,
    row: int,
    height: float,
    start: str,
    *,
    marker: str,
    shade: str,
    label: str | None,
) -> None:
    """Draw one interval and its value; the home one is paler."""
    value, low, high = (found.numbers(f"{start}{key}")[row] for key in ("value", "low", "high"))
    alpha = 0.55 if start else 1.0
    # What has no interval is not compared, so it is not drawn.
    value = value if np.isfinite(low) and np.isfinite(high) else np.nan
    ax.plot([low, high], [height, height], color=shade, lw=2.2, alpha=alpha, solid_capstyle="butt")
    ax.plot([value], [height], marker, color=shade, ms=6, alpha=alpha, ls="none", label=label)


def _difference(ax: Axes, found: Columns, row: int) -> None:
    names = ("difference", "difference_low", "difference_high")
    value, low, high = (found.numbers(name)[row] for name in names)
    if np.isfinite([value, low, high]).all():
        text = f"{value:+.3f}  [{low:+.3f}, {high:+.3f}]"
    else:
        text = "no interval" if np.isfinite(value) else "undefined"
    ax.annotate(
        text.replace("-", "−"),
        (1.02, row),
        xycoords=ax.get_yaxis_transform(),
        va="center",
        fontsize=10,
        color=INK,
    )
