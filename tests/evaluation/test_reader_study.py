"""Readers of a study, made up with known skill."""

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Evaluation, Target
from radpipe.evaluation.made_up_readers import SCALE, make_up_readers
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.reader_study import study_readers
from radpipe.evaluation.sample import make_sample
from radpipe.evaluation.scored import Scored

BINARY = Target(kind="binary", classes=["well", "ill"])
GRADES = Target(kind="ordinal", classes=["kl0", "kl1", "kl2"])
POINT = {"rule": "given", "thresholds": [0.5], "temperature": 1.0}
HOW = Evaluation(bootstrap=100)


def scored(name, target, truth, scores, *, patient=None, thresholds=(0.5,), **imported):
    """Return what the step admit would have written."""
    n = len(truth)
    table = {
        "part": ["test"] * n,
        "case": [f"c{i:04}" for i in range(n)],
        "patient": [f"p{i:04}" for i in (range(n) if patient is None else patient)],
        "target": truth.astype(float),
        **dict(zip(target.score_columns, scores.T, strict=True)),
    }
    metrics = {
        "variant": name,
        "target": target.model_dump(),
        "operating_point": {**POINT, "thresholds": list(thresholds)},
        "parts": {"test": {}},
    }
    if imported:
        by = {"kind": "reader", "name": imported["reader"], "modality": imported["modality"]}
        metrics["imported"] = {"by": by, "form": imported["form"]}
    return Scored(metrics, pa.table(table))


def yes(chance):
    return np.column_stack([1 - chance, chance])


def readers(truth, skills, *, patient=None, form="ratings"):
    low, high = SCALE
    return [
        scored(
            f"{one.reader}-{one.modality}",
            BINARY,
            truth,
            yes((one.answers[:, 0] - low) / (high - low)),
            patient=patient,
            reader=one.reader,
            modality=one.modality,
            form=form,
        )
        for one in make_up_readers(BINARY, truth[:, None].astype(float), seed=3, skills=skills)
    ]


def rows_of(found, table, measure):
    return [row for row in found[table] if row["measure"] == measure]


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    system = scored("net", BINARY, truth, yes(np.clip(truth * 0.4 + rng.random(400) * 0.6, 0, 1)))
    return study_readers([system, *readers(truth, (0.75, 0.8, 0.85))], "test", HOW)


def test_made_up_readers_have_the_skill_they_are_given():
    truth = np.repeat([0.0, 1.0], 4000)[:, None]
    for one in make_up_readers(BINARY, truth, seed=1, skills=(0.7, 0.9)):
        score = (one.answers[:, 0] - SCALE[0]) / (SCALE[1] - SCALE[0])
        sample = make_sample(BINARY, truth, yes(score))
        # Six steps lose a little of what is perceived.
        assert one.skill - 0.035 < values(METRICS["auc"], sample)[0] < one.skill + 0.01


def test_the_mean_and_the_gain_are_those_that_were_put_in(found):
    alone, aided = rows_of(found, "means", "auc")
    assert (alone["modality"], aided["modality"]) == ("alone", "aided")
    assert alone["random"]["low"] < 0.8 < alone["random"]["high"]
    assert aided["random"]["low"] < 0.86 < aided["random"]["high"]
    # These readers alone have a narrower interval than readers like these.
    assert alone["random"]["high"] > alone["fixed"]["high"]
    (change,) = rows_of(found, "modalities", "auc")
    assert (change["first"], change["second"]) == ("alone", "aided")
    assert change["random"]["low"] < -0.06 < change["random"]["high"] < 0
    assert change["n_readers"] == 3


def test_a_system_is_set_beside_the_mean_of_readers(found):
    for row in rows_of(found, "systems", "auc"):
        mean = next(m for m in rows_of(found, "means", "auc") if m["modality"] == row["modality"])
        assert row["random"]["value"] == pytest.approx(row["alone"] - mean["random"]["value"])
        assert row["p_holm"] >= row["random"]["p"]
    assert {row["measure"] for row in found["systems"]} == {"auc", "sensitivity", "specificity"}


def test_readers_with_more_errors_in_common_agree_more_than_by_chance(found):
    for row in found["agreement"]:
        assert row["low"] > 0
        assert row["low"] <= row["value"] <= row["high"] <= 1
    pairs = [r["readers"] for r in found["agreement"] if r["coefficient"] == "kappa"]
    assert pairs[:3] == ["reader-1, reader-2", "reader-1, reader-3", "reader-2, reader-3"]


def test_decisions_have_no_area():
    truth = np.tile([0, 1], 40)
    some = study_readers(readers(truth, (0.8, 0.85), form="decisions"), "test", HOW)
    assert {row["measure"] for row in some["means"]} == {"sensitivity", "specificity"}


