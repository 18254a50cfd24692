"""Networks of torchvision side by side: published sizes, names, grey pictures."""

import pytest
import torch
import torchvision

from radpipe.core.errors import ConfigError
from radpipe.core.presets import Preset, load_preset
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import build_empty, build_model
from tests.small_study import ROOT, presets

# Convolutions and their norms, by hand from torchvision's published totals less the last layer.
DENSENET121 = 7_978_856 - (1024 * 1000 + 1000)
SIX = (
    DENSENET121
    + (14_149_480 - (1664 * 1000 + 1000))
    + (20_013_928 - (1920 * 1000 + 1000))
    + (4_383_312 - (1280 * 1000 + 1000))
    + sum(
        total - (25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000)
        for total in (143_678_248, 143_667_240)
    )
)


PUBLISHED = [
    name
    for name in presets("chest")
    if "House." not in load_preset(name, {}, where="", root=ROOT / "presets").source
]


def preset(name: str) -> Preset:
    return load_preset(name, {}, where="", root=ROOT / "presets")


@pytest.mark.parametrize(
    ("name", "told", "by_hand"),
    [
        ("densenet121", 6_968_206, DENSENET121 + 1024 * 14 + 14),
        ("densenet121_500", 7_473_370, DENSENET121 + 1024 * 500 + 500 + 500 * 14 + 14),
        ("efficientnet_b5", 28_369_470, 30_389_784 - (2048 * 1000 + 1000) + 2048 * 14 + 14),
        ("combined", 81_478_262, SIX + 56_064 * 14 + 14),
    ],
)
def test_published_networks_have_the_published_size(name, told, by_hand):
    found = preset(f"chest/{name}")
    model = build_empty(found.model, n_channels=1, n_outputs=14, size=found.size)
    assert sum(weight.numel() for weight in model.parameters()) == told == by_hand
    assert f"{told:,} trained parameters" in " ".join(found.source.split())


def made(*networks: str, size: int = 64, n_channels: int = 1, **more: object) -> torch.nn.Module:
    torch.manual_seed(0)
    settings = {"name": "torchvision", "networks": list(networks), **more}
    choice = ModelChoice.model_validate(settings)
    return build_model(choice, n_channels=n_channels, n_outputs=3, size=size)


@pytest.mark.parametrize("name", ["densenet121", "mnasnet1_0", "resnet18", "efficientnet_b0"])
def test_features_are_those_of_torchvision(name):
    """The same weights under the same names, and the same answer of the same head."""
    ours = made(name, n_channels=3).eval()
    theirs = torchvision.models.get_model(name, num_classes=3).eval()
    given = ours.networks[0].state_dict()
    missing = theirs.load_state_dict(given, strict=False)
    assert not missing.unexpected_keys
    head = theirs.fc if hasattr(theirs, "fc") else theirs.classifier
    last = head if isinstance(head, torch.nn.Linear) else head[-1]
    assert len(missing.missing_keys) == 2
    last.load_state_dict(ours.last.state_dict())
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize("name", ["densenet121", "vgg19_bn", "mnasnet1_0"])
def test_a_grey_picture_is_three_equal_colours(name):
    grey, colour = made(name).eval(), made(name, n_channels=3).eval()
    colour.load_state_dict(grey.state_dict())
    images = torch.rand(2, 1, 64, 64)
    expected = colour(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey(images), expected, rtol=1e-4, atol=1e-5)
    assert made(name, grey_as_colour=False)(images).shape == (2, 3)


@pytest.mark.parametrize("size", [64, 224])
def test_vgg_has_its_published_features_at_any_size(size):
    model = made("vgg16", size=size)
    assert model.last.in_features == 25_088
    with torch.no_grad():
        assert model(torch.rand(1, 1, size, size)).shape == (1, 3)


def test_several_networks_are_joined_and_all_learn():
    model = made("mnasnet1_0", "resnet18", hidden=20, dropout=0.5)
    assert (model.hidden.in_features, model.last.in_features) == (1280 + 512, 20)
    model(torch.rand(4, 1, 64, 64)).square().sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


def test_too_small_a_picture_is_refused():
    with pytest.raises(ConfigError, match="31 pixels are too few"):
        made("resnet18", size=31)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_presets_say_what_is_learned_from_uncertain_labels(name):
    uncertain = preset(name).train.uncertain
    assert (uncertain.learn_as, uncertain.low, uncertain.high) == ("smooth", 0.55, 0.85)


def test_a_densenet_can_be_made_small():
    """The stem and six layers of 2 x 8 channels in three blocks, counted by hand.

    A layer of c channels has norms of 2c and 2 x 32, and 32c + 9 x 32 x 8 weights; a transition
    halves c with a norm of 2c and c x c / 2.
    """
    stem = 3 * 16 * 49 + 2 * 16

    def layer(c):
        return 2 * c + c * 32 + 2 * 32 + 32 * 8 * 9

    def transition(c):
        return 2 * c + c * c // 2

    blocks = layer(16) + layer(24) + transition(32) + layer(16) + transition(24) + layer(12)
    head = 2 * 20 + 20 * 3 + 3
    small = made("densenet121", blocks=[2, 1, 1], growth=8)
    assert sum(weight.numel() for weight in small.parameters()) == stem + blocks + head
    assert small(torch.zeros(2, 1, 64, 64)).shape == (2, 3)


@pytest.mark.parametrize("name", ["densenet121", "densenet169", "densenet201"])
def test_one_setting_alone_leaves_the_other_as_published(name):
    published, named = made(name), made(name, growth=32)
    assert [tuple(w.shape) for w in named.parameters()] == [
        tuple(w.shape) for w in published.parameters()
    ]


@pytest.mark.parametrize("setting", [{"blocks": [2, 2]}, {"growth": 8}])
def test_only_densenets_can_be_made_small(setting):
    with pytest.raises(ConfigError, match=r"of DenseNets, and model\.networks names resnet18"):
        made("resnet18", **setting)
