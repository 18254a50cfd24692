"""Whose films a study holds: how many a patient has, their ages by sex and by what they show."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.figures.frame import tidy
from radpipe.figures.palette import FAINT, INK, PALETTE, QUIET

WIDTH = 11.0
# Heights of the first panels, of rows below, and of what is around these, inches.
TOP, ROW, TALL_ROW, AROUND = 3.4, 0.27, 0.38, 0.9
# Decades whose names fit side by side in letters of full size.
NAMED_LARGE = 6


def people_figure(card: Mapping[str, Any]) -> Figure:
    """Draw cases a patient, and where they are known ages, views and other groups.

    Parameters
    ----------
    card
        Card of a study.

    Returns
    -------
    Figure
        Of one to four panels.

    """
    heights = [TOP]
    draw: list[Callable[[Axes], None]] = []
    if groups := card["groups"]:
        heights.append(AROUND + ROW * len(groups))
        draw.append(lambda ax: plot_groups(groups, card["patients"]["n_cases"], ax))
    if has_boxes(by_answer := card["age_by_answer"]):
        heights.append(AROUND + TALL_ROW * len(by_answer))
        draw.append(lambda ax: plot_age_by_answer(by_answer, ax))
    ages = card["ages"]
    width = WIDTH if ages or draw else WIDTH / 2
    figure = Figure(figsize=(width, sum(heights)), dpi=110, layout="constrained")
    grid = figure.add_gridspec(len(heights), 2 if ages else 1, height_ratios=heights)
    plot_cases(card["patients"], figure.add_subplot(grid[0, 0]))
    if ages:
        plot_ages(ages, figure.add_subplot(grid[0, 1]))
    for row, panel in enumerate(draw, start=1):
        panel(figure.add_subplot(grid[row, :]))
    return figure


def plot_groups(groups: Sequence[Mapping[str, Any]], n_cases: int, ax: Axes) -> None:
    """Draw how many cases have each view and each value of the covariates."""
    rows, counts = range(len(groups)), [group["n"] for group in groups]
    ax.barh(rows, counts, height=0.72, color=PALETTE[0])
    for row, n in zip(rows, counts, strict=True):
        text = f"{n:,} ({100 * n / n_cases:.1f} %)"
        ax.text(n + 0.01 * n_cases, row, text, va="center", fontsize=9, color=INK)
    ax.set_yticks(rows, [group["title"] for group in groups])
    ax.set(xlim=(0, 1.16 * max(counts)), ylim=(len(groups) - 0.4, -0.6), xlabel="cases")
    tidy(ax)


def has_boxes(by_answer: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether any label has quantiles of age."""
    return any(box for boxes in by_answer.values() for box in boxes.values())


def plot_cases(patients: Mapping[str, Any], ax: Axes) -> None:
    """Draw how many patients have one case, two, and so on; a star is one to four."""
    counts: Sequence[int | None] = patients["patients"]
    last = max((k for k, n in enumerate(counts) if n != 0), default=0) + 1
    names = [name.replace(" or more", "+") for name in patients["cases"][:last]]
    _bars(ax, np.arange(last), counts[:last], PALETTE[0], 0.75)
    ax.set_xticks(range(last), names)
    # One bar alone would be as wide as the panel.
    ax.set_xlim(-0.6, max(last, 4) - 0.4)
    ax.set(xlabel="cases a patient", ylabel="patients")
    ax.set_title(f"{patients['n_cases']:,} cases of {patients['n_patients']:,} patients")
    tidy(ax)


def plot_ages(ages: Mapping[str, Any], ax: Axes) -> None:
    """Draw cases by decade of age, the sexes side by side; a star is one to four patients."""
    counts = ages["sexes"]
    there = [k for column in counts.values() for k, n in enumerate(column) if n != 0]
    decades = np.arange(min(there, default=0), max(there, default=0) + 1)
    width = 0.8 / len(counts)
    for k, (sex, column) in enumerate(counts.items()):
        shift = (k - (len(counts) - 1) / 2) * width
        chosen = [column[d] for d in decades]
        label = None if sex == "all" else f"sex {sex}" if len(sex) < 3 else sex
        _bars(ax, decades + shift, chosen, PALETTE[k], width * 0.92, label=label)
    names = [_short(ages["decades"][d]) for d in decades]
    ax.set_xticks(decades, names)
    ax.set(xlabel="age / years", ylabel="cases")
    ax.set_title(f"Age {ages['mean']:.1f} ± {ages['sd']:.1f} years, known of {ages['n_known']:,}")
    if "all" not in counts:
        ax.legend(frameon=False)
    tidy(ax)
    ax.tick_params(axis="x", labelsize=8 if len(decades) > NAMED_LARGE else 10)


def _short(decade: str) -> str:
    return decade.replace(" or older", "+").replace("-", "–")


def _bars(
    ax: Axes,
    places: Any,
    counts: Sequence[int | None],
    colour: str,
    width: float,
    label: str | None = None,
) -> None:
    """Draw bars, and a star where a count is not told."""
    ax.bar(places, [n or 0 for n in counts], width=width, color=colour, label=label)
    for place, n in zip(places, counts, strict=True):
        if n is None:
            ax.text(place, 0, "*", color=INK, ha="center", va="bottom", fontsize=12)


def plot_age_by_answer(
    by_answer: Mapping[str, Mapping[str, Sequence[float | None] | None]], ax: Axes
) -> None:
    """Draw the ages at which each label or class is present: median, quartiles, 10 to 90 %."""
    sexes = list(next(iter(by_answer.values())))
    step = 0.7 / len(sexes)
    for row, boxes in enumerate(by_answer.values()):
        for k, sex in enumerate(sexes):
            if (box := boxes[sex]) is not None:
                _box(ax, box, row + (k - (len(sexes) - 1) / 2) * step, PALETTE[k], step)
    ax.set_yticks(range(len(by_answer)), [name.replace("_", " ") for name in by_answer])
    ax.set_ylim(len(by_answer) - 0.4, -0.6)
    ax.set_xlabel("age where it is present / years")
    ax.grid(axis="x", color=FAINT, lw=0.6)
    ax.set_axisbelow(True)
    tidy(ax)


def _box(ax: Axes, box: Sequence[float | None], y: float, colour: str, step: float) -> None:
    low, left, middle, right, high = box
    if left is None or middle is None or right is None:
        return
    if low is not None and high is not None:
        ax.plot([low, high], [y, y], color=QUIET, lw=1, zorder=1)
    ax.barh(y, right - left, left=left, height=step * 0.8, color=colour, zorder=2)
    ax.plot([middle, middle], [y - step * 0.4, y + step * 0.4], color="white", lw=1.6, zorder=3)
