"""Scores of a part: what stands beside a metric's value."""

import numpy as np
import pytest

from radpipe.core.settings import Evaluation
from radpipe.evaluation.ensemble import EnsembleCases
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.sample import decisions
from radpipe.evaluation.scoring import Scorer, confusion_rows
from tests.evaluation.conftest import BINARY, GRADES, LABELS, THREE

NAN = float("nan")
EVALUATION = Evaluation(bootstrap=100, confidence=0.95, seed=1, threshold="half")
HALF = OperatingPoint("half", (0.5,), 1.0)


def binary_cases(truth, positive, **more) -> EnsembleCases:
    positive = np.asarray(positive, dtype=float)
    names = np.array([f"c{i}" for i in range(len(positive))], dtype=object)
    return EnsembleCases(
        names,
        names,
        np.asarray(truth, dtype=float)[:, None],
        np.column_stack([1 - positive, positive]),
        **more,
    )


def test_spread_over_runs_by_hand():
    """Two runs, 4 and 2 of 4 pairs won: mean 0.75, standard deviation sqrt(2 x 0.25^2)."""
    truth = [1, 1, 0, 0]
    runs = {
        (0, 0): binary_cases(truth, [0.9, 0.8, 0.2, 0.1]),
        (0, 1): binary_cases(truth, [0.9, 0.1, 0.3, 0.2]),
    }
    pooled = binary_cases(truth, [0.9, 0.45, 0.25, 0.15])
    block = Scorer(BINARY, HALF, EVALUATION).part(pooled, runs)
    spread = block["metrics"]["auc"]["runs"]
    assert (spread["mean"], spread["sd"], spread["n"]) == pytest.approx((0.75, 0.125**0.5, 2))
    assert block["metrics"]["auc"]["value"] == 1
    assert block["metrics"]["sensitivity"]["value"] == 0.5
    assert block["ceiling"] is None


def test_calibrated_and_uncalibrated_brier_by_hand():
    """Temperature 2 turns odds 9:1 into 3:1: one right and one wrong of each."""
    point = OperatingPoint("half", (0.5,), 2.0)
    cases = binary_cases([1, 0], [0.9, 0.9])
    brier = Scorer(BINARY, point, EVALUATION).part(cases, {(0, 0): cases})["metrics"]["brier"]
    assert brier["value"] == pytest.approx((0.25**2 + 0.75**2) / 2)
    assert brier["uncalibrated"] == pytest.approx((0.1**2 + 0.9**2) / 2)


def test_grades_have_metrics_of_their_own():
    """Two cases a patient; 5 of 6 decided right, one by 2 grades, at a temperature of 1."""
    scores = np.array([[8, 1, 1], [6, 3, 1], [2, 7, 1], [1, 8, 1], [1, 3, 6], [7, 2, 1]]) / 10
    names = np.array([f"c{i}" for i in range(6)], dtype=object)
    patient = np.array([f"p{i // 2}" for i in range(6)], dtype=object)
    truth = np.array([[0.0], [0], [1], [1], [2], [2]])
    cases = EnsembleCases(names, patient, truth, scores, ceiling=scores)
    point = OperatingPoint("half", (0.5,) * 3, 1.0)
    block = Scorer(GRADES, point, EVALUATION).part(cases, {(0, 0): cases})
    found = block["metrics"]
    assert found["grade_error"]["value"] == pytest.approx(2 / 6)
    assert found["accuracy"]["value"] == pytest.approx(5 / 6)
    # Squared distance 4/6; of independent ones (2 * 1 + 2 * 3) / 36 are 2 apart, and
    # (2 * 2 + 2 * (3 + 1) + 2 * 2) / 36 are 1.
    assert found["quadratic_kappa"]["value"] == pytest.approx(1 - (4 / 6) / (4 * 8 / 36 + 16 / 36))
    areas = found["auc_at_least"]
    assert areas["per_class"]["0"]["value"] != areas["per_class"]["0"]["value"]
    assert areas["per_class"]["1"]["value"] == 7 / 8
    assert areas["per_class"]["2"]["value"] == 6 / 8
    assert areas["uncalibrated"] == areas["value"]
    assert found["recall"]["per_class"]["2"]["value"] == 1 / 2
    # Only what the true probabilities are best at: no kappa.
    assert set(block["ceiling"]) == {"auc", "auc_at_least", "accuracy", "brier", "log_loss"}


