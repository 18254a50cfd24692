"""The loop on exams of several views with unequal numbers of slices."""

import contextlib
import dataclasses

import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.core.step import StoppedError
from radpipe.learning.distributed.process_group import ALONE, ProcessGroup
from radpipe.learning.networks.inference import infer, infer_logits
from radpipe.learning.networks.network import load_network, save_weights
from radpipe.learning.training.boards import read_board
from radpipe.learning.training.gradients import batch_gradient
from radpipe.learning.training.train import about, start, train
from radpipe.learning.training.watching import score_tune
from tests.learning.training.test_train import same

VIEWS = {"trunks": "view", "pool": "max", "head": "views"}


@pytest.mark.parametrize("model", [{}, VIEWS], ids=["joint", "views"])
def test_training_learns_exams(make_exams, tmp_path, model):
    run = make_exams(model=model, epochs=25, lr=1e-2)
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    history = state.progress.history
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    assert max(row["tune_auc"] for row in history) > 0.8
    state.network.load_state_dict(state.kept)
    assert score_tune(run, state)["auc"] == max(row["tune_auc"] for row in history)


@pytest.mark.parametrize("model", [{}, VIEWS], ids=["joint", "views"])
def test_a_stopped_run_goes_on_to_the_bit_and_shows_the_same(make_exams, tmp_path, model):
    run = make_exams(model=model, telemetry=True, batch_size=1, augment={"rotate": 10})
    whole = train(run, seed=0, saved=tmp_path / "a", board=tmp_path / "board-a")
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps in (3, 17)

    for _ in range(3):
        with contextlib.suppress(StoppedError):
            parts = train(run, seed=0, saved=tmp_path / "b", board=tmp_path / "board-b", stop=stop)
    same(whole, parts)
    one, other = (read_board(tmp_path / f"board-{name}") for name in "ab")
    assert one.scalars == other.scalars
    assert {row["name"] for row in one.scalars} >= {"running/train_auc", "tune_auc"}
    assert repr(one.histograms) == repr(other.histograms)
    assert {row["epoch"] for row in one.histograms} == {1, 2, 3}


def test_telemetry_changes_no_weight(make_exams, tmp_path):
    found = []
    for telemetry in (False, True):
        run = make_exams(telemetry=telemetry)
        folder = tmp_path / str(telemetry)
        found.append(train(run, seed=0, saved=folder / "state", board=folder / "board"))
    same(*found)


def test_every_process_takes_its_exams(make_exams):
    """Shares add up to the gradient of the batch, with augmentation."""
    run = make_exams(augment={"rotate": 10, "per_slice": True, "slice_step": 2})
    found = []
    for process_group in (ALONE, ProcessGroup(0, 2), ProcessGroup(1, 2)):
        state = start(run, seed=0)
        state.network.eval()
        batch = torch.tensor([5, 2, 7])
        seen = batch_gradient(
            dataclasses.replace(run, process_group=process_group), state, batch, 1
        )
        weights = state.network.parameters()
        found.append([seen.loss.float(), *(w.grad.clone() for w in weights)])
    for whole, *parts in zip(*found, strict=True):
        torch.testing.assert_close(sum(parts), whole, atol=1e-7, rtol=1e-4)


def test_pieces_of_a_batch_add_up_to_it(make_exams):
    run = make_exams(augment={"slice_step": 2})
    found = []
    for pieces in (1, 2):
        state = start(run, seed=0)
        state.network.eval()
        state.progress.pieces = pieces
        seen = batch_gradient(run, state, torch.tensor([5, 2, 7, 1]), 1)
        weights = state.network.parameters()
        found.append([seen.loss.float(), seen.logits, *(w.grad.clone() for w in weights)])
    for whole, cut in zip(*found, strict=True):
        torch.testing.assert_close(cut, whole, atol=1e-7, rtol=1e-4)


def test_a_part_of_the_slices_is_learned_from_and_all_are_asked(make_exams, monkeypatch):
    run, seen = make_exams(augment={"slice_step": 2}), []
    state = start(run, seed=0)
    forward = state.network.forward

    def counted(batch):
        seen.append(sum(map(sum, batch.counts)))
        return forward(batch)

    monkeypatch.setattr(state.network, "forward", counted)
    asked = torch.tensor([5, 2, 7, 1])
    slices = run.store.slices(run.train.rows[asked.numpy()])
    assert slices.max() > 1
    batch_gradient(run, state, asked, 1)
    infer_logits(state.network, run.store, run.train.rows[asked.numpy()], torch.device("cpu"))
    learned, answered = seen[0], sum(seen[1:])
    assert (slices // 2).sum() <= learned <= (-(-slices // 2)).sum()
    assert answered == slices.sum()


@pytest.mark.parametrize("model", [{}, VIEWS], ids=["joint", "views"])
def test_a_saved_network_is_the_same_network(make_exams, tmp_path, model):
    """The regression over the views is saved with it."""
    run = make_exams(model=model, normalize="mrnet")
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    file = tmp_path / "weights.safetensors"
    save_weights(file, state.kept, about(run, state, fold=0, seed=0))
    network = load_network(file, run.recipe, run.store)
    state.network.load_state_dict(state.kept)
    rows, device = run.tune.rows, torch.device("cpu")
    ours = infer_logits(network, run.store, rows, device)
    assert ours.shape == (len(rows), 2)
    assert torch.equal(ours, infer_logits(state.network, run.store, rows, device))
    outputs = infer(network, run.store, rows, device)
    assert outputs.shape[1:] == ((2, 2) if model else (2,))
    assert ("model.combine.weight" in state.kept) == bool(model)


def test_an_exam_is_scored_the_same_wherever_it_stands(make_exams):
    run = make_exams()
    network, device = start(run, seed=0).network, torch.device("cpu")
    rows = run.train.rows
    straight = infer(network, run.store, rows, device)
    assert torch.equal(infer(network, run.store, rows[::-1], device), straight.flip(0))


def test_exclusive_classes_are_no_yes_or_no_answers(make_exams):
    run = make_exams(model=VIEWS)
    target = run.recipe.target.model_copy(update={"kind": "multi-class"})
    other = run.recipe.model_copy(update={"target": target})
    with pytest.raises(ConfigError, match=r"model\.head: 'views' puts yes-or-no answers together"):
        start(dataclasses.replace(run, recipe=other), seed=0)
