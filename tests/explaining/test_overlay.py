"""Colours: JET by its corners, what 000 keeps, and the published ways by hand."""

import numpy as np
import pytest

from radpipe.explaining.overlay import Overlay, coloured, is_warm, overlay, scaled
from radpipe.explaining.published import PUBLISHED


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        *[(0, (0, 0, 0.5)), (0.125, (0, 0, 1)), (0.375, (0, 1, 1)), (0.5, (0.5, 1, 0.5))],
        *[(0.625, (1, 1, 0)), (0.875, (1, 0, 0)), (1, (0.5, 0, 0))],
    ],
)
def test_jet_at_its_corners(place, expected):
    np.testing.assert_allclose(coloured(np.array(place), "jet"), expected, atol=1e-12)
    np.testing.assert_allclose(coloured(np.array(1 - place), "jet-inverted"), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("colour", "kept"),
    [
        pytest.param((1, 0, 0), True, id="red"),
        pytest.param((1, 1, 0), True, id="yellow, hue 30"),
        pytest.param((0, 1, 0), True, id="green, hue 60"),
        pytest.param((0, 1, 1), False, id="cyan, hue 90"),
        pytest.param((0, 0, 1), False, id="blue"),
        pytest.param((0.24, 0, 0), False, id="value 61, below 64"),
        pytest.param((0.26, 0, 0), True, id="value 66"),
        pytest.param((1, 0.86, 0.86), False, id="saturation 36, below 39"),
    ],
)
def test_what_000_keeps(colour, kept):
    assert bool(is_warm(np.array([colour], float))[0]) == kept


def test_000_mixes_four_tenths_of_warm_colours():
    picture, drawn = np.full((1, 2), 100, np.uint8), np.array([[0.1, 0.875]])
    found = overlay(picture, drawn, PUBLISHED["000"].overlay, signed=False)
    # 0.1 is blue, of which black is left; 0.875 is red.
    assert found[0].tolist() == [[60, 60, 60], [162, 60, 60]]


def test_004_adds_almost_nothing_and_scales_to_white():
    picture, drawn = np.array([[51, 255]], np.uint8), np.array([[0.125, 0.0]])
    found = overlay(picture, drawn, PUBLISHED["004-densenet"].overlay, signed=False)
    # Turned over, 0.125 is red: 0.2 + 0.002; 0 is dark red: 1 + 0.001, which becomes white.
    assert found[0].tolist() == [[51, 51, 51], [255, 255, 255]]


def test_003_shows_the_map_alone():
    drawn = np.array([[0.0, 1.0]])
    for name, colours in (("003", "RdGy"), ("003-spectral", "Spectral")):
        found = overlay(np.zeros((1, 2), np.uint8), drawn, PUBLISHED[name].overlay, signed=False)
        assert found[0, 0].tolist() == np.rint(coloured(drawn, colours)[0, 0] * 255).tolist()


def test_nothing_to_say_leaves_the_picture_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    for signed in (False, True):
        found = overlay(picture, np.zeros((4, 5)), Overlay(), signed=signed)
        assert np.array_equal(found, picture)
    faint = overlay(picture, np.full((4, 5), 0.1), Overlay(least=0.2), signed=False)
    assert np.array_equal(faint, picture)


def test_maps_are_scaled_by_their_own_largest_value():
    drawn = np.array([[-4.0, 0.0], [1.0, 2.0]], np.float32)
    assert scaled(drawn, signed=False).tolist() == [[0, 0], [0.5, 1]]
    assert scaled(drawn, signed=True).tolist() == [[-1, 0], [0.25, 0.5]]
    assert not scaled(np.zeros((2, 2), np.float32), signed=False).any()
