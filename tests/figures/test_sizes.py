"""The picture of sizes and intensities shows the numbers it is given."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from radpipe.figures.sizes import plot_input_sizes, plot_intensities, plot_sizes, sizes_figure

INTENSITY = {"histogram": [0.75, 0.25], "mean": 0.375, "sd": 0.216506}
CHOICES = [{"size": 32, "upscaled": 0.0}, {"size": 64, "upscaled": 0.04}]
FINGERPRINT = {"input_sizes": CHOICES, "recommended_size": 64, "intensity": INTENSITY}
ROWS, COLUMNS = np.array([100, 100, 50]), np.array([80, 80, 60])


def test_each_size_is_a_disc_as_large_as_it_is_frequent() -> None:
    ax = plot_sizes(ROWS, COLUMNS, Figure().subplots(), size=64)
    discs = ax.collections[0]
    np.testing.assert_array_equal(discs.get_offsets(), [[60, 50], [80, 100]])
    np.testing.assert_allclose(discs.get_sizes(), [108, 208])
    assert ax.get_xlim()[1] == pytest.approx(108)
    assert ax.get_title() == "Original sizes, 3 pictures"


def test_of_volumes_the_slices_are_said() -> None:
    slices = {"axial": {"0": 19.0, "1": 61.0}, "coronal": {"0": 17.0, "1": 58.0}}
    figure = sizes_figure(ROWS, COLUMNS, {**FINGERPRINT, "slices": slices}, size=48)
    left, middle, _ = figure.axes
    assert left.get_title() == "Original sizes, 3 volumes of 17-61 slices"
    assert middle.get_ylabel() == "volumes enlarged / %"


def test_the_share_enlarged_is_in_percent_and_both_sizes_are_marked() -> None:
    ax = plot_input_sizes(CHOICES, Figure().subplots(), size=48, best=64)
    line, stored, best = ax.lines
    np.testing.assert_allclose(line.get_xydata(), [[32, 0], [64, 4]])
    assert (stored.get_xdata()[0], best.get_xdata()[0]) == (48, 64)


def test_intensities_are_in_percent() -> None:
    ax = plot_intensities(INTENSITY, Figure().subplots())
    np.testing.assert_allclose(ax.patches[0].get_data().values, [75, 25])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["mean 0.375", "SD 0.217"]


def test_equal_data_give_an_equal_picture() -> None:
    first, again = io.BytesIO(), io.BytesIO()
    for stream in (first, again):
        figure = sizes_figure(ROWS, COLUMNS, FINGERPRINT, size=48)
        figure.savefig(stream, format="png", metadata={"Software": None})
    assert first.getvalue() == again.getvalue()


def test_what_a_side_loses_is_measured_up_to_the_stored_one() -> None:
    sides = [{"side": side, "lost": 1 / side} for side in (32, 64, 128)]
    detail = {"stored": 64, "sides": sides}
    figure = sizes_figure(ROWS, COLUMNS, FINGERPRINT, size=64, detail=detail)
    assert len(figure.axes) == 4
    _, measured, estimated, stored = figure.axes[-1].lines
    np.testing.assert_allclose(measured.get_xydata(), [[32, 100 / 32], [64, 100 / 64]])
    np.testing.assert_allclose(estimated.get_xydata(), [[128, 100 / 128]])
    assert stored.get_xdata()[0] == 64
