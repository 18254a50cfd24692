"""Turning, shrinking and moving batches of pictures."""

import numpy as np
import pytest

from radpipe.splitting.warp import N_ORIENTATIONS, coordinates, laying, orient, sample, shrink, warp

SQUARE = np.array([[[1, 2], [3, 4]]], np.float32)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        pytest.param(0, [[1, 2], [3, 4]], id="as it is"),
        pytest.param(1, [[2, 1], [4, 3]], id="left and right"),
        pytest.param(2, [[3, 4], [1, 2]], id="top and bottom"),
        pytest.param(3, [[4, 3], [2, 1]], id="half a turn"),
        pytest.param(4, [[1, 3], [2, 4]], id="rows for columns"),
    ],
)
def test_orient(orientation, expected):
    assert orient(SQUARE, orientation)[0].tolist() == expected


def test_orientations_are_eight_different_ones():
    laid = {tuple(orient(SQUARE, k).ravel()) for k in range(N_ORIENTATIONS)}
    assert len(laid) == 8


def test_shrink_takes_means_weighted_by_the_share_covered():
    """Three pixels into two: each new one covers one and a half old ones."""
    picture = np.array([[[0, 3, 6]] * 3])
    assert shrink(picture, 2)[0].tolist() == [pytest.approx([1, 5])] * 2


def test_shrink_keeps_small_pictures():
    assert shrink(SQUARE, 4) is SQUARE


def test_warp_by_the_identity_changes_nothing():
    picture = np.arange(25, dtype=np.float32).reshape(1, 5, 5)
    moved, inside = warp(picture, np.array([[[1, 0, 0], [0, 1, 0]]], np.float32))
    assert moved.reshape(5, 5) == pytest.approx(picture[0], abs=1e-5)
    assert inside.all()


def test_warp_moves_by_half_a_pixel():
    """Of five pixels from -1 to 1, half a pixel is 0.25; the last one looks outside."""
    picture = np.tile(np.arange(5, dtype=np.float32), (1, 5, 1))
    moved, inside = warp(picture, np.array([[[1, 0, 0], [0, 1, 0.25]]], np.float32))
    assert moved.reshape(5, 5)[0].tolist() == pytest.approx([0.5, 1.5, 2.5, 3.5, 4.0])
    assert inside.reshape(5, 5)[0].tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("orientation", range(N_ORIENTATIONS))
def test_laying_a_picture_is_orienting_it(orientation):
    pictures = np.random.default_rng(0).random((2, 9, 9), np.float32)
    moved, _ = warp(pictures, laying(np.full(2, orientation)))
    assert moved.reshape(2, 9, 9) == pytest.approx(orient(pictures, orientation), abs=1e-5)


def test_coordinates_are_those_of_every_second_pixel():
    assert coordinates(3, 2).tolist() == [[-1, -1, 1, 1], [-1, 1, -1, 1], [1, 1, 1, 1]]


def test_sample_looks_at_the_pictures_and_places_asked_for():
    pictures = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    maps = laying(np.zeros(3, np.int64))
    moved, inside = sample(pictures, np.array([1, 0, 1]), maps, coordinates(3, 2))
    corners = np.array([[9, 11, 15, 17], [0, 2, 6, 8], [9, 11, 15, 17]])
    assert moved == pytest.approx(corners, abs=1e-4)
    assert inside.all()
