"""A case is unlike those of `tune` where its features are far from theirs."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import beta
from sklearn.covariance import oas

from radpipe.core.files import read_json, write_json
from radpipe.prediction.description import DESCRIPTION
from radpipe.prediction.export import gather
from radpipe.prediction.files import csv_text
from radpipe.prediction.likeness import (
    MOST,
    Likeness,
    calibrate,
    distances_left_out,
    grouped,
    read_likeness,
    save_likeness,
    shrinkage,
)
from radpipe.prediction.likeness import _directions as directions
from radpipe.prediction.predictor import Predictor
from radpipe.prediction.raw import RawCase


def test_distances_of_a_covariance_by_hand():
    """Variance 4 along the first axis, 1 along the others: (2, 0, 3) is sqrt(1 + 9) away."""
    likeness = Likeness(np.zeros(3), np.array([[1.0, 0, 0]]), np.array([4.0]), 1.0)
    found = likeness.distances(np.array([[2, 0, 3], [0, 0, 0], [4, 0, 0]], np.float32))
    np.testing.assert_allclose(found, [np.sqrt(10), 0, 2], rtol=1e-12)


def test_shrinkage_by_hand():
    """S = diag(2, 1/2) of 8 cases: (0 + 6.25) / (8 (4.25 - 3.125)), towards 1.25."""
    away = np.array([[2, 0], [-2, 0], [0, 1], [0, -1]] * 2, np.float64)
    assert shrinkage(away) == pytest.approx((6.25 / 9, 1.25))


def test_shrinkage_of_many_features_is_that_of_scikit_learn():
    """Which leaves out what the equation divides by the number of features."""
    drawn = np.random.default_rng(0).normal(size=(50, 400)) * np.linspace(0.01, 5, 400) ** 3
    away = drawn - drawn.mean(axis=0)
    assert shrinkage(away)[0] == pytest.approx(oas(away, assume_centered=True)[1], rel=0.01)


def left_out_slowly(drawn, patients, shrink, scale):
    """Refit without each patient, as the closed form need not."""
    found = np.empty(len(drawn))
    for k, patient in enumerate(patients):
        others = drawn[patients != patient]
        mean = others.mean(axis=0)
        covariance = shrink * scale * np.eye(drawn.shape[1])
        covariance += (1 - shrink) * (others - mean).T @ (others - mean) / len(others)
        away = drawn[k] - mean
        found[k] = np.sqrt(away @ np.linalg.solve(covariance, away))
    return found


@given(st.integers(6, 24), st.integers(2, 30), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_leaving_a_patient_out_in_closed_form(n, d, n_each, seed):
    drawn = np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(0.5, 3, d)
    patients = np.arange(n) // n_each
    away = drawn - drawn.mean(axis=0)
    basis, scatter = directions(away)
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-8)
    found = distances_left_out(away @ basis.T, scatter, patients, shrink=0.2, scale=1.5)
    np.testing.assert_allclose(found, left_out_slowly(drawn, patients, 0.2, 1.5), rtol=1e-6)


def test_the_whole_covariance_is_kept():
    """Distances of new cases are those of the shrunk covariance of all."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(30, 8)).astype(np.float32)
    found = calibrate(drawn, [str(k) for k in range(30)], 0.1)
    assert found is not None
    away = drawn.astype(np.float64) - drawn.mean(axis=0, dtype=np.float64)
    shrink, scale = shrinkage(away)
    covariance = shrink * scale * np.eye(8) + (1 - shrink) * away.T @ away / 30
    wanted = np.sqrt(np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away))
    np.testing.assert_allclose(found[0].distances(drawn), wanted, rtol=1e-6)


