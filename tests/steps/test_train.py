"""The step `train` as a process: same bits however it is run, stopped and taken up again."""

import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from radpipe.core.environment import lacking
from radpipe.core.files import read_json, sha256_file, write_json
from radpipe.core.recipe import read_recipe
from radpipe.core.tables import read_table
from radpipe.learning.distributed.process_group import join, part
from radpipe.learning.runs.one_run import Order, train_run
from tests.small_study import (
    ROOT,
    THREE,
    TWO,
    plan_variant,
    write_knees,
    write_study,
)

WEIGHTS = "results/runs/bones-x/fold-0-seed-0/weights.safetensors"
HISTORY = "results/runs/bones-x/fold-0-seed-0/history.csv"
RECIPE = "results/runs/bones-x/fold-0-seed-0/recipe.json"
OPTIONS = ("--variant", "bones-x", "--fold", "0", "--seed", "0")
# An epoch is 2 steps of up to 28 cases, with dropout, augmentation and a schedule of every step.
EPOCHS = 100
QUICK = {
    "model": {"widths": [4, 8]},
    "train": {"epochs": EPOCHS, "batch_size": 14, "accumulate": 2},
    "augment": {"brightness": [0.9, 1.1]},
}


def start(project: Any, *before: str) -> subprocess.Popen[str]:
    """Start the step and leave it running."""
    return subprocess.Popen(
        [*before, sys.executable, "workflow/scripts/train.py", *OPTIONS],
        cwd=project.root,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def outputs(project: Any) -> tuple[str, str]:
    return sha256_file(project.root / WEIGHTS), sha256_file(project.root / HISTORY)


def wait_for(project: Any, process: subprocess.Popen[str], name: str) -> Path:
    """Wait until a run's folder for its state has an entry of this name; return which."""
    end = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < end:
        for found in (project.root / ".state/train").glob(f"*/fold-0-seed-0/{name}"):
            return found
        time.sleep(0.002)
    raise AssertionError(f"there is no {name}: {process.communicate()[1]}")


def ends_with(process: subprocess.Popen[str], code: int) -> None:
    """Wait for the end of a process and compare its exit code."""
    _, errors = process.communicate()
    assert process.returncode == code, errors


def test_interrupted_runs_end_with_the_same_bytes(project):
    """Once straight through; once killed, then asked to stop, then left to finish."""
    write_study(project.root, THREE)
    plan_variant(project.root, THREE, preset="bones/compact", **QUICK)
    assert project.step("train", *OPTIONS).returncode == 0
    check_outputs(project)
    straight = outputs(project)

    shutil.rmtree(project.root / "results/runs/bones-x/fold-0-seed-0")
    killed = start(project)
    state = wait_for(project, killed, "state.safetensors")
    killed.send_signal(signal.SIGKILL)
    ends_with(killed, -signal.SIGKILL)
    assert not (project.root / WEIGHTS).exists()

    asked = start(project)
    before = state.stat().st_mtime_ns
    while state.stat().st_mtime_ns == before and asked.poll() is None:
        time.sleep(0.002)
    asked.send_signal(signal.SIGTERM)
    ends_with(asked, 75)
    assert state.exists()

    done = project.step("train", *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert "resumed" in done.stderr
    assert outputs(project) == straight


def check_outputs(project: Any) -> None:
    """Look at everything that a finished run leaves, and at what it does not."""
    lines = (project.root / HISTORY).read_text().splitlines()
    assert lines[0] == (
        "epoch,lr,train_loss,tune_loss,tune_auc,tune_accuracy,tune_balanced_accuracy"
    )
    assert len(lines) == 1 + EPOCHS
    with safe_open(project.root / WEIGHTS, framework="pt") as file:
        assert set(file.metadata()) == {"radpipe"}
    receipt = read_json(project.root / "results/receipts/train/bones-x-fold-0-seed-0.json")
    assert set(receipt["inputs"]) == {
        *("data/bones/store", "data/bones/split.parquet", "weights/random.json")
    }
    assert receipt["facts"]["epochs"] == EPOCHS
    assert receipt["facts"]["device"] in ("cpu", "cuda")
    assert list((project.root / "logs/tensorboard/bones-x/fold-0-seed-0").glob("events*"))
    assert not list((project.root / ".state/train").rglob("state.safetensors"))


# No batch norm, which needs GPUs in several processes, and no dropout, which differs in each.
# 27 cases in batches of 10, 10 and 7, two of them a step.
TOGETHER = {
    "model": {
        "blocks": [{"filters": 4, "kernel": 3}, {"filters": 8, "kernel": 3}],
        "dense": {"widths": [16], "bias": True},
    },
    "train": {"epochs": 40, "batch_size": 10, "accumulate": 2, "stop_patience": None},
}


def test_two_processes_train_like_one_and_go_on_to_the_bit(project, monkeypatch):
    """Asked to stop, then left to finish; without a break; and one process for comparison.

    Asked as soon as it could be, so that it stops after its first step, however quick it is: in
    the middle of an epoch, two batches of three behind it.
    """
    write_study(project.root, THREE)
    # Natively, as the processes that this one starts itself below, which has loaded torch.
    train = {**TOGETHER["train"], "processes": 2, "kernels": "native"}
    plan_variant(project.root, THREE, preset="bones/v1", **{**TOGETHER, "train": train})
    asked = start(project)
    launched = wait_for(project, asked, "launch-*")
    asked.send_signal(signal.SIGTERM)
    ends_with(asked, 75)
    assert [file.name for file in launched.parent.iterdir()] == ["state.safetensors"]
    resumed = start(project)
    _, said = resumed.communicate()
    assert resumed.returncode == 0, said
    assert "resumed: epoch=0 batch=2" in said
    together = outputs(project)
    history = rows(project)

    monkeypatch.chdir(project.root)
    names = {"weights": WEIGHTS, "history": HISTORY, "state": "state", "board": "board"}
    paths = {name: Path(path) for name, path in names.items()}
    order = Order(recipe=Path("recipe.json"), fold=0, seed=0, **paths)
    shutil.copy(RECIPE, order.recipe)
    shutil.rmtree(project.root / "results/runs/bones-x/fold-0-seed-0")
    train_without_torchrun(order, monkeypatch)
    assert outputs(project) == together

    value = read_json(order.recipe)
    value["train"]["processes"] = 1
    write_json(order.recipe, value)
    train_run(order, read_recipe(order.recipe), lambda: False)
    np.testing.assert_allclose(history, rows(project), rtol=1e-4, atol=1e-6)


def test_two_processes_start_from_the_weights_of_a_run_and_freeze_layers(project):
    """What was taken is a fact of the receipt, and the weights an input."""
    write_study(project.root, THREE)
    first = {**TOGETHER, "train": {**TOGETHER["train"], "epochs": 1}}
    plan_variant(project.root, THREE, preset="bones/v1", **first)
    assert project.step("train", *OPTIONS).returncode == 0
    kept = project.root / "weights/first.safetensors"
    shutil.copy(project.root / WEIGHTS, kept)

    freeze = {"layers": ["0"], "epochs": 1}
    how = {**first["train"], "processes": 2, "freeze": freeze, "sampler": "downsample"}
    plan_variant(
        project.root,
        THREE,
        preset="bones/v1",
        weights="weights/first.safetensors",
        model=first["model"],
        train=how,
    )
    done = project.step("train", *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert "started from bones-x (fold 0, seed 0): tensors=" in done.stderr
    receipt = read_json(project.root / "results/receipts/train/bones-x-fold-0-seed-0.json")
    assert receipt["facts"]["start"]["fresh"] == []
    assert receipt["facts"]["train_cases"] % 3 == 0
    # Said by one of the processes, which have their kernels from the step.
    machine = receipt["facts"]["machine"]
    assert machine["kernels"] == ("native" if lacking("avx2") else "avx2")
    assert machine["threads"] == 2
    assert machine["same_bytes_on"].startswith("processors of this kind")
    assert receipt["inputs"]["weights/first.safetensors"] == sha256_file(kept)
    before, after = load_file(kept), load_file(project.root / WEIGHTS)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any(name.startswith("model.0.") for name in changed)


def train_without_torchrun(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the first process of two; the second one is started: that saves half the time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for name, value in {**variables, "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "radpipe.learning.runs.worker", "answers", *order.arguments()]
    Path("answers").mkdir()
    second = subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**os.environ, "RANK": "1", "LOCAL_RANK": "1"}
    )
    recipe = read_recipe(order.recipe)
    process_group = join(recipe.train)
    train_run(order, recipe, lambda: False, process_group)
    part(process_group)
    second.communicate()
    assert second.returncode == 0
    assert not list(Path("answers").iterdir())


def rows(project: Any) -> np.ndarray:
    """Return the history as numbers, (epochs, columns)."""
    return np.loadtxt(project.root / HISTORY, delimiter=",", skiprows=1)


@pytest.mark.skipif(
    shutil.which("taskset") is None or len(os.sched_getaffinity(0)) < 2, reason="needs two cores"
)
def test_cores_do_not_change_the_bytes(project):
    """Two threads on one core, then on two."""
    write_study(project.root, THREE)
    how = {**QUICK, "train": {**QUICK["train"], "epochs": 4, "threads": 2}}
    plan_variant(project.root, THREE, preset="bones/compact", **how)
    found = []
    for cores in ("0", "0,1"):
        ends_with(start(project, "taskset", "--cpu-list", cores), 0)
        found.append(outputs(project))
    assert found[0] == found[1]


def test_predict_refuses_weights_of_another_split(project):
    """A split that changed since makes the training stale, and nobody predicts from it."""
    write_study(project.root, THREE)
    plan_variant(project.root, THREE, preset="bones/floor", train={"epochs": 1})
    assert project.step("train", *OPTIONS).returncode == 0
    write_study(project.root, THREE, test=9)
    done = project.step("predict", *OPTIONS)
    assert done.returncode == 2
    assert "is not what train bones-x-fold-0-seed-0 would make now" in done.stderr
    assert "input data/bones/split.parquet: changed" in done.stderr


def test_a_run_that_is_not_planned_is_refused(project):
    write_study(project.root, THREE)
    plan_variant(project.root, THREE, preset="bones/floor")
    done = project.step("train", *OPTIONS[:-1], "7")
    assert done.returncode == 2
    assert "params.yaml plans no train bones-x-fold-0-seed-7" in done.stderr


def test_a_table_is_fitted_to_and_predicted_from(project):
    """The book's other presets make their step in learning/training/test_train_tables.py."""
    write_knees(project.root, TWO, n=24, size=32)
    plan_variant(project.root, TWO, preset="knee_oa/boosting", model={"trees": 5})
    done = project.step("train", *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert len((project.root / HISTORY).read_text().splitlines()) == 2
    out = "results/runs/bones-x/fold-0-seed-0/predictions.parquet"
    done = project.step("predict", *OPTIONS)
    assert done.returncode == 0, done.stderr
    table = read_table(project.root / out)
    assert {"score_fractured", "covariate_age"} <= set(table.column_names)
    assert set(table["part"].to_pylist()) == {"tune", "test"}


@pytest.mark.parametrize("other", ["code", "libraries", "recipe"])
def test_what_was_saved_by_something_else_is_not_taken_up(other):
    state_folder = runpy.run_path(str(ROOT / "workflow/scripts/train.py"))["state_folder"]
    args = SimpleNamespace(fold=0, seed=0)
    job = {"code": {"a.py": "1"}, "libraries": {"scipy": "1"}}
    mine = state_folder(SimpleNamespace(args=args, **job), "recipe")
    if other == "recipe":
        theirs = state_folder(SimpleNamespace(args=args, **job), "another")
    else:
        theirs = state_folder(SimpleNamespace(args=args, **{**job, other: {}}), "recipe")
    assert mine != theirs
