"""Phantom radiographs: what is drawn, where, and how plainly."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.imaging.phantom import bones as phantom
from radpipe.imaging.resize import fit

SHAPES = [(150, 120), (300, 220), (200, 260)]
LESIONS = [phantom.fracture, phantom.shatter]


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bone_is_bright_on_its_axis_and_dark_outside(shape: tuple[int, int]) -> None:
    anatomy = phantom.bone(shape, rng(0))
    assert (anatomy.pixels.shape, anatomy.pixels.dtype) == (shape, np.float32)
    assert 0 <= anatomy.pixels.min() <= anatomy.pixels.max() <= 1
    on_axis = anatomy.pixels[np.abs(anatomy.across) < 0.5 * anatomy.half_width]
    outside = anatomy.pixels[np.abs(anatomy.across) > 0.9 * np.abs(anatomy.across).max()]
    assert on_axis.mean() > outside.mean() + 0.2


def test_the_same_numbers_give_the_same_bone() -> None:
    first, again, other = (phantom.bone((150, 120), rng(seed)).pixels for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


def test_a_patient_keeps_the_build_and_changes_the_pose() -> None:
    build = phantom.draw_build(rng(3))
    poses = [phantom.bone((200, 150), rng(seed), build=build) for seed in range(2)]
    assert poses[0].build == poses[1].build
    assert poses[0].angle != poses[1].angle
    assert {phantom.draw_build(rng(seed)).side for seed in range(20)} == {-1, 1}


@pytest.mark.parametrize("lesion", LESIONS)
def test_no_severity_is_no_lesion(lesion: object) -> None:
    anatomy = phantom.bone((150, 120), rng(0))
    pixels, _ = lesion(anatomy, 0.0, rng(1))
    np.testing.assert_allclose(pixels, anatomy.pixels, atol=1e-6)


@pytest.mark.parametrize("lesion", LESIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_change_grows_with_severity_and_steadily(
    lesion: object, shape: tuple[int, int]
) -> None:
    anatomy = phantom.bone(shape, rng(4))
    drawn = [lesion(anatomy, u, rng(5))[0] for u in np.linspace(0, 1, 21)]
    change = [float(np.abs(pixels - anatomy.pixels).mean()) for pixels in drawn]
    assert all(late > early for early, late in pairwise(change))
    assert max(np.diff(change)) < 0.15 * change[-1]


@pytest.mark.parametrize("lesion", LESIONS)
def test_a_grave_lesion_is_plain_at_64_pixels(lesion: object) -> None:
    for seed in range(10):
        anatomy = phantom.bone((300, 220), rng(seed))
        pixels, _ = lesion(anatomy, 1.0, rng(seed))
        small, whole = (
            fit(phantom.to_bytes(one), size=64, how="letterbox").astype(float)
            for one in (pixels, anatomy.pixels)
        )
        # Many pixels change by more than ten times the usual noise of 2 % (5 grey values).
        assert (np.abs(small - whole) > 50).sum() >= 12


@pytest.mark.parametrize("lesion", LESIONS)
@given(seed=st.integers(0, 10_000), shape=st.sampled_from(SHAPES))
@settings(max_examples=30, deadline=None)
def test_the_box_holds_the_lesion(lesion: object, seed: int, shape: tuple[int, int]) -> None:
    anatomy = phantom.bone(shape, rng(seed))
    pixels, (x0, y0, x1, y1) = lesion(anatomy, 1.0, rng(seed + 1))
    rows, columns = shape
    assert 0 <= x0 < x1 <= columns
    assert 0 <= y0 < y1 <= rows
    change = np.abs(pixels - anatomy.pixels)
    assert change[y0:y1, x0:x1].sum() > 0.6 * change.sum()
    assert (x1 - x0) * (y1 - y0) < 0.6 * rows * columns


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan")])
def test_severity_outside_its_range_is_a_bug(severity: float) -> None:
    with pytest.raises(ValueError, match=r"severity must lie in 0\.\.1"):
        phantom.fracture(phantom.bone((64, 64), rng(0)), severity, rng(0))


def test_gain_is_one_on_average_and_bounded() -> None:
    field = phantom.gain_field((80, 60), rng(0), strength=0.3)
    assert field.shape == (80, 60)
    assert abs(float(field.mean()) - 1) < 1e-4
    assert float(np.abs(field - 1).max()) <= 0.3


def test_noise_is_white_and_not_clipped() -> None:
    noisy = phantom.noise(np.zeros((200, 200), np.float32), 0.05, rng(0))
    # 40,000 values: the mean's standard error is 0.00025, the SD's 0.00018.
    assert abs(float(noisy.mean())) < 0.001
    assert float(noisy.std()) == pytest.approx(0.05, abs=0.0008)
    assert float(noisy.min()) < 0


def test_bytes_round_and_clip() -> None:
    values = np.array([-0.1, 0.0, 0.5, 1.0, 1.2, 1.4 / 255, 1.6 / 255], np.float32)
    np.testing.assert_array_equal(phantom.to_bytes(values), [0, 0, 128, 255, 255, 1, 2])
