"""The phantom's films keep grey in every way there is, and show the same."""

from dataclasses import replace

import numpy as np
import pytest

from radpipe.core.settings import PhantomSource
from radpipe.imaging.dicom.read import decode_dicom
from radpipe.imaging.phantom.grey_forms import UNEXPOSED, WHITE, FormTable
from radpipe.imaging.phantom.grey_kinds import COMPUTED, DIGITAL
from radpipe.studies.oai.phantom_dicom import describe, write_film
from radpipe.studies.oai.phantom_film import PADDINGS, PLUGINS, draw, draw_grey, plan_films
from radpipe.studies.oai.phantom_plan import draw_plan

# Greys of 255: at 10 bits, four values of padding that take the place of black.
GREYS = 1.6


def planned(patients, seed=1):
    source = PhantomSource(kind="phantom", seed=seed, patients=patients)
    return plan_films(draw_plan(source), seed=seed)


@pytest.fixture(scope="module")
def one_of_each():
    """Return a small film of each kind of grey, and one of each way to name padding."""
    films = [film for film in planned(80) if not film.full]
    chosen = {film.grey: film for film in films} | {film.padding: film for film in films}
    return list(chosen.values())


def shown(folder, film, seed=1):
    """Return what radpipe's reader shows of a film, in greys of 255."""
    write_film(folder, film, seed=seed)
    return decode_dicom((folder / film.file).read_bytes())


def meant(levels):
    return np.clip(levels, 0, WHITE) / WHITE * 255


@pytest.mark.parametrize("patients", [20, 400])
def test_there_are_films_of_every_kind_of_grey(patients):
    films = planned(patients)
    assert {film.grey for film in films if film.computed} == set(COMPUTED)
    assert {film.grey for film in films if not film.computed} == set(DIGITAL)
    framed = [film for film in films if film.collimated]
    assert len(framed) == round(0.3 * len(films))
    assert {film.padding for film in framed} == set(PADDINGS)
    assert {film.padding for film in films if not film.collimated} == {""}


def test_the_mixture_goes_through_every_step_of_the_display_chain():
    """The steps of docs/reference/dicom.md, in its order; each with its other half."""
    films = planned(400)
    forms = [draw_grey(film, seed=1) for film in films]
    assert {form.bits for form in forms} == {10, 12, 14}
    assert {form.signed for form in forms} == {True, False}
    assert {form.slope for form in forms} == {-1, 0.25, 0.5, 1, 2}
    assert {form.modality is None for form in forms} == {True, False}
    windows = {getattr(form.voi, "function", None) for form in forms}
    assert windows == {"LINEAR", "LINEAR_EXACT", "SIGMOID", None}
    assert {form.voi.bits for form in forms if isinstance(form.voi, FormTable)} == {12, 16}
    assert sum(form.voi is None for form in forms) > 20
    assert {(form.inverted, form.padding is None) for form in forms} == {
        (inverted, named) for inverted in (True, False) for named in (True, False)
    }
    # Compressed films are of both detectors and have signs, too.
    compressed = [form for film, form in zip(films, forms, strict=True) if film.syntax in PLUGINS]
    assert {form.signed for form in compressed} == {True, False}


def test_what_is_shown_is_what_was_drawn(one_of_each, tmp_path):
    for film in one_of_each:
        seen = shown(tmp_path, film)
        levels, _ = draw(film, seed=1)
        assert np.abs(seen.pixels / 257 - meant(levels)).max() < GREYS, film
        assert seen.remarks == (), film


def test_one_scene_in_all_kinds_shows_the_same(one_of_each, tmp_path):
    base = next(film for film in one_of_each if film.padding == "range")
    levels, _ = draw(base, seed=1)
    for syntax in (base.syntax, *PLUGINS):
        for grey in DIGITAL | COMPUTED:
            for inverted in (True, False):
                kind = {"grey": grey, "computed": grey in COMPUTED, "inverted": inverted}
                film = replace(base, syntax=syntax, **kind)
                pixels = shown(tmp_path, film).pixels
                assert np.abs(pixels / 257 - meant(levels)).max() < GREYS, film


def test_windows_cut_what_lies_beyond_black_and_white(one_of_each):
    """Values beyond the ends of a window are stored, and not cut before."""
    film = next(film for film in one_of_each if film.grey == "linear")
    form = draw_grey(film, seed=1)
    levels = np.array([[-200, 0, WHITE, 4600]], np.int16)
    below, black, white, above = sorted(form.store(levels)[0].tolist())
    middle, half = form.voi.center - 0.5, (form.voi.width - 1) / 2
    assert (black, white) == (middle - half, middle + half)
    assert below < black < white < above


def test_collimators_cover_no_joint_and_no_marker(tmp_path):
    framed = [film for film in planned(60) if film.collimated and not film.full][:12]
    for film in framed:
        levels, boxes = draw(film, seed=1)
        whole, same = draw(replace(film, collimated=False), seed=1)
        assert boxes == same
        covered = levels == UNEXPOSED
        assert 0.02 < covered.mean() < 0.6
        assert np.array_equal(levels[~covered], whole[~covered])
        for x0, y0, x1, y1 in boxes:
            assert not covered[y0:y1, x0:x1].any()
        # What is covered is all that lies outside of one rectangle, and is shown black.
        down, across = ~covered.all(axis=1), ~covered.all(axis=0)
        assert np.array_equal(~covered, np.outer(down, across))
        assert shown(tmp_path, film).pixels[covered].max() < 257


def test_padding_is_no_value_of_the_exposed_part():
    for film in [film for film in planned(60) if film.padding and not film.full]:
        form = draw_grey(film, seed=1)
        levels, _ = draw(film, seed=1)
        stored = form.store(levels)
        low, high = min(form.padding), max(form.padding)
        assert np.array_equal((stored >= low) & (stored <= high), levels == UNEXPOSED)


def test_digital_films_keep_to_the_rules_of_their_kind(one_of_each):
    """C.8.11.3: unsigned, no other line than that of slope 1, and a window or a table."""
    for film in one_of_each:
        if not film.computed:
            data = describe(film, draw_grey(film, seed=1), seed=1)
            assert data.PixelRepresentation == 0
            assert (data.RescaleSlope, data.RescaleIntercept) == (1, 0)
            assert ("WindowCenter" in data) != ("VOILUTSequence" in data)
