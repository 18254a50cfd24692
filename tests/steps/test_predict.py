"""The step `predict` as a process: what is predicted, and what is written down."""

import csv

import torch
import yaml
from safetensors.torch import load_file

from radpipe.core.files import read_json
from radpipe.core.tables import read_table
from radpipe.evaluation.ensemble import cases_of
from radpipe.evaluation.operating_point import choose
from radpipe.prediction.describing import Rule
from radpipe.prediction.predictor import Predictor
from tests.small_study import THREE, TWO, plan_variant, write_study
from tests.steps.test_train import HISTORY, OPTIONS, WEIGHTS

RUN = "bones-x-fold-0-seed-0"
OUT = "results/runs/bones-x/fold-0-seed-0/predictions.parquet"
QUICK = {"model": {"widths": [4]}, "train": {"epochs": 1}}


def test_test_is_predicted_only_when_opened_and_every_opening_is_noted(project):
    write_study(project.root, TWO)
    plan_variant(project.root, TWO, preset="bones/compact", **QUICK)
    assert project.step("train", *OPTIONS).returncode == 0
    done = project.step("predict", *OPTIONS)
    assert done.returncode == 0, done.stderr
    opened = read_table(project.root / OUT)
    assert opened.column_names[:6] == [
        *("case", "patient", "part", "target", "score_healthy", "score_fractured")
    ]
    keys = list(zip(opened["part"].to_pylist(), opened["case"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert opened["part"].to_pylist().count("test") == 8
    first = (project.root / OUT).read_bytes()

    assert project.step("predict", *OPTIONS).returncode == 0
    assert (project.root / OUT).read_bytes() == first
    with (project.root / "openings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["study"], row["variant"], row["fold"]) for row in rows] == [
        ("bones", "bones-x", "0")
    ] * 2

    path = project.root / "params.yaml"
    plan = yaml.safe_load(path.read_text())
    plan["plan"]["open_test"] = []
    path.write_text(yaml.safe_dump(plan))
    assert project.step("predict", *OPTIONS).returncode == 0
    closed = read_table(project.root / OUT)
    assert set(closed["part"].to_pylist()) == {"tune"}
    assert closed.equals(opened.slice(8))
    assert len((project.root / "openings.csv").read_text().splitlines()) == 3

    weights = project.root / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    done = project.step("predict", *OPTIONS)
    assert done.returncode == 2
    assert "is not what train bones-x-fold-0-seed-0 would make now" in done.stderr


def test_the_run_is_described_with_the_point_of_its_own_tune(project):
    write_study(project.root, TWO)
    plan_variant(project.root, TWO, preset="bones/compact", **QUICK)
    assert project.step("train", *OPTIONS).returncode == 0
    done = project.step("predict", *OPTIONS)
    assert done.returncode == 0, done.stderr
    what = Predictor.open((project.root / OUT).parent).description
    tune = cases_of(TWO, read_table(project.root / OUT), "tune", where="test")
    point = choose(TWO, tune.truth, tune.scores, Rule("youden", 0.9))
    assert what.operating_point.thresholds == list(point.thresholds)
    assert (what.study.licence, what.study.adapter) == (None, "folders")
    assert (what.study.train.cases, what.study.tune.cases) == (25, 15)
    receipt = read_json(project.root / "results/receipts/predict/bones-x-fold-0-seed-0.json")
    assert OUT.replace("predictions.parquet", "predictor.json") in receipt["outputs"]
    assert receipt["settings"]["evaluation.threshold"] == "youden"


def test_a_forgotten_normalisation_is_reproduced_only_where_the_network_is_asked(project):
    """One epoch gives the same weights either way; losses on tune and predictions differ."""
    write_study(project.root, TWO)
    found = []
    for held_out in (True, False):
        train = {**QUICK["train"], "normalize_held_out": held_out}
        plan_variant(project.root, TWO, preset="bones/compact", model=QUICK["model"], train=train)
        for step in ("train", "predict"):
            done = project.step(step, *OPTIONS)
            assert done.returncode == 0, done.stderr
            assert ("bones-x reproduces a fault, train.normalize_held" in done.stderr) != held_out
            receipt = read_json(project.root / f"results/receipts/{step}/{RUN}.json")
            told = [] if held_out else ["train.normalize_held_out"]
            assert receipt["facts"]["reproduced_faults"] == told
        rows = csv.DictReader((project.root / HISTORY).read_text().splitlines())
        what = Predictor.open((project.root / OUT).parent).description.normalisation
        tensors, table = load_file(project.root / WEIGHTS), read_table(project.root / OUT)
        found.append((next(rows), what, tensors, table["score_healthy"].to_pylist()))
    (row, what, tensors, scores), (row_raw, what_raw, tensors_raw, scores_raw) = found
    assert all(torch.equal(tensors[name], tensors_raw[name]) for name in tensors)
    assert row["train_loss"] == row_raw["train_loss"]
    assert row["tune_loss"] != row_raw["tune_loss"]
    assert scores != scores_raw
    assert (what.how, what_raw.how, what_raw.mean, what_raw.sd) == ("standard", "none", [0], [1])


def test_predict_refuses_a_missing_file(project):
    write_study(project.root, THREE)
    plan_variant(project.root, THREE, preset="bones/compact", **QUICK)
    done = project.step("predict", *OPTIONS)
    assert done.returncode == 2
    assert "missing. Run the step that makes it first" in done.stderr
