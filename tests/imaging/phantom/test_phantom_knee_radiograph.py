"""Synthetic radiographs of knees: what is drawn lies where it should, to parts of a pixel."""

from dataclasses import replace

import numpy as np
import pytest

from radpipe.imaging.phantom.knee_radiograph import Knee, Marker, draw_film, joint_box

SHAPE, SPACING = (400, 300), 0.4
KNEE = Knee(
    centre=(60.0, 80.0),
    tilt=0.0,
    lateral=1,
    scale=1.0,
    medial_width=5.0,
    lateral_width=5.0,
    spurs=(0.5, 0.5, 0.5, 0.5),
    sclerosis=0.2,
)


def draw(*knees, markers=(), seed=1, shape=SHAPE, spacing=SPACING):
    return draw_film(shape, spacing, knees, markers, np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_film():
    assert np.array_equal(draw(KNEE), draw(KNEE))
    assert not np.array_equal(draw(KNEE), draw(KNEE, seed=2))


def test_a_film_is_dark_where_there_is_air_and_bright_in_bone():
    film = draw(KNEE)
    assert film.dtype == np.float32
    air, shaft, tissue = film[:40, 280:], film[20:60, 140:160], film[200:220, 60:75]
    assert air.mean() < 0.1 < tissue.mean() < shaft.mean() < 0.9


def test_the_box_is_56_mm_around_the_joint():
    assert joint_box(KNEE, 0.4) == (80, 130, 220, 270)
    assert joint_box(replace(KNEE, scale=0.5), 1.0) == (46, 66, 74, 94)


@pytest.mark.parametrize("lateral", [1, -1])
def test_lateral_is_where_it_was_asked_for(lateral):
    """The two sides are mirror images but for texture and noise: fibula, gaps and band."""
    knee = replace(KNEE, lateral=lateral, medial_width=2.0, lateral_width=6.0)
    film = draw(knee)
    medial, side = (150 - lateral * 33, 150 + lateral * 33)
    gaps = [film[185:216, column - 3 : column + 4].mean(axis=1) for column in (medial, side)]
    narrow, wide = ((gap < 0.35).sum() for gap in gaps)
    assert wide > narrow + 5


@pytest.mark.parametrize("spacing", [0.4, 0.2])
def test_width_in_pixels_follows_width_in_mm_below_one_pixel(spacing):
    """What the gap takes away from the column of bone, for widths a quarter of a pixel apart."""
    shape = (round(160 / spacing), round(120 / spacing))
    widths = 3 + np.arange(6) * spacing / 4
    column = round((60 - 13) / spacing)
    half = round(8 / spacing)
    rows = slice(round(80 / spacing) - half, round(80 / spacing) + half)
    seen = []
    for width in widths:
        film = draw(replace(KNEE, medial_width=float(width)), shape=shape, spacing=spacing)
        seen.append(film[rows, column - 2 : column + 3].mean(axis=1).sum())
    assert np.corrcoef(widths, seen)[0, 1] < -0.99
    assert (np.diff(seen) < 0).all()


def test_spurs_widen_the_margins_and_sclerosis_brightens_below_the_plateau():
    calm = draw(KNEE)
    spurs = draw(replace(KNEE, spurs=(0.5, 0.5, 4.0, 0.5))) - calm
    rows, columns = np.nonzero(spurs > 0.1)
    # Tibia, medial: 25.5 mm to the left of the middle and 5 mm below it.
    assert (columns.mean() * SPACING, rows.mean() * SPACING) == pytest.approx((33, 85), abs=2.5)
    band = draw(replace(KNEE, sclerosis=1.0)) - calm
    rows, columns = np.nonzero(band > 0.1)
    assert (columns.mean() * SPACING, rows.mean() * SPACING) == pytest.approx((47, 86), abs=2)


def test_legs_that_overlap_add_up_and_a_letter_covers():
    two = draw(KNEE, replace(KNEE, centre=(80.0, 80.0)))
    assert two[20:40, 150:200].mean() > draw(KNEE)[20:40, 150:200].mean()
    film = draw(KNEE, markers=[Marker(letter="L", at=(4.0, 10.0))])
    changed = np.abs(film - draw(KNEE)) > 0.3
    rows, columns = np.nonzero(changed)
    assert (rows.min(), columns.min()) == (25, 10)
    # The stem is seven strokes of 1.6 mm high, the foot five wide.
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (28, 20)
    assert not changed[25:49, 14:30].any()


def test_a_leg_may_reach_beyond_the_film():
    film = draw(replace(KNEE, centre=(3.0, 5.0)), markers=[Marker(letter="R", at=(118.0, 158.0))])
    assert film.shape == SHAPE
    assert np.isfinite(film).all()
