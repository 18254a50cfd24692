"""The phantom of `oai`: real layout, exact posteriors, known truth, DICOM of many kinds."""

import csv
import re

import numpy as np
import pytest
from pydicom import dcmread
from scipy.stats import norm

from radpipe.core.settings import PhantomSource, Target
from radpipe.imaging.phantom.grey_forms import UNEXPOSED
from radpipe.studies.base import drawing
from radpipe.studies.base.adapters import load_adapter, read_layout
from radpipe.studies.base.manifest import list_files, write_manifest
from radpipe.studies.oai import phantom_film
from radpipe.studies.oai.phantom import write_phantom
from radpipe.studies.oai.phantom_dicom import write_film
from radpipe.studies.oai.phantom_film import PLUGINS, draw, draw_grey, plan_films
from radpipe.studies.oai.phantom_labels import (
    BMI,
    CUT,
    GRADE_FROM,
    GRADE_LIMITS,
    GRADE_NOISE,
    GRADE_PROPORTIONS,
    PROGRESSION_FROM,
    REACTION_FROM,
    grade_shares,
    progression_share,
)
from radpipe.studies.oai.phantom_plan import PlannedKnee, draw_plan
from tests.studies.fake_oai import KL, PROGRESSION


def source(patients=20, seed=1):
    return PhantomSource(kind="phantom", seed=seed, patients=patients)


def area(truth, score):
    """Return the area under the ROC curve as the share of pairs in order, ties half."""
    truth = np.asarray(truth, dtype=bool)
    positive, negative = np.sort(score[truth]), np.sort(score[~truth])
    below = np.searchsorted(negative, positive, "left")
    ties = np.searchsorted(negative, positive, "right") - below
    return (below + ties / 2).sum() / (len(positive) * len(negative))


# --- the plan --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people():
    return draw_plan(source(10_000))


@pytest.fixture(scope="module")
def knees(people):
    """Return one array a property, over all knees, and the person's index and body mass index."""
    rows = [(knee, number, p.bmi) for number, p in enumerate(people) for knee in p.knees]
    names = PlannedKnee.__slots__
    found = {name: np.array([getattr(knee, name) for knee, _, _ in rows]) for name in names}
    return found | {"person": np.array([r[1] for r in rows]), "bmi": np.array([r[2] for r in rows])}


def test_limits_of_grades_are_quantiles_of_the_proportions():
    quantiles = norm.ppf(np.cumsum(GRADE_PROPORTIONS)[:-1])
    assert np.allclose(GRADE_LIMITS, quantiles * np.sqrt(1 + GRADE_NOISE**2), atol=1e-3)


def test_shares_of_grades_by_hand():
    """At a limit, half of the noise lies on either side."""
    at_limit = (GRADE_LIMITS[1] / GRADE_FROM[0] + CUT) / (2 * CUT)
    (shares,) = grade_shares(np.array([at_limit]), np.array([0.5]))
    assert shares.sum() == pytest.approx(1)
    assert shares[:2].sum() == pytest.approx(0.5)
    expected = norm.cdf((GRADE_LIMITS[0] - GRADE_LIMITS[1]) / GRADE_NOISE)
    assert shares[0] == pytest.approx(expected)
    # Reaction counts by its own weight, and both signs together have a variance of 1.
    (other,) = grade_shares(
        np.array([0.5]), np.array([GRADE_LIMITS[1] / GRADE_FROM[1] / 4.8 + 0.5])
    )
    np.testing.assert_allclose(other, shares)
    a, b = GRADE_FROM
    assert a**2 + b**2 + 2 * a * b * REACTION_FROM[0] == pytest.approx(1, abs=1e-3)


def test_a_share_of_progression_by_hand():
    """Reaction 0 (one half of its range), mean alignment and body mass index: start alone."""
    middle, mean = np.array([0.5]), np.array([-4.0])
    start, by_reaction, by_varus, _ = PROGRESSION_FROM
    share = progression_share(middle, mean, np.array([BMI[0]]))
    assert share == pytest.approx(1 / (1 + np.exp(-start)))
    # One standard deviation of reaction and one towards varus.
    share = progression_share(middle + 1 / (2 * CUT), mean - 2.5, np.array([BMI[0]]))
    assert share == pytest.approx(1 / (1 + np.exp(-(start + by_reaction + by_varus))))


def test_grades_and_progression_occur_as_often_as_they_should(knees):
    shares = np.bincount(knees["grade"], minlength=5) / len(knees["grade"])
    assert shares == pytest.approx(GRADE_PROPORTIONS, abs=0.015)
    assert knees["progressed"].mean() == pytest.approx(0.32, abs=0.015)


