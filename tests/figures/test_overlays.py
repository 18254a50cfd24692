"""Maps over films: what each look shows, and that nothing is written beside the pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from radpipe.figures.overlays import (
    LOOKS,
    SIDE,
    enlarged,
    outlined,
    overlay,
    save_jpeg,
    sheet,
)

FILM = np.linspace(0, 1, 64).reshape(8, 8, 1)
RAMP = np.tile(np.linspace(0, 1, 8), (8, 1))


@pytest.mark.parametrize("look", sorted(LOOKS))
@given(seed=st.integers(0, 99))
def test_looks_stay_in_range_whatever_the_map(look, seed):
    drawn = np.random.default_rng(seed).uniform(-1, 1, (8, 8))
    picture = overlay(FILM, drawn, look, side=16)
    assert picture.shape == (16, 16, 3)
    assert 0 <= picture.min() <= picture.max() <= 1


def test_a_map_that_says_nothing_leaves_the_film():
    nothing = np.zeros((8, 8))
    for look in ("heat", "jet-red-to-green"):
        np.testing.assert_allclose(overlay(FILM, nothing, look), enlarged(FILM), atol=1e-12)


def test_the_published_cut_keeps_green_to_red_alone():
    """Of the rainbow's colours, blue at 0.2 goes and red at 0.95 stays."""
    film = np.full((8, 8, 1), 0.5)
    low, high = (np.full((8, 8), value) for value in (0.2, 0.95))
    assert np.allclose(overlay(film, low, "jet-red-to-green"), 0.5)
    red, green, blue = overlay(film, high, "jet-red-to-green")[0, 0]
    assert red > green == blue == pytest.approx(0.3)


def test_the_published_factor_is_next_to_invisible():
    film = np.full((8, 8, 1), 0.9)
    picture = overlay(film, RAMP, "jet-inverted")
    assert np.ptp(picture) < 0.003


def test_what_speaks_against_is_blue():
    drawn = np.full((8, 8), -1.0)
    red, _, blue = overlay(np.zeros((8, 8, 1)), drawn, "heat")[0, 0]
    assert blue > red
    red, _, blue = overlay(np.zeros((8, 8, 1)), -drawn, "heat")[0, 0]
    assert red > blue


def test_a_line_runs_around_a_finding_and_nowhere_else():
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:6] = True
    plain = np.zeros((64, 64, 3))
    found = outlined(plain, inside)
    lit = found.any(axis=2)
    assert lit[16:48, 16].all()
    assert lit[16, 16:48].all()
    assert not lit[20:44, 20:44].any()
    assert not lit[:14].any()
    assert outlined(plain, None) is plain


def test_a_sheet_is_small_and_the_same_each_time(tmp_path):
    tiles = [enlarged(FILM), overlay(FILM, RAMP, "heat")]
    picture = sheet([tiles, tiles[:1]])
    assert picture.shape == (2 * SIDE + 4, 2 * SIDE + 4, 3)
    assert (picture[-SIDE:, -SIDE:] == 255).all()
    for name in ("a.jpg", "b.jpg"):
        save_jpeg(picture, tmp_path / name)
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.size == picture.shape[1::-1]
        assert not {"exif", "comment"} & set(image.info)
