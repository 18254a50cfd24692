"""Test beside tune: changes with intervals of independent samples."""

import numpy as np
import pytest

from radpipe.evaluation.drift import CHANGES, drift
from radpipe.evaluation.results import score
from tests.evaluation.test_results import HOW, RECIPE, two_folds


def part(**changed):
    """Return a part's block in which a metric is 0.5 (0.4 to 0.7) unless it is changed."""
    usual = {"value": 0.5, "low": 0.4, "high": 0.7, "per_class": {}}
    metrics = {name: changed.get(name, usual) for name in CHANGES}
    return {"metrics": metrics, "prevalence": {"ill": changed.get("ill", usual)}}


def test_a_change_of_independent_shares_is_newcombes():
    """56 of 70 on test and 48 of 80 on tune: 0.2 (0.0524 to 0.3339), Newcombe 1998, method 10."""
    after = {"value": 56 / 70, "low": 0.69186, "high": 0.87672, "per_class": {}}
    before = {"value": 48 / 80, "low": 0.49043, "high": 0.70051, "per_class": {}}
    found = drift(part(specificity=before, ill=before), part(specificity=after, ill=after))
    for change in (found["metrics"]["specificity"], found["prevalence"]["ill"]):
        shown = [change[key] for key in ("value", "low", "high")]
        assert shown == pytest.approx([0.2, 0.0524, 0.3339], abs=2e-4)
    same = found["metrics"]["auc"]
    half = np.sqrt(0.1**2 + 0.2**2)
    assert (same["value"], same["low"], same["high"]) == pytest.approx((0, -half, half))


def test_a_side_without_interval_gives_none():
    nothing = {"value": 0.5, "low": np.nan, "high": np.nan, "per_class": {}}
    found = drift(part(auc=nothing), part())
    assert np.isnan([found["metrics"]["auc"][key] for key in ("low", "high")]).all()


def test_a_variant_with_test_has_its_drift():
    runs = two_folds()
    results = score(RECIPE, runs, HOW)
    assert set(results.drift["metrics"]) == set(CHANGES)
    assert set(results.drift["prevalence"]) == {"ill"}
    tune, test = (results.scored[name]["prevalence"]["ill"] for name in ("tune", "test"))
    change = results.drift["prevalence"]["ill"]
    assert change["value"] == pytest.approx(test["value"] - tune["value"])
    assert tune["low"] < tune["value"] < tune["high"]
    assert score(RECIPE, {"tune": runs["tune"]}, HOW).drift is None
