"""Figures of explanations."""

import pytest

from radpipe.figures.explanations import deletion_figure, maps_figure, randomised_figure

HEAD = {"study": "knee", "part": "test", "variant": "v", "label": ""}


def row(method, measure, value, **more):
    return {
        **HEAD,
        "method": method,
        "measure": measure,
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        **more,
    }


SCORES = [
    row("cam", "pointing", 0.7),
    row("cam", "pointing_average", 0.5),
    row("cam", "pointing_chance", 0.1),
    row("cam", "randomised_1", 0.6),
    {**row("cam", "randomised_2", 0.2), "value": "0.2"},
    {**row("lime", "pointing", 0.4), "low": "", "high": ""},
    row("ideal observer", "pointing", 1.0),
    row("cam", "pointing", 0.1, label="acl"),
]
CURVES = [
    {**HEAD, "method": m, "curve": curve, "share": share, "value": share}
    for m in ("cam", "lime")
    for curve in ("deletion", "deletion_random", "insertion")
    for share in (0.0, 0.5, 1.0)
]


def marks(ax):
    """Return where single marks stand: (value, row, mark)."""
    return {
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_marker())
        for line in ax.lines
        if line.get_marker() != "None" and len(line.get_xdata()) == 1
    }


def test_the_ideal_observer_stands_first_and_references_beside():
    figure = maps_figure(SCORES)
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ideal observer", "cam", "lime"]
    assert marks(ax) == {
        (1.0, 0.0, "D"),
        (0.7, 1.0, "o"),
        (0.5, 1.0, "x"),
        (0.1, 1.0, "|"),
        (0.4, 2.0, "o"),
    }
    assert not marks(figure.axes[1])


def test_curves_are_drawn_once_at_random_and_once_a_method():
    deletion, insertion = deletion_figure(CURVES).axes
    assert [line.get_label() for line in deletion.lines] == ["cam", "random order", "lime"]
    assert [line.get_label() for line in insertion.lines] == ["cam", "lime"]


def test_random_layers_are_drawn_from_none_to_all():
    (ax,) = randomised_figure(SCORES).axes
    values = ax.containers[0].lines[0].get_ydata()
    assert values.tolist() == pytest.approx([1.0, 0.6, 0.2])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["none", "1", "all"]


def test_nothing_is_drawn_of_nothing():
    assert maps_figure([]) is None
    assert deletion_figure([]) is None
    assert randomised_figure(SCORES[:2]) is None
