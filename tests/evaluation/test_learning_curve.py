"""Learning curves from scored variants, and a whole one on a small phantom."""

import copy

import numpy as np
import pytest

from radpipe.core.files import read_json
from radpipe.core.settings import Evaluation, Image, Target
from radpipe.core.tables import read_table
from radpipe.evaluation.ensemble import runs_of
from radpipe.evaluation.learning_curve import LEARNING, curves_of, learning_rows
from radpipe.evaluation.results import header, score
from radpipe.evaluation.scored import Scored
from radpipe.evaluation.tables import plain
from radpipe.evaluation.weights import mean_patients
from radpipe.figures.sheets import learning_sheet
from tests.evaluation.test_comparison import EVALUATION, variant

NOISE = {0.1: 6.0, 0.25: 3.0, 0.5: 1.5, 1.0: 0.8}


def one(fraction, noise, *, family="f", sd=0.004, n=3):
    metrics, table = variant(f"v{fraction:g}", noise)
    metrics = copy.deepcopy(metrics)
    patients = round(200 * fraction)
    metrics["recipe"] = {"family": family, "fraction": fraction, "train_patients": patients}
    for block in metrics["parts"].values():
        block["metrics"]["auc"]["runs"] = {"mean": 0.8, "sd": sd, "n": n}
    return Scored(metrics, table)


def rows_of(variants, part="test"):
    found = learning_rows("bones", variants, part, EVALUATION)
    assert all(tuple(row) == LEARNING for row in found)
    return {kind: [r for r in found if r["kind"] == kind] for kind in ("seen", "fitted", "gain")}


def test_variants_that_differ_in_patients_alone_are_a_curve():
    variants = [one(f, noise) for f, noise in reversed(NOISE.items())]
    others = [one(0.5, 1.0, family="g"), one(1.0, 1.0, family="h")]
    curves = list(curves_of([*others, *variants]))
    assert [curve.name for curve in curves] == ["v1"]
    np.testing.assert_array_equal(curves[0].patients, [20, 50, 100, 200])
    assert not list(curves_of(others))


def test_a_curve_is_foretold_up_to_twice_the_patients():
    found = rows_of([one(f, noise) for f, noise in NOISE.items()])
    assert [row["patients"] for row in found["seen"]] == [20, 50, 100, 200]
    fitted = found["fitted"]
    assert (fitted[0]["patients"], fitted[-1]["patients"]) == pytest.approx((20, 400))
    assert all(row["low"] <= row["value"] <= row["high"] for row in fitted)
    (gain,) = found["gain"]
    assert 0 <= gain["low"] <= gain["value"] <= gain["high"]
    assert gain["patients"] == 400
    assert gain["value"] > 0


def test_the_chance_of_training_widens_the_band():
    small, large = (
        rows_of([one(f, noise, sd=sd) for f, noise in NOISE.items()])["gain"][0]
        for sd in (0.0, 0.1)
    )
    assert large["high"] - large["low"] > small["high"] - small["low"]


def test_two_points_foretell_nothing():
    found = rows_of([one(f, NOISE[f]) for f in (0.5, 1.0)])
    assert not found["fitted"]
    assert found["gain"][0]["why"] == "3 shares of the patients are needed"
    assert found["gain"][0]["value"] is None


def test_a_learning_curve_of_a_phantom(tmp_path):
    """From raw pictures to the rows and the figure: three trainings of a floor."""
    from tests.prediction.made import Maker

    target = Target(kind="multi-class", classes=["healthy", "fractured", "beyond_repair"])
    maker = Maker(
        tmp_path,
        "folders",
        target,
        {"path": "{class}/{patient}-{_}"},
        image=Image(side=16),
        patients=60,
    )
    evaluation = Evaluation(bootstrap=100)
    variants = []
    for fraction in (0.2, 0.5, 1.0):
        recipe = maker.recipe("bones/floor", train={"epochs": 2, "fraction": fraction})
        recipe = recipe.model_copy(update={"variant": f"floor-{fraction:g}"})
        out = tmp_path / recipe.variant
        made = maker.run(out, recipe)
        runs = {part: runs_of(target, {(0, 0): made.table}, part) for part in ("tune", "test")}
        weights = [made.run / "weights.safetensors"]
        about = {
            "family": recipe.family,
            "fraction": fraction,
            "train_patients": mean_patients(weights),
        }
        score(recipe, runs, evaluation).write(
            out / "scores", plain(header(recipe, [(0, 0)], about, evaluation))
        )
        metrics = read_json(out / "scores/metrics.json")
        variants.append(Scored(metrics, read_table(out / "scores/cases.parquet")))
    found = learning_rows("bones", variants, "test", evaluation)
    seen = [row["patients"] for row in found if row["kind"] == "seen"]
    assert seen[0] < seen[1] < seen[2]
    assert seen[0] == pytest.approx(0.2 * seen[2], abs=3)
    (gain,) = (row for row in found if row["kind"] == "gain")
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert len(learning_sheet(found).axes) == 1
