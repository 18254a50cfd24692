"""Thumbnails of a store."""

from types import SimpleNamespace

import numpy as np

from radpipe.splitting.thumbnails import thumbnails


def store(pixels, slices):
    """Stand in for a store whose rows have so many slices each; it gives middle slices only."""
    middle = np.cumsum(slices) - slices + slices // 2

    class Fake(SimpleNamespace):
        def __len__(self):
            return len(slices)

    return Fake(size=pixels.shape[1], middles=lambda rows: pixels[middle[rows]])


def test_small_pictures_keep_their_size_and_values():
    pixels = np.arange(2 * 16 * 16, dtype=np.uint16).reshape(2, 16, 16, 1).astype(np.uint8)
    assert (thumbnails(store(pixels, np.array([1, 1]))) == pixels[..., 0]).all()


def test_large_ones_shrink_to_64_and_colour_becomes_grey():
    pixels = np.zeros((1, 128, 128, 3), np.uint8)
    pixels[..., 0] = 90
    found = thumbnails(store(pixels, np.array([1])))
    assert found.shape == (1, 64, 64)
    assert (found == 30).all()


def test_sixteen_bits_are_spread_over_what_is_used():
    pixels = np.full((1, 16, 16, 1), 1000, np.uint16)
    pixels[0, 0, 0], pixels[0, 0, 1] = 2000, 1500
    found = thumbnails(store(pixels, np.array([1])))[0]
    # 500 / 1000 of 255 is 127.5, which rounds to the even 128.
    assert [found[0, 0], found[0, 1], found[1, 1]] == [255, 128, 0]


def test_of_a_volume_the_middle_slice_is_taken():
    pixels = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 1), np.uint8)
    found = thumbnails(store(pixels, np.array([3, 5])))
    assert found[:, 0, 0].tolist() == [1, 5]
