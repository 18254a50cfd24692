"""Answers put to the cases of a study, and what decides on them."""

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Evaluation, Imported, Target
from radpipe.evaluation.answers import Answers
from radpipe.evaluation.ensemble import pool
from radpipe.evaluation.imported import place, point_of, without_chances
from radpipe.evaluation.metrics import cards

BINARY = Target(kind="binary", classes=["no", "yes"])
WHERE = "plan.imported.r"


def block(**settings):
    base = {"study": "s", "predictions": "p.csv", "by": {"kind": "reader", "name": "r"}}
    return Imported.model_validate({**base, **settings})


def split(names="abcdef", prefix=""):
    """Return cases of which the last two are test, and the others folds 0, 1, 0, 1."""
    n = len(names)
    return pa.table(
        {
            "case": [prefix + name for name in names],
            "patient": list(names),
            "named": list(names),
            "part": ["train"] * (n - 2) + ["test"] * 2,
            "fold": [i % 2 for i in range(n - 2)] + [-1, -1],
            "target": [float(i % 2) for i in range(n)],
        }
    )


def answers(*names):
    yes = np.linspace(0.2, 0.8, len(names))
    return Answers(names, np.column_stack([1 - yes, yes]), 0)


def placed(found, parts=("tune", "test"), folds=(0,), **settings):
    chosen = block(**settings)
    return place(found, split(), chosen, BINARY, folds=folds, parts=parts, where=WHERE)


def test_cases_of_planned_folds_are_tune_and_the_others_train():
    found = placed(answers("a", "b", "c", "e"))
    assert list(pool(found.runs["tune"], "tune").case) == ["a", "c"]
    assert list(pool(found.runs["test"], "test").case) == ["e"]
    assert found.counts["train"] == 1
    assert found.counts["missing"] == {"tune": 0, "test": 1}
    both = placed(answers("a", "b", "c", "e"), folds=(0, 1))
    assert list(pool(both.runs["tune"], "tune").case) == ["a", "b", "c"]


def test_a_closed_test_part_is_not_looked_at():
    assert set(placed(answers("a", "e"), parts=("tune",)).runs) == {"tune"}


def test_a_table_without_tune_is_scored_on_test_alone():
    assert set(placed(answers("e", "f")).runs) == {"test"}


def test_answers_to_a_study_are_answers_to_its_films():
    films = split(prefix="patient1/study2/view")
    found = place(
        Answers(("patient1/study2",), np.array([[0.4, 0.6]]), 0),
        films,
        block(layout="chexpert"),
        BINARY,
        folds=(0,),
        parts=("tune", "test"),
        where=WHERE,
    )
    assert len(pool(found.runs["test"], "test").case) == 2


def test_rows_of_other_studies_are_refused_or_dropped():
    with pytest.raises(DataError, match=r"1 of its 2 cases is none of s\. .*unknown_cases: drop"):
        placed(answers("a", "x"))
    assert placed(answers("a", "e", "x"), unknown_cases="drop").counts["unknown"] == 1
    with pytest.raises(DataError, match="none of its 2 cases is one of the 6 cases of s: it belon"):
        placed(answers("x", "y"), unknown_cases="drop")


def test_without_a_case_that_ranks_there_is_nothing_to_compare():
    with pytest.raises(DataError, match="no case of part test of s; the study's test part is open"):
        placed(answers("a"))
    with pytest.raises(DataError, match=r"no case of part tune of s; .* closed"):
        placed(answers("e"), parts=("tune",))


def tune():
    found = placed(answers("a", "b", "c", "d"), parts=("tune",), folds=(0, 1))
    return pool(found.runs["tune"], "tune")


def test_what_decides_is_given_chosen_on_tune_or_the_middle():
    how = Evaluation()
    ratings = {"form": "ratings", "scale": (1, 5)}
    given = point_of(BINARY, block(**ratings, positive_from=4), tune(), how)
    assert (given.thresholds, given.chosen_on, given.temperature) == ((0.75,), "given", 1.0)
    chosen = point_of(BINARY, block(**ratings), tune(), how)
    assert (chosen.chosen_on, chosen.temperature) == ("tune", 1.0)
    assert chosen.thresholds == (pytest.approx(0.7),)
    middle = point_of(BINARY, block(**ratings), None, how)
    assert (middle.rule, middle.thresholds, middle.chosen_on) == ("middle", (0.5,), "nothing")
    assert point_of(BINARY, block(), tune(), how).temperature != 1.0


def test_what_judges_probabilities_is_left_out_of_ratings_without_a_warning():
    names = [card.name for card in cards(BINARY)]
    scored = {"metrics": {name: {"value": 0.5, "per_class": {"ill": {}}} for name in names}}
    ratings = block(form="ratings", scale=(1, 5))
    found = without_chances(scored, ratings, BINARY)["metrics"]
    left_out = {name for name, one in found.items() if one.get("meant")}
    assert {"brier", "ece", "log_loss", "calibration_slope"} <= left_out
    assert {"auc", "sensitivity", "kappa"}.isdisjoint(left_out)
    assert found["brier"]["per_class"]["ill"]["why"] == "ratings are no probabilities"
    assert without_chances(scored, block(), BINARY) is scored
