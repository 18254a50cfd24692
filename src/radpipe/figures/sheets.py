"""Whole figures of a study, one per kind: panels per class or variant, ready to be saved."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.figures.confusion import plot_confusion
from radpipe.figures.curves import (
    plot_decision,
    plot_pr,
    plot_reliability,
    plot_roc,
    plot_smooth,
)
from radpipe.figures.external import plot_external
from radpipe.figures.histories import plot_history
from radpipe.figures.learning import plot_learning
from radpipe.figures.palette import chosen
from radpipe.figures.ranking import plot_ranking
from radpipe.figures.table import Columns, Table

PANEL_INCHES = 4.4
ACROSS = 3
Palette = Mapping[str, str] | None


def sheet(kind: str, table: Table, *, palette: Palette = None) -> Figure:
    """Draw one of `SHEETS` from the rows of one study and one part.

    Parameters
    ----------
    kind
        roc, pr, reliability, smooth, decision, history, confusion or ranking.
    table
        Rows with `variant`: of curves.csv, history.csv, confusion.csv or ranking.csv.
    palette
        Variant to colour; by default by order of appearance.

    Returns
    -------
    Figure
        Not tied to any window; save it, nothing needs to be closed.

    """
    return SHEETS[kind](Columns(table), palette)


def _curves(plot: Callable[..., None], *curves: str) -> Callable[[Columns, Palette], Figure]:
    def draw(table: Columns, palette: Palette) -> Figure:
        mask = [name in curves for name in table.texts("curve")]
        table = table.rows(np.array(mask, dtype=np.bool_))
        classes = [name for (name,), _ in table.groups("class")] or [""]
        colour = chosen(table, palette)
        figure, panels = _panels(len(classes))
        for ax, name in zip(panels, classes, strict=True):
            mask = [other == name for other in table.texts("class")]
            plot(table.rows(np.array(mask, dtype=np.bool_)), ax=ax, palette=colour)
            ax.set_title(name.replace("_", " "), fontsize=11)
        _one_legend(figure, panels)
        return figure

    return draw


def _history(table: Columns, palette: Palette) -> Figure:
    metrics = [m for m in ("loss", "auc") if f"tune_{m}" in table] or ["loss"]
    figure, panels = _panels(len(metrics), width=5.6)
    for ax, metric in zip(panels, metrics, strict=True):
        plot_history(table, ax=ax, metric=metric, palette=palette)
    _one_legend(figure, panels)
    return figure


def _confusion(table: Columns, palette: Palette) -> Figure:  # noqa: ARG001
    groups = list(table.groups("variant"))
    figure, panels = _panels(len(groups))
    for ax, ((variant,), rows) in zip(panels, groups, strict=True):
        plot_confusion(rows, ax=ax, title=variant)
    return figure


def _ranking(table: Columns, palette: Palette) -> Figure:
    rows = sum(name == "auc" for name in table.texts("metric"))
    figure = Figure(figsize=(8.6, 1.1 + 0.42 * max(rows, 2)), dpi=150, layout="constrained")
    plot_ranking(table, ax=figure.subplots(), palette=palette)
    return figure


def external_sheet(table: Table, *, palette: Palette = None) -> Figure:
    """Draw a cohort's scores beside the home ones, from the rows of its scores.csv."""
    variants = len(set(Columns(table).texts("variant")))
    figure = Figure(figsize=(8.6, 1.5 + 0.6 * max(variants, 2)), dpi=150, layout="constrained")
    plot_external(table, ax=figure.subplots(), palette=palette)
    return figure


def learning_sheet(table: Table, *, palette: Palette = None) -> Figure:
    """Draw the learning curves of a study, from the rows of its learning.csv."""
    figure = Figure(figsize=(6.6, 4.4), dpi=150, layout="constrained")
    plot_learning(table, ax=figure.subplots(), palette=palette)
    return figure


def _one_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """Put the first panel's legend below all panels, where it covers no curve.

    The others would say the same.
    """
    legends = [legend for ax in panels if (legend := ax.get_legend())]
    for legend in legends:
        legend.remove()
    labels = [text.get_text() for legend in legends[:1] for text in legend.get_texts()]
    if labels:
        handles = legends[0].legend_handles
        columns = max(int(figure.get_figwidth() / (0.5 + 0.085 * max(map(len, labels)))), 1)
        figure.legend(
            [handle for handle in handles if handle is not None],
            labels,
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=9,
        )


def _panels(n: int, *, width: float = PANEL_INCHES) -> tuple[Figure, list[Axes]]:
    """Return a figure with n panels, at most three side by side."""
    columns = min(max(n, 1), ACROSS)
    rows = -(-max(n, 1) // columns)
    size = (width * columns, PANEL_INCHES * rows)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in panels[n:]:
        spare.remove()
    return figure, panels[:n]


SHEETS: dict[str, Callable[[Columns, Palette], Figure]] = {
    "roc": _curves(plot_roc, "roc", "point"),
    "pr": _curves(plot_pr, "pr"),
    "reliability": _curves(plot_reliability, "reliability"),
    "smooth": _curves(plot_smooth, "smooth"),
    "decision": _curves(plot_decision, "decision", "decision-all"),
    "history": _history,
    "confusion": _confusion,
    "ranking": _ranking,
}
