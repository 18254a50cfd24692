"""Test beside tune on the page, and what is warned of."""

import copy
from dataclasses import replace

from radpipe.app.report.drift import drift_cautions, measures, prevalence
from tests.app.test_report_page import page

TITLES = (
    "The operating point does on test not do what it did on tune",
    "Calibration on test is not what it was on tune",
    "Classes are not as frequent on test as on tune",
)


def block(value, half=0.03):
    return {"value": value, "low": value - half, "high": value + half, "per_class": {}}


def with_drift(study, **pairs):
    """Return the study whose best variant has these pairs of (tune, test), and no other drift."""
    metrics = copy.deepcopy(study.best.metrics)
    tune, test = (metrics["parts"][part] for part in ("tune", "test"))
    metrics["drift"] = {"metrics": {}, "prevalence": {}}
    for part in (tune, test):
        part["prevalence"] = {}
    for name, (before, after) in pairs.items():
        change = block(after - before, 0.05)
        if name in study.classes:
            tune["prevalence"][name], test["prevalence"][name] = block(before), block(after)
            metrics["drift"]["prevalence"][name] = change
        else:
            tune["metrics"][name], test["metrics"][name] = block(before), block(after)
            metrics["drift"]["metrics"][name] = change
    return replace(study, variants=(replace(study.best, metrics=metrics), *study.variants[1:]))


def warned(study):
    return {caution.title: caution for caution in drift_cautions(study)}


def test_what_a_reader_missed_is_said(studies):
    """Specificity 0.967 on tune and 0.564 on test, slope 0.72, prevalence 62 against 74 %."""
    bones, _ = studies
    study = with_drift(
        bones,
        specificity=(0.967, 0.564),
        calibration_slope=(1.0, 0.72),
        healthy=(0.62, 0.74),
    )
    found = warned(study)
    assert tuple(found) == TITLES
    said = "Specificity of bones-v1: 0.967 on tune, 0.564 on test (−0.403, −0.453 to −0.353)"
    assert said in found[TITLES[0]].text
    assert "Slope of bones-v1: 1.000 on tune, 0.720 on test" in found[TITLES[1]].text
    assert "healthy: 0.620 on tune, 0.740 on test (+0.120, 0.070 to 0.170)" in found[TITLES[2]].text
    assert [found[title].level for title in TITLES] == ["serious", "serious", "note"]


def test_a_change_that_chance_explains_or_that_is_small_is_not_warned_of(studies):
    bones, _ = studies
    assert not warned(with_drift(bones, specificity=(0.80, 0.76), healthy=(0.62, 0.66)))
    assert not warned(with_drift(bones, sensitivity=(0.90, 0.83)))
    assert not warned(bones)
    assert not warned(replace(with_drift(bones, specificity=(0.9, 0.5)), variants=bones.variants))


def test_a_closed_test_is_not_set_beside_anything(studies):
    _, chest = studies
    assert not chest.opened
    assert measures(chest) == prevalence(chest) == list(drift_cautions(chest)) == []


def test_tables_of_the_page(studies):
    bones, chest = studies
    study = with_drift(bones, specificity=(0.967, 0.564), healthy=(0.62, 0.74))
    (measure,) = measures(study)
    assert measure.title == "Specificity"
    assert (measure.lines[0].home.text, measure.lines[0].away.text) == ("0.967", "0.564")
    assert [line.difference is None for line in measure.lines] == [False, True, True]
    (share,) = prevalence(study)
    assert (share.title, share.lines[0].difference.signed) == ("healthy", "+0.120")
    html = page((study, chest))
    assert html.count("<h3>Test beside tune</h3>") == 1
    assert "Test − tune" in html
    assert TITLES[0] in html
