"""Copies correlate highly whatever was done to them; other pictures do not."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageOps

from radpipe.imaging import phantom
from radpipe.imaging.resize import fit
from radpipe.imaging.similarity import (
    _blur,
    aligned_correlation,
    aligned_correlations,
    perceptual_hash,
)


def film(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    anatomy = phantom.bone((240, 200), rng)
    pixels, _ = phantom.shatter(anatomy, 0.7, rng)
    return Image.fromarray(phantom.to_bytes(phantom.noise(pixels, 0.02, rng)))


def stored(image: Image.Image) -> np.ndarray:
    return fit(np.asarray(image), size=64, how="letterbox")


def turned(degrees: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC)


def cropped(image: Image.Image) -> Image.Image:
    return image.crop((8, 8, image.width - 10, image.height - 12))


def compressed(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=30)
    return Image.open(stream)


def brighter(image: Image.Image) -> Image.Image:
    return image.point([min(255, int(0.8 * v + 40)) for v in range(256)])


def everything(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(compressed(brighter(turned(-4)(image))))


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (ImageOps.mirror, 0.99),
        (ImageOps.flip, 0.99),
        (lambda image: image.transpose(Image.Transpose.ROTATE_90), 0.99),
        (turned(5), 0.95),
        (turned(-3), 0.95),
        (cropped, 0.9),
        (compressed, 0.97),
        (brighter, 0.99),
        (everything, 0.93),
    ],
)
def test_a_changed_copy_is_recognised(
    change: Callable[[Image.Image], Image.Image], least: float
) -> None:
    for seed in (1, 2):
        image = film(seed)
        assert aligned_correlation(stored(image), stored(change(image))) > least


def test_other_pictures_are_not_taken_for_copies() -> None:
    pictures = np.stack([stored(film(seed)) for seed in range(6)])[..., None]
    pairs = np.array([(a, b) for a in range(6) for b in range(a)])
    found = aligned_correlations(pictures, pairs)
    assert found.shape == (15,)
    assert found.max() < 0.9
    assert found[0] == aligned_correlation(pictures[pairs[0, 0]], pictures[pairs[0, 1]])


def test_the_same_picture_correlates_fully_and_a_flat_one_not_at_all() -> None:
    picture = stored(film(0))
    flat = np.full_like(picture, 50)
    assert aligned_correlation(picture, picture) == pytest.approx(1, abs=1e-5)
    assert aligned_correlation(picture, 255 - picture) < 0.9
    assert aligned_correlation(picture, flat) == aligned_correlation(flat, picture) == 0


def test_a_small_store_works_too() -> None:
    image = film(3)
    small = [fit(np.asarray(one), size=32, how="squash") for one in (image, turned(3)(image))]
    assert aligned_correlation(*small) > 0.9


def test_blurring_keeps_a_flat_picture_and_the_mass_in_the_middle() -> None:
    np.testing.assert_allclose(_blur(4.0).sum(axis=1), 1, rtol=1e-6)
    # By hand: neighbours of a normal density of SD 0.8 weigh exp(-1 / 1.28) = 0.4578.
    line = _blur(0.8)[32]
    assert line[33] / line[32] == pytest.approx(0.45783, abs=1e-4)


def test_the_hash_is_offered_here_too() -> None:
    assert perceptual_hash(stored(film(0))) > 0
