"""Sentences, with numbers counted by hand."""

import numpy as np
import pytest

from radpipe.app.viewer import words
from radpipe.app.viewer.pictures import COLOURS
from radpipe.core.settings import Guarantee, Target
from radpipe.prediction.description import (
    Judged,
    NamedFile,
    Promised,
    ReliabilityBin,
    Unlikeness,
)

LABELS = Target(kind="multi-label", classes=["acl", "meniscus"])
GRADES = Target(kind="ordinal", classes=["0", "1", "2"])
BIN = ReliabilityBin(number=6, cases=14, mean=0.65, share=9 / 14, low=0.39, high=0.84)
JUDGED = Judged(flagged=40, flagged_yes=30, passed=60, passed_yes=3, bins=[BIN])


def question(probability: float, *, flag: bool = True, number: int = 6) -> dict[str, object]:
    return {
        "name": "acl",
        "probability": probability,
        "threshold": 0.4,
        "flag": flag,
        "bin": number,
    }


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0.0 %"),
        (0.0004, "less than 0.1 %"),
        (0.6318, "63.2 %"),
        (0.9996, "more than 99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_no_share_is_rounded_to_all_or_nothing(share, said):
    assert words.percent(share) == said


def test_a_probability_comes_with_what_came_true():
    assert words.reliability(question(0.63), JUDGED) == (
        "On tune 14 cases had a probability of 60 to 70 %; of these 64 % were acl (95 % interval"
        " 39 to 84 %)."
    )
    rare = JUDGED.model_copy(update={"bins": [BIN.model_copy(update={"mean": 0.38})]})
    assert words.reliability(question(0.63), rare).endswith(
        "to 84 %). The model gave them 38 % on average, which was too low: rely on the share that"
        " came true, not on the probability."
    )
    few = JUDGED.model_copy(update={"bins": [BIN.model_copy(update={"cases": 3})]})
    assert "3 cases had a probability of 60 to 70 %, which says little;" in words.reliability(
        question(0.63), few
    )
    assert "no case had a probability of 90 to 100 %" in words.reliability(
        question(0.95, number=9), JUDGED
    )
    assert "older version" in words.reliability(question(0.63), None)


def test_a_threshold_says_what_it_means():
    assert words.such_cases(question(0.63), JUDGED) == (
        "Of 100 cases at or above the threshold about 75 were acl on tune (30 of 40), and 33 of 100"
        " of all its cases. Where acl is rarer or more common than there, both numbers fall or"
        " rise."
    )
    below = words.such_cases(question(0.1, flag=False), JUDGED)
    assert below.startswith("Of 100 cases below the threshold about 5 were acl on tune (3 of")
    nobody = JUDGED.model_copy(update={"flagged": 0, "flagged_yes": 0})
    assert words.such_cases(question(0.63), nobody) == (
        "On tune no case was at or above the threshold."
    )
    assert words.such_cases(question(0.63), None) == ""


def test_a_verdict_names_the_threshold():
    assert words.verdict(question(0.63)) == ("At or above the threshold of 40.0 %: decided as yes")


@pytest.mark.parametrize(
    ("chance", "colour"),
    [(0.701, "green"), (0.7, "orange"), (0.4, "orange"), (0.399, "red"), (0.0, "red")],
)
def test_colours_are_those_of_a_published_app_but_for_exactly_70(chance, colour):
    assert words.colour(chance)[0] == colour


def test_the_favoured_answer_is_the_most_probable():
    says = {"questions": [question(0.2), {**question(0.6), "name": "meniscus"}], "classes": {}}
    assert words.favoured(LABELS, says, 0) == ("acl: no", 0.8)
    assert words.favoured(LABELS, says, 1) == ("meniscus: yes", 0.6)
    assert words.favoured(GRADES, {"classes": {"0": 0.2, "1": 0.5, "2": 0.3}}, 0) == ("1", 0.5)


def test_a_decision_that_differs_from_what_is_more_probable_is_explained():
    says = {"questions": [question(0.45, flag=True)], "classes": {}}
    assert words.likeliest(LABELS, says, 0) == (
        "Most probable of yes and no: no, 55.0 % (orange: 40 to 70 %). The threshold is another one"
        " than one half, so the decision may differ. The colour says how sure the model is, not how"
        " ill somebody is."
    )
    graded = {"classes": {"0": 0.2, "1": 0.75, "2": 0.05}, "questions": [question(0.8)] * 2}
    assert words.likeliest(GRADES, graded, 0).startswith(
        "Most probable of all answers: 1, 75.0 % (green: more than 70 %). The colour"
    )


def test_a_map_is_told_with_its_colours():
    one, nothing = np.ones((2, 3, 3)), np.zeros((2, 3, 3))
    assert words.drawing({"a": nothing}, "orange", 2).startswith("The map is empty")
    assert words.drawing({"a": one}, "jet", 1) == words.LEGENDS["jet"]
    both = words.drawing({"a": one, "b": nothing}, "orange", 2)
    assert both.endswith("one without colour says little beside the others.")
    assert set(words.LEGENDS) == set(COLOURS)


def test_truth_is_told_with_what_is_unknown():
    columns = dict(zip(LABELS.columns, [1.0, float("nan")], strict=True))
    assert words.truth(LABELS, columns) == "acl (unknown: meniscus)"
    assert words.truth(LABELS, dict.fromkeys(LABELS.columns, 0.0)) == "none of the labels"
    assert words.truth(GRADES, {"target": 2.0}) == "2"
    assert words.truth(GRADES, {"target": None}) == "unknown"


def test_sets_say_for_how_many_they_hold():
    promised = Promised(asked=Guarantee(), average=[], certain=[], sets=[])
    found = words.sets({"set_acl": "no acl|acl", "set_meniscus": "", "certain_acl": ""}, promised)
    assert found == {
        "acl": "Answers that cannot be ruled out: no or yes. For 90 % of patients the truth is"
        " in such a set.",
        "meniscus": "No answer is ruled out with a guarantee: tune has too few patients.",
    }
    assert "ruled out: 1. For 90 %" in words.sets({"set": "1"}, promised)[""]
    assert words.sets({"set": "1"}, None) == {}


def test_unlike_cases_are_told_with_the_rate_of_false_alarms(exported):
    known = Unlikeness(
        statistics=NamedFile(file="likeness.safetensors", sha256="0" * 64),
        threshold=3.0, asked=0.05, rate=0.049, interval=[0.02, 0.1], n_cases=40, n_patients=30,
    )  # fmt: skip
    what = exported.what.model_copy(update={"likeness": known})
    assert words.likeness(True, what) == (
        "This case is unlike what the model learned from, and its answer is not to be relied on. Of"
        " cases that are like it, 4.9 % are called unlike by mistake (95 % interval 2.0 to 10.0 %)."
    )
    assert "no proof" in words.likeness(False, what)
    assert "not known for this model" in words.likeness(None, what)


def test_a_model_says_what_it_learned_from_and_where_it_was_judged(exported):
    what = exported.what
    first, second = words.learned(what)
    counts = what.study.train
    assert first.startswith(f"It learned from {counts.cases} cases of {counts.patients} patients")
    assert second == f"Network: compact, {what.parameters:,} parameters, pictures of 32 pixels."
    assert "knows its tune part alone" in words.judged_where(what, [])[0]
    area = {"value": 0.8, "low": 0.7, "high": 0.9, "n_cases": 5, "n_patients": 4}
    assert words.judged_where(what, [("test", area)]) == [
        "test: AUC 0.800 [0.700, 0.900], 5 cases of 4 patients"
    ]
    assert "largest, on the" in words.rule(what)
