"""Augmentation: drawn within its limits, applied as drawn."""

import math

import numpy as np
import pytest
import torch

from radpipe.core.presets import load_preset
from radpipe.core.settings import Augmentation
from radpipe.learning.data.augment import Drawn, apply, apply_batch, draw, draw_batch
from radpipe.learning.data.cases import Batch
from tests.small_study import ROOT, presets


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


PICTURES = torch.rand(6, 2, 8, 8, generator=chance(1))


def test_nothing_asked_for_draws_and_changes_nothing():
    generator = chance()
    drawn = draw(Augmentation(), 6, generator)
    assert drawn == Drawn()
    assert torch.equal(generator.get_state(), chance().get_state())
    assert apply(PICTURES, drawn) is PICTURES


@pytest.mark.parametrize(("name", "axis"), [("flip_horizontal", 3), ("flip_vertical", 2)])
@pytest.mark.parametrize("resampled", [False, True], ids=["exact", "with rotation of 0"])
def test_flip_of_probability_one_turns_every_picture(name, axis, resampled):
    settings = Augmentation.model_validate({name: 1.0, "scale": [1, 1] if resampled else None})
    drawn = draw(settings, 6, chance())
    assert (drawn.affine is not None) == resampled
    torch.testing.assert_close(apply(PICTURES, drawn), PICTURES.flip(axis), atol=1e-5, rtol=0)


def test_a_quarter_turn_is_a_quarter_turn():
    turned = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]).expand(6, 2, 3)
    got = apply(PICTURES, Drawn(affine=turned))
    torch.testing.assert_close(got, PICTURES.rot90(-1, (2, 3)), atol=1e-5, rtol=0)


def test_shift_by_a_quarter_moves_two_of_eight_pixels_and_repeats_the_edge():
    settings = Augmentation(translate=0.25)
    drawn = draw(settings, 500, chance())
    assert 0.49 < drawn.affine[:, :, 2].abs().max() <= 0.5
    right = torch.tensor([[1.0, 0.0, -0.5], [0.0, 1.0, 0.0]]).expand(6, 2, 3)
    got = apply(PICTURES, Drawn(affine=right))
    torch.testing.assert_close(got[..., 2:], PICTURES[..., :-2], atol=1e-5, rtol=0)
    torch.testing.assert_close(got[..., 0], PICTURES[..., 0], atol=1e-5, rtol=0)


def test_rotation_and_scale_keep_to_their_limits():
    settings = Augmentation(rotate=30, scale=(0.5, 2.0), shear=10)
    maps = draw(settings, 4000, chance()).affine[:, :, :2].double()
    # Shear has determinant 1 and rotation too, so what is left is 1 / scale^2.
    scale = torch.linalg.det(maps).rsqrt()
    assert 0.5 <= scale.min() < 0.52
    assert 1.98 < scale.max() <= 2.0
    angle = torch.atan2(-maps[:, 1, 0], maps[:, 1, 1]) * 180 / math.pi
    assert 29 < angle.abs().max() <= 30.001


def test_brightness_is_a_factor_cut_off_at_white():
    drawn = draw(Augmentation(brightness=(3.0, 3.0)), 6, chance())
    assert torch.equal(apply(PICTURES, drawn), (PICTURES * 3).clamp(0, 1))


@pytest.mark.parametrize("preset", presets())
def test_published_changes_are_drawn(preset):
    """Read the settings back from what is drawn for a preset."""
    settings = load_preset(preset, {}, where="", root=ROOT / "presets").augment
    drawn = draw(settings, 2000, chance())
    if drawn.flip is None and drawn.affine is None:
        assert settings == Augmentation()
        return
    if drawn.affine is None:
        assert not settings.rotate
        assert abs(drawn.flip.float().mean(0)[0] - settings.flip_horizontal) < 0.05
        return
    maps = drawn.affine[:, :, :2]
    upright = maps[torch.linalg.det(maps) > 0] if not settings.flip_vertical else maps
    # Where rows and columns have factors of their own, each row of the map has one.
    upright = upright / upright.norm(dim=2, keepdim=True)
    angle = torch.atan2(upright[:, 1, 0].abs(), upright[:, 1, 1].abs()) * 180 / math.pi
    assert 0.95 * settings.rotate < angle.max() <= settings.rotate + 1e-3
    flipped = (maps[:, 0, 0] < 0).float().mean()
    assert abs(flipped - settings.flip_horizontal) < 0.05
    flipped = (maps[:, 1, 1] < 0).float().mean()
    assert abs(flipped - settings.flip_vertical) < 0.05


