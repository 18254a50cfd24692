"""Subgroups against the rest, on the page."""

import copy
from dataclasses import replace

from radpipe.app.report.groups import group_lines
from tests.app.test_report_page import page


def row(value, p):
    return {
        "covariate": "sex",
        "value": value,
        "n_cases": 120,
        "metric": "observed_minus_expected",
        "inside": {"value": 0.05, "low": 0.01, "high": 0.09},
        "difference": {"value": 0.07, "low": 0.02, "high": 0.12},
        "p": p,
        "p_holm": p,
        "why": "",
    }


def test_what_is_told_apart_comes_first(studies):
    bones, chest = studies
    metrics = copy.deepcopy(bones.best.metrics)
    few = {**row("x", None), "difference": None, "why": "3 patients, 20 are needed on both sides"}
    metrics["parts"]["test"]["groups"] = [row("f", 0.2), row("m", 0.0), few]
    study = replace(bones, variants=(replace(bones.best, metrics=metrics), *bones.variants[1:]))
    lines = group_lines(study)
    assert [line.group for line in lines] == ["sex: m", "sex: f", "sex: x"]
    assert lines[0].measure == "Observed − expected"
    text = page([study, chest])
    assert "Subgroups against all other cases: 1 of 3 told apart" in text
    assert "3 patients, 20 are needed on both sides" in text
    assert group_lines(chest) == []
