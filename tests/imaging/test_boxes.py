"""Boxes in files and in stored squares, and their overlap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.settings import Image
from radpipe.imaging.boxes import best_fixed_box, from_square, overlap, to_square
from radpipe.imaging.regions import Region, cut
from radpipe.imaging.resize import prepare

HALF = Region(100, 0, 200, 400, mirrored=True)
EDGE = st.floats(-50, 500)


def test_overlap_by_hand():
    ours = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 0, 0]], float)
    theirs = np.array([[1, 1, 3, 3], [0, 0, 2, 2], [5, 5, 6, 6], [0, 0, 0, 0]], float)
    np.testing.assert_allclose(overlap(ours, theirs), [1 / 7, 1, 0, 0])


def test_a_letterbox_by_hand():
    """400 rows become 100, so 100 columns become 25, from (100 - 25) // 2 = 37 on."""
    box = np.array([[180.0, 40.0, 200.0, 80.0]])
    square = to_square(box, [HALF], Image(side=100))
    np.testing.assert_allclose(square, [[37.0, 10.0, 42.0, 20.0]])


@given(EDGE, EDGE, st.sampled_from(["letterbox", "squash", "crop"]), st.booleans())
def test_there_and_back(x, y, how, mirrored):
    region = Region(10, 5, 310, 205, mirrored=mirrored)
    box, image = np.array([[x, y, x + 30, y + 20]]), Image(side=64, resize=how)
    square = to_square(box, [region], image)
    assert square[0, 0] < square[0, 2]
    np.testing.assert_allclose(from_square(square, [region], image), box, atol=1e-9)


@pytest.mark.parametrize("how", ["letterbox", "squash", "crop"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_bright_box_lies_where_the_arithmetic_says(how, mirrored):
    film = np.zeros((240, 400), np.uint8)
    film[88:112, 280:320] = 200
    region, image = Region(200, 0, 400, 240, mirrored=mirrored), Image(side=120, resize=how)
    pixels, box = cut(film, region)
    square, _ = prepare(pixels, image, box=box)
    rows, columns = np.nonzero(square[..., 0] > 100)
    expected = to_square(np.array([[280.0, 88, 320, 112]]), [region], image)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(found, expected[0], atol=1.0)


def test_the_best_fixed_box_beats_the_median_box_where_boxes_wander():
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 60, (200, 2))
    boxes = np.concatenate([corner, corner + np.array([30, 20])], axis=1)
    best = best_fixed_box(boxes)
    plain = best_fixed_box(boxes, np.array([1.0]))
    means = [overlap(np.tile(b, (200, 1)), boxes).mean() for b in (best, plain)]
    assert means[0] >= means[1]
    np.testing.assert_allclose((best[:2] + best[2:]) / 2, (plain[:2] + plain[2:]) / 2)
