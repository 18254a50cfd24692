"""Perceptual hashes: what they ignore, what they tell apart, and how mirrors hash."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from radpipe.imaging.hashing import distance, orientations, perceptual_hash, waves
from radpipe.imaging.phantom import bones as phantom


def film(seed: int, shape: tuple[int, int] = (96, 80)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    anatomy = phantom.bone(shape, rng)
    return phantom.to_bytes(phantom.noise(anatomy.pixels, 0.02, rng))


def bits(a: int, b: int) -> int:
    return int(distance(np.array([a], np.uint64), np.array([b], np.uint64))[0])


def test_one_wave_sets_its_own_bit() -> None:
    # A single cosine of frequency (0, 1), falling from left to right, is wave 0 of the list.
    line = 128 + 100 * np.cos(np.pi * (np.arange(32) + 0.5) / 32)
    picture = np.tile(np.rint(line), (32, 1)).astype(np.uint16)
    assert tuple(waves()[0]) == (1, 0)
    assert tuple(waves()[1]) == (0, 1)
    assert perceptual_hash(picture) & 0b11 == 0b10
    assert perceptual_hash(picture.T.copy()) & 0b11 == 0b01


def test_bits_are_signs_of_the_cosine_transform() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    table = dctn(picture.astype(float), norm="ortho")
    expected = sum(1 << k for k, (row, column) in enumerate(waves()) if table[row, column] > 0)
    assert perceptual_hash(picture) == expected


def test_waves_are_the_slowest_and_symmetric() -> None:
    found = {tuple(pair) for pair in waves().tolist()}
    assert len(found) == 64
    assert found == {(column, row) for row, column in found}
    assert (0, 0) not in found


def test_brightness_contrast_size_depth_and_colour_hardly_matter() -> None:
    picture = film(0, (192, 160))
    hashed = perceptual_hash(picture)
    small = np.asarray(Image.fromarray(picture).resize((80, 96), Image.Resampling.BILINEAR))
    others = [
        (picture * 0.5 + 40).astype(np.uint8),
        picture.astype(np.uint16) * 257,
        np.repeat(picture[..., None], 3, axis=-1),
        picture[..., None],
        small,
    ]
    assert [bits(hashed, perceptual_hash(other)) <= 4 for other in others] == [True] * 5


def test_different_pictures_differ() -> None:
    hashes = [perceptual_hash(film(seed)) for seed in range(12)]
    apart = [bits(a, b) for k, a in enumerate(hashes) for b in hashes[:k]]
    assert min(apart) > 8
    assert 20 < np.mean(apart) < 44


def test_a_single_grey_hashes_to_zero() -> None:
    assert perceptual_hash(np.full((40, 30), 77, np.uint8)) == 0


@pytest.mark.parametrize("orientation", range(8))
@given(seed=st.integers(0, 1000))
def test_a_mirrored_picture_hashes_as_foretold(orientation: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)
    turned = picture
    if orientation & 1:
        turned = turned[:, ::-1]
    if orientation & 2:
        turned = turned[::-1]
    if orientation & 4:
        turned = turned.T
    foretold = orientations(np.array([perceptual_hash(picture)], np.uint64))[0, orientation]
    assert bits(int(foretold), perceptual_hash(np.ascontiguousarray(turned))) <= 1


def test_distance_broadcasts() -> None:
    a, b = np.array([0, 1], np.uint64), np.array([3, 2**64 - 1], np.uint64)
    np.testing.assert_array_equal(distance(a[:, None], b), [[2, 64], [1, 63]])
