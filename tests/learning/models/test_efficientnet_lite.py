"""EfficientNet-Lite0: its published size, the names of its published file, its padding."""

import pytest
import torch

from radpipe.core.descriptors import read_descriptor
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import build_empty, build_model
from radpipe.learning.models.efficientnet_lite import STAGES, Padded
from radpipe.learning.starts.borrowing import fill, fits, offered, parts_of
from tests.conftest import ROOT
from tests.learning.starts.conftest import borrowed_of

NET = {"name": "efficientnet_lite"}
# Published: 4.7 million parameters with a head of 1,000 classes (tensorflow/tpu, lite/README.md).
PARAMETERS = 4_652_008


def by_hand():
    """Add up table 1: kernels, and two numbers a channel of each norm."""
    total, width = 32 * 27 + 64, 32
    for expand, kernel, _, out, blocks in STAGES:
        for _ in range(blocks):
            wide = width * expand
            total += (width * wide + 2 * wide) * (expand > 1)
            total += wide * kernel**2 + 2 * wide + wide * out + 2 * out
            width = out
    return total + 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000


def test_it_has_the_published_size():
    choice = ModelChoice.model_validate(NET)
    model = build_empty(choice, n_channels=3, n_outputs=1000, size=224)
    assert sum(each.numel() for each in model.parameters()) == by_hand() == PARAMETERS


@pytest.mark.parametrize(
    ("side", "stride", "out", "corner"),
    [
        pytest.param(4, 1, 4, 4.0, id="no stride: one on each side"),
        pytest.param(4, 2, 2, 9.0, id="even: one too many, and it goes behind"),
        pytest.param(5, 2, 3, 4.0, id="odd: one on each side"),
    ],
)
def test_padding_is_tensorflows(side, stride, out, corner):
    """A kernel of ones counts the pixels of the picture that it meets at the first corner."""
    layer = Padded(1, 1, 3, stride=stride, bias=False)
    torch.nn.init.ones_(layer.weight)
    with torch.no_grad():
        maps = layer(torch.ones(1, 1, side, side))
    assert maps.shape[2:] == (out, out)
    assert maps[0, 0, 0, 0].item() == corner


def published_names():
    """Return the names of the published file's tensors, in its order, from the architecture."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = ["_conv_stem.weight", *(f"_bn0.{each}" for each in norm)]
    numbers = [(expand, block) for expand, *_, blocks in STAGES for block in range(blocks)]
    for number, (expand, _) in enumerate(numbers):
        layers = [("_expand_conv", "_bn0")] * (expand > 1)
        for conv, own in (*layers, ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
            names.append(f"_blocks.{number}.{conv}.weight")
            names += [f"_blocks.{number}.{own}.{each}" for each in norm]
    names += ["_conv_head.weight", *(f"_bn1.{each}" for each in norm)]
    return [*names, "_fc.weight", "_fc.bias"]


def test_the_published_file_fills_all_of_it_in_order(monkeypatch):
    """Its 296 names become ours one to one; only the last layer is left."""
    monkeypatch.chdir(ROOT)
    start = borrowed_of(read_descriptor("efficientnet_lite0"), "0" * 64)
    model = build_model(ModelChoice.model_validate(NET), n_channels=3, n_outputs=1, size=64)
    own = model.state_dict()
    names = published_names()
    assert len(names) == 296 == len(own)
    tensors = {name: value + 1 for name, value in zip(names, own.values(), strict=True)}
    parts = parts_of(model)
    assert [fits(part, start) for part in parts.values()] == [True]
    offer = offered(names, start)
    assert list(offer.sources) == [*own][:-2]
    taken, faults = fill(own, parts, offer, lambda name: tensors[name].clone())
    assert (faults, set(own) - taken) == ([], {"last.weight", "last.bias"})


def test_grey_pictures_are_three_equal_colours():
    torch.manual_seed(0)
    grey = build_model(
        ModelChoice.model_validate({**NET, "stem": "repeat"}), n_channels=1, n_outputs=2, size=32
    ).eval()
    colour = build_model(ModelChoice.model_validate(NET), n_channels=3, n_outputs=2, size=32).eval()
    colour.load_state_dict(grey.state_dict())
    pictures = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(grey(pictures), colour(pictures.expand(-1, 3, -1, -1)))
