"""What is compared of pictures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from radpipe.splitting.detail import BATCH, COARSE, FINE, band, blur, in_batches, level
from tests.splitting.films import films

FILMS = films(6)
ALL = np.arange(6)


def test_blur_is_a_gaussian_that_mirrors_at_the_border():
    pictures = FILMS.astype(np.float32)
    expected = gaussian_filter(pictures, (0, COARSE, COARSE), truncate=3, mode="reflect")
    assert blur(pictures, COARSE) == pytest.approx(expected, abs=1e-2)


def test_band_is_what_lies_between_two_blurs():
    pictures = FILMS.astype(np.float32)
    assert (band(pictures) == blur(pictures, FINE) - blur(pictures, COARSE)).all()
    assert level(FILMS, ALL, 64).detail == pytest.approx(band(pictures), abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(gain=st.floats(0.5, 2), offset=st.floats(-100, 100))
def test_contrast_knows_no_gain_and_no_offset(gain, offset):
    pictures = FILMS.astype(np.float32)
    changed = level(pictures * np.float32(gain) + np.float32(offset), ALL, 16)
    assert changed.contrast == pytest.approx(level(pictures, ALL, 16).contrast, abs=0.02)


def test_a_blank_picture_has_no_contrast():
    assert level(np.full((1, 32, 32), 7, np.uint8), ALL[:1], 32).contrast == pytest.approx(
        np.zeros((1, 32, 32)), abs=0.01
    )


def test_some_pictures_are_shrunk_and_small_ones_keep_their_size():
    assert level(FILMS, np.array([4, 1]), 16).pictures.shape == (2, 16, 16)
    small = level(FILMS, np.array([4, 1]), 128)
    assert small.side == 64
    assert (small.pictures == FILMS[[4, 1]]).all()


def test_batches_are_all_there_is_once():
    seen = []
    in_batches(lambda some: seen.extend(range(7)[some]), 7, BATCH // 2, map)
    assert seen == list(range(7))
