"""What was published of the networks for knee MRI, and what can be worked out of it."""

import math

import numpy as np
import pytest
import torch

from radpipe.core.presets import load_preset
from radpipe.core.settings import Target, Training
from radpipe.learning.data.cases import Batch
from radpipe.learning.data.normalisation import MRNET
from radpipe.learning.networks.class_weights import class_weights
from radpipe.learning.networks.losses import make_loss
from radpipe.learning.networks.network import Network, stretched
from radpipe.learning.training.optimisers import end_epoch, make_optimizer, make_schedule
from radpipe.learning.training.stopping import Watch
from tests.small_study import ROOT

ACL = Target(kind="binary", classes=["intact", "torn"])
THREE = Target(kind="multi-label", classes=["abnormal", "acl", "meniscus"])


def preset(name: str) -> Training:
    return load_preset(f"knee_mri/{name}", {}, where="", root=ROOT / "presets").train


def answers(*absent_present: tuple[int, int]) -> np.ndarray:
    """Return targets with so many 0 and 1 in each column."""
    columns = [np.repeat([0.0, 1.0], counts) for counts in absent_present]
    return np.stack(columns, axis=1).astype(np.float32)


TRAIN = answers((217, 913), (922, 208), (733, 397))


@pytest.mark.parametrize(
    ("counts", "loss"), [((922, 208), 0.208), ((66, 54), 0.343)], ids=["train", "valid"]
)
def test_the_weighted_loss_starts_where_the_published_curves_start(counts, loss):
    """An untrained network says 1/2, so that the loss is ln 2 * 2 p (1 - p)."""
    truth, how = answers(counts), preset("basic_06_3")
    weights = class_weights(truth, ACL, how)
    logits = torch.zeros(len(truth), 1)
    found = make_loss(ACL, how, weights)(logits, torch.from_numpy(truth)).item() / len(truth)
    p = counts[1] / sum(counts)
    assert found == pytest.approx(math.log(2) * 2 * p * (1 - p), rel=1e-5)
    assert found == pytest.approx(loss, abs=5e-4)


def test_positive_weights_are_the_published_ones():
    weights = class_weights(TRAIN, THREE, preset("alexnet_planes"))
    expected = [[1, 0.2377], [1, 4.4327], [1, 1.8463]]
    torch.testing.assert_close(weights, torch.tensor(expected), atol=5e-5, rtol=0)


def test_a_positive_weight_weighs_the_present_as_torch_does():
    truth = torch.from_numpy(TRAIN[::10])
    logits = torch.linspace(-2, 2, truth.numel()).view(truth.shape)
    how = preset("alexnet_planes")
    weights = class_weights(TRAIN, THREE, how)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, truth, pos_weight=weights[:, 1], reduction="sum"
    )
    torch.testing.assert_close(make_loss(THREE, how, weights)(logits, truth), theirs)


def test_intensities_are_brought_to_mrnets_mean_and_spread():
    """A volume from 10 to 40: its darkest voxel is 0 and its brightest 255 before."""
    mean, sd = (torch.tensor([value]) for value in MRNET)
    network = Network(torch.nn.Flatten(), mean, sd, stretch=True)
    dark, other = torch.tensor([[10.0, 25.0]]), torch.tensor([[0.0, 100.0]])
    images = (torch.cat([dark, other]) / 255).view(2, 1, 1, 2)
    batch = Batch((images,), ((1, 1),))
    expected = (torch.tensor([0.0, 255.0]) - 58.09) / 49.73
    assert network(batch)[0].tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    assert stretched(images, (2,)).max() == 1.0
    assert stretched(torch.full((3, 1, 2, 2), 0.5), (3,)).eq(0).all()


ADAM = {"optimizer": "adam", "betas": (0.9, 0.999), "epsilon": 1e-8, "batch_size": 1}


@pytest.mark.parametrize(
    ("name", "lr", "patience"),
    [
        ("basic_06_3", 1e-6, 3),
        ("relu_05_3", 1e-5, 3),
        ("relu_06_3", 1e-6, 3),
        ("leaky_05_3", 1e-5, 3),
        ("leaky_06_1", 1e-6, 1),
    ],
)
def test_the_five_runs_have_the_published_settings(name, lr, patience):
    train = preset(name)
    assert {**ADAM, "lr": lr, "weight_decay": 0.01, "epochs": 30}.items() <= vars(train).items()
    schedule = make_schedule(make_optimizer(torch.nn.Linear(1, 1), train), train, steps_per_epoch=1)
    assert (schedule.factor, schedule.patience) == (0.3, patience)
    assert (train.stop_patience, train.normalize, train.tune_loss) == (None, "mrnet", "weighted")


def test_the_three_plane_run_falls_and_stops_in_the_published_epochs():
    """The best epoch is 12; the rate falls after epochs 16 and 20, and 22 is the last."""
    train = preset("alexnet_planes")
    assert {**ADAM, "lr": 1e-5, "weight_decay": 0.0, "epochs": 50}.items() <= vars(train).items()
    optimizer = make_optimizer(torch.nn.Linear(1, 1), train)
    schedule = make_schedule(optimizer, train, steps_per_epoch=1)
    stop = Watch(train.stop_metric, train.stop_min_delta)
    losses = [0.5349, 0.50, 0.4607, 0.455, 0.45, 0.445, 0.4385, 0.43, 0.425, 0.42, 0.415, 0.4091]
    losses += [0.42, 0.43, 0.425, 0.43, 0.44, 0.435, 0.44, 0.45, 0.4423, 0.45, 0.45]
    seen, last = [], 0
    for epoch, loss in enumerate(losses, start=1):
        optimizer.step()
        end_epoch(schedule, train, {"loss": loss})
        seen.append(optimizer.param_groups[0]["lr"])
        stop.see(loss, epoch)
        if stop.waited >= train.stop_patience:
            last = epoch
            break
    assert (stop.epoch, last) == (12, 22)
    assert seen == pytest.approx([1e-5] * 15 + [3e-6] * 4 + [9e-7] * 3)


def test_the_three_plane_run_is_changed_as_published():
    found = load_preset("knee_mri/alexnet_planes", {}, where="", root=ROOT / "presets").augment
    assert found.model_dump(exclude_defaults=True) == {
        **{"flip_horizontal": 0.5, "translate": 0.11, "rotate": 10.0},
        **{"scale": (1.0, 1.2), "scale_apart": True},
    }
