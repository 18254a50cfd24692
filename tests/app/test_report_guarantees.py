"""Guarantees on the page, and what is said of those that test refutes."""

import copy
from dataclasses import replace

from radpipe.app.report.guarantees import guarantee_cautions, guarantee_view
from tests.app.test_report_page import page

ASKED = {"sensitivity": 0.9, "certainty": 0.95, "coverage": 0.9}


def block(value, half=0.04):
    return {"value": value, "low": value - half, "high": value + half}


def promised(sensitivity=0.92, *, folds=1, judged=True, why=""):
    """Return what `evaluate` writes of a guarantee for three classes."""
    test = {"sensitivity": block(sensitivity), "specificity": block(0.61)} if judged else None
    limit = 0.213 if folds == 1 else None
    good = {"needed": 9, "why": "", "threshold": limit, "least": 0.8}
    good |= {"test": test} if judged else {}
    short = {"needed": 29, "why": "12 patients of tune have it, 29 are needed", "threshold": None}
    short |= {"least": 0.9}
    names = ("healthy", "fractured", "beyond_repair")
    counts, least = dict.fromkeys(names, 40), dict.fromkeys(names, 0.8)
    sets = {"n_patients": counts, "least": least, "why": why}
    if judged and not why:
        sets["test"] = {"coverage": {name: block(0.93) for name in names}, "sizes": [300, 90, 10]}
    return {
        "asked": ASKED,
        "folds": folds,
        "thresholds": {
            name: {"n_patients": 40, "average": good, "certain": short} for name in names
        },
        "sets": {"": sets},
    }


def with_guarantee(study, found):
    metrics = copy.deepcopy(study.best.metrics) | {"guarantee": found}
    return replace(study, variants=(replace(study.best, metrics=metrics), *study.variants[1:]))


def test_results_of_older_versions_have_none(studies):
    bones, _ = studies
    assert guarantee_view(bones) is None
    assert not list(guarantee_cautions(bones))


def test_what_is_shown_of_a_guarantee(studies):
    bones, chest = studies
    study = with_guarantee(bones, promised())
    view = guarantee_view(study)
    first, second, *_ = view.thresholds
    assert (first.kept, first.limit, first.found.text) == ("on average", "0.213", "0.920")
    assert second.kept == "with 95\u202f% certainty"
    assert second.limit == "12 patients of tune have it, 29 are needed"
    assert second.found is None
    assert view.sets[0].sizes == "1: 75\u202f%, 2: 22.5\u202f%, 3: 2.5\u202f%"
    text = page([study, chest])
    assert "A threshold that finds at least 90" in text
    assert "of those of another hospital nothing is" in text
    assert "On test all" not in text
    assert not list(guarantee_cautions(study))


def test_folds_have_no_single_threshold(studies):
    bones, chest = studies
    study = with_guarantee(bones, promised(folds=3))
    assert guarantee_view(study).thresholds[0].limit == "by the models of 3 folds"
    assert "On test all 3 folds decide together" in page([study, chest])


def test_too_few_patients_are_named(studies):
    bones, chest = studies
    why = "patients of tune: beyond_repair 3; 9 are needed"
    text = page([with_guarantee(bones, promised(why=why)), chest])
    assert f"no sets: {why}" in text


def test_a_broken_promise_is_a_warning(studies):
    """Sensitivity 0.74 (0.70 to 0.78) where 0.90 was promised and this tune part may come to 0.80.

    That 0.84 (0.80 to 0.88) lies below 0.90 refutes no promise about the average of tune parts.
    """
    bones, _ = studies
    (caution,) = guarantee_cautions(with_guarantee(bones, promised(0.74)))
    assert caution.level == "serious"
    said = "sensitivity for healthy of bones-v1, on average: 0.740 (0.700 to 0.780)"
    assert said in caution.text
    assert "(of 6 looked at)" in caution.text
    assert not list(guarantee_cautions(with_guarantee(bones, promised(0.84))))


def test_a_certain_promise_is_held_to_its_word(studies):
    bones, _ = studies
    found = promised(0.84)
    for one in found["thresholds"].values():
        one["certain"] = one["average"] | {"least": 0.9}
    (caution,) = guarantee_cautions(with_guarantee(bones, found))
    assert "with 95\u202f% certainty: 0.840" in caution.text
    assert "on average" not in caution.text
