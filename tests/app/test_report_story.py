"""What the page says about results, and what it warns of."""

import copy
from dataclasses import replace

import pytest

from radpipe.app.report.estimates import ShownEstimate
from radpipe.app.report.pairs import paired_between, pairs
from radpipe.app.report.story import answer, cautions


def edited(study, edit):
    """Return the study with `edit` applied to a copy of its best variant's metrics."""
    metrics = copy.deepcopy(study.best.metrics)
    edit(metrics, metrics["parts"][study.part])
    return replace(study, variants=(replace(study.best, metrics=metrics), *study.variants[1:]))


def titles(study, openings=()):
    return [caution.title for caution in cautions(study, openings)]


def test_answer_names_best_gap_verdict_and_ceiling(studies):
    bones, _ = studies
    said = answer(bones, confidence=0.95)
    auc = bones.best.estimate("auc")
    assert said.variant == "bones-v1"
    assert said.estimate == auc
    assert said.lead == "ranks first of 3 variants on the test part"
    assert "it leads bones-resnet18, the next, by" in said.gap
    assert "95\u202f% interval" in said.gap
    assert "corrected p = 0.400" in said.gap
    assert "do not tell the two apart" in said.verdict
    ceiling = bones.ceiling("auc")
    assert f"reaches {ceiling.text} ({ceiling.interval})" in said.top
    gap = bones.gaps["auc", ""]["bones-v1"]
    assert said.top.endswith(f"{gap.signed} ({gap.interval}) against the best variant")
    assert answer(replace(bones, gaps={}), confidence=0.95).top.endswith("on the same cases")


def test_answer_tells_a_real_difference(studies):
    bones, _ = studies
    row = {**bones.paired[0], "difference": "0.05", "low": "0.02", "high": "0.08"}
    real = replace(bones, paired=({**row, "p_holm": "0.0001"},))
    said = answer(real, confidence=0.95)
    assert "by 0.050 AUC (95\u202f% interval 0.020 to 0.080; corrected p < 0.001)" in said.gap
    assert said.verdict == "more than chance explains"


def test_a_reproduced_fault_is_named_on_the_page(studies):
    """Nobody should take the scores of published code's fault for those of its network."""
    bones, _ = studies
    recipe = copy.deepcopy(dict(bones.best.recipe))
    recipe["train"]["normalize_held_out"] = False
    faulty = replace(bones, variants=(replace(bones.best, recipe=recipe), *bones.variants[1:]))
    title = "bones-v1 reproduces a fault of published code"
    assert title not in titles(bones)
    found = next(caution for caution in cautions(faulty, ()) if caution.title == title)
    assert found.level == "serious"
    assert "train.normalize_held_out is set so that pictures were normalised while" in found.text


def test_answer_without_rivals_tests_or_ceiling(studies):
    _, chest = studies
    alone = replace(chest, variants=chest.variants[:1])
    said = answer(alone, confidence=0.95)
    assert said.lead == "is the only variant, scored on the tune part"
    assert (said.gap, said.verdict, said.top) == ("", "", "")
    untested = answer(replace(chest, paired=()), confidence=0.95)
    assert "was not tested" in untested.verdict


def test_paired_difference_is_turned_round(studies):
    bones, _ = studies
    row = {
        "metric": "auc",
        "class": "",
        "variant_a": "b",
        "variant_b": "a",
        "difference": "-0.02",
        "low": "-0.05",
    }
    study = replace(bones, paired=({**row, "high": "0.01", "p_holm": ""},))
    assert paired_between(study, "a", "b") == (ShownEstimate(0.02, -0.01, 0.05), None)


def test_unopened_test_is_said_loudly(studies):
    bones, chest = studies
    assert "The test part has not been opened" in titles(chest)
    assert "The test part has not been opened" not in titles(bones)
    assert cautions(chest, ())[0].level == "serious"


def test_opening_with_two_recipes_is_said_but_twice_with_one_is_not(studies):
    bones, _ = studies
    once = {"study": "bones", "variant": "bones-v1", "recipe": "a"}
    assert not any("recipes" in title for title in titles(bones, [once, once]))
    found = titles(bones, [once, {**once, "recipe": "b"}])
    assert found[0] == "bones-v1 opened the test part with 2 different recipes"


def test_score_above_the_ceiling_means_a_leak(studies):
    bones, _ = studies

    def lift(_, scores):
        scores["metrics"]["auc"] |= {"value": 1.0, "low": 0.999, "high": 1.0}
        scores["ceiling"]["auc"] |= {"value": 0.9, "low": 0.88, "high": 0.92}

    lifted = edited(bones, lift)
    assert "bones-v1 scores above the ceiling" in titles(lifted)


