"""Layers that keep their weights: for how long, at which rate, and to the bit when resumed."""

import contextlib

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Freeze
from radpipe.core.step import StoppedError
from radpipe.learning.networks.network import read_about
from radpipe.learning.training.freezing import find_frozen, set_training
from radpipe.learning.training.train import start, train
from tests.learning.networks.test_losses import how
from tests.learning.training.test_train import same

# Of the tiny network: stem (0 convolution, 1 batch norm), a residual stage (3), dropout and head.
STEM = {"layers": ["0", "1", "3"]}


def tensors(state):
    return {name: tensor.clone() for name, tensor in state.network.state_dict().items()}


def moved(before, after):
    """Return the first parts of the names of the tensors that changed."""
    return {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
def test_frozen_layers_keep_every_bit(make, tmp_path, optimizer):
    """Weights under decay and momentum, and the statistics of batch norm."""
    how = {"optimizer": optimizer, "weight_decay": 0.1, "lr": 0.01}
    how |= {} if optimizer == "adamw" else {"momentum": 0.9}
    run = make(epochs=2, freeze=STEM, schedule={"name": "constant"}, **how)
    before = tensors(start(run, seed=0))
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    (head,) = moved(before, tensors(state))
    assert head not in STEM["layers"]


def test_layers_thaw_after_their_epochs(make, tmp_path):
    run = make(epochs=2, freeze={**STEM, "epochs": 1, "lr": 0.5}, lr=0.01, clip_norm=None)
    calls = iter(range(100))
    first = start(run, seed=0)
    with pytest.raises(StoppedError):
        # Asked after every step but an epoch's last one, and after every epoch.
        train(
            run,
            seed=0,
            saved=tmp_path / "state",
            board=tmp_path / "board",
            stop=lambda: next(calls) + 1 >= run.steps_per_epoch,
        )
    before = tensors(first)
    first.load(tmp_path / "state")
    frozen = tensors(first)
    assert len(moved(before, frozen)) == 1
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    assert moved(frozen, tensors(state)) == {"0", "1", "3", *moved(before, frozen)}
    assert state.progress.history[0]["lr"] == 0.5


SCHEDULES = {
    "step": {"name": "step", "every": 1, "factor": 0.8},
    "cosine": {"name": "cosine"},
    "one-cycle": {"name": "one-cycle"},
    "plateau": {"name": "plateau", "patience": 1, "min_delta": 10.0, "factor": 0.5},
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_the_schedule_goes_on_as_if_nothing_had_been_frozen(make, tmp_path, schedule):
    """The rates of system D: one frozen epoch at 1e-3, then 5e-5 falling by steps."""
    how = {"epochs": 3, "optimizer": "adam", "lr": 5e-5, "schedule": schedule}
    freeze = {**STEM, "epochs": 1, "lr": 1e-3}
    runs = [make(**how), make(**how, freeze=freeze)]
    plain, frozen = (
        [
            row["lr"]
            for row in train(
                run, seed=0, saved=tmp_path / str(k), board=tmp_path / "board"
            ).progress.history
        ]
        for k, run in enumerate(runs)
    )
    assert frozen[0] == 1e-3
    assert frozen[1:] == plain[1:]
    if schedule["name"] == "step":
        assert frozen[1:] == pytest.approx([4e-5, 3.2e-5])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_stopping_in_frozen_and_thawed_epochs_changes_no_bit(make, tmp_path, optimizer):
    """Stopped in the midst of a frozen epoch and of a thawed one."""
    freeze = {**STEM, "epochs": 1, "lr": 0.002}
    step = {"name": "step", "every": 1, "factor": 0.8}
    how = {"schedule": step, "optimizer": optimizer, "weight_decay": 0.01, "batch_size": 4}
    run = make(epochs=3, freeze=freeze, **how)
    straight = train(run, seed=3, saved=tmp_path / "a", board=tmp_path / "board")
    calls = iter(range(100))
    resumed, stops = None, []
    while resumed is None:
        try:
            resumed = train(
                run,
                seed=3,
                saved=tmp_path / "b",
                board=tmp_path / "board",
                stop=lambda: (next(calls) + 1) % 5 == 0,
            )
        except StoppedError:
            progress = read_about(tmp_path / "b")["progress"]
            stops.append((progress["epoch"], progress["batch"] > 0))
    assert {(0, True), (2, True)} <= set(stops)
    same(straight, resumed)
    slots = [run_.optimizer.state_dict()["state"] for run_ in (straight, resumed)]
    assert slots[0].keys() == slots[1].keys()
    for number, slot in slots[0].items():
        for name, value in slot.items():
            other = slots[1][number][name]
            assert value is other or torch.equal(value, other)


def model():
    return nn.Sequential(
        nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout()), nn.ReLU(), nn.Linear(2, 1)
    )


def test_frozen_layers_act_as_in_evaluation_and_have_no_gradient():
    network = model()
    network[0][0].bias.requires_grad_(False)
    frozen = find_frozen(network, how(freeze={"layers": ["0"], "epochs": 2}))
    for epoch in (0, 1, 2):
        set_training(network, frozen, epoch)
        now = epoch < 2
        assert [module.training for module in network[0].modules()] == [not now] * 4
        assert network[2].training
        assert network[0][0].weight.requires_grad == (not now)
        assert not network[0][0].bias.requires_grad  # as the architecture wants it


def test_a_name_ends_at_a_dot():
    network = nn.ModuleDict({"image": nn.Linear(1, 1), "image2": nn.Linear(1, 1)})
    frozen = find_frozen(network, how(freeze={"layers": ["image"]}))
    assert frozen.groups[0].weights == tuple(network["image"].parameters())


@pytest.mark.parametrize("name", ["2.weight", "", "3"])
def test_a_name_that_is_no_module_is_told_with_those_that_are(name):
    with pytest.raises(ConfigError, match=rf"called '{name}'.* consists of: 0, 1, 2; names go on"):
        find_frozen(model(), how(freeze={"layers": [name]}))


def test_nothing_left_to_train_is_refused():
    with pytest.raises(ConfigError, match=r"0, 2 hold every weight of the network"):
        find_frozen(model(), how(freeze={"layers": ["0", "2"]}))


def test_a_rate_for_layers_that_never_thaw_is_refused():
    with pytest.raises(ValidationError, match=r"without epochs, set train\.lr"):
        Freeze(layers=["0"], lr=0.1)


GRADUAL = {
    "layers": ["0", "1"],
    "thaw": [{"layers": ["1"], "after": 1}, {"layers": ["0.0"], "after": 3}],
}


@pytest.mark.parametrize(
    ("epochs", "learns"),
    [
        # By hand: which of 0.0, 0.1 (a norm), 1.0 learn in epochs 1 to 4.
        (None, ["", "1.0", "1.0", "0.0 1.0"]),
        (2, ["", "1.0", "0.1 1.0", "0.0 0.1 1.0"]),
    ],
)
def test_layers_thaw_one_by_one(epochs, learns):
    blocks = [nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.Sequential(nn.Linear(2, 2))]
    network = nn.Sequential(*blocks, nn.Linear(2, 1))
    frozen = find_frozen(network, how(freeze={**GRADUAL, "epochs": epochs}))
    # Backwards, too: nothing but the epoch decides.
    for epoch in (0, 1, 2, 3, 0):
        set_training(network, frozen, epoch)
        leaves = [(name, network.get_submodule(name)) for name in ("0.0", "0.1", "1.0")]
        assert " ".join(n for n, leaf in leaves if leaf.weight.requires_grad) == learns[epoch]
        assert all(leaf.training == leaf.weight.requires_grad for _, leaf in leaves)
        assert network[2].training


def test_of_two_entries_for_a_layer_the_earlier_counts():
    network = nn.Sequential(nn.Sequential(nn.Linear(1, 1)), nn.Linear(1, 1))
    thaw = [{"layers": ["0.0"], "after": 3}, {"layers": ["0"], "after": 1}]
    frozen = find_frozen(network, how(freeze={"layers": ["0"], "thaw": thaw}))
    set_training(network, frozen, 1)
    assert network[0][0].weight.requires_grad


def test_what_would_thaw_after_the_last_epoch_is_told(caplog):
    network = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    freeze = {"layers": ["0"], "thaw": [{"layers": ["0"], "after": 3}]}
    find_frozen(network, how(freeze=freeze, epochs=4))
    assert not caplog.records
    find_frozen(network, how(freeze=freeze, epochs=3))
    assert "0 would learn after 3 epochs, and the training has 3" in caplog.text


def test_what_was_not_frozen_cannot_thaw():
    thaw = [{"layers": ["2"], "after": 1}]
    with pytest.raises(ConfigError, match=r"2 are to learn after 1 epochs, and freeze\.layers \(0"):
        find_frozen(model(), how(freeze={"layers": ["0"], "thaw": thaw}))
    with pytest.raises(ConfigError, match=r"freeze\.thaw: no module is called 'x'"):
        find_frozen(model(), how(freeze={"layers": ["0"], "thaw": [{"layers": ["x"], "after": 1}]}))


FORMS = {
    "freeze": {**STEM, "thaw": [{"layers": ["3"], "after": 1}, {"layers": ["0"], "after": 2}]},
    "layer_rates": [{"layers": ["0", "1"], "factor": 0.1}, {"layers": ["3"], "factor": 0.5}],
    "kernel_l2": 1e-3,
}


def test_all_forms_together_are_the_same_to_the_bit_when_resumed(make, tmp_path):
    run = make(epochs=4, batch_size=8, weight_decay=0.0, telemetry=True, **FORMS)
    straight = train(run, seed=3, saved=tmp_path / "a", board=tmp_path / "board")
    calls = iter(range(100))
    resumed = None
    while resumed is None:
        with contextlib.suppress(StoppedError):
            resumed = train(
                run,
                seed=3,
                saved=tmp_path / "b",
                board=tmp_path / "board",
                stop=lambda: (next(calls) + 1) % 3 == 0,
            )
    same(straight, resumed)
    first = tensors(start(run, seed=3))
    # The norm of the stem is never thawed, all others are.
    still = {name for name, tensor in tensors(resumed).items() if torch.equal(tensor, first[name])}
    assert {n for n in still if "mean" not in n and "sd" not in n} == {
        f"model.1.{n}" for n in ("weight", "bias", "running_var", "num_batches_tracked")
    }
