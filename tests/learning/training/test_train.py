"""The loop in this process: learning, stopping, and going on to the last bit."""

import contextlib
import dataclasses

import numpy as np
import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.core.machine import same_bytes_on, this_machine
from radpipe.core.step import StoppedError
from radpipe.learning.data.samplers import draw_order
from radpipe.learning.networks.inference import predict_table
from radpipe.learning.networks.network import shape_of
from radpipe.learning.training import train as module
from radpipe.learning.training.gradients import batch_gradient
from radpipe.learning.training.train import about, history_text, one_step, start, train
from radpipe.learning.training.watching import score_tune
from tests.small_study import GRADES, LABELS, THREE, TWO


def same(a, b):
    """Compare two finished states to the bit."""
    assert a.progress == b.progress
    assert set(a.kept) == set(b.kept)
    assert all(torch.equal(a.kept[name], b.kept[name]) for name in a.kept)
    for one, other in zip(a.network.parameters(), b.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_training_learns_and_keeps_the_best_epoch(make, tmp_path):
    run = make(epochs=25, augment={"rotate": 0, "translate": 0, "scale": None})
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    history = state.progress.history
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    areas = [row["tune_auc"] for row in history]
    facts = about(run, state, fold=0, seed=0)
    assert (facts["value"], facts["epoch"]) == (max(areas), 1 + int(np.argmax(areas)))
    state.network.load_state_dict(state.kept)
    assert score_tune(run, state)["auc"] == max(areas)


def test_grades_are_learnt_in_order(make, tmp_path):
    """The number of bright squares, with one logit less than there are grades."""
    run = make(
        GRADES,
        loss="ordinal",
        best_metric="quadratic_kappa",
        class_weights="balanced",
        epochs=25,
        augment={"rotate": 0, "translate": 0, "scale": None},
    )
    assert shape_of(run.store, run.recipe)["n_outputs"] == 2
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    kappas = [row["tune_quadratic_kappa"] for row in state.progress.history]
    assert max(kappas) > 0.6
    facts = about(run, state, fold=0, seed=0)
    assert (facts["metric"], facts["value"]) == ("quadratic_kappa", max(kappas))
    state.network.load_state_dict(state.kept)
    assert score_tune(run, state)["quadratic_kappa"] == max(kappas)
    predicted = (state.network, run.store, run.tune, run.recipe)
    table = predict_table(*predicted, part="tune", device="cpu")
    scores = np.stack([table[name].to_numpy() for name in GRADES.score_columns], axis=1)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("setting", "how"),
    [
        ("best_metric", {"best_metric": "quadratic_kappa"}),
        ("stop_metric", {"stop_metric": "quadratic_kappa"}),
        ("schedule.metric", {"schedule": {"name": "plateau", "metric": "quadratic_kappa"}}),
    ],
)
def test_a_score_of_grades_needs_grades(make, setting, how):
    with pytest.raises(ConfigError, match=rf"train\.{setting}: .* the target is multi-class;"):
        make(THREE, **how)


CASES = {
    "one-cycle": {},
    "plateau and bfloat16": {
        "schedule": {"name": "plateau", "patience": 1, "min_lr": 1e-5},
        "precision": "bfloat16",
    },
    "rmsprop, weighted": {
        "optimizer": "rmsprop",
        "schedule": {"name": "cosine"},
        "sampler": "weighted",
        "momentum": 0.5,
    },
    "sgd, accumulated": {
        "optimizer": "sgd",
        "accumulate": 2,
        "schedule": {"name": "constant"},
        "batch_size": 4,
    },
}


@pytest.mark.parametrize("how", CASES.values(), ids=CASES)
@pytest.mark.parametrize("steps", [1, 5])
def test_stopping_anywhere_changes_no_bit(make, tmp_path, how, steps):
    run = make(**how)
    straight = train(run, seed=3, saved=tmp_path / "a", board=tmp_path / "board")
    calls = iter(range(100))
    resumed = None
    for _ in range(20):
        with contextlib.suppress(StoppedError):
            resumed = train(
                run,
                seed=3,
                saved=tmp_path / "b",
                board=tmp_path / "board",
                stop=lambda: (next(calls) + 1) % steps == 0,
            )
            break
        assert (tmp_path / "b").exists()
    assert resumed is not None
    same(straight, resumed)


def test_a_training_that_is_taken_up_elsewhere_knows_where_it_was_before(
    make, tmp_path, monkeypatch
):
    """Or its receipt would promise that the last machine alone gives the same bytes."""
    run, here = make(epochs=3, threads=2), this_machine()
    where = []
    for model in ("1", "1", "2"):
        there = dataclasses.replace(here, maker="Maker", model=model)
        where.append(same_bytes_on(there, **run.computes))
        monkeypatch.setattr(module, "this_machine", lambda there=there: there)
        with contextlib.suppress(StoppedError):
            state = train(
                run,
                seed=0,
                saved=tmp_path / "state",
                board=tmp_path / "board",
                stop=lambda last=model == "2": not last,
            )
    assert state.progress.done
    assert state.progress.places == [where[0], where[2]]
    assert where[0] != where[2]


