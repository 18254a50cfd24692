"""Outlines of known boxes can be seen, however large they are."""

import numpy as np

from radpipe.figures.joints import joints_figure

NOTHING = np.full(4, np.nan)


def test_a_box_larger_than_its_crop_is_seen_whole():
    known = np.array([[-3.0, 2.0, 12.0, 9.0], NOTHING])
    figure = joints_figure(np.zeros((2, 10, 10)), ["a", "b"], known)
    first, second = figure.axes[:2]
    (outline,) = first.patches
    x0, x1 = outline.get_x(), outline.get_x() + outline.get_width()
    assert first.get_xlim()[0] < x0
    assert x1 < first.get_xlim()[1]
    assert first.get_xlim() == second.get_xlim()
    assert not second.patches


def test_without_known_boxes_the_whole_crop_is_seen():
    figure = joints_figure(np.zeros((1, 10, 10)), ["a"], NOTHING[None])
    low, high = figure.axes[0].get_xlim()
    assert low <= -0.5
    assert high >= 9.5
    assert figure.axes[0].get_ylim() == (high, low)