def test_labels_occur_as_often_as_the_posterior_says(knees):
    for truth, said in (
        (knees["progressed"], knees["progression_share"]),
        (knees["grade"] == 0, knees["grade_shares"][:, 0]),
        (knees["grade"] == 3, knees["grade_shares"][:, 3]),
    ):
        for low, high in ((0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 1)):
            inside = (said >= low) & (said < high)
            if not inside.any():
                continue
            mean = said[inside].mean()
            error = np.sqrt(mean * (1 - mean) / inside.sum())
            # Four standard errors of a share.
            assert abs(truth[inside].mean() - mean) < 4 * error + 1e-3


def test_the_ceilings_are_where_the_docstring_says(knees):
    grade, shares = knees["grade"], knees["grade_shares"]
    macro = np.mean([area(grade == k, shares[:, k]) for k in range(5)])
    assert macro == pytest.approx(0.877, abs=0.01)
    assert _kappa(grade, shares.argmax(axis=1)) == pytest.approx(0.826, abs=0.015)
    both = area(knees["progressed"], knees["progression_share"])
    assert both == pytest.approx(0.84, abs=0.01)
    # The risk factors' own part of the log odds, and the film's.
    nothing = np.full(len(grade), 0.5)
    risk = progression_share(nothing, knees["alignment"], knees["bmi"])
    assert 0.68 < area(knees["progressed"], risk) < 0.72
    assert area(knees["progressed"], knees["reaction"]) == pytest.approx(0.78, abs=0.012)


def test_two_knees_of_a_person_resemble_each_other(knees, people):
    pairs = [person.knees for person in people if len(person.knees) == 2]
    severity = np.array([[knee.severity for knee in pair] for pair in pairs])
    assert np.corrcoef(severity.T)[0, 1] == pytest.approx(0.6, abs=0.03)


def test_measurements_agree_with_what_is_drawn_and_with_progression(knees):
    lost = np.round(knees["measured"] - knees["later"], 6) >= 0.7
    assert (lost == knees["progressed"]).all()
    assert knees["later"].min() >= 0
    error = knees["measured"] - knees["medial_width"]
    assert (abs(error.mean()), error.std()) == pytest.approx((0, 0.08), abs=0.005)
    # The width narrows with severity, without exception.
    order = np.argsort(knees["severity"])
    assert (np.diff(knees["medial_width"][order]) <= 0).all()


@pytest.mark.parametrize("patients", [20, 350])
def test_there_are_films_of_every_kind(patients):
    films = plan_films(draw_plan(source(patients)), seed=1)
    both = [film for film in films if len(film.knees) == 2]
    assert len({film.person.number for film in films}) == patients
    assert len(both) < len(films) < 1.1 * patients
    assert {film.syntax for film in films} >= set(PLUGINS)
    for name in ("inverted", "mirrored", "imager_only", "computed"):
        assert 0 < sum(getattr(film, name) for film in films) < len(films) / 2
    assert sum(film.full for film in films) == len(films) // 30
    assert len({film.file for film in films}) == len({film.barcode for film in films}) == len(films)


# --- pixels ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def films():
    """Return sixteen films of two knees at default size, with pixels and boxes."""
    planned = plan_films(draw_plan(source(40)), seed=1)
    chosen = [film for film in planned if len(film.knees) == 2 and not film.full][:16]
    return [(film, *draw(film, seed=1)) for film in chosen]


def upright(film, pixels):
    """Return grey values of 0..1, bone bright, as if not mirrored."""
    grey = np.clip(pixels / 4095, 0, 1)
    return grey[:, ::-1] if film.mirrored else grey


def as_upright(film, box):
    """Return a box as if the film were not mirrored."""
    x0, y0, x1, y1 = box
    return (900 - x1, y0, 900 - x0, y1) if film.mirrored else box


def test_films_have_twelve_bits_and_use_them(films):
    for film, pixels, _ in films:
        assert (pixels.dtype, pixels.shape) == (np.int16, (700, 900))
        grey = upright(film, pixels)[upright(film, pixels != UNEXPOSED) > 0]
        # Air is dark, bone is bright, and few pixels are cut.
        assert np.median(grey) < 0.3 < np.quantile(grey, 0.95) < 0.9
        assert (pixels >= 4095).mean() + ((pixels <= 0) & (pixels != UNEXPOSED)).mean() < 0.25
        assert len(np.unique(pixels)) > 1000


def test_boxes_lie_in_the_half_of_their_side(films):
    for film, pixels, boxes in films:
        middle = pixels.shape[1] / 2
        for knee, (x0, y0, x1, y1) in zip(film.knees, boxes, strict=True):
            left = (knee.side == "R") != film.mirrored
            assert x1 <= middle if left else x0 >= middle
            assert 0 <= x0 < x1 <= 900
            assert 0 <= y0 < y1 <= 700