@pytest.mark.parametrize(("n", "d", "knees"), [(60, 20, 1), (60, 90, 1), (120, 20, 2)])
def test_fresh_cases_are_flagged_as_often_as_promised(n, d, knees):
    """On average over draws of tune; two knees of a patient are almost the same."""
    rng = np.random.default_rng(5)
    scale = rng.uniform(0.2, 3, d)

    def draw(count):
        people = rng.normal(size=(count // knees, d)).repeat(knees, axis=0)
        return ((people + 0.1 * rng.normal(size=people.shape)) * scale).astype(np.float32)

    flagged, inside = [], []
    for _ in range(40):
        found = calibrate(draw(n), [str(k // knees) for k in range(n)], 0.1)
        assert found is not None
        likeness, far = found
        rate = float((likeness.distances(draw(200)) > far.threshold).mean())
        flagged.append(rate)
        inside.append(far.low - 0.03 <= rate <= far.high + 0.03)
        assert far.low < far.rate <= 0.1 < far.high
    assert np.mean(flagged) == pytest.approx(0.1, abs=0.03)
    assert np.mean(inside) > 0.9


def test_the_interval_of_the_rate_by_hand():
    """The 95th of 99 distances: 5 of 100 on average, beta distributed."""
    drawn = np.random.default_rng(2).normal(size=(99, 4)).astype(np.float32)
    found = calibrate(drawn, [str(k) for k in range(99)], 0.05)
    assert found is not None
    assert found[1].rate == pytest.approx(0.05)
    wanted = beta(5, 95).ppf([0.025, 0.975])
    np.testing.assert_allclose([found[1].low, found[1].high], wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("n", "n_each", "rate", "there"),
    [(19, 1, 0.05, True), (18, 1, 0.05, False), (36, 2, 0.05, False), (38, 2, 0.05, True)],
)
def test_too_few_patients_give_no_threshold(n, n_each, rate, there):
    drawn = np.random.default_rng(3).normal(size=(n, 4)).astype(np.float32)
    found = calibrate(drawn, [str(k // n_each) for k in range(n)], rate)
    assert (found is not None) == there


def test_constant_features_give_no_threshold():
    assert calibrate(np.ones((40, 3), np.float32), [str(k) for k in range(40)], 0.05) is None


def test_many_features_are_added_up_in_groups():
    features = np.zeros((1, 2 * MOST + 1), np.float32)
    features[0, [0, MOST, 2 * MOST, 7]] = [1, 10, 100, 5]
    found = grouped(features)
    assert found.shape == (1, MOST)
    assert (found[0, 0], found[0, 7], found.sum()) == (91, 5, 96)


def test_it_is_read_as_it_was_written(tmp_path):
    drawn = np.random.default_rng(4).normal(size=(40, 60)).astype(np.float32)
    likeness = calibrate(drawn, [str(k) for k in range(40)], 0.1)[0]
    save_likeness(tmp_path / "likeness.safetensors", likeness)
    again = read_likeness(tmp_path / "likeness.safetensors")
    np.testing.assert_allclose(again.distances(drawn), likeness.distances(drawn), rtol=1e-5)


def test_films_that_are_no_such_films_are_flagged(pictures):
    predictor = Predictor.open(pictures.folder)
    told = predictor.description.likeness
    assert (told.asked, told.n_cases) == (0.25, len(pictures.rows("tune")))
    assert told.interval[0] < told.rate <= 0.25 < told.interval[1]
    films = [pixels_of(case.views["image"]) for case in pictures.raw_cases("test")]
    assert np.mean(predictor.predict(pictures.raw_cases("test")).unlike) < 0.6
    rng = np.random.default_rng(6)
    odd = {
        "inverted": [255 - film for film in films],
        "noise": [rng.integers(0, 256, film.shape, dtype=np.uint8) for film in films],
    }
    for name, pixels in odd.items():
        cases = [RawCase(str(k), {"image": each}) for k, each in enumerate(pixels)]
        answers = predictor.predict(cases)
        assert np.mean(answers.unlike) > 0.9, name
        assert ((answers.distances > 1) == answers.unlike).all()


def pixels_of(file):
    with Image.open(file) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("kind", ["pictures", "exams", "halves", "fusion"])
def test_every_kind_that_looks_at_pixels_knows(kind, request):
    made = request.getfixturevalue(kind)
    predictor = Predictor.open(made.folder)
    answers = predictor.predict(made.raw_cases("tune"))
    assert None not in answers.unlike
    assert np.isfinite(answers.distances).all()
    whole = predictor.likeness
    assert len(whole.basis) < predictor.description.likeness.n_cases


def test_a_model_of_a_table_knows_nothing_of_films(factors):
    predictor = Predictor.open(factors.folder)
    answers = predictor.predict(factors.raw_cases("tune")[:2])
    assert answers.unlike == [None, None]
    assert np.isnan(answers.distances).all()
    header, first, *_ = csv_text(answers).splitlines()
    assert header.endswith("unlike,distance,note,problem")
    assert first.endswith(",,,,")


def test_an_older_predictor_opens_without(pictures, tmp_path):
    copy = tmp_path / "copy"
    gather(pictures.run, copy, detector=None)
    (copy / "likeness.safetensors").unlink()
    said = read_json(copy / DESCRIPTION)
    del said["likeness"]
    write_json(copy / DESCRIPTION, said)
    answers = Predictor.open(copy).predict(pictures.raw_cases("test")[:1])
    assert answers.unlike == [None]
    assert "likeness" not in Predictor.open(copy).description.text


def test_what_could_not_be_read_is_neither(pictures):
    case = pictures.raw_cases("test")[0]
    gone = dataclasses.replace(case, views={"image": pictures.raw / "gone.png"})
    assert Predictor.open(pictures.folder).predict([gone, case]).unlike[0] is None
