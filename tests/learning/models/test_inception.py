"""Inception v3 cut after a module: published sizes, sides of maps, what it takes from a start."""

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from radpipe.core.descriptors import read_descriptor
from radpipe.core.errors import ConfigError
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import build_empty, n_parameters
from radpipe.learning.models.inception import MODULES
from radpipe.learning.starts.borrowing import fill, offered, parts_of
from tests.conftest import ROOT
from tests.learning.starts.conftest import borrowed_of
from tests.learning.starts.test_catalogue import source_of

DENSE = {"widths": [1024], "bias": False, "norm": True, "start": "he-uniform"}


def made(*, channels=3, size=224, **settings):
    choice = ModelChoice.model_validate({"name": "inception", **settings})
    return build_empty(choice, n_channels=channels, n_outputs=3, size=size)


def scales(model):
    """Count the scales of the trunk's norms, which Keras' network has not (`scale=False`)."""
    norms = [m for m in model.trunk.modules() if isinstance(m, nn.BatchNorm2d)]
    return sum(norm.num_features for norm in norms)


@pytest.mark.parametrize(
    ("settings", "published", "trained"),
    [
        ({}, 9_307_043, 331_779),
        ({"dense": DENSE, "dropout": 0.4}, 122_228_643, 113_251_331),
    ],
)
def test_published_networks_have_the_published_size(settings, published, trained):
    model = made(**settings)
    assert scales(model) == 9_408
    assert n_parameters(model) - scales(model) == published
    # Counted in torchvision's network up to there.
    assert sum(weight.numel() for weight in model.trunk.parameters()) == 8_965_856
    assert sum(weight.numel() for weight in model.head.parameters()) == trained


@pytest.mark.parametrize("size", [75, 224, 299])
@pytest.mark.parametrize("last", ["mixed2", "mixed3", "mixed7", "mixed10"])
def test_sides_are_those_of_the_maps(last, size):
    model = made(last=last, size=size)
    maps = model.trunk(torch.zeros(2, 3, size, size, device="meta"))
    assert maps.shape[1] == MODULES[last][1]
    assert maps[0].numel() == model.head[-1].in_features
    # Szegedy et al. 2016, table 1, at 299 pixels.
    sides = {"mixed2": 35, "mixed3": 17, "mixed7": 17, "mixed10": 8}
    assert size != 299 or maps.shape[2] == sides[last]


@pytest.mark.parametrize(("stem", "channels"), [("sum", 1), ("repeat", 1), (None, 3)])
def test_a_start_is_taken_up_to_the_cut(stem, channels, monkeypatch):
    monkeypatch.chdir(ROOT)
    model = made(channels=channels, stem=stem)
    tensors = source_of("inception_v3", init_weights=True).state_dict()
    start = borrowed_of(read_descriptor("inception_v3"), "0" * 64)
    offer = offered(list(tensors), start)
    taken, faults = fill(model.state_dict(), parts_of(model), offer, tensors.__getitem__)
    assert faults == []
    assert {name for name in model.state_dict() if name not in taken} == {
        *("head.2.weight", "head.2.bias")
    }


def test_small_pictures_are_refused():
    with pytest.raises(ConfigError, match="at least 75 pixels, and it is 64"):
        made(size=64)


def test_maps_are_those_of_torchvision():
    torch.manual_seed(0)
    theirs = get_model("inception_v3", weights=None, aux_logits=False, init_weights=False).eval()
    choice = ModelChoice.model_validate({"name": "inception"})
    ours = build_empty(choice, n_channels=3, n_outputs=2, size=75)
    own = {name.removeprefix("trunk."): None for name in ours.state_dict() if "trunk" in name}
    state = {f"trunk.{name}": value for name, value in theirs.state_dict().items() if name in own}
    ours.load_state_dict(state, strict=False, assign=True)
    seen = []
    theirs.Mixed_6e.register_forward_hook(lambda _, __, maps: seen.append(maps))
    images = torch.rand(1, 3, 75, 75)
    with torch.inference_mode():
        theirs(images)
        torch.testing.assert_close(ours.trunk.eval()(images), seen[0], rtol=0, atol=1e-5)
