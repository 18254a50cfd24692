"""Small networks and noise to be explained."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from radpipe.core.settings import ModelChoice, Target, Training
from radpipe.explaining.subject import Material, Member
from radpipe.learning.data.cases import Batch
from radpipe.learning.models import build_model, takes_exams
from radpipe.learning.networks.losses import n_outputs
from radpipe.learning.networks.network import Network

SIDE = 32
HOW = Training.model_validate(
    {"optimizer": "sgd", "lr": 0.1, "batch_size": 8, "epochs": 1, "threads": 1}
)
LABELS = Target(kind="multi-label", classes=["fracture", "metal", "cast"])


@dataclass(frozen=True)
class What:
    """A blueprint without a recipe."""

    model: ModelChoice
    target: Target
    train: Training
    variant: str = "bones-v1"


class Noise:
    """A store of noise: pictures, or volumes of 3, 4, 5, 3 ... slices."""

    bits = 8

    def __init__(self, views=("image",), *, volumes=False, channels=1, side=SIDE):
        self.views, self.volumes, self.channels, self.side = list(views), volumes, channels, side

    def slices(self, rows):
        return np.where(rows < 0, 0, 3 + rows % 3 if self.volumes else 1)

    def pixels(self, rows):
        shapes = [(n, self.side, self.side, self.channels) for n in self.slices(rows)]
        drawn = [
            np.random.default_rng(int(r)).integers(0, 256, shape, np.uint8)
            for r, shape in zip(rows, shapes, strict=True)
            if shape[0]
        ]
        return np.concatenate(drawn or [np.empty((0, *shapes[0][1:]), np.uint8)])


def member_of(model, *, target=LABELS, channels=1, views=1, volumes=False, side=SIDE, train=None):
    """Return a network of random weights, with random running means, too."""
    choice = ModelChoice.model_validate(model)
    how = train or HOW
    torch.manual_seed(0)
    shape = {"n_channels": channels, "n_outputs": n_outputs(target, how), "size": side}
    built = build_model(choice, **shape, n_views=views, volumes=volumes)
    for name, tensor in built.named_buffers():
        if name.endswith("running_mean"):
            tensor.uniform_(-0.3, 0.3)
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    last = list(built.parameters())[-2:]
    for each in last:
        torch.nn.init.normal_(each, std=0.3)
    mean, sd = torch.full((channels,), 0.4), torch.full((channels,), 0.3)
    network = Network(built, mean, sd, exams=takes_exams(choice))
    network = network.to(memory_format=torch.channels_last).eval()
    return Member(network, What(choice, target, how))


def material_of(n, store=None, entries=None, background=None):
    """Return cases of noise."""
    store = store or Noise()
    rows = np.arange(n * len(store.views)).reshape(n, len(store.views))
    return Material(store, [f"case-{k}" for k in range(n)], rows, entries, background)


class Plain(nn.Module):
    """A member as captum takes it: pictures in, answers out."""

    def __init__(self, member, of="logit"):
        super().__init__()
        self.member, self.network, self.of = member, member.network, of

    def forward(self, images):
        return self.member.answers(Batch((images,), ((1,) * len(images),)), self.of)


def pixels_of(member, material):
    """Return the pictures of all cases, (cases, channels, side, side)."""
    return material.batch(member, range(len(material))).views[0]
