"""Which half of a film shows a case, and cutting it out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.errors import DataError
from radpipe.imaging.regions import Facing, Region, cut, region_of

FILM = (4, 7)


@pytest.mark.parametrize(
    ("side", "toward", "expected"),
    [
        # As radiographs are hung, the patient's right is on the reader's left.
        ("R", "L", Region(0, 0, 3, 4, mirrored=False)),
        ("L", "L", Region(4, 0, 7, 4, mirrored=True)),
        # The same film turned round before it was saved.
        ("R", "R", Region(4, 0, 7, 4, mirrored=True)),
        ("L", "R", Region(0, 0, 3, 4, mirrored=False)),
    ],
)
def test_the_half_of_a_film_of_both_sides(side, toward, expected):
    for shows in (None, "B"):
        assert region_of(FILM, Facing(side, both=True), shows=shows, toward=toward) == expected


def test_a_film_of_one_side_is_never_halved():
    whole = Region(0, 0, 7, 4, mirrored=True)
    assert region_of(FILM, Facing("L", both=True), shows="L") == whole
    assert region_of(FILM, Facing("L", both=False)) == whole
    assert region_of(FILM, Facing("R", both=False)) == Region(0, 0, 7, 4)
    assert region_of(FILM, Facing()) == Region(0, 0, 7, 4)


def test_a_film_of_the_other_side_is_refused():
    with pytest.raises(DataError, match=r"patient's right side, says the file.*asks for the left"):
        region_of(FILM, Facing("L", both=True), shows="R")


@given(st.sampled_from("RL"), st.integers(2, 9), st.booleans())
def test_both_knees_of_a_symmetric_film_are_alike(side, columns, turned):
    """A film that is its own mirror image gives the same picture for both knees."""
    half = np.arange(3 * columns, dtype=np.uint16).reshape(3, columns)
    film = np.concatenate([half, half[:, ::-1]], axis=1)
    region = region_of(film.shape, Facing(side, both=True), toward="R" if turned else "L")
    seen, _ = cut(film, region)
    np.testing.assert_array_equal(seen, half)


def test_what_lies_beyond_a_picture_is_black():
    pixels = np.full((2, 3), 7, np.uint8)
    seen, box = cut(pixels, Region(-1.5, 1, 1.25, 3))
    np.testing.assert_array_equal(seen, [[0, 0, 7, 7], [0, 0, 0, 0]])
    assert box == (0.5, 0.0, 3.25, 2.0)
    seen, box = cut(pixels, Region(-1.5, 1, 1.25, 3, mirrored=True))
    np.testing.assert_array_equal(seen, [[7, 7, 0, 0], [0, 0, 0, 0]])
    assert box == (0.75, 0.0, 3.5, 2.0)


def test_a_region_far_outside_is_black():
    pixels = np.full((2, 3, 3), 7, np.uint8)
    for region in (Region(5, 5, 8, 9), Region(-9, -9, -6, -5)):
        seen, _ = cut(pixels, region)
        assert seen.shape == (4, 3, 3)
        assert not seen.any()
