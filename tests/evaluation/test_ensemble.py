"""Pooling of runs: means over seeds, folds put together, odd ones refused."""

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.errors import DataError
from radpipe.evaluation.ensemble import cases_of, pool, runs_of
from tests.evaluation.conftest import BINARY, LABELS

NAN = float("nan")


def table(cases: dict[str, float], part: str = "tune", **columns) -> pa.Table:
    """Predictions of a binary target; the truth is 1 for names ending in 1."""
    positive = np.array(list(cases.values()), dtype=np.float32)
    return pa.table(
        {
            "case": list(cases),
            "patient": [name[:1] for name in cases],
            "part": [part] * len(cases),
            "target": [float(name.endswith("1")) for name in cases],
            "score_healthy": 1 - positive,
            "score_ill": positive,
            **columns,
        }
    )


def test_cases_are_sorted_and_typed():
    found = cases_of(
        BINARY,
        table(
            {"b0": 0.25, "a1": 0.75},
            ceiling_healthy=[0.5, 0.5],
            ceiling_ill=[0.5, 0.5],
            covariate_sex=pa.array([None, "f"]),
            covariate_age=pa.array([None, 7], type=pa.int64()),
        ),
        "tune",
        where="here",
    )
    assert found.case.tolist() == ["a1", "b0"]
    assert found.truth[:, 0].tolist() == [1, 0]
    assert found.scores.tolist() == [[0.25, 0.75], [0.75, 0.25]]
    assert found.ceiling.shape == (2, 2)
    assert found.covariates["sex"].tolist() == ["f", None]
    np.testing.assert_array_equal(found.covariates["age"], [7, NAN])


def test_unknown_truth_of_labels():
    predictions = pa.table(
        {
            "case": ["a", "b"],
            "patient": ["a", "b"],
            "part": ["test", "test"],
            "target_edema": pa.array([None, NAN], type=pa.float64()),
            "target_fracture": [1.0, NAN],
            "score_edema": [0.5, 0.5],
            "score_fracture": [0.5, 0.5],
        }
    )
    assert cases_of(LABELS, predictions, "test", where="here").known.tolist() == [True, False]
    assert cases_of(LABELS, predictions, "tune", where="here") is None


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (table({"a1": 0.5}).drop_columns(["score_ill"]), "here: columns score_ill are missing"),
        (pa.concat_tables([table({"a1": 0.5})] * 2), "here: a case stands twice in part tune"),
        (table({"a1": 1.5}), r"here: scores must be probabilities in 0\.\.1"),
        (table({"a1": NAN}), "here: scores must be probabilities"),
    ],
)
def test_predictions_that_cannot_be_scored(predictions, message):
    with pytest.raises(DataError, match=message):
        cases_of(BINARY, predictions, "tune", where="here")


def test_tune_is_the_mean_over_seeds_of_each_fold():
    tables = {
        (0, 0): table({"a1": 0.2, "c0": 0.4}),
        (0, 1): table({"a1": 0.4, "c0": 0.8}),
        (1, 0): table({"b1": 0.5}),
        (1, 1): table({"b1": 1.0}),
    }
    runs = runs_of(BINARY, tables, "tune")
    found = pool(runs, "tune")
    assert found.case.tolist() == ["a1", "b1", "c0"]
    assert found.scores[:, 1] == pytest.approx([0.3, 0.75, 0.6])
    assert found.patient.tolist() == ["a", "b", "c"]
    assert runs_of(BINARY, tables, "test") == {}


def test_test_is_the_mean_over_all_runs():
    tables = {
        (fold, seed): table({"a1": 0.1 * (1 + fold + 2 * seed)}, part="test")
        for fold in (0, 1)
        for seed in (0, 1)
    }
    found = pool(runs_of(BINARY, tables, "test"), "test")
    assert found.scores[:, 1] == pytest.approx([0.25])


def test_folds_keep_ceiling_and_covariates():
    extra = {"ceiling_healthy": [0.5], "ceiling_ill": [0.5], "covariate_sex": ["f"]}
    tables = {(f, 0): table({name: 0.5}, **extra) for f, name in enumerate(("b1", "a0"))}
    found = pool(runs_of(BINARY, tables, "tune"), "tune")
    assert found.ceiling.shape == (2, 2)
    assert found.covariates["sex"].tolist() == ["f", "f"]


def test_a_part_missing_in_one_run():
    both = pa.concat_tables([table({"a1": 0.5}), table({"b1": 0.5}, part="test")])
    tables = {(0, 0): both, (0, 1): table({"a1": 0.5})}
    with pytest.raises(
        DataError, match=r"fold-0-seed-1/predictions\.parquet: no case of part test"
    ):
        runs_of(BINARY, tables, "test")


def test_runs_with_other_cases():
    runs = runs_of(BINARY, {(0, 0): table({"a1": 0.5}), (0, 1): table({"b1": 0.5})}, "tune")
    with pytest.raises(DataError, match=r"fold-0-seed-1/.* and fold-0-seed-0/.* different cases"):
        pool(runs, "tune")


def test_folds_that_share_a_case():
    runs = runs_of(BINARY, {(0, 0): table({"a1": 0.5}), (1, 0): table({"a1": 0.5})}, "tune")
    with pytest.raises(DataError, match="predicted as tune by two folds"):
        pool(runs, "tune")