def test_another_seed_gives_another_network(make, tmp_path):
    run = make(epochs=1)
    one, other = (
        train(run, seed=seed, saved=tmp_path / str(seed), board=tmp_path / "board")
        for seed in (0, 1)
    )
    assert one.progress.history != other.progress.history


def test_unknown_targets_give_no_gradient(make):
    """A batch with unknown targets has the gradient of its known ones."""
    run = make(LABELS, augment={"rotate": 0, "translate": 0, "scale": None}, optimizer="sgd")
    half = run.train.targets.copy()
    half[0], half[1, 0] = np.nan, np.nan
    masked = dataclasses.replace(run, train=dataclasses.replace(run.train, targets=half))
    state = start(masked, seed=0)
    state.network.eval()
    seen = batch_gradient(masked, state, torch.tensor([0, 1, 2]), 1)
    each = [batch_gradient(run, state, torch.tensor([k]), 1).loss for k in (1, 2)]
    assert seen.n_known == 3
    assert 0 < seen.loss.item() < sum(each).item()
    only = batch_gradient(masked, state, torch.tensor([0]), 1)
    assert (only.loss.item(), only.n_known) == (0.0, 0)
    state.optimizer.zero_grad()
    before = [weight.clone() for weight in state.network.parameters()]
    state.order = torch.tensor([0, 0])
    one_step(masked, state, [state.order])
    decay = 1 - run.how.lr * run.how.weight_decay
    assert all(
        torch.allclose(a, b, rtol=1 - decay)
        for a, b in zip(before, state.network.parameters(), strict=True)
    )


def test_accumulated_batches_are_one_large_batch(make):
    """Without batch statistics, 2 x 4 cases give the gradient of 8."""
    plain = {"rotate": 0, "translate": 0, "scale": None, "flip_horizontal": 0}
    settings = {"optimizer": "sgd", "class_weights": "none", "clip_norm": None}
    gradients = []
    for size in (8, 4):
        run = make(TWO, augment=plain, batch_size=size, accumulate=8 // size, **settings)
        state = start(run, seed=0)
        state.network.eval().train = lambda: None
        order = draw_order(run.train.targets, run.recipe.target, run.how, state.generator)[:8]
        before = [weight.detach().clone() for weight in state.network.parameters()]
        one_step(run, state, list(order.split(size)))
        after = list(state.network.parameters())
        gradients.append([a - b for a, b in zip(after, before, strict=True)])
        assert state.progress.n_seen == 8
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-7, rtol=1e-4)


class Small:
    """A device on which only a few pictures fit."""

    def __init__(self, network, most):
        self.network, self.most = network, most

    def __call__(self, images):
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.network.forward(images)


def first_step(make, monkeypatch, most):
    """Return state and gradient of a first step of eight pictures, augmented as always."""
    run = make(TWO, optimizer="sgd", clip_norm=None, batch_size=8)
    state = start(run, seed=0)
    state.network.eval().train = lambda: None
    order = draw_order(run.train.targets, run.recipe.target, run.how, state.generator)[:8]
    before = [weight.detach().clone() for weight in state.network.parameters()]
    monkeypatch.setattr(type(state.network), "__call__", Small(state.network, most))
    one_step(run, state, [order])
    pairs = zip(state.network.parameters(), before, strict=True)
    return state, [a - b for a, b in pairs]


@pytest.mark.parametrize(("most", "pieces"), [(8, 1), (4, 2), (3, 4), (2, 4)])
def test_a_batch_that_does_not_fit_is_cut(make, monkeypatch, caplog, most, pieces):
    """Without batch statistics the gradient is that of the whole batch."""
    _, whole = first_step(make, monkeypatch, 8)
    state, cut = first_step(make, monkeypatch, most)
    assert state.progress.pieces == pieces
    assert state.progress.n_seen == 8
    assert ("memory of the device ran out" in caplog.text) == (pieces > 1)
    for one, other in zip(whole, cut, strict=True):
        torch.testing.assert_close(one, other, atol=1e-7, rtol=1e-4)


def test_two_pictures_must_fit(make, monkeypatch):
    with pytest.raises(torch.OutOfMemoryError):
        first_step(make, monkeypatch, 1)


def test_early_stopping_and_max_steps(make, tmp_path):
    run = make(epochs=50, stop_patience=2, stop_min_delta=10.0)
    state = train(run, seed=0, saved=tmp_path / "a", board=tmp_path / "board")
    assert state.progress.epoch == 3  # the first is the best, then two without improvement
    run = make(epochs=50, max_steps=5)
    state = train(run, seed=0, saved=tmp_path / "b", board=tmp_path / "board")
    assert (state.progress.step, state.progress.epoch) == (5, 2)


def test_misspelt_metric_is_an_error_at_the_start(make):
    for name in ("best_metric", "stop_metric"):
        with pytest.raises(ConfigError, match="tune metric: unknown 'aucc', did you mean 'auc'"):
            start(make(**{name: "aucc"}), seed=0)


def test_history_is_plain_csv():
    rows = [{"epoch": 1, "lr": 1e-5, "tune_auc": float("nan")}]
    assert history_text(rows) == "epoch,lr,tune_auc\n1,1e-05,\n"
