"""Confusion matrices: what was true, what was decided."""

import numpy as np
from matplotlib.axes import Axes

from radpipe.figures.frame import tidy
from radpipe.figures.palette import INK
from radpipe.figures.table import Columns, Table

# Names of more classes would run into each other.
MOST_UPRIGHT = 4


def plot_confusion(table: Table, *, ax: Axes, title: str = "") -> None:
    """Draw one confusion matrix: counts, shaded by the share of each true class.

    Parameters
    ----------
    table
        Columns of confusion.csv for one variant and one part: `true, decided, n`. Classes
        stand in the order of their appearance.
    ax
        Drawn into; neither saved nor closed.
    title
        Such as the variant's name.

    """
    found = Columns(table)
    true, decided = found.texts("true"), found.texts("decided")
    names = list(dict.fromkeys([*true, *decided]))
    # Labels are counted one by one: a pair of two labels has no count at all.
    counts = np.full((len(names), len(names)), np.nan)
    for t, d, n in zip(true, decided, found.numbers("n"), strict=True):
        counts[names.index(t), names.index(d)] = n
    shares = counts / np.maximum(np.nansum(counts, axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(np.isfinite(counts)):
        share = shares[row, column]
        ax.text(
            column,
            row,
            f"{counts[row, column]:.0f}\n{100 * share:.0f} %",
            ha="center",
            va="center",
            fontsize=10,
            color="white" if share > 0.55 else INK,
        )
    plain = [name.replace("_", " ") for name in names]
    shown = [name.replace(" ", "\n", 1) for name in plain]
    if len(names) > MOST_UPRIGHT:
        ax.set_xticks(range(len(names)), plain, rotation=40, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(range(len(names)), shown)
    ax.set_yticks(range(len(names)), shown)
    ax.set(xlabel="Decided", ylabel="True")
    ax.set_title(title, fontsize=11)
    tidy(ax)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