def test_the_fibula_is_lateral(films):
    """Below the joint, the lateral side of the right knee lies on the left, where 'R' is.

    Random densities of bone and muscle outshine the fibula in few knees.
    """
    agrees = []
    for film, pixels, boxes in films:
        grey = upright(film, pixels)
        for knee, box in zip(film.knees, boxes, strict=True):
            x0, _, x1, y1 = as_upright(film, box)
            below = grey[y1 : y1 + 40, x0:x1].mean(axis=0)
            third = (x1 - x0) // 3
            sides = (below[:third].mean(), below[-third:].mean())
            agrees.append((sides[0] > sides[1]) == (knee.side == "R"))
    assert np.mean(agrees) > 0.9


def test_no_box_fits_all(films):
    """The best fixed box of each side overlaps with the joints by less than one half."""
    planned = plan_films(draw_plan(source(400)), seed=1)
    rng = np.random.default_rng(0)
    boxes = []
    for film in planned:
        if len(film.knees) == 2 and not film.full:
            placed = phantom_film._placed(film.knees[0], 0.0, rng)
            boxes.append(phantom_film.radiograph.joint_box(placed, film.spacing))
    boxes = np.array(boxes, dtype=float)
    best = 0.0
    for side in (110, 140, 170, 200, 240):
        for x in range(-40, 41, 20):
            for y in range(-40, 41, 20):
                fixed = np.array([225 + x - side / 2, 350 + y - side / 2] * 2)
                fixed[2:] += side
                best = max(best, _overlap(boxes, fixed).mean())
    assert 0.2 < best < 0.5


def test_the_joint_space_can_be_measured_in_pixels(films):
    """Half-way between bone and gap, along the middle of the medial condyle, in mm."""
    drawn, seen = [], []
    for film, pixels, boxes in films:
        grey = upright(film, pixels)
        for knee, box in zip(film.knees, boxes, strict=True):
            x0, y0, x1, y1 = as_upright(film, box)
            medial = 13 / 56 * (x1 - x0) * (1 if knee.side == "R" else -1)
            column = round((x0 + x1) / 2 + medial)
            middle = (y0 + y1) // 2
            profile = grey[middle - 20 : middle + 20, column - 2 : column + 3].mean(axis=1)
            seen.append(_gap(profile) * film.spacing)
            drawn.append(knee.medial_width)
    assert np.corrcoef(drawn, seen)[0, 1] > 0.97
    slope, offset = np.polyfit(drawn, seen, 1)
    assert slope == pytest.approx(1, abs=0.15)
    assert abs(offset) < 0.8


def test_a_sign_shows_where_it_belongs_and_nowhere_else():
    """The same knee with more reaction is brighter below the medial plateau only."""
    from dataclasses import replace

    film = next(
        f for f in plan_films(draw_plan(source(40)), seed=1)
        if len(f.knees) == 2 and not (f.full or f.collimated or f.mirrored)
    )  # fmt: skip
    calm, active = (
        replace(film, knees=(replace(film.knees[0], reaction=value), film.knees[1]))
        for value in (0.0, 1.0)
    )
    before, (box, _) = draw(calm, seed=1)
    after, _ = draw(active, seed=1)
    x0, y0, x1, y1 = box
    difference = np.clip(after, 0, 4095).astype(int) - np.clip(before, 0, 4095)
    part = difference[(y0 + y1) // 2 : y1, (x0 + x1) // 2 : x1]
    assert part.max() > 400
    part[:] = 0
    # The band may reach a little over the middle line of a tilted knee.
    assert (np.abs(difference) > 40).sum() < 30


# --- the files -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(folder, source=source())
    return folder


def rows(path, delimiter=","):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def test_the_files_are_what_the_plan_says(written):
    films = plan_films(draw_plan(source()), seed=1)
    tables = {"enrollees", "allclinical00", "kxr_sq_bu00", "kxr_fta_duryea00",
              "kxr_qjsw_duryea00", "kxr_qjsw_duryea06"}  # fmt: skip
    expected = {film.file for film in films} | {f"OAICompleteData_ASCII/{n}.txt" for n in tables}
    expected |= {"ceiling_kl.csv", "ceiling_progression.csv", "joints.csv"}
    assert set(list_files(written)) == expected


def test_headers_are_what_the_plan_says(written):
    for film in plan_films(draw_plan(source()), seed=1):
        data = dcmread(written / film.file)
        assert data.file_meta.TransferSyntaxUID == film.syntax
        bits = draw_grey(film, seed=1).bits
        assert (data.BitsAllocated, data.BitsStored, data.HighBit) == (16, bits, bits - 1)
        assert data.PhotometricInterpretation == f"MONOCHROME{1 if film.inverted else 2}"
        assert list(data.PatientOrientation) == ["R" if film.mirrored else "L", "F"]
        assert ("PixelSpacing" in data) != film.imager_only
        assert float(data.ImagerPixelSpacing[0]) == film.spacing
        one = film.knees[0].side if len(film.knees) == 1 else None
        # Computed radiography has no other place for the side; digital X-ray has only one.
        assert data.get("Laterality") == ((one or "") if film.computed else None)
        assert data.get("ImageLaterality") == (None if film.computed else one or "B")
        assert re.fullmatch(r"Phantom\^Knee\d{4}", str(data.PatientName))
        assert data.PatientID == film.person.id
        assert data.Modality == ("CR" if film.computed else "DX")


def test_compression_loses_nothing(written):
    films = [film for film in plan_films(draw_plan(source()), seed=1) if film.syntax in PLUGINS]
    assert len(films) == 3
    for film in films:
        pixels = draw_grey(film, seed=1).store(draw(film, seed=1)[0])
        assert np.array_equal(dcmread(written / film.file).pixel_array, pixels)


def test_a_film_of_full_size_has_the_pixels_of_a_detector(tmp_path):
    """28 x 36 cm at 0.12 mm; the same millimetres as at 0.4 mm."""
    planned = plan_films(draw_plan(source(40)), seed=1)
    (film,) = [film for film in planned if film.full]
    (box, _) = write_film(tmp_path, film, seed=1)
    data = dcmread(tmp_path / film.file)
    assert data.pixel_array.shape == (2333, 3000)
    assert (box[2] - box[0]) * 0.12 == pytest.approx(56, rel=0.08)


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path, written, monkeypatch):
    monkeypatch.setattr(drawing, "FEW", 0)
    write_phantom(tmp_path / "two", source=source(), workers=2)
    assert write_manifest(tmp_path / "two", tmp_path / "2.csv") == write_manifest(
        written, tmp_path / "1.csv"
    )


