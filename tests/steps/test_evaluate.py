"""The step `evaluate` as a process, on predictions built by hand."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import save_file

from radpipe.core.files import sha256_path, write_text
from radpipe.core.recipe import Artifact, Recipe
from radpipe.core.tables import read_table, write_table
from tests.conftest import SMALL

VARIANT = "bones-v1"
SCORES = Path("results/scores") / VARIANT
OUTPUTS = (
    *("metrics.json", "cases.parquet", "curves.csv", "confusion.csv", "history.csv"),
    "recipe.json",
)


def recipe(classes: list[str], kind: str, variant: str = VARIANT) -> Recipe:
    """Return a recipe whose inputs nobody reads here."""
    nothing = Artifact(path="nowhere", sha256="0" * 64)
    return Recipe.model_validate(
        {
            "variant": variant,
            "study": "bones",
            "target": {"kind": kind, "classes": classes},
            "image": SMALL["studies"]["bones"]["image"],
            **dict.fromkeys(("store", "split", "weights"), nothing),
            "preset": "bones/v1",
            "source": "test",
            "model": {"name": "v1"},
            "train": {
                "optimizer": "adam",
                "lr": 0.001,
                "loss": "cross-entropy",
                "batch_size": 2,
                "epochs": 1,
            },
            "augment": {},
            "versions": {"numpy": "2"},
        }
    )


class Study:
    """Cases with known truth, and predictions of any run."""

    def __init__(
        self, classes: list[str], kind: str, *, n: int = 120, ceiling: bool = True
    ) -> None:
        rng = np.random.default_rng(1)
        self.recipe = recipe(classes, kind)
        self.ceiling = ceiling
        self.target = self.recipe.target
        self.n = n
        width = len(classes)
        self.odds = rng.normal(size=(n, width)) * 1.5
        self.posterior = np.exp(self.odds) / np.exp(self.odds).sum(axis=1, keepdims=True)
        self.truth = np.array([rng.choice(width, p=p) for p in self.posterior], dtype=float)
        self.labels = (rng.random((n, width)) < self.posterior).astype(float)
        self.truth[0] = np.nan

    def table(self, rows: np.ndarray, part: str, *, seed: int) -> pa.Table:
        """Return predictions: the ideal observer's odds with noise."""
        noise = np.random.default_rng(seed).normal(size=self.odds.shape)
        scores = np.exp(self.odds + noise)
        scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)[rows]
        truth = self.labels if self.target.kind == "multi-label" else self.truth[:, None]
        columns = {
            "case": [f"case{i:03}" for i in rows],
            "patient": [f"p{i // 2:03}" for i in rows],
            "part": [part] * len(rows),
            **dict(zip(self.target.columns, truth[rows].T, strict=True)),
            **dict(zip(self.target.score_columns, scores.T, strict=True)),
            "covariate_sex": ["fm"[i // 2 % 2] for i in rows],
            "covariate_age": (rows // 2).astype(float),
            "covariate_site": pa.array(["rare" if i < 4 else None for i in rows], pa.string()),
        }
        if self.ceiling:
            ideal = self.posterior[rows]
            columns |= dict(zip(self.target.ceiling_columns, ideal.T, strict=True))
        return pa.table(columns)

    def write(
        self,
        root: Path,
        folds=(0,),
        seeds=(0,),
        *,
        test: bool = True,
        variant: str = VARIANT,
        shift=0,
    ) -> None:
        """Write what train and predict leave for every run; `shift` gives other predictions."""
        runs = root / "results/runs" / variant
        made_of = recipe(self.target.classes, self.target.kind, variant)
        half = np.arange(self.n // 2)
        for fold in folds:
            for seed in seeds:
                folder = runs / f"fold-{fold}-seed-{seed}"
                number = 10 * fold + seed + shift
                write_text(folder / "recipe.json", made_of.text)
                tables = [self.table(half[half // 2 % 3 == fold], "tune", seed=number)]
                if test:
                    tables.append(self.table(half + self.n // 2, "test", seed=number))
                write_table(folder / "predictions.parquet", pa.concat_tables(tables))
                write_text(folder / "history.csv", "epoch,lr,tune_auc\n1,0.001,0.7\n2,1e-05,0.8\n")
                save_file({"w": np.zeros((4, 5), np.float32)}, folder / "weights.safetensors")


def evaluate(project):
    return project.step("evaluate", "--variant", VARIANT)


def scored(project) -> dict:
    done = evaluate(project)
    assert done.returncode == 0, done.stderr
    return json.loads((project.root / SCORES / "metrics.json").read_text())


def rows_of(project, name: str) -> list[dict[str, str]]:
    with (project.root / SCORES / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


THREE = ["healthy", "fractured", "beyond_repair"]


def test_three_classes_with_test_and_ceiling(project):
    Study(THREE, "multi-class", n=400).write(project.root)
    found = scored(project)
    assert (found["variant"], found["study"], found["folds"]) == (VARIANT, "bones", [0])
    assert found["recipe"]["parameters"] == 20
    assert len(found["operating_point"]["thresholds"]) == 3
    assert list(found["parts"]) == ["tune", "test"]
    part = found["parts"]["test"]
    assert (part["n_cases"], part["n_patients"], sum(part["n_per_class"])) == (200, 100, 200)
    area = part["metrics"]["auc"]
    assert list(area["per_class"]) == THREE
    assert area["low"] < area["value"] < area["high"]
    assert area["case_low"] < area["value"] < area["case_high"]
    assert area["runs"] == {"mean": area["value"], "sd": None, "n": 1}
    assert part["metrics"]["accuracy"]["per_class"] == {}
    # Noise was added to the ideal observer's odds, so it scores higher than they do.
    assert part["ceiling"]["auc"]["value"] > area["value"]
    assert part["ceiling"]["accuracy"]["value"] > part["metrics"]["accuracy"]["value"]
    # ... and calibration must have made the probabilities less extreme.
    assert found["operating_point"]["temperature"] > 1.2
    loss = part["metrics"]["log_loss"]
    assert loss["value"] < loss["uncalibrated"]
    assert found["parts"]["tune"]["n_unknown"] == 1
    groups = {(g["covariate"], g["value"]): g for g in part["subgroups"]}
    assert {value for covariate, value in groups if covariate == "sex"} == {"f", "m"}
    assert len([1 for covariate, _ in groups if covariate == "age"]) == 4
    assert groups["sex", "f"]["auc"]["low"] < groups["sex", "f"]["auc"]["value"]
    rare = [g for g in found["parts"]["tune"]["subgroups"] if g["value"] == "rare"]
    assert rare[0]["n_cases"] == 1
    assert rare[0]["auc"] is None


def test_tables_beside_the_metrics(project):
    Study(THREE, "multi-class").write(project.root)
    found = scored(project)
    cases = read_table(project.root / SCORES / "cases.parquet")
    assert cases.column_names[:4] == ["part", "case", "patient", "target"]
    assert str(cases.schema.field("score_healthy").type) == "double"
    assert {"decision", "ceiling_healthy", "covariate_sex", "calibrated_healthy"} <= set(
        cases.column_names
    )
    assert cases.num_rows == 60 + 20
    keys = list(zip(cases["part"].to_pylist(), cases["case"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    test = cases.filter(pa.compute.equal(cases["part"], "test"))
    right = np.mean(test["decision"].to_numpy() == test["target"].to_numpy())
    assert found["parts"]["test"]["metrics"]["accuracy"]["value"] == pytest.approx(right, abs=1e-6)
    confusion = rows_of(project, "confusion.csv")
    assert list(confusion[0]) == ["part", "true", "decided", "n"]
    assert len(confusion) == 2 * 9
    diagonal = sum(
        int(r["n"]) for r in confusion if r["part"] == "test" and r["true"] == r["decided"]
    )
    assert diagonal == round(right * 60)
    assert rows_of(project, "history.csv")[1] == {
        "fold": "0",
        "seed": "0",
        "epoch": "2",
        "lr": "1e-05",
        "tune_auc": "0.8",
    }
    curves = rows_of(project, "curves.csv")
    assert list(curves[0]) == ["curve", "class", "part", "x", "y", "low", "high"]
    assert {row["class"] for row in curves} == set(THREE)


def test_binary_without_test_and_ceiling(project):
    Study(["no", "yes"], "binary", ceiling=False).write(project.root, test=False)
    found = scored(project)
    assert list(found["parts"]) == ["tune"]
    assert found["parts"]["tune"]["ceiling"] is None
    assert len(found["operating_point"]["thresholds"]) == 1
    assert found["parts"]["tune"]["metrics"]["auc"]["per_class"] == {}
    confusion = rows_of(project, "confusion.csv")
    assert [row["true"] for row in confusion] == ["no", "no", "yes", "yes"]
    assert {row["class"] for row in rows_of(project, "curves.csv")} == {"yes"}


def test_labels(project):
    Study(["edema", "fracture"], "multi-label").write(project.root)
    found = scored(project)
    assert list(found["parts"]["test"]["metrics"]["auc"]["per_class"]) == ["edema", "fracture"]
    cases = read_table(project.root / SCORES / "cases.parquet")
    assert {"decision_edema", "decision_fracture"} <= set(cases.column_names)
    confusion = rows_of(project, "confusion.csv")
    assert {row["true"] for row in confusion} == {"edema", "no edema", "fracture", "no fracture"}


def test_two_folds_and_two_seeds(project):
    Study(THREE, "multi-class", n=240).write(project.root, folds=(0, 1), seeds=(0, 1))
    project.set("plan.folds", [0, 1])
    project.set("plan.seeds", [0, 1])
    found = scored(project)
    assert (found["folds"], found["seeds"]) == ([0, 1], [0, 1])
    tune, test = found["parts"]["tune"], found["parts"]["test"]
    assert tune["n_cases"] == 79  # two thirds of 120, one unknown
    runs = test["metrics"]["auc"]["runs"]
    assert runs["n"] == 4
    assert runs["sd"] > 0
    # The mean of four noisy observers is better than they are on average.
    assert test["metrics"]["auc"]["value"] > runs["mean"]
    history = rows_of(project, "history.csv")
    assert [(r["fold"], r["seed"]) for r in history[::2]] == [
        ("0", "0"),
        ("0", "1"),
        ("1", "0"),
        ("1", "1"),
    ]


def test_the_same_bytes_again_and_test_decides_nothing(project):
    study = Study(THREE, "multi-class")
    study.write(project.root)
    first = scored(project)
    before = [sha256_path(project.root / SCORES / name) for name in OUTPUTS]
    scored(project)
    assert before == [sha256_path(project.root / SCORES / name) for name in OUTPUTS]
    study.write(project.root, test=False)
    without = scored(project)
    assert without["operating_point"] == first["operating_point"]
    assert without["parts"]["tune"] == first["parts"]["tune"]


def test_receipt_names_every_run(project):
    Study(THREE, "multi-class").write(project.root)
    scored(project)
    receipt = json.loads((project.root / f"results/receipts/evaluate/{VARIANT}.json").read_text())
    folder = f"results/runs/{VARIANT}"
    names = ("predictions.parquet", "history.csv", "weights.safetensors", "recipe.json")
    assert set(receipt["inputs"]) == {f"{folder}/fold-0-seed-0/{name}" for name in names}


def test_a_missing_run(project):
    Study(THREE, "multi-class").write(project.root)
    project.set("plan.seeds", [0, 1])
    done = evaluate(project)
    assert done.returncode == 2
    assert "fold-0-seed-1/recipe.json: missing" in done.stderr
    assert not (project.root / SCORES / "metrics.json").exists()


def test_no_tune(project):
    study = Study(THREE, "multi-class")
    study.write(project.root)
    path = project.root / f"results/runs/{VARIANT}/fold-0-seed-0/predictions.parquet"
    write_table(path, study.table(np.arange(40), "test", seed=0))
    done = evaluate(project)
    assert done.returncode == 2
    assert "no case of part tune" in done.stderr