@pytest.mark.parametrize(
    ("edit", "title"),
    [
        pytest.param(
            lambda _, s: s.update(n_patients=s["n_cases"]), "Patients are unknown", id="patients"
        ),
        pytest.param(
            lambda _, s: s.update(n_per_class=[200, 12, 188]), "Few cases in a class", id="few"
        ),
        pytest.param(
            lambda _, s: s["metrics"].update(ece={"value": 0.3, "low": 0.2, "high": 0.4}),
            "Probabilities are poorly calibrated",
            id="calibration",
        ),
        pytest.param(lambda m, _: m.update(seeds=[0]), "One run per variant", id="one run"),
    ],
)
def test_cautions(studies, edit, title):
    bones, _ = studies
    calm = edited(bones, lambda _, s: s["metrics"].update(ece=None))
    calm = replace(calm, variants=calm.variants[:1])
    assert not any(found.startswith(title) for found in titles(calm))
    assert any(found.startswith(title) for found in titles(edited(calm, edit)))


def test_accepted_files_are_counted(studies):
    bones, _ = studies
    assert "2 files accepted in spite of likeness" in titles(bones)


def test_remarks_of_the_split_are_passed_on(studies):
    bones, _ = studies
    remarked = replace(bones, split={**bones.split, "remarks": ["tune has no healthy case"]})
    found = cautions(remarked, ())
    assert "tune has no healthy case" in [caution.text for caution in found]


def test_a_label_above_its_ceiling_is_named(studies):
    def raise_one(_, scores):
        high = scores["ceiling"]["auc"]["per_class"]["fractured"]["high"]
        block = {"value": high + 0.01, "low": high - 0.02, "high": high + 0.02}
        scores["metrics"]["auc"]["per_class"]["fractured"] = block

    assert "bones-v1 scores above the ceiling on fractured" in titles(edited(studies[0], raise_one))


def test_few_cases_without_a_label_are_warned_of(studies):
    """25 of 120 exams without the label, as in the published data."""

    def labels(_, scores):
        scores |= {"n_cases": 120, "n_per_class": [95, 54, 52]}

    study = edited(replace(studies[0], kind="multi-label"), labels)
    assert "Few cases in a class (no healthy: 25)" in titles(study)


def test_numbers_without_interval_are_named_with_the_reason(studies):
    """The areas of one class have too few patients: a note; that which ranks: serious."""
    bones, _ = studies
    title = "Some numbers have no interval, and are not shown"
    assert title not in titles(bones)
    why = "an answer of 3 patients, fewer than 5"

    def of_a_class(_metrics, part):
        part["metrics"]["auc"]["per_class"]["healthy"] |= {"low": None, "high": None, "why": why}

    def of_all(_metrics, part):
        part["metrics"]["auc"] |= {"low": None, "high": None, "why": why}
        part["metrics"]["kappa"] |= {"low": None, "high": None, "why": why}

    found = next(c for c in cautions(edited(bones, of_a_class), ()) if c.title == title)
    assert (found.level, found.text) == ("note", f"{why}: AUC of healthy (bones-v1).")
    found = next(c for c in cautions(edited(bones, of_all), ()) if c.title == title)
    assert (found.level, found.text) == ("serious", f"{why}: AUC (bones-v1), Kappa (bones-v1).")


def test_numbers_that_are_undefined_are_named_too(studies):
    """A likelihood ratio of nothing has no value, but a reason."""

    def nothing(_metrics, part):
        part["metrics"]["kappa"] = {"value": None, "low": None, "high": None, "why": "one answer"}

    found = cautions(edited(studies[0], nothing), ())
    assert any(c.text == "one answer: Kappa (bones-v1)." for c in found)


def test_a_pair_without_an_interval_shows_its_test(studies):
    """A rare label: its permutation counts in Holm's correction, so it is on the page."""
    bones, _ = studies
    first, second = (variant.name for variant in bones.variants[:2])
    row = {"metric": "auc", "class": "healthy", "variant_a": first, "variant_b": second}
    row |= {"difference": "0.1", "low": "", "high": "", "p_delong": "", "why": "few"}
    row |= {"p_permutation": "0.2", "p_holm": "0.4"}
    (pair,) = pairs(replace(bones, paired=(row,)))
    assert (pair.difference, pair.why) == (None, "few")
    assert (pair.delong, pair.permutation, pair.corrected) == (None, 0.2, 0.4)
    assert pairs(replace(bones, paired=({**row, "p_permutation": "", "p_holm": ""},))) == []
    said = answer(replace(bones, paired=({**row, "class": ""},)), confidence=0.95)
    assert "has no interval (corrected p = 0.400)" in said.verdict
