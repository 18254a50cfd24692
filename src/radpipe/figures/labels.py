"""What a study's cases show: answers of each label, and labels that are present together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.figures.frame import tidy
from radpipe.figures.palette import FAINT, INK, PALETTE

WIDTH = 11.0
# Height of a row of bars, of one with a name of two lines, and of what is around a panel, inches.
ROW, TALL_ROW, AROUND = 0.3, 0.36, 1.1
ANSWERS = {
    "present": PALETTE[1],
    "uncertain": PALETTE[4],
    "absent": PALETTE[5],
    "blank": FAINT,
}
# Names that fit side by side below a panel.
UPRIGHT = 6
# Combinations that are drawn, most frequent first.
SHOWN = 12


def labels_figure(card: Mapping[str, Any]) -> Figure:
    """Draw answers by label; of several labels also which are present together.

    Parameters
    ----------
    card
        Card of a study.

    Returns
    -------
    Figure
        Of one to three panels, one below the other: names of labels are long.

    """
    n = len(card["labels"]["labels"])
    heights = [AROUND + ROW * max(n, 2)]
    if card["together"]:
        heights.append(AROUND + 0.9 + 0.36 * n)
    frequent = (card["combinations"] or {}).get("frequent", [])[:SHOWN]
    if frequent:
        heights.append(AROUND + TALL_ROW * max(len(frequent), 2))
    figure = Figure(figsize=(WIDTH, sum(heights)), dpi=110, layout="constrained")
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    plot_answers(card["labels"], panels[0], single=card["kind"] in ("multi-class", "ordinal"))
    if card["together"]:
        plot_together(card["together"], panels[1])
    if frequent:
        plot_combinations(card["combinations"], panels[-1])
    return figure


def plot_answers(labels: Mapping[str, Any], ax: Axes, *, single: bool = False) -> None:
    """Draw of each label how often it is present, uncertain, absent and blank.

    Parameters
    ----------
    labels
        Counts by answer.
    ax
        Drawn into.
    single
        Whether a case has one class, so that being absent means another class and is not drawn.

    """
    kinds = ["present"] if single else [kind for kind in ANSWERS if any(labels[kind])]
    rows, left = range(len(labels["labels"])), np.zeros(len(labels["labels"]))
    for kind in kinds:
        counts = np.asarray(labels[kind])
        colour = PALETTE[0] if single else ANSWERS[kind]
        ax.barh(rows, counts, left=left, height=0.72, color=colour, label=kind)
        left = left + counts
    top = max(float(left.max()), 1.0)
    for row, n in zip(rows, labels["present"], strict=True):
        share = 100 * n / max(labels["n_cases"], 1)
        text = f"{n:,} ({share:.1f} %)"
        ax.text(float(left[row]) + 0.01 * top, row, text, va="center", fontsize=9, color=INK)
    ax.set_yticks(rows, [_words(name) for name in labels["labels"]])
    ax.set(xlim=(0, 1.16 * top), ylim=(len(rows) - 0.4, -0.6), xlabel="cases outside test")
    if len(kinds) > 1:
        ax.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), fontsize=9)
    what = "Cases of each class" if single else "Answers of each label; numbers: present"
    ax.set_title(what, loc="left", fontsize=11)
    tidy(ax)


def plot_together(together: Mapping[str, Any], ax: Axes) -> None:
    """Draw which share of the cases with one label has another one, too; a star is one to four.

    Rows are the given labels, columns the further ones.
    """
    counts = [[np.nan if n is None else n for n in row] for row in together["n"]]
    n = np.array(counts, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 100 * n / np.diag(n)[:, None]
    off = np.where(np.eye(len(n), dtype=bool), np.nan, share)
    ax.imshow(off, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(n.shape):
        if row != column:
            value = None if np.isnan(n[row, column]) else float(share[row, column])
            _write_share(ax, row, column, value)
    names = [_words(name) for name in together["labels"]]
    ax.set_xticks(range(len(n)), names)
    if len(n) > UPRIGHT:
        ax.set_xticks(range(len(n)), names, rotation=35, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(n)), names)
    ax.set_title("Of the cases with the row's label, how many % have the column's", loc="left")
    ax.title.set_fontsize(11)
    tidy(ax)
    ax.tick_params(length=0)


def _write_share(ax: Axes, row: int, column: int, share: float | None) -> None:
    """Write a share of a cell in percent; a star for None, nothing if the row has no cases."""
    text = "*" if share is None else "" if np.isnan(share) else f"{share:.0f}"
    colour = "white" if share is not None and share > 55 else INK
    ax.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)


def plot_combinations(combinations: Mapping[str, Any], ax: Axes) -> None:
    """Draw the most frequent combinations of labels that are present and no other."""
    frequent = combinations["frequent"][:SHOWN]
    counts = [one["n"] for one in frequent]
    rows = range(len(frequent))
    ax.barh(rows, counts, height=0.72, color=PALETTE[0])
    for row, n in zip(rows, counts, strict=True):
        ax.text(n + 0.01 * max(counts), row, f"{n:,}", va="center", fontsize=9, color=INK)
    ax.set_yticks(rows, [_combined(one["labels"]) for one in frequent])
    ax.set(xlim=(0, 1.1 * max(counts)), ylim=(len(frequent) - 0.4, -0.6))
    ax.set_xlabel("cases outside test")
    n = combinations["n_distinct"]
    title = f"Labels present together, and no other: the most frequent of {n:,} combinations"
    ax.set_title(title, loc="left", fontsize=11)
    tidy(ax)
    ax.tick_params(axis="y", labelsize=9)


def _combined(labels: Sequence[str]) -> str:
    """Write a combination in at most two lines, so that the bars keep their place."""
    words = [_words(label) for label in labels]
    if len(" + ".join(words)) <= 44 or len(words) == 1:
        return " + ".join(words) or "none"
    half = (len(words) + 1) // 2
    return " + ".join(words[:half]) + " +\n" + " + ".join(words[half:])


def _words(name: str) -> str:
    return name.replace("_", " ")