def test_rows_and_columns_have_factors_of_their_own():
    settings = Augmentation(scale=(1.0, 1.2), scale_apart=True)
    maps = draw(settings, 4000, chance()).affine
    columns, rows = 1 / maps[:, 0, 0], 1 / maps[:, 1, 1]
    assert (columns - rows).abs().max() > 0.15
    for factor in (columns, rows):
        assert 1 <= factor.min() < 1.01
        assert 1.19 < factor.max() <= 1.2001


SLICES = np.array([[2, 3], [1, 2], [4, 1]])
TURN = Augmentation(rotate=30, flip_horizontal=0.5, brightness=(0.5, 1.5))


def exams(channels: int = 1) -> Batch:
    """Return exams of `SLICES`, every slice of which shows the same."""
    picture = torch.rand(1, channels, 16, 16, generator=chance(1))
    views = [picture.expand(int(n), -1, -1, -1).contiguous() for n in SLICES.sum(axis=0)]
    return Batch(tuple(views), tuple(map(tuple, SLICES.T.tolist())))


@pytest.mark.parametrize("channels", [1, 3])
def test_all_slices_of_a_volume_are_changed_alike(channels):
    """And as a picture by itself would be; volumes and views differ."""
    batch = exams(channels)
    drawn = draw_batch(TURN, SLICES, slice(None), chance())
    changed, firsts = apply_batch(batch, drawn), []
    for view, before, one, counts in zip(
        changed.views, batch.views, drawn, batch.counts, strict=True
    ):
        for k, volume in enumerate(view.split(list(counts))):
            assert (volume == volume[0]).all()
            by_itself = apply(before[:1], one.of(np.array([k])))
            torch.testing.assert_close(volume[:1], by_itself)
            firsts.append(volume[0])
    assert len(torch.unique(torch.stack(firsts), dim=0)) == SLICES.size


def test_nothing_drawn_changes_no_exam():
    batch = exams()
    drawn = draw_batch(Augmentation(), SLICES, slice(None), chance())
    assert all(a is b for a, b in zip(apply_batch(batch, drawn).views, batch.views, strict=True))


def test_a_published_accident_changes_every_slice_by_itself():
    drawn = draw_batch(TURN.model_copy(update={"per_slice": True}), SLICES, slice(None), chance())
    for one, counts in zip(drawn, SLICES.T, strict=True):
        assert len(torch.unique(one.affine, dim=0)) == counts.sum()
    changed = apply_batch(exams(), drawn).views[0]
    assert len(torch.unique(changed, dim=0)) == SLICES[:, 0].sum()


@pytest.mark.parametrize("per_slice", [False, True])
def test_processes_draw_the_same_and_take_their_own(per_slice):
    settings = TURN.model_copy(update={"per_slice": per_slice})
    whole = draw_batch(settings, SLICES, slice(None), chance())
    mine = draw_batch(settings, SLICES, slice(1, None, 2), chance())
    for ours, all_of_them, counts in zip(mine, whole, SLICES.T, strict=True):
        start, end = (counts[0], counts[0] + counts[1]) if per_slice else (1, 2)
        assert torch.equal(ours.affine, all_of_them.affine[start:end])


def test_pictures_are_changed_as_they_were_before_there_were_volumes():
    drawn = draw(TURN, 3, chance())
    (batch,) = draw_batch(TURN, np.ones((3, 1), np.int64), slice(None), chance())
    assert torch.equal(batch.affine, drawn.affine)
    assert torch.equal(batch.brightness, drawn.brightness)
