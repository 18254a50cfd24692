"""Scores of all parts of a variant: what decides where, and what cannot be scored."""

from dataclasses import replace

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.core.files import read_json
from radpipe.core.recipe import Named
from radpipe.core.settings import Evaluation
from radpipe.core.tables import read_table
from radpipe.evaluation.ensemble import EnsembleCases
from radpipe.evaluation.results import score
from radpipe.evaluation.scored import Scored
from tests.evaluation.conftest import BINARY

RECIPE = Named(variant="v", study="bones", target=BINARY)
HOW = Evaluation(bootstrap=100, threshold="sensitivity", sensitivity=0.9)


def cases(rng, n, *, start=0):
    truth = (rng.random(n) < 0.4).astype(float)
    positive = 1 / (1 + np.exp(-(rng.normal(size=n) + 2 * truth - 1)))
    names = np.array([f"c{i + start:05}" for i in range(n)], dtype=object)
    return EnsembleCases(names, names, truth[:, None], np.column_stack([1 - positive, positive]))


def noisy(one, rng):
    positive = np.clip(one.scores[:, 1] + 0.2 * rng.normal(size=len(one.case)), 0.001, 0.999)
    return replace(one, scores=np.column_stack([1 - positive, positive]))


def two_folds():
    rng = np.random.default_rng(0)
    test = cases(rng, 80, start=900)
    return {
        "tune": {(fold, 0): noisy(cases(rng, 60, start=100 * fold), rng) for fold in range(2)},
        "test": {(fold, 0): noisy(test, rng) for fold in range(2)},
    }


def test_a_part_without_a_truth_is_refused():
    runs = two_folds()
    runs["test"] = {
        run: replace(one, truth=np.full_like(one.truth, np.nan))
        for run, one in runs["test"].items()
    }
    with pytest.raises(DataError, match="v: of none of the 80 cases of part test is a truth") as no:
        score(RECIPE, runs, HOW)
    assert "take it out of plan.open_test" in str(no.value)


def test_every_part_is_decided_by_a_point_of_its_own(tmp_path):
    """With two folds; what is written decides again, to the bit, where it is read."""
    results = score(RECIPE, two_folds(), HOW)
    assert (results.points["tune"].folds, results.points["test"].folds) == (1, 2)
    assert results.points["tune"].thresholds != results.points["test"].thresholds
    results.write(tmp_path, {"variant": "v", "target": BINARY.model_dump(mode="json")})
    written = read_json(tmp_path / "metrics.json")
    assert written["operating_point"] == written["parts"]["tune"]["operating_point"]
    table = read_table(tmp_path / "cases.parquet")
    scored = Scored(written, table)
    for part in ("tune", "test"):
        assert scored.points[part] == results.points[part]
        again = scored.sample(scored.cases[part], part).decided[:, 0]
        decided = table.filter([name == part for name in table["part"].to_pylist()])["decision"]
        np.testing.assert_array_equal(again, decided.to_numpy())


def test_one_fold_has_one_point():
    runs = {part: {(0, 0): one[0, 0]} for part, one in two_folds().items()}
    results = score(RECIPE, runs, HOW)
    assert results.points["test"] is results.points["tune"]
