"""A copied predictor says of raw files what the step `predict` says of the store."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from radpipe.core.borrowed import Borrowed
from radpipe.core.descriptors import read_descriptor
from radpipe.core.errors import DataError
from radpipe.core.files import read_json, write_json
from radpipe.evaluation.ensemble import cases_of
from radpipe.evaluation.limits import Limits
from radpipe.evaluation.operating_point import choose
from radpipe.learning.networks.network import save_weights
from radpipe.prediction.describing import Rule, _borrowed
from radpipe.prediction.description import DESCRIPTION, read_description
from radpipe.prediction.predictor import Predictor
from tests.conftest import ROOT
from tests.prediction.made import PARTS

KINDS = ("pictures", "exams", "halves", "fusion", "smaller", "factors")


@pytest.fixture(params=KINDS)
def made(request):
    return request.getfixturevalue(request.param)


def test_scores_are_those_of_predict_to_the_byte(made):
    predictor = Predictor.open(made.folder)
    for part in PARTS:
        answers = predictor.predict(made.raw_cases(part))
        assert not any(answers.problems)
        assert answers.scores.dtype == np.float32
        assert answers.scores.tobytes() == np.ascontiguousarray(made.scores(part)).tobytes()


def test_a_case_alone_has_the_same_scores(made):
    predictor = Predictor.open(made.folder)
    cases, wanted = made.raw_cases("test"), made.scores("test")
    for k in (0, 3, len(cases) - 1):
        alone = predictor.predict([cases[k]])
        np.testing.assert_allclose(alone.scores[0], wanted[k], rtol=0, atol=1e-6)


def test_decisions_follow_from_the_point_that_was_chosen_on_tune(made):
    predictor = Predictor.open(made.folder)
    what = predictor.description
    tune = cases_of(what.target, made.table, "tune", where="test")
    point = choose(what.target, tune.truth, tune.scores, Rule("youden", 0.9))
    assert what.operating_point.thresholds == list(point.thresholds)
    assert what.operating_point.temperature == point.temperature
    answers = predictor.predict(made.raw_cases("tune"))
    sample = point.sample(what.target, tune.truth, tune.scores)
    np.testing.assert_array_equal(answers.flags, sample.flags)
    for decided, row in zip(answers.decisions, sample.decided, strict=True):
        if what.target.kind == "binary":
            assert decided == (what.target.classes[int(row[0])],)
        else:
            assert decided == tuple(
                name for name, yes in zip(what.target.classes, row, strict=True) if yes
            )


def test_what_is_guaranteed_was_learned_from_tune(made):
    """At or above a limit is yes, and what tune has too few patients for is empty."""
    predictor = Predictor.open(made.folder)
    what = predictor.description
    tune = cases_of(what.target, made.table, "tune", where="test")
    limits = Limits.of(what.target, tune, what.guarantee.asked)
    answers = predictor.predict(made.raw_cases("test"))
    scores = made.scores("test").astype(np.float64)
    assert answers.guaranteed == limits.columns(what.target, scores)
    names = [name for name in answers.guaranteed if name.startswith("guaranteed_")]
    assert [name.removeprefix("guaranteed_") for name in names] == answers.questions


def test_older_descriptions_guarantee_nothing(pictures):
    predictor = Predictor.open(pictures.folder)
    predictor.description = predictor.description.model_copy(update={"guarantee": None})
    assert predictor.predict(pictures.raw_cases("test")[:1]).guaranteed == {}


def test_the_process_keeps_its_own_threads(pictures):
    before, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    torch.set_num_threads(2)
    torch.set_deterministic_debug_mode("warn")
    try:
        Predictor.open(pictures.folder).predict(pictures.raw_cases("tune")[:1])
        assert torch.get_num_threads() == 2
        assert torch.get_deterministic_debug_mode() == 1
    finally:
        torch.set_num_threads(before)
        torch.set_deterministic_debug_mode(mode)


def test_the_file_names_no_patient_and_no_file(made):
    text = (made.folder / DESCRIPTION).read_text()
    for column in ("case", "patient"):
        for name in made.cases[column].to_pylist():
            assert f'"{name}"' not in text
    assert str(made.raw) not in text
    said = json.loads(text)
    assert said["learned_from"][-1]["n_patients"] > 0
    assert not any(isinstance(value, list) for value in said["learned_from"][-1].values())


def test_what_each_kind_takes(pictures, exams, halves, fusion, factors):
    said = {
        name: Predictor.open(made.folder).description
        for name, made in {
            "pictures": pictures,
            "exams": exams,
            "halves": halves,
            "fusion": fusion,
            "factors": factors,
        }.items()
    }
    assert {name: what.inputs.views for name, what in said.items()} == {
        "pictures": ["image"],
        "exams": ["axial", "coronal", "sagittal"],
        "halves": ["image"],
        "fusion": ["image"],
        "factors": [],
    }
    assert [name for name, what in said.items() if what.inputs.halves] == ["halves", "fusion"]
    assert [name for name, what in said.items() if what.joints] == ["fusion"]
    assert [name for name, what in said.items() if what.inputs.covariates] == ["fusion", "factors"]
    assert said["fusion"].joints.extent_mm == 56
    assert said["pictures"].study.train.cases > said["pictures"].study.tune.cases
    assert said["exams"].inputs.volumes


def test_arrays_are_taken_like_files(pictures, exams):
    for made in (pictures, exams):
        predictor = Predictor.open(made.folder)
        cases = made.raw_cases("test")[:4]
        arrays = [
            dataclasses.replace(
                case, views={view: pixels_of(file) for view, file in case.views.items()}
            )
            for case in cases
        ]
        expected = predictor.predict(cases).scores
        assert predictor.predict(arrays).scores.tobytes() == expected.tobytes()


def pixels_of(file):
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False)
    with Image.open(file) as picture:
        return np.asarray(picture)


def test_a_file_that_cannot_be_used_has_no_answer_and_harms_no_other(pictures, tmp_path):
    predictor = Predictor.open(pictures.folder)
    cases = pictures.raw_cases("test")
    broken = tmp_path / "broken.png"
    broken.write_bytes(cases[0].views["image"].read_bytes()[:60])
    views = [{"image": broken}, {"image": tmp_path / "none.png"}, {"image": np.zeros((9, 9))}]
    bad = [dataclasses.replace(cases[0], views=view) for view in views]
    answers = predictor.predict([*bad, *cases])
    assert [bool(problem) for problem in answers.problems] == [True] * 3 + [False] * len(cases)
    assert "broken or truncated" in answers.problems[0]
    assert answers.problems[1:3] == ["missing", "holds float64, expected uint8 or uint16"]
    assert np.isnan(answers.scores[:3]).all()
    assert answers.decisions[:3] == [()] * 3
    np.testing.assert_allclose(answers.scores[3:], pictures.scores("test"), rtol=0, atol=1e-6)
    assert predictor.predict(bad).problems == answers.problems[:3]


def test_cases_that_lack_something_are_refused_before_a_file_is_read(exams, fusion, halves):
    exam = exams.raw_cases("test")[0]
    two = dataclasses.replace(exam, views={k: v for k, v in exam.views.items() if k != "axial"})
    with pytest.raises(DataError, match=r"case 2 of 2: has 2 views .* takes 3: axial, coronal"):
        Predictor.open(exams.folder).predict([exam, two])
    knee = fusion.raw_cases("test")[0]
    less = {name: value for name, value in knee.covariates.items() if name != "bmi"}
    with pytest.raises(
        DataError, match="case 1 of 1: lacks the covariates bmi; bones-x-fold-0-seed"
    ):
        Predictor.open(fusion.folder).predict([dataclasses.replace(knee, covariates=less)])
    odd = {**knee.covariates, "kl": 7.0}
    with pytest.raises(DataError, match=r"covariate_kl has values .* 7 \(1 cases\)"):
        Predictor.open(fusion.folder).predict([dataclasses.replace(knee, covariates=odd)])
    with pytest.raises(DataError, match="which side of the patient"):
        half = halves.raw_cases("test")[0]
        Predictor.open(halves.folder).predict([dataclasses.replace(half, side=None)])
    with pytest.raises(DataError, match="no case"):
        Predictor.open(halves.folder).predict([])


def test_unknown_covariates_are_given_as_none(factors):
    predictor = Predictor.open(factors.folder)
    case = factors.raw_cases("test")[0]
    unknown = dict.fromkeys(case.covariates)
    nan = dict.fromkeys(case.covariates, float("nan"))
    both = [dataclasses.replace(case, covariates=each) for each in (unknown, nan)]
    scores = predictor.predict(both).scores
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[1])


@pytest.fixture
def copy(fusion, tmp_path):
    return shutil.copytree(fusion.folder, tmp_path / "copy")


def test_a_folder_that_was_tampered_with_is_refused(copy, fusion, tmp_path):
    for name in ("weights.safetensors", "detector.safetensors"):
        file = copy / name
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(
            DataError, match=f"{name}: not the file that predictor.json was written"
        ):
            Predictor.open(copy)
        file.unlink()
        with pytest.raises(DataError, match=f"{name}: missing. A predictor is predictor.json with"):
            Predictor.open(copy)
        file.write_bytes(data)
    Predictor.open(copy)
    with pytest.raises(DataError, match=r"predictor\.json: missing"):
        Predictor.open(tmp_path)
    # Crops need the detector, which lies elsewhere in the project.
    with pytest.raises(DataError, match=r"detector\.safetensors: missing"):
        Predictor.open(fusion.run)


def test_a_description_that_is_not_whole_is_refused(copy):
    said = read_json(copy / DESCRIPTION)

    def refuses(changes, match):
        write_json(copy / DESCRIPTION, {**said, **changes})
        with pytest.raises(DataError, match=match):
            Predictor.open(copy)

    refuses({"format": 2}, "of version 2, and this radpipe reads version 1")
    refuses({"operating_point": None}, "thresholds were never chosen")
    refuses({"fold": "first"}, "fold: Input should be a valid integer")
    refuses({"recipe": "0" * 64}, "trained from another recipe")
    refuses({"shape": {**said["shape"], "n_outputs": 3}}, "not the weights of architecture 'joint'")
    (copy / DESCRIPTION).write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        Predictor.open(copy)
    (copy / DESCRIPTION).write_text("[]")
    with pytest.raises(DataError, match="of version None"):
        Predictor.open(copy)


def test_a_detector_that_does_not_say_how_to_cut_is_refused(copy, tmp_path):
    from radpipe.detection.finding import read_detector

    detector, about = read_detector(copy / "detector.safetensors")
    assert about["crops"]["side"] == 32
    save_weights(tmp_path / "old.safetensors", detector.state_dict(), {"study": "study"})
    with pytest.raises(DataError, match="does not say how its crops are cut"):
        read_detector(tmp_path / "old.safetensors")
    save_weights(tmp_path / "other.safetensors", {"mean": torch.zeros(())}, about)
    with pytest.raises(DataError, match="not a detector of this version"):
        read_detector(tmp_path / "other.safetensors")


def test_weights_that_others_learned_are_told(copy, tmp_path):
    found = read_description(copy)
    assert "borrowed" not in read_json(copy / "predictor.json")
    assert found.borrowed == []
    start = {"start": "rad", "function": "a/b", "tensors": "00", "tune": 0}
    learned_from = [{"data_set": "CheXpert", "list": None}]
    facts = {"borrowed": [{**start, "learned_from": learned_from}]}
    save_weights(tmp_path / "w.safetensors", {}, facts)
    told = found.model_copy(update={"borrowed": _borrowed(tmp_path / "w.safetensors")})
    (tmp_path / "predictor.json").write_text(told.text)
    (again,) = read_description(tmp_path).borrowed
    assert (again.start, again.function, again.data_sets) == ("rad", "a/b", ["CheXpert"])
    # Another project's: nobody here knows its licence, unless it restricts something.
    assert again.licence is None
    facts["borrowed"][0]["terms"] = {"spdx": "CC-BY-NC-4.0", "forbids": ["commercial"]}
    save_weights(tmp_path / "w.safetensors", {}, facts)
    (bound,) = _borrowed(tmp_path / "w.safetensors")
    assert (bound.licence.spdx, bound.licence.forbids) == ("CC-BY-NC-4.0", ["commercial"])


def test_the_licence_of_a_start_of_this_project_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    shutil.copy(ROOT / "weights/resnet18.json", tmp_path / "weights")
    descriptor = read_descriptor("resnet18")
    found = Borrowed.of(descriptor, file="0" * 64, tensors="1" * 64, learned_from=[])
    write_json(tmp_path / "results/starts/resnet18/start.json", found.model_dump(mode="json"))
    for tensors, licence in (("1" * 64, descriptor.licence), ("2" * 64, None)):
        start = {"start": "resnet18", "function": "a/b", "tensors": tensors, "learned_from": []}
        save_weights(tmp_path / "w.safetensors", {}, {"borrowed": [start]})
        assert _borrowed(tmp_path / "w.safetensors")[0].licence == licence
