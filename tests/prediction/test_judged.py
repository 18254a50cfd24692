"""What came true on tune stands in predictor.json, and files may be handed over as bytes."""

import shutil

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.evaluation.ensemble import cases_of
from radpipe.evaluation.shares import wilson
from radpipe.prediction.describing import _bins
from radpipe.prediction.description import DETECTOR
from radpipe.prediction.predictor import Predictor
from radpipe.prediction.raw import RawCase


def test_bins_are_counted():
    """Four cases in the second tenth, one of them true, and one in the last; others are empty."""
    truth = np.array([1.0, 0, 0, 0, 1])
    first, last = _bins(truth, np.array([0.11, 0.12, 0.13, 0.16, 1.0]))
    assert (first.number, first.cases, first.share) == (1, 4, 0.25)
    assert first.mean == pytest.approx(0.13)
    assert (first.low, first.high) == wilson(0.25, 4, confidence=0.95)
    assert (last.number, last.cases, last.mean, last.share) == (9, 1, 1.0, 1.0)
    assert _bins(np.array([]), np.array([])) == []


@pytest.mark.parametrize("kind", ["pictures", "exams"])
def test_every_question_counts_the_cases_of_tune(kind, request):
    made = request.getfixturevalue(kind)
    predictor = Predictor.open(made.folder)
    what = predictor.description
    tune = cases_of(what.target, made.table, "tune", where="test")
    answers = predictor.predict(made.raw_cases("tune"))
    assert len(what.judged) == len(answers.questions)
    for k, each in enumerate(what.judged):
        yes = tune.truth[:, k] == 1 if kind == "exams" else tune.truth[:, 0] == k
        flags = answers.flags[:, k]
        assert (each.flagged, each.flagged_yes) == (flags.sum(), (flags & yes).sum())
        assert (each.passed, each.passed_yes) == ((~flags).sum(), (~flags & yes).sum())
        assert sum(one.cases for one in each.bins) == len(yes)


def test_bytes_are_taken_like_files(pictures, fusion):
    for made in (pictures, fusion):
        predictor = Predictor.open(made.folder)
        cases = made.raw_cases("test")[:3]
        read = [
            RawCase(
                case.name,
                {view: file.read_bytes() for view, file in case.views.items()},
                side=case.side,
                both=case.both,
                covariates=case.covariates,
            )
            for case in cases
        ]
        wanted = predictor.predict(cases).scores
        np.testing.assert_array_equal(predictor.predict(read).scores, wanted)


def test_a_run_finds_the_detector_that_its_project_shares(fusion, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(fusion.folder, copy)
    (copy / DETECTOR).rename(tmp_path / DETECTOR)
    with pytest.raises(DataError, match="missing"):
        Predictor.open(copy)
    assert Predictor.open(copy, shared=tmp_path).detector is not None
