"""What a variant guarantees, made of tune and judged on test."""

from dataclasses import replace

import numpy as np
import pytest

from radpipe.core.settings import Guarantee
from radpipe.core.tables import read_table
from radpipe.evaluation.ensemble import EnsembleCases
from radpipe.evaluation.guarantees import FOLDS, guarantees
from radpipe.evaluation.limits import Limits
from radpipe.evaluation.results import score
from tests.evaluation.conftest import BINARY, GRADES, LABELS
from tests.evaluation.test_results import HOW, RECIPE, two_folds

ASKED = Guarantee()


def part(target, n, *, seed, start=0):
    """Draw cases, two of each patient, whose scores know the truth somewhat."""
    rng, columns = np.random.default_rng(seed), len(target.classes)
    if target.kind == "multi-label":
        truth = (rng.random((n, columns)) < 0.4).astype(float)
        scores = 1 / (1 + np.exp(-(rng.normal(size=truth.shape) + 3 * truth - 1.5)))
    else:
        truth = rng.integers(0, columns, (n, 1)).astype(float)
        logits = rng.normal(size=(n, columns)) + 2 * (truth == np.arange(columns))
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = np.array([f"c{start + k:05}" for k in range(n)], dtype=object)
    owner = np.array([f"p{(start + k) // 2:05}" for k in range(n)], dtype=object)
    return EnsembleCases(names, owner, truth, scores)


def one_fold(target, n=160):
    tune, test = part(target, n, seed=0), part(target, 200, seed=1, start=5000)
    return {"tune": {(0, 0): tune}, "test": {(0, 0): test}}


@pytest.mark.parametrize("target", [BINARY, GRADES, LABELS], ids=lambda one: one.kind)
def test_a_single_run_says_outside_what_the_report_says(target):
    """Numbers that a score must reach decide as p-values do, case by case."""
    runs = one_fold(target)
    found = guarantees(target, runs, ASKED, 0.95)
    test = runs["test"][0, 0]
    said = Limits.of(target, runs["tune"][0, 0], ASKED).columns(target, test.scores)
    for name, sets in found.sets.items():
        assert said[f"set_{name}" if name else "set"] == sets.tolist()
    for name, block in found.block["thresholds"].items():
        for kind, column in (("average", "guaranteed"), ("certain", "certain")):
            truth = (
                test.truth[:, target.classes.index(name)]
                if target is LABELS
                else (test.truth[:, 0] == target.classes.index(name))
            )
            flags = np.array(said[f"{column}_{name}"]) == "yes"
            per_patient = [
                flags[mine & (truth == 1)].mean()
                for owner in np.unique(test.patient.astype(str))
                for mine in [test.patient == owner]
                if (mine & (truth == 1)).any()
            ]
            value = block[kind]["test"]["sensitivity"]["value"]
            assert value == pytest.approx(np.mean(per_patient))
            passed = 1 - flags[truth == 0].mean()
            assert block[kind]["test"]["specificity"]["value"] == pytest.approx(passed)


def test_coverage_and_sizes_are_those_of_the_sets():
    runs = one_fold(GRADES)
    found = guarantees(GRADES, runs, ASKED, 0.95)
    sets, test = found.sets[""], found.block["sets"][""]["test"]
    sizes = [text.count("|") + 1 for text in sets]
    assert test["sizes"] == [sizes.count(k) for k in (1, 2, 3)]
    assert all(row["low"] <= row["value"] <= row["high"] for row in test["coverage"].values())
    assert all(row["high"] > ASKED.coverage for row in test["coverage"].values())
    # Grades next to each other: 0 and 2 without 1 there is none.
    assert set(sets) <= {"0", "1", "2", "0|1", "1|2", "0|1|2"}


def test_too_few_patients_are_told_and_get_nothing():
    runs = one_fold(BINARY, n=8)
    found = guarantees(BINARY, runs, ASKED, 0.95)
    block = found.block["thresholds"]["ill"]
    n = block["n_patients"]
    assert block["average"] == {
        "needed": 9,
        "why": f"{n} patients of tune have it, 9 are needed",
        "threshold": None,
        "least": 0.0,
    }
    assert block["certain"]["why"] == f"{n} patients of tune have it, 29 are needed"
    assert "9 are needed" in found.block["sets"][""]["why"]
    assert found.sets == {}
    columns = Limits.of(BINARY, runs["tune"][0, 0], ASKED).columns(BINARY, np.array([[0.4, 0.6]]))
    assert columns == {"guaranteed_ill": [""], "certain_ill": [""], "set": [""]}


def test_folds_together_have_no_single_threshold():
    runs = two_folds()
    block = guarantees(BINARY, runs, ASKED, 0.95).block
    ill = block["thresholds"]["ill"]
    assert block["folds"] == 2
    assert ill["average"]["threshold"] is None
    assert ill["average"]["test"]["sensitivity"]["value"] >= 0.9
    assert ill["certain"]["why"] == FOLDS
    assert "test" not in ill["certain"]


def test_a_closed_test_is_not_judged():
    runs = one_fold(BINARY)
    found = guarantees(BINARY, {"tune": runs["tune"]}, ASKED, 0.95)
    assert found.sets == {}
    assert "test" not in found.block["sets"][""]
    assert found.block["thresholds"]["ill"]["average"]["threshold"] is not None


def test_unknown_truths_guarantee_nothing():
    runs = one_fold(BINARY)
    test = runs["test"][0, 0]
    some = np.where(np.arange(len(test.case))[:, None] % 2, np.nan, test.truth)
    runs["test"] = {(0, 0): replace(test, truth=some)}
    found = guarantees(BINARY, runs, ASKED, 0.95)
    assert len(found.sets[""]) == len(test.case)
    assert sum(found.block["sets"][""]["test"]["sizes"]) == int((~np.isnan(some)).sum())


def test_sets_of_test_are_written_beside_its_cases(tmp_path):
    results = score(RECIPE, two_folds(), HOW)
    results.write(tmp_path, {"variant": "v", "target": BINARY.model_dump(mode="json")})
    rows = read_table(tmp_path / "cases.parquet").to_pylist()
    assert all((row["set"] is None) == (row["part"] == "tune") for row in rows)
