"""Resizing, depth and colour against pixels worked out by hand."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from radpipe.core.settings import Image
from radpipe.imaging.phantom import bones as phantom
from radpipe.imaging.resize import (
    REDUCING_GAP,
    How,
    block_means,
    fit,
    pad,
    prepare,
    resample_deep,
    scale,
    to_bits,
    to_channels,
)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_halving_weighs_with_a_triangle(dtype: type) -> None:
    # Scale 2: the triangle around 1.0 weighs pixel centres 0.5, 1.5, 2.5 with 3, 3, 1 (of 7).
    row = np.array([10, 80, 150, 220], dtype)
    out = fit(np.tile(row, (4, 1)), size=2, how="squash")
    expected = [(3 * 10 + 3 * 80 + 150) / 7, (80 + 3 * 150 + 3 * 220) / 7]
    np.testing.assert_array_equal(out, np.rint([expected, expected]).astype(dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_doubling_interpolates_linearly(dtype: type) -> None:
    # New centres lie at 0.25, 0.75, 1.25, 1.75 old pixels; the outer ones repeat the edge.
    out = fit(np.array([[100, 200], [100, 200]], dtype), size=4, how="squash")
    np.testing.assert_array_equal(out, np.tile(np.array([100, 125, 175, 200], dtype), (4, 1)))


def test_quartering_averages_pairs_first() -> None:
    # 8 to 2: pairs first, 10, 40, 80, 120; then as in halving, weights 3, 3, 1 of 7.
    row = np.array([0, 20, 30, 50, 70, 90, 110, 130], np.uint8)
    out = fit(np.tile(row, (8, 1)), size=2, how="squash")
    np.testing.assert_array_equal(out[0], np.rint([(30 + 120 + 80) / 7, (40 + 240 + 360) / 7]))


def test_averaging_first_hardly_changes_a_radiograph() -> None:
    rng = np.random.default_rng(0)
    picture = phantom.to_bytes(phantom.noise(phantom.bone((600, 500), rng).pixels, 0.02, rng))
    direct = Pillow.fromarray(picture).resize((64, 64), Pillow.Resampling.BILINEAR)
    apart = fit(picture, size=64, how="squash").astype(int) - np.asarray(direct)
    assert np.abs(apart).mean() < 0.5
    assert np.abs(apart).max() <= 8


def test_letterbox_keeps_the_shape_and_centres_on_black() -> None:
    out = fit(np.full((4, 8), 9, np.uint8), size=8, how="letterbox")
    expected = np.zeros((8, 8), np.uint8)
    expected[2:6] = 9
    np.testing.assert_array_equal(out, expected)


def test_letterbox_puts_the_odd_pixel_right() -> None:
    out = fit(np.full((8, 3), 9, np.uint8), size=8, how="letterbox")
    np.testing.assert_array_equal(np.flatnonzero(out[0]), [2, 3, 4])


def test_letterbox_of_a_very_long_picture_keeps_a_line() -> None:
    assert scale(np.full((8, 4000), 9, np.uint8), size=32, how="letterbox").shape == (1, 32)


def test_crop_keeps_the_centre_square() -> None:
    wide = np.repeat(np.array([[0, 0, 50, 50, 50, 50, 0, 0]], np.uint8), 4, axis=0)
    np.testing.assert_array_equal(fit(wide, size=4, how="crop"), np.full((4, 4), 50))
    np.testing.assert_array_equal(fit(wide.T.copy(), size=4, how="crop"), np.full((4, 4), 50))


def test_squash_fills_the_square() -> None:
    assert (fit(np.full((4, 40), 7, np.uint8), size=16, how="squash") == 7).all()


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    picture = np.random.default_rng(0).integers(0, 65536, (16, 16), dtype=np.uint16)
    for how in ("letterbox", "squash", "crop"):
        np.testing.assert_array_equal(fit(picture, size=16, how=how), picture)
    assert pad(picture, size=16) is picture


def test_colour_channels_are_resized_alike() -> None:
    grey = np.random.default_rng(0).integers(0, 65536, (20, 12), dtype=np.uint16)
    for picture in (grey, (grey >> 8).astype(np.uint8)):
        colour = np.repeat(picture[..., None], 3, axis=-1)
        out = fit(colour, size=16, how="letterbox")
        for channel in range(3):
            np.testing.assert_array_equal(out[..., channel], fit(picture, size=16, how="letterbox"))


@given(
    rows=st.integers(8, 60),
    columns=st.integers(8, 60),
    size=st.integers(8, 48),
    how=st.sampled_from(["letterbox", "squash", "crop"]),
    value=st.integers(0, 65535),
)
def test_a_flat_picture_stays_flat(
    rows: int, columns: int, size: int, how: How, value: int
) -> None:
    out = fit(np.full((rows, columns), value, np.uint16), size=size, how=how)
    assert (out.shape, out.dtype) == ((size, size), np.uint16)
    assert set(np.unique(out)) <= {0, value}
    assert (out == value).sum() >= size * size * min(rows, columns) // max(rows, columns) // 2


def test_depth_keeps_full_scale() -> None:
    # By hand: v / 257 to the nearest; 128 is the last that rounds down to 0 (0.498).
    deep = np.array([0, 128, 129, 257, 32768, 65406, 65407, 65535], np.uint16)
    np.testing.assert_array_equal(to_bits(deep, 8), [0, 0, 1, 1, 128, 254, 255, 255])
    np.testing.assert_array_equal(
        to_bits(np.array([0, 1, 128, 255], np.uint8), 16), [0, 257, 32896, 65535]
    )
    assert to_bits(deep, 16) is deep


def test_depth_there_and_back_is_exact() -> None:
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_bits(to_bits(every, 16), 8), every)


@pytest.mark.parametrize("factor", [1, 257])
def test_grey_is_the_luma_of_bt_601(factor: int) -> None:
    # 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2; pure colours 76.2, 149.7, 29.1.
    colour = np.array([[200, 100, 50], [255, 0, 0], [0, 255, 0], [0, 0, 255]])
    dtype = np.uint8 if factor == 1 else np.uint16
    grey = to_channels((colour * factor).astype(dtype)[None], "grey")[0]
    np.testing.assert_allclose(grey / factor, [124.2, 76.245, 149.685, 29.07], atol=0.5)
    assert grey.dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_to_colour_and_back_changes_nothing(dtype: type) -> None:
    grey = np.arange(256, dtype=dtype).reshape(16, 16) * (np.iinfo(dtype).max // 255)
    colour = to_channels(grey, "colour")
    assert colour.shape == (16, 16, 3)
    np.testing.assert_array_equal(to_channels(colour, "grey"), grey)
    assert to_channels(grey, "grey") is grey
    assert to_channels(colour, "colour") is colour


@pytest.mark.parametrize("channels", ["grey", "colour"])
@pytest.mark.parametrize("bits", [8, 16])
def test_prepare_gives_what_the_study_asks_for(channels: str, bits: int) -> None:
    image = Image(side=16, resize="letterbox", channels=channels, bits=bits)
    square, content = prepare(np.full((20, 40), 255, np.uint8), image)
    depth = 1 if channels == "grey" else 3
    assert (square.shape, square.dtype) == ((16, 16, depth), np.dtype(f"uint{bits}"))
    assert content.shape == (8, 16, depth)
    assert (content == 2**bits - 1).all()
    np.testing.assert_array_equal(square[4:12], content)


def test_blocks_are_averaged_with_smaller_ones_at_the_edges() -> None:
    plane = np.arange(15, dtype=np.uint16).reshape(3, 5)
    # Blocks of 2 x 2: (0 + 1 + 5 + 6) / 4, (2 + 3 + 7 + 8) / 4, (4 + 9) / 2; below, one row.
    np.testing.assert_array_equal(block_means(plane, 2, 2), [[3, 5, 6.5], [10.5, 12.5, 14]])


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(8, 300), st.integers(8, 300)),
    new=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 1000),
)
@example(shape=(8, 70_000), new=(1, 1), seed=0)
def test_averaging_as_integers_gives_the_bits_of_pillow(
    shape: tuple[int, int], new: tuple[int, int], seed: int
) -> None:
    plane = np.random.default_rng(seed).integers(0, 65536, shape, dtype=np.uint16)
    box = (0.0, 0.0, float(shape[1]), float(shape[0]))
    ours = resample_deep(plane, new, box)
    wide = Pillow.fromarray(plane.astype(np.float32))
    theirs = wide.resize(new[::-1], Pillow.Resampling.BILINEAR, box=box, reducing_gap=REDUCING_GAP)
    assert ours.dtype == np.float32
    assert ours.tobytes() == np.asarray(theirs).tobytes()