def test_tables_have_windows_line_ends_and_codes_with_words(written):
    text = (written / "OAICompleteData_ASCII/enrollees.txt").read_bytes()
    assert text.count(b"\r\n") == text.count(b"\n") == 22
    assert b"|1: Male\r\n" in text
    grades = rows(written / "OAICompleteData_ASCII/kxr_sq_bu00.txt", "|")
    assert {row["SIDE"] for row in grades} == {"1: Right", "2: Left"}


def read(raw, tmp_path, question):
    adapter = load_adapter("oai")
    target = Target.model_validate(KL if question == "kl" else PROGRESSION)
    layout = read_layout("s", adapter, {"question": question})
    files = write_manifest(raw, tmp_path / "m.csv")
    return adapter.cases(raw, files=files, layout=layout, target=target)


@pytest.mark.parametrize("question", ["kl", "progression"])
def test_what_is_read_is_what_was_planned(written, tmp_path, question):
    found = read(written, tmp_path, question)
    by_file = {(c["file_image"], c["case"][-1]): c for c in found.cases.to_pylist()}
    films = plan_films(draw_plan(source()), seed=1)
    shown = {(film.file, knee.side): (film, knee) for film in films for knee in film.knees}
    assert by_file.keys() == shown.keys()
    for key, (film, knee) in shown.items():
        case = by_file[key]
        known = knee.graded if question == "kl" else knee.usable and knee.seen_later
        truth = knee.grade if question == "kl" else knee.progressed
        assert str(case["target"]) == (f"{truth}.0" if known else "nan")
        assert case["covariate_age"] == film.person.age
        assert case["covariate_bmi"] == film.person.bmi
        assert case["covariate_sex"] == film.person.sex - 1
        assert case["covariate_alignment"] == knee.alignment
        if question == "kl":
            assert tuple(case[f"ceiling_{k}"] for k in range(5)) == knee.grade_shares
        else:
            assert case["ceiling_yes"] == knee.progression_share
    assert len(found.boxes) == len(shown)


def _gap(profile):
    """Return the width of a dark gap near the middle at half its depth, in pixels."""
    lowest = 8 + int(profile[8:-8].argmin())
    level = (profile[lowest] + np.median(profile[[0, 1, 2, -3, -2, -1]])) / 2
    edges = []
    for step in (-1, 1):
        at = lowest
        while profile[at] < level:
            at += step
        inner, outer = profile[at - step], profile[at]
        edges.append(at - step + step * (level - inner) / (outer - inner))
    return edges[1] - edges[0]


def _overlap(boxes, fixed):
    """Return intersection over union of each box with a fixed one."""
    low = np.maximum(boxes[:, :2], fixed[:2])
    high = np.minimum(boxes[:, 2:], fixed[2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(fixed[2:] - fixed[:2])
    return common / (areas - common)


def _kappa(truth, said):
    """Return quadratically weighted kappa, from its definition."""
    weight = (np.arange(5)[:, None] - np.arange(5)) ** 2
    seen = np.zeros((5, 5))
    np.add.at(seen, (truth, said), 1)
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / len(truth)
    return 1 - (weight * seen).sum() / (weight * expected).sum()
