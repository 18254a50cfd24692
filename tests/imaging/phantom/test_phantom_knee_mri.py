"""Synthetic knees: the same place in every plane, lesions that grow with severity."""

import numpy as np
import pytest

from radpipe.imaging.phantom import knee_mri as knee

PLANES = ("axial", "coronal", "sagittal")
LESIONS = {
    "ligament": (knee.ligament_tear, ("coronal", "sagittal"), {3, 4}),
    "meniscus": (knee.meniscal_tear, ("coronal", "sagittal"), {3, 4}),
    "pouch": (knee.effusion, ("axial", "sagittal"), {3, 4}),
}
CASES = [(name, plane) for name, (_, planes, _) in LESIONS.items() for plane in planes]


def build(seed=0):
    return knee.draw_build(np.random.default_rng(seed))


def cut(plane, seed=0, n_slices=10, side=64):
    return knee.cut(plane, n_slices, side, np.random.default_rng(seed), build=build(seed))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("n_slices", "side"), [(6, 64), (14, 64), (4, 16), (8, 96)])
def test_a_volume_has_the_shape_that_was_asked_for(plane, n_slices, side):
    volume = cut(plane, n_slices=n_slices, side=side)
    assert volume.pixels.shape == (n_slices, side, side)
    assert volume.pixels.dtype == np.float32
    assert volume.pixels.min() >= 0
    assert volume.pixels.max() <= 1
    assert np.all(np.diff(volume.depth) > 0)


@pytest.mark.parametrize("plane", PLANES)
def test_the_same_generator_gives_the_same_volume(plane):
    assert np.array_equal(cut(plane).pixels, cut(plane).pixels)
    assert not np.array_equal(cut(plane).pixels, cut(plane, seed=1).pixels)


@pytest.mark.parametrize("plane", PLANES)
def test_neighbouring_slices_are_more_alike_than_distant_ones(plane):
    for seed in range(5):
        pixels = cut(plane, seed=seed, n_slices=12).pixels
        near = np.abs(np.diff(pixels, axis=0)).mean()
        assert near < np.abs(pixels[6:] - pixels[:6]).mean()


def test_knees_lie_up_to_a_tenth_of_the_side_from_the_middle():
    """The joint's middle, (0, 0, 0), in pixels of many coronal volumes."""
    middles = []
    for seed in range(40):
        volume = cut("coronal", seed=seed)
        nearest = np.argmin(np.hypot(volume.right, volume.down))
        middles.append(np.unravel_index(nearest, volume.right.shape))
    middles = np.array(middles)
    assert np.all(np.abs(middles - 31.5) <= 0.1 * 64 + 1)
    assert np.all(np.ptp(middles, axis=0) > 9)


@pytest.mark.parametrize(("name", "plane"), CASES)
def test_a_lesion_brightens_three_or_four_neighbouring_slices(name, plane):
    draw, _, counts = LESIONS[name]
    seen = set()
    for seed in range(12):
        volume = cut(plane, seed=seed)
        before = volume.pixels.copy()
        boxes = draw(volume, 1.0, np.random.default_rng(seed))
        slices = [box[0] for box in boxes]
        assert slices == list(range(slices[0], slices[0] + len(slices)))
        seen.add(len(slices))
        change = volume.pixels - before
        assert np.all(change >= 0)
        assert set(np.flatnonzero(change.max(axis=(1, 2)) > 0)) == set(slices)
        for number, x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= 64
            assert 0 <= y0 < y1 <= 64
            inside = change[number, y0:y1, x0:x1].sum()
            assert inside > 0.85 * change[number].sum()
    assert seen == counts


@pytest.mark.parametrize(("name", "plane"), CASES)
def test_contrast_and_size_grow_with_severity(name, plane):
    draw, _, _ = LESIONS[name]
    peaks, areas = [], []
    for severity in (0.0, 0.25, 0.5, 0.75, 1.0):
        volume = cut(plane)
        before = volume.pixels.copy()
        draw(volume, severity, np.random.default_rng(0))
        change = volume.pixels - before
        peaks.append(change.max())
        areas.append((change > 0.5 * change.max()).sum() if severity else 0)
    assert peaks[0] == 0
    assert np.allclose(np.diff(peaks), peaks[-1] / 4, rtol=0.05)
    assert np.all(np.diff(areas) > 0)


@pytest.mark.parametrize(("name", "plane"), CASES)
def test_a_lesion_lies_at_its_place_in_every_plane(name, plane):
    draw, _, _ = LESIONS[name]
    for seed in range(8):
        volume = cut(plane, seed=seed)
        before = volume.pixels.copy()
        draw(volume, 1.0, np.random.default_rng(seed))
        change = volume.pixels - before
        right, down, through = knee.AXES[plane]
        place = getattr(volume.build, name)
        weight = change.sum(axis=0)
        # Half a slice through, and within the lesion's own length across.
        step = volume.depth[1] - volume.depth[0]
        deepest = volume.depth[np.argmax(change.sum(axis=(1, 2)))]
        inner = np.clip(place[through], volume.depth[0], volume.depth[-1])
        assert abs(deepest - inner) <= step
        assert np.average(volume.right, weights=weight) == pytest.approx(place[right], abs=0.12)
        assert np.average(volume.down, weights=weight) == pytest.approx(place[down], abs=0.12)


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", list(LESIONS))
def test_a_severity_out_of_range(name, severity):
    with pytest.raises(ValueError, match=r"severity must lie in 0\.\.1"):
        LESIONS[name][0](cut("sagittal"), severity, np.random.default_rng(0))


def test_noise_is_modest_and_new_in_every_pixel():
    volume = cut("axial")
    rng = np.random.default_rng(0)
    white = knee.with_noise(volume, rng) - volume.pixels
    assert white.std() == pytest.approx(knee.NOISE_SD, rel=0.02)
    assert white.mean() == pytest.approx(0, abs=1e-3)
