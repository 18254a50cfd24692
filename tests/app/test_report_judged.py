"""Scores and verdicts of explanations, on the page."""

import json
from dataclasses import replace

import pytest

from radpipe.app.report.judged import read_judged
from radpipe.evaluation.tables import write_csv
from radpipe.explaining.judging import PAIRED, SCORES
from tests.app.test_report_page import page


def score(method, measure, value, **more):
    head = {"study": "bones", "part": "test", "variant": "bones-v1", "method": method, "label": ""}
    limits = {"low": value - 0.05, "high": value + 0.05, "why": "", "n_cases": 9, "n_patients": 8}
    return {**head, "measure": measure, "value": value, **limits, **more}


@pytest.fixture
def judged(tmp_path):
    """Return what the step judge might have written."""
    tables = tmp_path / "judged/tables"
    tables.mkdir(parents=True)
    scores = [
        score("cam", "pointing", 0.7),
        score("cam", "pointing_average", 0.5),
        score("cam", "pointing_chance", 0.1),
        score("cam", "randomised", 0.9),
        score("cam", "on_device", 0.3),
        score("cam", "pointing", 0.2, label="fractured"),
        score("ideal observer", "pointing", 0.99),
    ]
    pair = {"study": "bones", "part": "test", "kind": "reference", "measure": "pointing"}
    pair |= {"first": "bones-v1/cam", "second": "mean map of others", "difference": 0.2}
    pair |= {"low": 0.1, "high": 0.3, "p": 0.01, "p_holm": 0.02}
    write_csv(tables / "bones-scores.csv", SCORES, scores)
    write_csv(tables / "bones-paired.csv", PAIRED, [pair])
    said = {"variant": "bones-v1", "method": "cam", "verdict": "fails", "said": ["It <fails>."]}
    text = json.dumps({"part": "test", "verdicts": [said], "bounds": {}, "measured": {}})
    (tables / "bones-verdicts.json").write_text(text)
    return tmp_path / "judged"


def test_a_study_without_scored_maps_has_none(judged):
    assert read_judged("chest", judged) is None


def test_scores_stand_beside_what_knows_less(judged):
    found = read_judged("bones", judged)
    (ideal, _), (name, cells) = found.placed
    assert (ideal, name) == ("ideal observer", "cam")
    assert (cells[0].own.text, cells[0].average, cells[0].chance) == (
        "0.700",
        "0.500 (0.450 to 0.550)",
        "0.100",
    )
    assert cells[1].own is None
    assert [title for title, _ in found.further] == [
        "Alike to maps of a random network",
        "Evidence outside the finding on device",
    ]
    assert found.pairs[0][1:3] == ("cam", "mean map of others")


def test_the_page_marks_in_words_what_fails(judged, studies):
    bones, chest = studies
    html = page([replace(bones, judged=read_judged("bones", judged)), chest])
    assert "Whether maps are true" in html
    assert "<strong>fails</strong>" in html
    assert "It &lt;fails&gt;." in html
