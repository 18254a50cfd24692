"""Confusion matrices: what was true, what was decided."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from radpipe.figures.frame import tidy
from radpipe.figures.palette import INK
from radpipe.figures.table import Columns, Table

# Names of more classes would run into each other.
MOST_UPRIGHT = 4
# Of each label: what is true of it, and what was decided.
OUTCOMES = ("absent,\nleft alone", "absent,\nflagged", "present,\nmissed", "present,\nfound")


def plot_confusion(table: Table, *, ax: Axes, title: str = "") -> None:
    """Draw one confusion matrix: counts, shaded by the share of each true class.

    Labels, which are decided one by one, are drawn as a row each: four counts, of which the first
    two and the last two add up to all cases without and with the label.

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
    counts = np.full((len(names), len(names)), np.nan)
    for t, d, n in zip(true, decided, found.numbers("n"), strict=True):
        counts[names.index(t), names.index(d)] = n
    shares = counts / np.maximum(np.nansum(counts, axis=1, keepdims=True), 1)
    if are_labels(names):
        pairs = [
            (2 * k + t, 2 * k + d) for k in range(len(names) // 2) for t, d in np.ndindex(2, 2)
        ]
        rows, columns = np.transpose(pairs)
        _draw(counts[rows, columns].reshape(-1, 4), shares[rows, columns].reshape(-1, 4), ax=ax)
        ax.axvline(1.5, color="white", linewidth=4)
        ax.set_xticks(range(4), OUTCOMES)
        ax.set_yticks(range(len(names) // 2), [name.replace("_", " ") for name in names[1::2]])
    else:
        _draw(counts, shares, ax=ax)
        _name_classes(names, ax=ax)
        ax.set(xlabel="Decided", ylabel="True")
    ax.set_title(title, fontsize=11)
    tidy(ax)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def are_labels(names: list[str]) -> bool:
    """Tell whether answers are labels, decided one by one: "no a", "a", "no b", "b"."""
    return len(names) > 2 and names[::2] == [f"no {name}" for name in names[1::2]]


def _draw(counts: NDArray[np.float64], shares: NDArray[np.float64], *, ax: Axes) -> None:
    """Draw cells with their counts; one that is NaN stays empty."""
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    between = "\n" if len(counts) <= MOST_UPRIGHT + 2 else "  "
    for row, column in np.argwhere(np.isfinite(counts)):
        share = shares[row, column]
        ax.text(
            column,
            row,
            f"{counts[row, column]:.0f}{between}{100 * share:.0f} %",
            ha="center",
            va="center",
            fontsize=10 if between == "\n" else 8,
            color="white" if share > 0.55 else INK,
        )


def _name_classes(names: list[str], *, ax: Axes) -> None:
    plain = [name.replace("_", " ") for name in names]
    shown = [name.replace(" ", "\n", 1) for name in plain]
    if len(names) > MOST_UPRIGHT:
        ax.set_xticks(range(len(names)), plain, rotation=40, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(range(len(names)), shown)
    ax.set_yticks(range(len(names)), shown)
