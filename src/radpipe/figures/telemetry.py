"""How weights, biases, gradients and running scores of a training move, for one or two runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from radpipe.figures.frame import tidy
from radpipe.figures.palette import INK, QUIET, colours
from radpipe.figures.table import Columns, Table

Floats: TypeAlias = NDArray[np.float64]
# One row a layer, epoch and kind: `kind, layer, epoch, edges` (n + 1,), `counts` (n,).
Histograms: TypeAlias = Sequence[Mapping[str, Any]]
Limits: TypeAlias = tuple[float, float]

KINDS = ("weight", "bias", "gradient")
# TensorBoard's basis points, the normal distribution's shares below -1.5 to 1.5 SD in halves;
# rounded they are 0, 7, 16, 31, 50, 69, 84, 93, 100.
PERCENTILES = (0.0, 6.68, 15.87, 30.85, 50.0, 69.15, 84.13, 93.32, 100.0)
# Ridges of more epochs hide each other.
RIDGES = 30
BINS = 60
# How many spacings of epochs a ridge reaches up.
OVERLAP = 2.5
ROW_INCHES, COLUMN_INCHES = 1.75, 2.3


def percentiles(edges: Floats, counts: Floats) -> Floats:
    """Return the values at `PERCENTILES` of a histogram, even within each bucket.

    Parameters
    ----------
    edges
        Shape (n + 1,), ascending; the first and the last are the least and largest value.
    counts
        Shape (n,), not all 0.

    """
    reached = np.concatenate([[0.0], np.cumsum(counts)])
    found: Floats = np.interp(np.array(PERCENTILES) / 100 * reached[-1], reached, edges)
    return found


def rebin(edges: Floats, counts: Floats, onto: Floats) -> Floats:
    """Return counts on other edges (m + 1,), shape (m,), as if values were even in a bucket."""
    if edges[0] == edges[-1]:  # all values equal: no bucket to be even in
        return np.histogram(edges[:1], onto)[0] * float(np.sum(counts))
    reached = np.concatenate([[0.0], np.cumsum(counts)])
    return np.diff(np.interp(onto, edges, reached))


def plot_histograms(
    rows: Histograms, *, ax: Axes, colour: str, limits: Limits | None = None
) -> None:
    """Draw one ridge an epoch, the first in front.

    Parameters
    ----------
    rows
        Rows of one layer and kind.
    ax
        Drawn into; neither saved nor closed.
    colour
        Of the ridges.
    limits
        Of the axis of values; by default from `value_limits`. Each ridge is as high as the
        others: shapes and places can be compared, heights cannot.

    """
    shown = _thinned(sorted(rows, key=lambda row: row["epoch"]))
    low, high = limits or value_limits(shown)
    onto = np.linspace(low, high, BINS + 1)
    heights = [rebin(row["edges"], row["counts"], onto) for row in shown]
    epochs = [int(row["epoch"]) for row in shown]
    spacing = float(np.median(np.diff(epochs))) if len(epochs) > 1 else 1.0
    middle = (onto[1:] + onto[:-1]) / 2
    for place, (epoch, height) in enumerate(zip(epochs, heights, strict=True)):
        y = epoch + OVERLAP * spacing * height / (height.max() or 1.0)
        order = 3 + len(epochs) - place
        ax.fill_between(middle, epoch, y, color=colour, alpha=0.75, lw=0, zorder=order)
        ax.plot(middle, y, color="white", lw=0.7, zorder=order)
    ax.set_xlim(low, high)
    _small(ax, epochs=ax.yaxis, values=ax.xaxis)


def plot_distributions(
    rows: Histograms, *, ax: Axes, colour: str, limits: Limits | None = None
) -> None:
    """Draw bands between percentiles over epochs, dark in the middle, and the median.

    Parameters
    ----------
    rows, ax, colour
        As in `plot_histograms`.
    limits
        Of the axis of values; by default matplotlib's own, which holds all of them.

    """
    shown = sorted(rows, key=lambda row: row["epoch"])
    epochs = [int(row["epoch"]) for row in shown]
    levels = np.array([percentiles(row["edges"], row["counts"]) for row in shown])
    # One epoch alone has no width: it is drawn as a bar.
    x = np.array(epochs, dtype=np.float64)
    if len(x) == 1:
        x, levels = np.array([x[0] - 0.4, x[0] + 0.4]), np.repeat(levels, 2, axis=0)
    for inner in range(4):
        low, high = levels[:, inner], levels[:, -1 - inner]
        ax.fill_between(x, low, high, color=colour, alpha=(0.15, 0.2, 0.3, 0.4)[inner], lw=0)
    ax.plot(x, levels[:, 4], color=colour, lw=1.4, label="median")
    if limits:
        ax.set_ylim(*limits)
    _small(ax, epochs=ax.xaxis, values=ax.yaxis)


def plot_running(table: Table, *, ax: Axes, name: str, palette: Mapping[str, str]) -> None:
    """Draw a running value over batches, one line a run.

    Parameters
    ----------
    table
        Columns `variant` (the run's name), `name, step, value`.
    ax
        Drawn into; neither saved nor closed.
    name
        Which rows, such as "running/train_auc".
    palette
        Run to colour.

    """
    found = Columns(table)
    found = found.rows(np.array([other == name for other in found.texts("name")], np.bool_))
    for (run,), rows in found.groups("variant"):
        rows = rows.rows(np.argsort(rows.numbers("step"), kind="stable"))
        x, y = rows.numbers("step"), rows.numbers("value")
        ax.plot(x, y, color=palette[run], lw=1.0, marker="" if len(x) > 1 else "o", label=run)
    what = name.rpartition("train_")[2]
    ax.set(xlabel="Batches so far", ylabel=f"Running {what.upper() if what == 'auc' else what}")
    tidy(ax)
    ax.grid(axis="y", color="#EEEEEE", lw=0.8)
    ax.set_axisbelow(True)


def layer_sheet(
    runs: Mapping[str, Histograms],
    layers: Sequence[str],
    *,
    plot: Callable[..., None] = plot_histograms,
    title: str = "",
) -> Figure:
    """Draw weight, bias and gradient of layers, the runs beside each other on the same axes.

    Parameters
    ----------
    runs
        Name of each run, one or two, to its rows.
    layers
        One row of panels each.
    plot
        `plot_histograms` or `plot_distributions`.
    title
        Above the whole figure.

    Returns
    -------
    Figure
        Not tied to any window; save it, nothing needs to be closed.

    """
    palette, names = colours(runs), list(runs)
    upright = plot is plot_distributions
    n_columns = len(KINDS) * len(names)
    size = (0.6 + COLUMN_INCHES * n_columns, 1.0 + ROW_INCHES * len(layers))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(len(layers), n_columns, squeeze=False)
    epochs = [row["epoch"] for rows in runs.values() for row in rows]
    for line, layer in zip(panels, layers, strict=True):
        for index, ax in enumerate(line):
            kind, name = KINDS[index // len(names)], names[index % len(names)]
            of_both = [r for rows in runs.values() for r in _of(rows, kind, layer)]
            own = _of(runs[name], kind, layer)
            if own:
                limits = value_limits(of_both, reach=0.25 if upright else 0.0)
                plot(own, ax=ax, colour=palette[name], limits=limits)
                _same_epochs(ax, epochs, upright=upright)
            else:
                _nothing(ax, f"no {kind}")
            if index == 0:
                ax.annotate(
                    f"layer {layer}", (0, 1.06), xycoords="axes fraction", fontsize=9, color=INK
                )
    for index, ax in enumerate(panels[0]):
        kind, name = KINDS[index // len(names)], names[index % len(names)]
        ax.set_title(
            kind if len(names) == 1 else f"{kind}\n{name}",
            fontsize=9 if len(names) > 1 else 10,
            color=palette[name],
            pad=18,
        )
    figure.supxlabel("Epoch" if upright else "Value", fontsize=10, color=INK)
    figure.supylabel("Value" if upright else "Epoch", fontsize=10, color=INK)
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure


def running_sheet(table: Table) -> Figure:
    """Draw running loss and running AUC of runs (columns as in `plot_running`) side by side."""
    palette = colours(Columns(table).texts("variant"))
    figure = Figure(figsize=(11.2, 4.2), dpi=150, layout="constrained")
    for ax, value in zip(figure.subplots(1, 2), ("loss", "auc"), strict=True):
        plot_running(table, ax=ax, name=f"running/train_{value}", palette=palette)
    loss, auc = figure.axes
    loss.legend(frameon=False, fontsize=9, labelcolor=INK)
    auc.axhline(0.5, color=QUIET, lw=1, ls=":")
    return figure


def value_limits(rows: Iterable[Mapping[str, Any]], *, reach: float = 0.0) -> Limits:
    """Return the axis that histograms need, never of no width.

    Parameters
    ----------
    rows
        Histograms that shall share the axis.
    reach
        How far the axis follows values beyond the middle 99 % of each histogram, in widths
        of these: one gradient far out would press all others into a line.

    """
    ends = np.array([_ends(row["edges"], row["counts"]) for row in rows]).reshape(-1, 4)
    if not len(ends):
        return 0.0, 1.0
    least, low = (float(end) for end in ends[:, :2].min(axis=0))
    high, largest = (float(end) for end in ends[:, 2:].max(axis=0))
    width = high - low
    low, high = max(least, low - reach * width), min(largest, high + reach * width)
    room = 0.03 * (high - low) or 0.05 * abs(high) or 1e-3
    return low - room, high + room


def _ends(edges: Floats, counts: Floats) -> Floats:
    """Return the least value, those below and above the middle 99 %, and the largest."""
    reached = np.concatenate([[0.0], np.cumsum(counts)])
    found: Floats = np.interp(np.array([0.0, 0.005, 0.995, 1.0]) * reached[-1], reached, edges)
    return found


def _of(rows: Histograms, kind: str, layer: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["kind"] == kind and row["layer"] == layer]


def _thinned(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return at most `RIDGES` rows, evenly spaced, the last among them."""
    if len(rows) <= RIDGES:
        return rows
    places = np.unique(np.linspace(0, len(rows) - 1, RIDGES).round().astype(int))
    return [rows[place] for place in places]


def _same_epochs(ax: Axes, epochs: Sequence[int], *, upright: bool) -> None:
    first, last = min(epochs), max(epochs)
    if upright:
        ax.set_xlim(first - 0.5, last + 0.5)
    else:
        spacing = max(1.0, (last - first) / RIDGES)
        ax.set_ylim(first - 0.5 * spacing, last + (OVERLAP + 0.3) * spacing)


def _small(ax: Axes, *, epochs: Axis, values: Axis) -> None:
    tidy(ax)
    ax.tick_params(labelsize=7, length=2)
    epochs.set_major_locator(MaxNLocator(4, integer=True))
    values.set_major_locator(MaxNLocator(4))
    # Gradients are so small that their zeros would run into each other.
    formatter = ScalarFormatter()
    formatter.set_powerlimits((-2, 3))
    values.set_major_formatter(formatter)
    values.get_offset_text().set_fontsize(7)


def _nothing(ax: Axes, why: str) -> None:
    ax.text(0.5, 0.5, why, ha="center", va="center", fontsize=9, color=QUIET)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
