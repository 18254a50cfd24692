"""`radpipe telemetry`, on boards that were really written."""

import logging
import sys

import pytest
import torch
from torch import nn

from radpipe.app import cli
from radpipe.app.telemetry import TelemetryRun, curves_of_study, run_of, telemetry
from radpipe.core.errors import ConfigError, RadpipeError
from radpipe.core.params import load_params
from radpipe.core.settings import Training
from radpipe.learning.training.telemetry import Board
from tests.conftest import Project
from tests.small_study import THREE

HOW = Training(optimizer="adam", lr=1e-3, batch_size=4, epochs=2)


@pytest.fixture
def params(project: Project, monkeypatch):
    monkeypatch.chdir(project.root)
    return load_params()


def train(run: TelemetryRun, *, on=True, n_layers=2) -> None:
    """Write what a run of two epochs shows."""
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(n_layers)])
    with Board(run.board, model, THREE, HOW, purge_step=1, telemetry=on) as board:
        for epoch in (1, 2):
            for layer in model:
                layer.weight.grad = torch.ones(2, 2)
            board.layers(epoch)
            board.step(
                torch.tensor(1.0), torch.eye(3), torch.tensor([[0.0], [1], [2]]), n_batches=10
            )
            board.epoch({"epoch": epoch, "tune_auc": 0.5})


def write_history(run: TelemetryRun) -> None:
    run.history.parent.mkdir(parents=True)
    run.history.write_text(
        "epoch,lr,train_loss,tune_loss,tune_auc\n1,0.1,2.0,3.0,0.5\n2,0.1,1,2,\n"
    )


FLOOR, V1 = TelemetryRun("bones-floor", 0, 0), TelemetryRun("bones-v1", 0, 0)


def test_a_variant_alone_is_its_first_run(params):
    assert run_of("bones-v1", params) == V1
    assert run_of("bones-v1-fold-2-seed-11", params) == TelemetryRun("bones-v1", 2, 11)
    with pytest.raises(ConfigError, match="unknown 'bones-v2', did you mean 'bones-v1'"):
        run_of("bones-v2", params)


def test_an_ensemble_has_no_run_of_its_own(project):
    project.set("plan.ensembles", {"both": {"members": ["bones-floor", "bones-v1"]}})
    planned = load_params(project.root / "params.yaml")
    for name in ("both", "both-fold-0-seed-0"):
        with pytest.raises(ConfigError, match="both is an ensemble: the mean of what bones-floor"):
            run_of(name, planned)


def test_two_runs_become_four_pictures(params, monkeypatch):
    for run in (FLOOR, V1):
        train(run)
        write_history(run)
    monkeypatch.setattr(sys, "argv", ["radpipe", "telemetry", "bones-floor", str(V1)])
    cli.main()
    stem = "bones-floor-fold-0-seed-0-and-bones-v1-fold-0-seed-0"
    kinds = ("curves", "distributions", "histograms", "running")
    figures = sorted((FLOOR.board.parents[2] / "figures").iterdir())
    assert [file.name for file in figures] == [f"{stem}-{kind}.png" for kind in kinds]


def test_a_run_that_is_not_finished_has_no_curves_yet(params, tmp_path):
    train(V1)
    telemetry(params, runs=["bones-v1"], layers="1", out=tmp_path / "pictures/one.svg")
    files = {file.name for file in (tmp_path / "pictures").iterdir()}
    assert files == {"one-histograms.svg", "one-distributions.svg", "one-running.svg"}
    text = (tmp_path / "pictures/one-histograms.svg").read_text()
    assert "layer 1" in text
    assert "layer 0" not in text


def test_histories_of_the_study_stand_under_each_other(params):
    write_history(FLOOR)
    rows = curves_of_study([V1], params)
    assert [(row["variant"], row["epoch"], row["tune_auc"]) for row in rows] == [
        ("bones-floor", "1", "0.5"),
        ("bones-floor", "2", ""),
    ]


def test_what_is_missing_is_said_with_the_way_out(params):
    with pytest.raises(RadpipeError, match="no events of TensorBoard"):
        telemetry(params, runs=["bones-v1"])
    train(V1, on=False)
    with pytest.raises(RadpipeError, match=r"Set variants\.bones-v1.train.telemetry: true"):
        telemetry(params, runs=["bones-v1"])
    train(FLOOR)
    with pytest.raises(ConfigError, match="layer: unknown '7'"):
        telemetry(params, runs=["bones-floor"], layers="0,7")
    with pytest.raises(ConfigError, match=r"should end in \.png or \.svg"):
        telemetry(params, runs=["bones-floor"], out=FLOOR.board / "x.pdf")
    with pytest.raises(ConfigError, match="at most two runs"):
        telemetry(params, runs=["bones-floor"] * 3)


def test_many_layers_are_thinned_to_a_page(params, tmp_path, caplog):
    train(V1, n_layers=15)
    with caplog.at_level(logging.INFO):
        telemetry(params, runs=["bones-v1"], out=tmp_path / "x.svg")
    assert "drawing 8 of 15 layers" in caplog.text
    text = (tmp_path / "x-histograms.svg").read_text()
    assert [f"layer {k} " in text for k in range(0, 15, 2)] == [True] * 8
    assert "layer 1 " not in text


def test_runs_without_a_common_layer_need_a_choice(params):
    train(V1)
    with Board(FLOOR.board, nn.Linear(1, 1), THREE, HOW, purge_step=1, telemetry=True) as board:
        board.layers(1)
    with pytest.raises(RadpipeError, match=r"share no layer.*bones-floor-fold-0-seed-0: model"):
        telemetry(params, runs=["bones-v1", "bones-floor"])
    telemetry(params, runs=["bones-v1", "bones-floor"], layers="0,model")
