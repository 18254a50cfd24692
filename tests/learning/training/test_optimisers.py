"""Optimisers and schedules: what a preset says is what is live."""

from typing import Any

import pytest
import torch
from torch import nn

from radpipe.core.presets import load_preset
from radpipe.core.settings import Training
from radpipe.learning.training.optimisers import end_epoch, make_optimizer, make_schedule, per_step
from tests.small_study import ROOT, presets


def live(train: Training) -> tuple[Any, Any]:
    optimizer = make_optimizer(nn.Linear(2, 1), train)
    return optimizer, make_schedule(optimizer, train, steps_per_epoch=10)


def how(**settings: Any) -> Training:
    given = {"optimizer": "sgd", "lr": 1.0, "batch_size": 1, "epochs": 4, **settings}
    return Training.model_validate(given)


@pytest.mark.parametrize("preset", presets())
def test_a_preset_is_read_back_from_the_live_objects(preset):
    train = load_preset(preset, {}, where="", root=ROOT / "presets").train
    optimizer, schedule = live(train)
    group = optimizer.param_groups[0]
    assert type(optimizer).__name__.lower() == train.optimizer
    assert group["weight_decay"] == train.weight_decay
    if train.optimizer == "sgd":
        assert group["momentum"] == train.momentum
    elif train.optimizer == "rmsprop":
        assert (group["alpha"], group["momentum"]) == (train.decay_rate, train.momentum)
        assert group["eps"] == train.epsilon
    else:
        assert (tuple(group["betas"]), group["eps"]) == (train.betas, train.epsilon)
    wanted = train.schedule
    if wanted.name == "plateau":
        assert (schedule.mode, schedule.factor) == ("min", wanted.factor)
        assert schedule.patience == wanted.patience - 1
        assert schedule.threshold == wanted.min_delta
        assert schedule.threshold_mode == ("rel" if wanted.relative else "abs")
        assert schedule.min_lrs == [wanted.min_lr]
    elif wanted.name == "one-cycle":
        assert schedule.total_steps == train.epochs * 10
        assert group["max_lr"] == train.lr
    elif wanted.name == "step":
        assert (schedule.step_size, schedule.gamma) == (wanted.every, wanted.factor)
    elif wanted.name == "constant":
        assert [rate(7) for rate in schedule.lr_lambdas] == [1.0]
    else:
        assert (wanted.name, schedule.T_max) == ("cosine", train.epochs)
    assert group.get("max_lr", group["lr"]) == train.lr


PUBLISHED = {
    "v1": ("adam", 10),
    **dict.fromkeys(["v2", "v2_M2", "v2_M3", "v2_M4", "v2_G", "v3"], ("adam", 8)),
    **dict.fromkeys(["v2_M1", "v2_G_M1"], ("rmsprop", 8)),
}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_published_training_settings(name):
    """The values of the notebooks, and Keras' defaults where those say nothing."""
    preset = load_preset(f"bones/{name}", {}, where="", root=ROOT / "presets")
    train, augment = preset.train, preset.augment
    assert (train.optimizer, train.stop_patience) == PUBLISHED[name]
    assert (train.lr, train.epsilon, train.decay_rate) == (
        *(1e-3, 1e-7),
        0.9 if train.optimizer == "rmsprop" else 0.99,
    )
    assert train.schedule.model_dump() == {
        **{"name": "plateau", "metric": "loss", "factor": 0.1, "patience": 3},
        **{"min_delta": 1e-4, "min_lr": 1e-4, "relative": False},
    }
    assert (train.stop_metric, train.stop_min_delta, train.best_metric) == ("loss", 1e-4, "loss")
    assert (train.batch_size, train.epochs, train.normalize) == (32, 100, "unit")
    assert (train.class_weights, train.loss) == ("balanced", "auto")
    assert augment.model_dump(exclude_defaults=True) == {
        **{"flip_horizontal": 0.5, "flip_vertical": 0.5, "rotate": 30.0}
    }


def rates(train: Training, losses: list[float]) -> list[float]:
    """Return the learning rate of every epoch."""
    optimizer, schedule = live(train)
    seen = []
    for loss in losses:
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        end_epoch(schedule, train, {"loss": loss, "auc": -loss})
    return seen


def test_plateau_falls_after_three_epochs_without_improvement_as_in_keras():
    losses = [1.0, 0.9, 0.89995, 0.9, 0.91, 0.8, 0.8]
    plateau = {"name": "plateau", "patience": 3, "min_lr": 0.1}
    expected = [1, 1, 1, 1, 1, 0.1, 0.1]
    assert rates(how(schedule=plateau), losses) == pytest.approx(expected)
    upwards = {**plateau, "metric": "auc"}
    assert rates(how(schedule=upwards), losses) == pytest.approx(expected)


def test_constant_step_and_cosine():
    assert rates(how(), [0.0] * 3) == [1, 1, 1]
    step = {"name": "step", "every": 2, "factor": 0.1}
    assert rates(how(schedule=step), [0.0] * 5) == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    cosine = {"name": "cosine", "min_lr": 0.2}
    half = 0.4 * 2**0.5
    expected = [1, 0.6 + half / 2**0.5 * 2**-0.5, 0.6, 0.6 - half * 0.5]
    assert rates(how(schedule=cosine), [0.0] * 4) == pytest.approx(expected)


def test_one_cycle_moves_every_step_up_to_lr_and_down():
    train = how(schedule={"name": "one-cycle", "warmup": 0.25}, optimizer="adamw")
    optimizer, schedule = live(train)
    assert per_step(schedule)
    seen = []
    for _ in range(40):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert max(seen) == pytest.approx(1.0)
    assert seen.index(max(seen)) == 9
    assert seen[-1] < 1e-5
    assert not per_step(live(how())[1])


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_square_roots_are_not_left_to_mkl(name):
    """A plain step takes MKL's, whose last bits differ by the maker of the processor."""
    assert live(how(optimizer=name))[0].param_groups[0]["fused"] is True


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimiser_descends(name):
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = make_optimizer(model, how(optimizer=name, lr=0.05))
    losses = []
    for _ in range(50):
        loss = (model(torch.ones(1, 2)) - 1).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10
