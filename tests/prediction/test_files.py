"""Names of files and tables become cases, and answers become a table."""

import csv
import io
import os

import numpy as np
import pytest
from PIL import Image

from radpipe.app.predictor import predict
from radpipe.core.errors import ConfigError, DataError, RadpipeError
from radpipe.prediction.files import cases_of_files, cases_of_table, csv_text
from radpipe.prediction.predictor import Predictor


def description_of(made):
    return Predictor.open(made.folder).description


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def write_table(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_file_is_a_case_and_a_folder_all_files_below_it(pictures):
    what = description_of(pictures)
    files = [case.views["image"] for case in pictures.raw_cases("test")]
    assert [case.views for case in cases_of_files(what, files)] == [{"image": f} for f in files]
    below = cases_of_files(what, [files[0].parent])
    assert {case.name for case in below} == {str(f) for f in files[0].parent.iterdir()}


def test_a_name_that_is_no_utf8_can_be_written(pictures, tmp_path):
    file = tmp_path / os.fsdecode(b"br\xfcche.png")
    (case,) = cases_of_files(description_of(pictures), [file])
    assert case.name == f"{tmp_path}/br\\xfcche.png"
    assert case.views == {"image": file}


def test_a_picture_of_12_of_16_bits_gets_no_answer(halves, tmp_path):
    deep = np.full((64, 64), 4000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(deep * 16).save(tmp_path / "full.png")
    found = cases_of_files(description_of(halves), [tmp_path], "R")
    answers = Predictor.open(halves.folder).predict(found)
    problems = dict(zip(answers.cases, answers.problems, strict=True))
    assert "uses 12 of 16 bits" in problems[f"{tmp_path}/deep.png_R"]
    assert not problems[f"{tmp_path}/full.png_R"]


def test_films_of_both_knees_are_two_cases(halves):
    what = description_of(halves)
    film = halves.raw_cases("test")[0].views["image"]
    right, left = cases_of_files(what, [film])
    assert (right.side, left.side, right.both, left.both) == ("R", "L", True, True)
    (only,) = cases_of_files(what, [film], "L")
    assert only.name == f"{film}_L"
    shown = what.model_copy(update={"inputs": what.inputs.model_copy(update={"halves": False})})
    with pytest.raises(ConfigError, match="say which side the files show"):
        cases_of_files(shown, [film])
    assert cases_of_files(shown, [film], "L")[0].both is False


def test_exams_are_put_together_by_the_names_of_their_views(exams, tmp_path):
    what = description_of(exams)
    asked = exams.raw_cases("test")[:2]
    files = [file for case in asked for file in case.views.values()]
    found = cases_of_files(what, files)
    assert [case.views for case in found] == [case.views for case in asked]
    assert [case.name for case in found] == [
        str(case.views["axial"].parent.parent / case.views["axial"].stem) for case in asked
    ]
    ours = [tmp_path / "exam 7" / f"{view}.npy" for view in what.inputs.views]
    (one,) = cases_of_files(what, ours)
    assert (one.name, len(one.views)) == (str(tmp_path / "exam 7"), 3)
    with pytest.raises(DataError, match="file 1 of 1: neither it nor its folder has the name of a"):
        cases_of_files(what, [tmp_path / "0001.npy"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file to predict"):
        cases_of_files(what, [tmp_path / "empty"])


def test_a_table_names_files_sides_and_covariates(fusion, tmp_path):
    what = description_of(fusion)
    asked = fusion.raw_cases("test")
    rows = [
        {
            "case": case.name,
            "file": case.views["image"],
            "side": case.side.lower(),
            "comment": "",
            **{k: "" if np.isnan(v) else repr(v) for k, v in case.covariates.items()},
        }
        for case in asked
    ]
    found = cases_of_table(what, write_table(tmp_path / "knees.csv", rows))
    scores = Predictor.open(fusion.folder).predict(found).scores
    assert scores.tobytes() == np.ascontiguousarray(fusion.scores("test")).tobytes()
    assert [case.name for case in found] == [case.name for case in asked]

    def refuses(changes, match, *, without=()):
        row = {k: v for k, v in {**rows[0], **changes}.items() if k not in without}
        with pytest.raises(DataError, match=match):
            cases_of_table(what, write_table(tmp_path / "odd.csv", [row]))

    refuses({"side": "both"}, r"line 2: side: 'BOTH', expected one of R, L")
    refuses({"both": "perhaps"}, "both: 'perhaps', expected one of 1, yes")
    refuses({"age": "old"}, "line 2: age: 'old' is no number; an unknown value is empty")
    refuses({"file": ""}, "line 2: names no file under file")
    refuses({}, "no column of the name: unknown 'bmi'", without=("bmi",))
    (tmp_path / "odd.csv").write_text("file\n")
    with pytest.raises(DataError, match="holds no case"):
        cases_of_table(what, tmp_path / "odd.csv")
    with pytest.raises(DataError, match="cannot be opened"):
        cases_of_table(what, tmp_path / "none.csv")
    with pytest.raises(ConfigError, match="takes the covariates age"):
        cases_of_files(what, [asked[0].views["image"]])


def test_a_table_of_exams_has_a_column_for_each_view(exams, tmp_path):
    what = description_of(exams)
    row = {view: f"{view}.npy" for view in what.inputs.views}
    (case,) = cases_of_table(what, write_table(tmp_path / "exams.csv", [row]))
    assert case.views == {view: tmp_path / f"{view}.npy" for view in what.inputs.views}
    assert case.name == "2"


def test_models_of_covariates_need_no_file(factors, tmp_path):
    what = description_of(factors)
    rows = [dict.fromkeys(what.inputs.covariates, "")]
    (case,) = cases_of_table(what, write_table(tmp_path / "people.csv", rows))
    assert set(case.covariates.values()) == {None}


def test_answers_as_a_table(pictures, exams, tmp_path):
    predictor = Predictor.open(pictures.folder)
    cases = pictures.raw_cases("test")[:3]
    answers = predictor.predict(cases)
    rows = read(csv_text(answers))
    classes = predictor.description.target.classes
    scores = np.array([[row[f"score_{name}"] for name in classes] for row in rows], np.float32)
    assert scores.tobytes() == answers.scores.tobytes()
    assert [(row["decision"],) for row in rows] == answers.decisions
    for k, row in enumerate(rows):
        for c, name in enumerate(classes):
            assert float(row[f"probability_{name}"]) == pytest.approx(
                answers.probabilities[k, c], rel=1e-5
            )
            assert float(row[f"threshold_{name}"]) == answers.thresholds[c]
    exam = Predictor.open(exams.folder).predict(exams.raw_cases("test")[:3])
    for k, row in enumerate(read(csv_text(exam))):
        decided = tuple(name for name in exam.classes if row[f"decision_{name}"] == "yes")
        assert decided == exam.decisions[k]
        assert row["problem"] == ""


def test_the_command_writes_answers_and_says_how_many_are_missing(pictures, tmp_path, capsys):
    files = [case.views["image"] for case in pictures.raw_cases("test")[:2]]
    predict(folder=pictures.folder, files=files)
    assert len(read(capsys.readouterr().out)) == 2
    out = tmp_path / "answers.csv"
    with pytest.raises(RadpipeError, match="1 case has no answer, of 3"):
        predict(folder=pictures.folder, files=[*files, tmp_path / "none.png"], out=out)
    rows = read(out.read_text())
    assert [row["problem"] for row in rows] == ["", "", "missing"]
    assert rows[2]["decision"] == rows[2]["score_healthy"] == ""
    table = write_table(tmp_path / "t.csv", [{"file": str(files[0])}])
    predict(folder=pictures.folder, table=table)
    assert len(read(capsys.readouterr().out)) == 1
    with pytest.raises(ConfigError, match="give files, or a table"):
        predict(folder=pictures.folder)
