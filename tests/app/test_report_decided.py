"""Decisions compared in pairs, points of curves and unknown truths, on the page."""

import copy
from dataclasses import replace

from radpipe.app.report.decided import decided
from radpipe.app.report.points import curve_points
from tests.app.test_report_page import page


def pair(first, second, difference):
    return {
        "metric": "sensitivity",
        "class": "normal",
        "variant_a": first,
        "variant_b": second,
        "difference": str(difference),
        "low": str(difference - 0.02),
        "high": str(difference + 0.02),
        "p": "0.004",
        "p_holm": "0.008",
        "why": "",
    }


def test_the_better_ranked_variant_comes_first(studies):
    bones, chest = studies
    rows = (pair("bones-floor", "bones-v1", -0.1), pair("bones-v1", "bones-resnet18", 0.05))
    study = replace(bones, decided=rows)
    first, second = decided(study)
    assert (first.first, first.second, first.difference.signed) == (
        "bones-v1",
        "bones-floor",
        "+0.100",
    )
    assert (second.label, second.corrected) == ("normal", 0.008)
    text = page([study, chest])
    assert "Decisions compared in pairs" in text
    assert "+0.050" in text
    assert "Decisions compared in pairs" not in page([bones, chest])


def test_a_yes_or_no_question_names_no_class(studies):
    _, chest = studies
    (only,) = decided(replace(chest, decided=(pair("chest-resnet18", "chest-floor", 0.1),)))
    assert only.label == ""


def point(variant, y, *, low=None, high=None):
    about = {"curve": "sensitivity-at", "class": "pneumonia", "x": "0.9", "variant": variant}
    return {**about, "y": str(y), "low": "" if low is None else low, "high": high or ""}


def test_points_are_columns(studies):
    bones, chest = studies
    rows = (point("chest-resnet18", 0.8, low="0.7", high="0.9"), point("chest-floor", 0.0))
    study = replace(chest, points=rows)
    (column,) = curve_points(study)
    assert column.title == "Sensitivity at specificity 0.9"
    assert [cell and cell.text for cell in column.cells] == ["0.800", None]
    assert column.whys[1] == "every draw of patients gives the same value"
    assert "no threshold was chosen for them" in page([bones, study])


def test_cases_without_a_truth_are_counted(studies):
    bones, chest = studies
    metrics = copy.deepcopy(bones.best.metrics)
    metrics["parts"]["test"]["n_unknown"] = 12
    study = replace(bones, variants=(replace(bones.best, metrics=metrics), *bones.variants[1:]))
    assert "12 more have no known truth" in page([study, chest])
    assert "no known truth" not in page([bones, chest])
