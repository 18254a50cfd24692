"""Synthetic chests: geometry, and that every finding shows itself where its box says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.imaging.phantom.chest import (
    below,
    box_of,
    chest,
    draw_build,
    inside,
    squared,
    with_noise,
)
from radpipe.imaging.phantom.chest_findings import FINDINGS, draw_finding

SHAPE = (96, 100)
ALL = [(view, finding) for view, drawn in FINDINGS.items() for finding in drawn]


def film(view="frontal", *, seed=1, build=1, shape=SHAPE):
    drawn = draw_build(np.random.default_rng(build))
    return chest(view, shape, np.random.default_rng(seed), build=drawn)


def drawn(view, finding, severity, *, place=3):
    one = film(view)
    box = draw_finding(one, finding, severity, np.random.default_rng(place))
    return one.pixels, box


def test_a_mask_by_hand():
    """In the middle of an ellipse the squared distance is 0, on its outline 1: half a mask."""
    x, y = np.array([[0.0, 0.5, 1.0]], np.float32), np.zeros((1, 3), np.float32)
    distance = squared(x, y, (0.0, 0.0), (0.5, 0.2))
    assert distance.tolist() == [[0.0, 1.0, 4.0]]
    assert inside(distance, 0.5).tolist() == [[1.0, 0.5, 0.0]]


def test_a_limit_by_hand():
    found = below(np.array([0.0, 0.5, 1.0], np.float32), 0.5)
    assert found.tolist() == [1.0, 0.5, 0.0]


def test_a_box_goes_around_what_is_shown():
    mask = np.zeros((5, 6), np.float32)
    mask[1:3, 2:5] = 1
    mask[4, 0] = 0.2
    assert box_of(mask) == (2, 1, 5, 3)
    assert box_of(np.zeros((4, 4), np.float32)) is None


@pytest.mark.parametrize("view", ["frontal", "lateral"])
def test_lungs_are_dark_and_what_surrounds_them_is_not(view):
    one = film(view)
    inside_lungs, trunk = one.lungs > 0.99, (one.lungs < 0.01) & (np.abs(one.x) < 0.1)
    assert inside_lungs.mean() > 0.1
    assert one.pixels[inside_lungs].mean() < 0.6 * one.pixels[trunk & (one.y > 0.6)].mean()


def test_the_same_patient_in_another_pose_is_another_film_with_equal_tissue():
    one, two, other = film(seed=1), film(seed=2), film(seed=1, build=2)
    assert not np.array_equal(one.pixels, two.pixels)
    assert not np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(film(seed=1).pixels, one.pixels)


@pytest.mark.parametrize(("view", "finding"), ALL)
def test_a_finding_shows_in_its_box_and_hardly_elsewhere(view, finding):
    before, _ = drawn(view, finding, 0.0)
    after, (x0, y0, x1, y1) = drawn(view, finding, 0.8)
    change = np.abs(after - before)
    assert change[y0:y1, x0:x1].max() > 0.06
    outside = change.copy()
    outside[y0:y1, x0:x1] = 0
    # A haze has no edge: beyond its box it is faint.
    assert outside.max() < 0.5 * change.max()


@pytest.mark.parametrize(("view", "finding"), ALL)
def test_a_finding_grows_with_its_severity(view, finding):
    start, _ = drawn(view, finding, 0.0)
    changes = [np.abs(drawn(view, finding, s)[0] - start).sum() for s in (0.2, 0.5, 0.9)]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1]


@pytest.mark.parametrize("finding", ["consolidation", "lung_lesion"])
def test_a_finding_lies_equally_high_in_both_views(finding):
    for place in range(5):
        tops = []
        for view in FINDINGS:
            one = film(view)
            draw_finding(one, finding, 0.6, np.random.default_rng(place))
            change = np.abs(one.pixels - film(view).pixels)
            shown = change > 0.5 * change.max()
            tops.append(float(one.y[shown].mean()))
        assert tops[0] == pytest.approx(tops[1], abs=0.08)


def test_an_impossible_severity_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.1"):
        draw_finding(film(), "edema", 1.1, np.random.default_rng(0))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(32, 120), st.integers(32, 120))
def test_any_size_and_seed_give_a_film(seed, rows, columns):
    rng = np.random.default_rng(seed)
    for view, findings in FINDINGS.items():
        one = chest(view, (rows, columns), rng, build=draw_build(rng))
        for finding in findings:
            box = draw_finding(one, finding, float(rng.random()), rng)
            if box is not None:
                x0, y0, x1, y1 = box
                assert 0 <= x0 < x1 <= columns
                assert 0 <= y0 < y1 <= rows
        pixels = with_noise(one, rng)
        assert pixels.shape == (rows, columns)
        assert np.isfinite(pixels).all()
