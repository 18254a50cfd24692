"""What a run shows of itself: written, forgotten after a resume, and read back."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from radpipe.core.errors import RadpipeError
from radpipe.core.settings import Target, Training
from radpipe.learning.training.boards import read_board
from radpipe.learning.training.telemetry import Board, layers_of
from tests.small_study import LABELS, THREE, TWO

HOW = Training(optimizer="adam", lr=1e-3, batch_size=4, epochs=3)


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1))


def board(folder, model=None, *, target: Target = TWO, purge_step=1, **options) -> Board:
    return Board(folder, model or small(), target, HOW, purge_step=purge_step, **options)


def batch(logit: float, truth: float, loss: float = 0.5):
    return torch.tensor(loss), torch.tensor([[logit]]), torch.tensor([[truth]])


def scalars(folder, name):
    return [(r["step"], r["value"]) for r in read_board(folder).scalars if r["name"] == name]


def test_layers_are_convolutions_and_linear_layers_by_name():
    assert list(layers_of(small())) == ["0", "3"]
    assert list(layers_of(nn.Linear(2, 1))) == ["model"]
    nested = nn.Sequential(nn.Sequential(nn.Conv3d(1, 1, 1)), nn.BatchNorm3d(1))
    assert list(layers_of(nested)) == ["0.0"]


def test_rows_of_the_history_are_scalars_over_epochs(tmp_path):
    with board(tmp_path) as shown:
        shown.epoch({"epoch": 1, "tune_auc": 0.5})
        shown.layers(1)
        shown.step(*batch(0.0, 1.0))
        shown.epoch({"epoch": 2, "tune_auc": 0.75})
        assert shown.state() == {}
    found = read_board(tmp_path)
    assert scalars(tmp_path, "tune_auc") == [(1, 0.5), (2, 0.75)]
    assert {row["name"] for row in found.scalars} == {"tune_auc"}
    assert found.histograms == []
    assert not (tmp_path / "running").exists()


def test_layers_have_weight_bias_and_gradient(tmp_path):
    model = small()
    with torch.no_grad():
        model[3].weight.copy_(torch.arange(8.0))
        model[3].bias.fill_(2.0)
    model[3].weight.grad = torch.full((1, 8), 3.0)
    with board(tmp_path, model, telemetry=True) as shown:
        shown.layers(1)
    found = read_board(tmp_path)
    assert found.layers == ["0", "3"]
    rows = {(row["kind"], row["layer"]): row for row in found.histograms}
    # The convolution has no bias, and nothing was sent back to it.
    assert set(rows) == {("weight", "0"), *((k, "3") for k in ("weight", "bias", "gradient"))}
    weight = rows["weight", "3"]
    assert weight["counts"].sum() == 8
    assert len(weight["edges"]) == len(weight["counts"]) + 1
    assert (weight["edges"][0], weight["edges"][-1]) == (0.0, 7.0)
    assert (np.diff(weight["edges"]) >= 0).all()
    assert rows["gradient", "3"]["edges"].tolist()[-1] == 3.0
    assert rows["bias", "3"]["counts"].sum() == 1


def test_values_that_are_not_finite_are_left_out(tmp_path):
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[np.nan, 1.0]]))
        model[1].weight.fill_(np.inf)
    with board(tmp_path, model, telemetry=True) as shown:
        shown.layers(1)
    rows = {(r["kind"], r["layer"]): r["counts"].sum() for r in read_board(tmp_path).histograms}
    assert rows == {("weight", "0"): 1, ("bias", "0"): 1, ("bias", "1"): 1}


def test_running_values_are_means_so_far_in_the_epoch(tmp_path):
    """Ten batches of one case: the score of two positives lies above all eight negatives."""
    with board(tmp_path, telemetry=True) as shown:
        for k in range(10):
            shown.step(*batch(float(k), float(k >= 8), loss=k))
        shown.epoch({"epoch": 1})
        for k in range(10):
            # 5 of 10 positive, every positive below every negative.
            shown.step(*batch(float(k), float(k < 5), loss=2.0))
    assert scalars(tmp_path, "running/train_loss") == [(10, 4.5), (20, 2.0)]
    assert scalars(tmp_path, "running/train_auc") == [(10, 1.0), (20, 0.0)]


def test_an_area_of_one_class_is_not_written(tmp_path):
    with board(tmp_path, telemetry=True) as shown:
        for _ in range(10):
            shown.step(*batch(0.0, 1.0))
    assert scalars(tmp_path, "running/train_auc") == []
    assert scalars(tmp_path, "running/train_loss") == [(10, 0.5)]


def test_labels_and_classes_are_scored_as_on_tune(tmp_path):
    for name, target, truth in (
        ("labels", LABELS, [[1.0, np.nan], [0.0, 1.0], [0.0, 0.0]]),
        ("classes", THREE, [[0.0], [1.0], [2.0]]),
    ):
        logits = torch.eye(3)[:, : len(target.classes)]
        with board(tmp_path / name, target=target, telemetry=True) as shown:
            shown.step(torch.tensor(10.0), logits, torch.tensor(truth), n_batches=10)
        assert scalars(tmp_path / name, "running/train_auc") == [(10, 1.0)]
    # 5 of the 6 labels are known.
    assert scalars(tmp_path / "labels", "running/train_loss") == [(10, 2.0)]


def test_a_resumed_run_writes_what_an_unbroken_one_does(tmp_path):
    steps = [batch(float(k % 7), float(k % 3 == 0), loss=k / 4) for k in range(25)]

    def play(folder, *, stop_at=None, lost=0):
        with board(folder, telemetry=True) as shown:
            for loss, logits, truth in steps[: stop_at or 25]:
                shown.step(loss, logits, truth)
            kept = shown.state()
            for _ in range(lost):  # written, but killed before the state was saved
                shown.step(*batch(0.0, 1.0, loss=100.0))
        if stop_at:
            with board(folder, telemetry=True) as shown:
                shown.load(kept)
                for loss, logits, truth in steps[stop_at:]:
                    shown.step(loss, logits, truth)
        return {n: scalars(folder, f"running/train_{n}") for n in ("loss", "auc")}

    whole = play(tmp_path / "whole")
    assert [step for step, _ in whole["loss"]] == [10, 20]
    assert play(tmp_path / "broken", stop_at=13, lost=9) == whole
    assert play(tmp_path / "early", stop_at=3, lost=20) == whole


def test_an_epoch_that_is_made_again_counts_once(tmp_path):
    for first, value in ((1, 0.25), (2, 0.75)):
        with board(tmp_path, purge_step=first) as shown:
            for epoch in (1, 2)[first - 1 :]:
                shown.epoch({"epoch": epoch, "tune_auc": value})
    assert scalars(tmp_path, "tune_auc") == [(1, 0.25), (2, 0.75)]


def test_a_resumed_run_is_read_after_the_one_before_even_within_a_second(tmp_path):
    """TensorBoard reads files in the order of their names, which begin with a second."""
    with board(tmp_path, purge_step=1) as shown:
        shown.epoch({"epoch": 1, "tune_auc": 0.25})
    (first,) = tmp_path.glob("events*")
    last_of_its_second = f"events.out.tfevents.{int(time.time()):010d}.~"
    first.rename(tmp_path / last_of_its_second)
    with board(tmp_path, purge_step=2) as shown:
        shown.epoch({"epoch": 2, "tune_auc": 0.75})
    assert scalars(tmp_path, "tune_auc") == [(1, 0.25), (2, 0.75)]


def test_events_are_on_the_disk_before_the_state_is_saved(tmp_path):
    with board(tmp_path, telemetry=True) as shown:
        for _ in range(10):
            shown.step(*batch(0.0, 1.0))
        shown.state()
        assert scalars(tmp_path, "running/train_loss") == [(10, 0.5)]
        shown.epoch({"epoch": 1, "tune_auc": 0.5})
        assert scalars(tmp_path, "tune_auc") == [(1, 0.5)]


def test_the_state_of_nothing_can_be_loaded(tmp_path):
    with board(tmp_path, telemetry=True) as shown:
        shown.load({})
        shown.load(shown.state())
        shown.step(*batch(0.0, 1.0))
    assert set(shown.state()) == {"n_batches", "losses", "logits", "truth"}


def test_only_the_first_process_writes(tmp_path):
    with board(tmp_path / "other", telemetry=True, rank=1) as shown:
        shown.layers(1)
        shown.step(*batch(0.0, 1.0), n_batches=10)
        shown.epoch({"epoch": 1, "tune_auc": 0.5})
        assert shown.state() == {}
    assert not (tmp_path / "other").exists()
    with pytest.raises(RadpipeError, match="no events of TensorBoard"):
        read_board(tmp_path / "other")
