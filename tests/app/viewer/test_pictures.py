"""Windowing, colours of maps and PNG, by hand."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from radpipe.app.viewer.pictures import (
    COLOURS,
    SHOWN,
    Look,
    address_of,
    first_slice,
    jet,
    overlaid,
    scaled,
    windowed,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0, 0, id="below the window"),
        pytest.param(51, 0, id="its lower end, a fifth of 255"),
        pytest.param(102, 85, id="a third of it"),
        pytest.param(204, 255, id="its upper end"),
        pytest.param(255, 255, id="above"),
    ],
)
def test_a_window_is_linear_between_its_ends(value, expected):
    pixels = np.array([[value]], np.uint8)
    assert windowed(pixels, Look(0.2, 0.8)).tolist() == [[[expected] * 3]]
    deep = np.array([[value * 257]], np.uint16)
    assert windowed(deep, Look(0.2, 0.8)).tolist() == [[[expected] * 3]]


def test_a_window_without_width_is_a_step():
    pixels = np.array([[127, 129]], np.uint8)
    assert windowed(pixels, Look(0.5, 0.5))[..., 0].tolist() == [[0, 255]]


def test_jet_goes_from_blue_over_green_to_red():
    """At 0, 1/8, 3/8, 1/2, 5/8, 7/8 and 1, as its definition by straight lines has it."""
    values = np.array([0, 1 / 8, 3 / 8, 1 / 2, 5 / 8, 7 / 8, 1], np.float32)
    assert jet(values).tolist() == [
        [0, 0, 128], [0, 0, 255], [0, 255, 255], [128, 255, 128], [255, 255, 0], [255, 0, 0],
        [128, 0, 0],
    ]  # fmt: skip


def test_red_to_green_leaves_the_rest_of_the_picture_alone():
    """A published viewer of knees laid only red, yellow and green of jet on it, with 0.4."""
    pixels = np.full((1, 4), 100, np.uint8)
    drawn = np.array([[0.0, 0.3, 0.625, 0.875]], np.float32)
    found = overlaid(pixels, drawn, Look(colours="red to green"))[0].tolist()
    assert found[:2] == [[100] * 3] * 2
    assert found[2:] == [[162, 162, 60], [162, 60, 60]]


@pytest.mark.parametrize("colours", list(COLOURS))
def test_no_strength_and_no_map_show_the_picture(colours):
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    drawn = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)
    plain = windowed(pixels, Look())
    np.testing.assert_array_equal(overlaid(pixels, None, Look(colours=colours)), plain)
    look = Look(colours=colours, strength=0.0)
    np.testing.assert_array_equal(overlaid(pixels, drawn, look), plain)


@given(st.floats(0, 1), st.sampled_from(list(COLOURS)), st.floats(0, 1))
def test_every_look_gives_a_picture(strength, colours, dark):
    pixels = np.zeros((3, 4, 3), np.uint8)
    drawn = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    found = overlaid(pixels, drawn, Look(dark, 1.0, colours, strength))
    assert (found.shape, found.dtype) == ((3, 4, 3), np.uint8)


def test_views_are_scaled_together_or_alone():
    maps = {"a": np.array([2.0, -4.0]), "b": np.array([1.0]), "c": np.zeros(1)}
    together = scaled(maps, alone=False)
    assert [each.tolist() for each in together.values()] == [[0.5, -1.0], [0.25], [0.0]]
    alone = scaled(maps, alone=True)
    assert [each.tolist() for each in alone.values()] == [[0.5, -1.0], [1.0], [0.0]]


def test_small_pictures_are_enlarged_pixel_by_pixel():
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 255
    head, _, data = address_of(pixels).partition(",")
    assert head == "data:image/png;base64"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    times = SHOWN // 3
    assert shown.shape == (2 * times, 3 * times, 3)
    assert (shown[:times, :times] == 255).all()
    assert not shown[times:].any()


def test_the_slice_with_the_largest_value_is_shown_first():
    drawn = np.zeros((5, 2, 2), np.float32)
    assert first_slice(None, 5) == first_slice(drawn, 5) == 2
    drawn[3, 0, 1] = -2
    assert first_slice(drawn, 5) == 3
