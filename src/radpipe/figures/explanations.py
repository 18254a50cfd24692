"""Scores of explanations: where maps point, what deleting does, what random weights do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.figures.frame import tidy
from radpipe.figures.palette import INK, QUIET, colours
from radpipe.figures.table import Columns

Rows = Sequence[Mapping[str, Any]]
IDEAL = "ideal observer"
TITLES = {
    "pointing": "Highest place in the finding",
    "energy": "Evidence in the finding",
    "overlap": "Overlap (IoU)",
    "deletion": "Deletion: lower is better",
    "insertion": "Insertion: higher is better",
}
PLACED = ("pointing", "energy", "overlap")
KINDS = ("deletion", "insertion")
PANEL = 3.6


def maps_figure(rows: Rows) -> Figure | None:
    """Draw each explanation's scores; strokes are chance, crosses the mean map of others.

    Parameters
    ----------
    rows
        Of `<study>-scores.csv`, values 0 to 1.

    Returns
    -------
    Figure or None
        A panel a measure; None without a score.

    """
    whole = [row for row in rows if row["label"] == ""]
    names = list(
        dict.fromkeys((r["variant"], r["method"]) for r in whole if r["measure"] in PLACED)
    )
    if not names:
        return None
    names.sort(key=lambda name: name[1] == IDEAL, reverse=True)
    height = 1.2 + 0.34 * len(names)
    figure = Figure(figsize=(3 * PANEL + 1.5, height), layout="constrained", dpi=110)
    for ax, measure in zip(figure.subplots(1, 3, sharey=True), PLACED, strict=True):
        _forest(ax, whole, names, measure)
    return figure


def _forest(ax: Axes, rows: Rows, names: Sequence[tuple[str, str]], measure: str) -> None:
    palette = colours(method for _, method in names if method != IDEAL)
    for at, (variant, method) in enumerate(names):
        own = {r["measure"]: r for r in rows if (r["variant"], r["method"]) == (variant, method)}
        shade = palette.get(method, INK)
        for suffix, mark in (("_chance", "|"), ("_average", "x")):
            if method != IDEAL and (beside := own.get(measure + suffix)):
                ax.plot(_number(beside["value"]), at, mark, color=QUIET, ms=9)
        if row := own.get(measure):
            ends = [_number(row["low"]), _number(row["high"])]
            ax.plot(ends, [at, at], color=shade, lw=2.2, solid_capstyle="butt")
            ax.plot(_number(row["value"]), at, "D" if method == IDEAL else "o", color=shade, ms=6)
    shown = {variant for variant, _ in names}
    ticks = [m if len(shown) == 1 else f"{v}, {m}" for v, m in names]
    ax.set_yticks(range(len(names)), ticks)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(-0.03, 1.03)  # so that no mark at an end is cut
    ax.set_xticks((0, 0.25, 0.5, 0.75, 1), ("0", "0.25", "0.5", "0.75", "1"))
    ax.set_title(TITLES[measure], fontsize=11)
    tidy(ax)


def deletion_figure(rows: Rows) -> Figure | None:
    """Draw the mean probability while pixels go or come, and the same in random order, dashed.

    Parameters
    ----------
    rows
        Of `<study>-curves.csv`.

    """
    if not rows:
        return None
    figure = Figure(figsize=(2 * PANEL + 1.5, PANEL), layout="constrained", dpi=110)
    table = Columns(rows)
    palette = colours(table.texts("method"))
    for ax, kind in zip(figure.subplots(1, 2, sharey=True), KINDS, strict=True):
        for (curve, variant, method), some in table.groups("curve", "variant", "method"):
            if curve.removesuffix("_random") != kind:
                continue
            at, value = some.numbers("share"), some.numbers("value")
            order = np.argsort(at)
            random = curve.endswith("_random")
            first = (variant, method) == (table.texts("variant")[0], table.texts("method")[0])
            if random and not first:
                continue
            style = {"color": QUIET, "ls": "--"} if random else {"color": palette[method]}
            label = "random order" if random else method
            ax.plot(at[order], value[order], lw=1.8, label=label, **style)
        ax.set(xlabel="Share of pixels", ylim=(0, 1), xlim=(0, 1))
        ax.set_title(TITLES[kind], fontsize=11)
        tidy(ax)
    figure.axes[0].set_ylabel("Mean probability")
    named = [ax for ax in figure.axes if ax.get_legend_handles_labels()[1]]
    named[-1].legend(frameon=False, fontsize=9)
    return figure


def randomised_figure(rows: Rows) -> Figure | None:
    """Draw how alike maps stay while more and more layers are random.

    Parameters
    ----------
    rows
        Of `<study>-scores.csv`.

    """
    whole = [r for r in rows if r["label"] == "" and _stage(r["measure"]) is not None]
    if not whole:
        return None
    figure = Figure(figsize=(PANEL + 2.5, PANEL), layout="constrained", dpi=110)
    ax = figure.subplots()
    palette = colours(r["method"] for r in whole)
    for method in palette:
        mine = sorted(
            (r for r in whole if r["method"] == method), key=lambda r: _stage(r["measure"]) or 0
        )
        for variant in dict.fromkeys(r["variant"] for r in mine):
            own = [r for r in mine if r["variant"] == variant]
            value, low, high = ([_number(r[k]) for r in own] for k in ("value", "low", "high"))
            arms = np.maximum(np.array([np.subtract(value, low), np.subtract(high, value)]), 0)
            at = [0, *(_stage(r["measure"]) or 0 for r in own)]
            ends = np.nan_to_num(np.concatenate([np.zeros((2, 1)), arms], axis=1))
            ax.errorbar(
                at,
                [1.0, *value],
                ends,
                color=palette[method],
                lw=1.6,
                marker="o",
                ms=4,
                label=method,
            )
    ax.axhline(0, color=QUIET, lw=1, ls=":")
    last = max(_stage(r["measure"]) or 0 for r in whole)
    ticks = ["none", *(str(k) for k in range(1, last)), "all"]
    ax.set_xticks(range(last + 1), ticks)
    ax.set(xlabel="Stage: layers with random weights, from the last", ylabel="Rank correlation")
    handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    ax.legend(handles.values(), handles.keys(), frameon=False, fontsize=9)
    tidy(ax)
    return figure


def _stage(measure: str) -> int | None:
    word, _, number = measure.partition("_")
    return int(number) if word == "randomised" and number.isdigit() else None


def _number(value: Any) -> float:
    return np.nan if value in ("", None) else float(value)
