"""What can be used, but is probably no picture of the kind that the model knows, is named."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from radpipe.core.errors import DataError
from radpipe.core.files import read_json, write_json
from radpipe.prediction.description import DESCRIPTION, read_description
from radpipe.prediction.files import cases_of_files, csv_text
from radpipe.prediction.predictor import Predictor
from radpipe.prediction.raw import RawCase


def test_photographs_screenshots_and_films_of_both_knees_are_named(pictures, halves, tmp_path):
    predictor = Predictor.open(pictures.folder)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(rng.integers(0, 256, (60, 80), np.uint8)).save(tmp_path / "shot.png")
    both = next(case for case in halves.raw_cases("test") if case.both)
    own = pictures.raw_cases("test")[0]
    deep = rng.integers(0, 2**16, (60, 80), np.uint16)
    cases = [
        *(RawCase(name, {"image": tmp_path / f"{name}.png"}) for name in ("photo", "shot")),
        RawCase("knees", {"image": both.views["image"]}),
        RawCase("deep", {"image": deep}),
        dataclasses.replace(own, views={"image": tmp_path / "gone.png"}),
    ]
    answers = predictor.predict(cases)
    few = "has 8 bits, and the model looks at 16: a screenshot is no film"
    assert answers.notes == [
        f"{few}; was saved in colour (RGB), and read as grey",
        few,
        "shows both sides, and was judged as one picture",
        *("", ""),
    ]
    assert answers.unlike[:2] == [True, True]
    assert few in csv_text(answers).splitlines()[2]


def test_a_model_of_another_version_is_refused(pictures, tmp_path):
    said = read_json(pictures.folder / DESCRIPTION)
    write_json(tmp_path / DESCRIPTION, said | {"format": 2})
    with pytest.raises(DataError, match="of version 2, and this radpipe reads version 1"):
        read_description(tmp_path)


def test_an_exam_that_lacks_a_plane_is_refused_before_anything_is_read(exams, tmp_path):
    predictor = Predictor.open(exams.folder)
    for view in ("axial", "sagittal"):
        (tmp_path / f"{view}.npy").touch()
    cases = cases_of_files(predictor.description, [tmp_path])
    with pytest.raises(DataError, match=r"case 1 of 1: has 2 views .* takes 3: axial, coronal"):
        predictor.predict(cases)
