"""Layers and running values: what is drawn, on which axes."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from radpipe.figures.palette import PALETTE
from radpipe.figures.telemetry import (
    KINDS,
    PERCENTILES,
    RIDGES,
    layer_sheet,
    percentiles,
    plot_distributions,
    plot_histograms,
    rebin,
    running_sheet,
    value_limits,
)


@pytest.fixture
def ax():
    return Figure().subplots()


def rows(layers=("0", "3"), epochs=(1, 2, 3), kinds=KINDS, width=1.0):
    """Even values from 0 to `width` times the epoch, four in each of two buckets."""
    return [
        {
            "kind": kind,
            "layer": layer,
            "epoch": epoch,
            "edges": np.array([0.0, 0.5, 1.0]) * width * epoch,
            "counts": np.array([4, 4]),
        }
        for layer in layers
        for kind in kinds
        for epoch in epochs
    ]


def test_percentiles_are_even_within_a_bucket():
    # 3 of 4 values in 0..1, the fourth in 1..2: half of them lie below 2/3.
    found = percentiles(np.array([0.0, 1.0, 2.0]), np.array([3, 1]))
    assert (found[0], found[-1]) == (0, 2)
    assert found[4] == pytest.approx(2 / 3)
    assert found[5] == pytest.approx(4 * 0.6915 / 3)
    assert [round(p) for p in PERCENTILES] == [0, 7, 16, 31, 50, 69, 84, 93, 100]
    assert percentiles(np.array([5.0, 5.0]), np.array([7])).tolist() == [5.0] * 9


def test_counts_are_moved_to_other_edges():
    onto = np.array([-1.0, 0.0, 0.5, 1.0, 3.0])
    assert rebin(np.array([0.0, 2.0]), np.array([8]), onto).tolist() == [0, 2, 2, 4]
    # 8 equal values have no width to be even in.
    assert rebin(np.array([0.25, 0.25]), np.array([8]), onto).tolist() == [0, 8, 0, 0]


def test_axes_hold_what_histograms_need():
    even = {"edges": np.array([0.0, 100.0]), "counts": np.array([1000])}
    # 0.5 to 99.5, and 3 % of 99 on either side.
    assert value_limits([even]) == pytest.approx((0.5 - 2.97, 99.5 + 2.97))
    assert value_limits([even], reach=1.0) == pytest.approx((-3.0, 103.0))
    far = {"edges": np.array([0.0, 1.0, 1000.0]), "counts": np.array([999, 1])}
    low, high = value_limits([far], reach=1.0)
    assert high < 3
    assert value_limits([]) == (0.0, 1.0)
    low, high = value_limits([{"edges": np.array([2.0, 2.0]), "counts": np.array([1])}])
    assert low < 2 < high
    low, high = value_limits([{"edges": np.zeros(2), "counts": np.array([1])}])
    assert low < 0 < high


def test_each_epoch_has_a_ridge_and_the_first_is_in_front(ax):
    plot_histograms(rows(("0",), kinds=("weight",)), ax=ax, colour="#000000", limits=(0, 4))
    assert [line.get_ydata().min() for line in ax.lines] == [1, 2, 3]
    # The first ridge is full up to 1 and empty beyond; it reaches 2.5 epochs up.
    x, y = ax.lines[0].get_data()
    assert y[x < 0.97].tolist() == pytest.approx([3.5] * int((x < 0.97).sum()))
    assert set(y[x > 1.07]) == {1.0}
    orders = [line.get_zorder() for line in ax.lines]
    assert orders == sorted(orders, reverse=True)


def test_many_epochs_are_thinned_and_the_last_stays(ax):
    plot_histograms(rows(("0",), range(1, 101), ("bias",)), ax=ax, colour="#000000")
    assert len(ax.lines) == RIDGES
    assert ax.lines[-1].get_ydata().min() == 100


def test_distributions_are_four_bands_and_a_median(ax):
    plot_distributions(rows(("0",), kinds=("weight",)), ax=ax, colour="#0072B2")
    assert len(ax.collections) == 4
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([0.5, 1.0, 1.5])
    outer = ax.collections[0].get_datalim(ax.transData)
    assert (outer.y0, outer.y1) == (0, 3)


def test_one_epoch_is_a_bar(ax):
    plot_distributions(rows(("0",), (4,), ("weight",)), ax=ax, colour="#0072B2")
    assert ax.lines[0].get_xdata().tolist() == [3.6, 4.4]


@pytest.mark.parametrize("plot", [plot_histograms, plot_distributions])
def test_two_runs_stand_beside_each_other_on_the_same_axes(plot):
    runs = {"fast": rows(), "slow": rows(epochs=(1, 2), width=0.1, kinds=("weight", "bias"))}
    figure = layer_sheet(runs, ["0", "3"], plot=plot, title="both")
    assert len(figure.axes) == 2 * 3 * 2
    fast, slow = figure.axes[:2]
    assert (fast.get_xlim(), fast.get_ylim()) == (slow.get_xlim(), slow.get_ylim())
    assert fast.get_title() == "weight\nfast"
    assert [text.get_text() for text in fast.texts] == ["layer 0"]
    assert to_hex(slow.collections[0].get_facecolor()[0]).upper() == PALETTE[1]
    # The slow run has no gradient.
    assert [text.get_text() for text in figure.axes[5].texts] == ["no gradient"]
    figure.draw_without_rendering()


def test_one_run_needs_no_name():
    figure = layer_sheet({"alone": rows()}, ["3"])
    assert [ax.get_title() for ax in figure.axes] == list(KINDS)


def test_running_values_stand_over_batches():
    table = [
        {"variant": run, "name": f"running/train_{name}", "step": step, "value": step / 100}
        for run in ("a", "b")
        for name in ("loss", "auc")
        for step in (20, 10)
    ]
    loss, auc = running_sheet([*table, {"variant": "a", "name": "lr", "step": 1, "value": 9}]).axes
    assert [line.get_xdata().tolist() for line in loss.lines] == [[10, 20]] * 2
    assert loss.lines[0].get_ydata().tolist() == [0.1, 0.2]
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("Batches so far", "Running loss")
    assert auc.get_ylabel() == "Running AUC"
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["a", "b"]