def test_cases_of_a_patient_widen_the_intervals():
    """Each case three times is no news if it is of the same patient."""
    truth = np.tile([0, 1], 60)
    alone = study_readers(readers(truth, (0.8, 0.85)), "test", HOW)

    def width(study, measure):
        block = rows_of(study, "means", measure)[0]["fixed"]
        return block["high"] - block["low"]

    thrice = [
        scored(
            one.name,
            BINARY,
            np.repeat(truth, 3),
            np.repeat(one.cases["test"].scores, 3, axis=0),
            patient=np.repeat(np.arange(120), 3),
            **{"reader": by["name"], "modality": by["modality"], "form": "ratings"},
        )
        for one in readers(truth, (0.8, 0.85))
        if (by := one.metrics["imported"]["by"])
    ]
    again = study_readers(thrice, "test", HOW)
    for measure in ("auc", "sensitivity"):
        assert width(again, measure) == pytest.approx(width(alone, measure), rel=1e-6)


def test_of_grades_decisions_are_right_or_wrong_and_agreement_knows_their_order():
    truth = np.arange(90) % 3
    made = make_up_readers(GRADES, truth[:, None].astype(float), seed=1, skills=(0.8, 0.9))
    group = [
        scored(
            f"{one.reader}-{one.modality}",
            GRADES,
            truth,
            np.eye(3)[one.answers[:, 0]],
            thresholds=(0.5, 0.5, 0.5),
            **{"reader": one.reader, "modality": one.modality, "form": "decisions"},
        )
        for one in made
    ]
    some = study_readers(group, "test", HOW)
    assert {row["measure"] for row in some["means"]} == {"accuracy"}
    first = some["means"][0]["each"]["reader-1"]
    assert first == pytest.approx(float((made[0].answers[:, 0] == truth).mean()))
    kinds = {row["coefficient"] for row in some["agreement"]}
    assert kinds == {"Krippendorff's alpha, ordinal", "quadratic kappa"}


def test_readers_who_lack_a_modality_are_left_out_of_its_comparison():
    truth = np.tile([0, 1], 40)
    group = [one for one in readers(truth, (0.8, 0.85, 0.9)) if one.name != "reader-3-aided"]
    some = study_readers(group, "test", HOW)
    assert some["left_out"] == "1 of 3 readers have not read in all modalities"
    assert rows_of(some, "modalities", "auc")[0]["n_readers"] == 2
    few = [one for one in group if not one.name.startswith("reader-2")]
    some = study_readers(few, "test", HOW)
    assert some["modalities"] == []
    assert some["left_out"] == "1 of 2 readers have read in all modalities"


def test_with_few_patients_of_an_answer_nothing_is_compared():
    truth = np.array([1, 1, 1] + [0] * 40)
    assert study_readers(readers(truth, (0.8, 0.85)), "test", HOW)["means"] == []


def decided(name, truth, wrong, *, reader):
    """Return a reader who decides rightly but for some cases."""
    said = truth.astype(float)
    said[list(wrong)] = 1 - said[list(wrong)]
    return scored(name, BINARY, truth, yes(said), reader=reader, modality="", form="decisions")


def test_readers_who_are_always_right_are_not_certainly_so():
    """By hand: 20 of 20, and Wilson's interval of them, from 20 / (20 + 1.96^2) = 0.839 on."""
    truth = np.tile([0, 1], 20)
    for n in (1, 3):
        people = [decided(f"r{k}", truth, (), reader=f"r{k}") for k in range(n)]
        found = study_readers(people, "test", HOW)
        for row in found["means"]:
            assert row["fixed"]["low"] == pytest.approx(0.83887, abs=1e-4)
            assert (row["fixed"]["value"], row["fixed"]["high"]) == (1, 1)
            assert np.isnan(row["random"]["low"])
        assert all(np.isnan(row["low"]) for row in found["agreement"])


def test_no_end_is_outside_and_none_is_a_certainty():
    truth = np.tile([0, 1], 20)
    people = [decided(f"r{k}", truth, range(k), reader=f"r{k}") for k in range(3)]
    for row in study_readers(people, "test", HOW)["means"]:
        for kind in ("random", "fixed"):
            block = row[kind]
            assert 0 < block["low"] < block["value"] < block["high"] <= 1
        assert row["random"]["high"] < 1


def test_readers_of_other_cases_are_told_what_to_do():
    truth = np.tile([0, 1], 20)
    one, other = (decided(name, truth, (), reader=name) for name in ("r1", "r2"))
    here = np.arange(40) < 20
    one.cases["test"] = one.cases["test"].take(here)
    other.cases["test"] = other.cases["test"].take(~here)
    with pytest.raises(DataError, match=r"none is common to all .* Imported predictions need"):
        study_readers([one, other], "test", HOW)


def test_without_readers_there_is_nothing():
    truth = np.tile([0, 1], 40)
    assert study_readers([scored("net", BINARY, truth, yes(truth * 0.5))], "test", HOW) is None
