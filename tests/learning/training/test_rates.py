"""Learning rates of layers and of steps."""

import contextlib

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Training
from radpipe.learning.training.optimisers import end_epoch, make_optimizer, make_schedule
from radpipe.learning.training.rates import rate_of_step
from tests.learning.networks.test_losses import how


def model():
    return nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), nn.Linear(1, 1))


def moved(network: nn.Module, train: Training, epoch: int = 0) -> list[float]:
    """Make a step of SGD with gradients of 1; each weight goes as far as its rate, returned."""
    before = [weight.item() for weight in network.parameters()]
    optimizer = make_optimizer(network, train)
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    with rate_of_step(optimizer, train, epoch):
        optimizer.step()
    return [b - w.item() for b, w in zip(before, network.parameters(), strict=True)]


RATES = [{"layers": ["0.1"], "factor": 0.5}, {"layers": ["0"], "factor": 0.1}]


def test_layers_learn_at_their_share_and_the_smaller_module_counts():
    train = how(optimizer="sgd", lr=0.2, layer_rates=RATES)
    assert moved(model(), train) == pytest.approx([0.02, 0.02, 0.1, 0.1, 0.2, 0.2], abs=1e-6)


def test_the_rate_of_frozen_epochs_is_shared_alike():
    freeze = {"layers": ["1"], "epochs": 1, "lr": 2.0}
    train = how(optimizer="sgd", lr=0.2, layer_rates=RATES, freeze=freeze)
    assert moved(model(), train)[:4] == pytest.approx([0.2, 0.2, 1.0, 1.0], abs=1e-6)
    assert moved(model(), train, 1)[:4] == pytest.approx([0.02, 0.02, 0.1, 0.1], abs=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_a_factor_of_one_is_none(optimizer):
    torch.manual_seed(0)
    networks = [model(), model()]
    networks[1].load_state_dict(networks[0].state_dict())
    one = [{"layers": ["0"], "factor": 1.0}]
    for network, rates in zip(networks, ([], one), strict=True):
        moved(network, how(optimizer=optimizer, lr=0.1, layer_rates=rates))
    for a, b in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "schedule",
    [
        {"name": "step", "every": 1, "factor": 0.5},
        {"name": "plateau", "patience": 1, "min_delta": 10.0, "factor": 0.5, "min_lr": 0.05},
        {"name": "cosine", "min_lr": 0.05},
        {"name": "one-cycle"},
    ],
)
def test_a_schedule_is_what_it_was(schedule):
    """Whatever makes the rates, layers have their share of them."""
    base = {"optimizer": "sgd", "lr": 0.2, "epochs": 4, "schedule": schedule}
    seen = []
    for rates in ([], RATES):
        train = how(**base, layer_rates=rates)
        optimizer = make_optimizer(model(), train)
        moves = make_schedule(optimizer, train, steps_per_epoch=1)
        seen.append([])
        for _ in range(4):
            with rate_of_step(optimizer, train, 0) as rate:
                shares = [group["lr"] / rate for group in optimizer.param_groups]
                optimizer.step()
            assert shares == pytest.approx([1.0, 0.5, 0.1] if rates else [1.0])
            seen[-1].append(rate)
            moves.step() if schedule["name"] == "one-cycle" else end_epoch(
                moves, train, {"loss": 1.0}
            )
    assert seen[0] == seen[1]


def test_a_name_that_is_no_module_is_told():
    train = how(layer_rates=[{"layers": ["2"], "factor": 0.5}])
    with pytest.raises(ConfigError, match=r"train\.layer_rates: no module is called '2'"):
        make_optimizer(model(), train)


def test_a_layer_without_weights_has_no_rate():
    network = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    with pytest.raises(ConfigError, match=r"layer_rates: 1 \(ReLU\) has no weights"):
        make_optimizer(network, how(layer_rates=[{"layers": ["0", "1"], "factor": 0.5}]))


def test_a_layer_that_is_named_twice_is_told():
    rates = [{"layers": ["0", "1"], "factor": 0.5}, {"layers": ["1"], "factor": 0.1}]
    with pytest.raises(ValidationError, match="layer_rates: 1 is named twice; leave one out"):
        how(layer_rates=rates)


def test_the_schedules_rate_is_put_back_also_after_a_mistake():
    optimizer = torch.optim.SGD(model().parameters(), lr=0.1)
    train = how(freeze={"layers": ["0"], "epochs": 1, "lr": 0.7})
    with contextlib.suppress(KeyError), rate_of_step(optimizer, train, 0) as rate:
        assert rate == optimizer.param_groups[0]["lr"] == 0.7
        raise KeyError
    assert optimizer.param_groups[0]["lr"] == 0.1
    with rate_of_step(optimizer, train, 1) as rate:
        assert rate == 0.1