def test_other_targets_have_no_metrics_of_grades():
    cases = binary_cases([1, 0, 1, 0], [0.9, 0.2, 0.7, 0.4])
    block = Scorer(BINARY, HALF, EVALUATION).part(cases, {(0, 0): cases})
    assert not {"quadratic_kappa", "grade_error", "auc_at_least"} & set(block["metrics"])
    assert {"kappa", "recall", "precision"} <= set(block["metrics"])


def test_unknown_truths_and_small_groups_are_counted():
    sex = np.array(["f"] * 12 + ["m"] * 3, dtype=object)
    hospital = np.array(["a"] * 10 + ["b"] * 5, dtype=object)
    truth = [1, 0] * 5 + [1] * 4 + [NAN]
    cases = binary_cases(
        truth, np.linspace(0.1, 0.9, 15), covariates={"sex": sex, "hospital": hospital}
    )
    block = Scorer(BINARY, HALF, EVALUATION).part(cases, {(0, 0): cases})
    assert (block["n_cases"], block["n_unknown"], block["n_per_class"]) == (14, 1, [5, 9])
    groups = {group["value"]: group for group in block["subgroups"]}
    assert groups["m"]["n_cases"] == 2
    assert groups["m"]["auc"] is None
    assert groups["b"]["auc"] is None
    assert 0 <= groups["f"]["auc"]["value"] <= 1


def test_group_of_one_class_has_no_area():
    sex = np.array(["f"] * 10 + ["m"] * 10, dtype=object)
    cases = binary_cases([1] * 10 + [0] * 10, np.linspace(0, 1, 20), covariates={"sex": sex})
    block = Scorer(BINARY, HALF, EVALUATION).part(cases, {(0, 0): cases})
    assert [group["auc"] for group in block["subgroups"]] == [None, None]


def test_confusion_by_hand():
    cases = binary_cases([1, 1, 0, NAN], [0.9, 0.2, 0.7, 0.9])
    rows = confusion_rows(BINARY, cases, HALF, "test")
    assert [(row["true"], row["decided"], row["n"]) for row in rows] == [
        ("healthy", "healthy", 0),
        ("healthy", "ill", 1),
        ("ill", "healthy", 1),
        ("ill", "ill", 1),
    ]


def test_confusion_and_decisions_of_classes_and_labels():
    names = np.array(["c0", "c1"], dtype=object)
    scores = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    cases = EnsembleCases(names, names, np.array([[2.0], [1]]), scores)
    point = OperatingPoint("half", (0.5, 0.5, 0.5), 1.0)
    rows = confusion_rows(THREE, cases, point, "tune")
    assert {(row["true"], row["decided"]) for row in rows if row["n"]} == {("c", "c"), ("b", "a")}
    assert decisions(THREE, point.sample(THREE, cases.truth, scores)).tolist() == [[2], [0]]
    labels = EnsembleCases(names, names, np.array([[1.0, NAN], [0, 1]]), scores[:, :2])
    point = OperatingPoint("half", (0.5, 0.3), 1.0)
    rows = confusion_rows(LABELS, labels, point, "tune")
    assert {(row["true"], row["decided"]) for row in rows if row["n"]} == {
        ("edema", "no edema"),
        ("no edema", "edema"),
        ("fracture", "fracture"),
    }
    assert decisions(LABELS, point.sample(LABELS, labels.truth, labels.scores)).tolist() == [
        [0, 1],
        [1, 1],
    ]
