"""Learning curves."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from radpipe.figures.learning import plot_learning


@pytest.fixture
def ax():
    return Figure().subplots()


def row(kind, patients, value):
    ends = {"low": value - 0.02, "high": value + 0.02}
    return {"curve": "v1", "kind": kind, "patients": patients, "value": value, **ends}


SEEN = [row("seen", n, 0.8 + n / 1000) for n in (50.0, 100.0)]
FITTED = [row("fitted", n, 0.8 + n / 1000) for n in (50.0, 75.0, 100.0, 150.0, 200.0)]


def test_what_was_not_seen_is_dashed(ax):
    plot_learning([*SEEN, *FITTED, row("gain", 200.0, 0.1)], ax=ax, palette={"v1": "#0072B2"})
    pieces = {
        line.get_linestyle(): line.get_xdata() for line in ax.lines if len(line.get_xdata()) > 2
    }
    assert (pieces["-"][0], pieces["-"][-1]) == pytest.approx((50, 100))
    assert (pieces["--"][0], pieces["--"][-1]) == pytest.approx((100, 200))
    np.testing.assert_array_equal(ax.get_xticks(), [50, 100, 200])
    assert ax.get_legend().get_texts()[0].get_text() == "v1"


def test_points_without_a_fit_are_drawn_alone(ax):
    plot_learning([*SEEN, row("gain", 200.0, np.nan)], ax=ax)
    assert not [line for line in ax.lines if len(line.get_xdata()) > 2]
