"""Cases of the project, and files that are handed over."""

import pytest

from radpipe.app.viewer import cases
from radpipe.app.viewer.cases import by_view, files_of, known_cases, scores_of
from radpipe.app.viewer.wire import Message
from radpipe.core.errors import DataError


def test_cases_are_those_that_were_predicted(inside, knee, exams):
    found = known_cases(knee)
    assert sorted(each.name for each in found) == sorted(exams.table["case"].to_pylist())
    assert {each.part for each in found} == {"tune", "test"}
    assert set(found[0].truth) == set(knee.what.target.columns)


def test_a_case_of_the_project_is_answered_as_predict_did(inside, knee, helper, exams):
    """The raw files are read, and the score is that of predictions.parquet."""
    case = known_cases(knee)[0].name
    given = files_of(knee, case)
    assert set(given.files) == set(knee.what.inputs.views)
    question = knee.asked(given.told(), label=1, method="grad-cam")
    reply = helper.ask(Message(question, given.files))
    row = exams.table["case"].to_pylist().index(case)
    temperature = knee.what.operating_point.temperature
    for asked, column in zip(reply.says["questions"], knee.what.target.score_columns, strict=True):
        score = exams.table[column][row].as_py()
        odds = (score / (1 - score)) ** (1 / temperature)
        assert asked["probability"] == pytest.approx(odds / (1 + odds), abs=1e-5)
        assert asked["flag"] is (asked["probability"] >= asked["threshold"])
    for view in knee.what.inputs.views:
        assert reply.arrays[f"map:{view}"].shape == reply.arrays[f"view:{view}"].shape


def test_what_a_project_lacks_is_said(inside, knee, exported, monkeypatch):
    with pytest.raises(DataError, match="lacks this case"):
        files_of(knee, "nobody")
    with pytest.raises(DataError, match=r"predictions\.parquet: missing"):
        known_cases(exported)
    monkeypatch.setattr(cases, "raw_root", lambda *_: inside / "elsewhere")
    with pytest.raises(DataError, match="raw file of this case cannot be read"):
        files_of(knee, known_cases(knee)[0].name)
    (inside / "other").mkdir(exist_ok=True)


def test_scores_are_told_where_they_are_known(inside, knee, exported):
    place, area = scores_of(knee)[0]
    assert place == "bones, part tune"
    assert (area["value"], area["n_patients"]) == (0.5, 8)
    assert scores_of(exported) == []
    table = inside / "results/cohorts/elsewhere/scores.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    head = "variant,metric,class,value,low,high,n_cases,n_patients"
    table.write_text(f"{head}\nbones-x,auc,,0.7,0.6,0.8,5,4\nbones-x,auc,acl,0.1,0,1,5,4\n")
    assert scores_of(knee)[1:] == [
        ("elsewhere", {"value": 0.7, "low": 0.6, "high": 0.8, "n_cases": 5, "n_patients": 4})
    ]


def test_files_have_a_largest_size(knee, exported, monkeypatch):
    monkeypatch.setattr(cases, "MAX_FILE", 3)
    with pytest.raises(DataError, match="larger than 0 MB"):
        by_view(exported.what.inputs, [("a.png", b"1234")])
    monkeypatch.setattr(cases, "MAX_CASE", 5)
    with pytest.raises(DataError, match="together"):
        by_view(knee.what.inputs, [(f"{v}.npy", b"123") for v in knee.what.inputs.views])


def test_views_are_told_by_names(knee):
    views = knee.what.inputs.views
    files = [(f"My Exam/{view.upper()}/0001.npy", view.encode()) for view in views]
    assert by_view(knee.what.inputs, files) == {view: view.encode() for view in views}
    table = knee.what.inputs.model_copy(update={"views": []})
    with pytest.raises(DataError, match="takes a table alone"):
        by_view(table, files)
