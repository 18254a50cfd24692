"""Architectures: published sizes, gradients, and settings that are refused."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from radpipe.core.errors import ConfigError
from radpipe.core.presets import load_preset
from radpipe.core.settings import ModelChoice, Strict
from radpipe.learning.models import MODELS, build_empty, build_model, n_parameters
from radpipe.learning.models.base import architecture
from tests.small_study import ROOT, presets

# Keras' count: kernel and bias of a convolution or dense layer, four numbers a channel of
# batch normalisation (two of them trained).
V1 = (
    (3 * 9 * 32 + 32)
    + 3 * (32 * 9 * 32 + 32)
    + (32 * 9 * 64 + 64)
    + (7 * 7 * 64 * 128 + 128)
    + (128 * 64 + 64)
    + (64 + 1)
)


def stack(channels: int, *dense: int, outputs: int = 1) -> int:
    convolutions = (channels * 49 * 64 + 64) + (64 * 9 * 128 + 128) + (128 * 9 * 128 + 128)
    convolutions += (128 * 9 * 256 + 256) + (256 * 9 * 256 + 256)
    norms = 4 * (64 + 128 + 256)
    widths = (28 * 28 * 256, *dense)
    layers = sum(a * b + 4 * b for a, b in pairwise(widths))
    return convolutions + norms + layers + dense[-1] * outputs + outputs


@pytest.mark.parametrize(
    ("name", "published", "by_hand"),
    [
        ("v1", 456_993, V1),
        ("v2", 207_169_793, stack(3, 1024, 512)),
        ("v2_M1", 103_946_625, stack(3, 512, 128)),
        ("v2_M2", 103_946_625, stack(3, 512, 128)),
        ("v2_M3", 26_817_089, stack(3, 128, 64)),
        ("v2_M4", 13_965_473, stack(3, 64, 32)),
        ("v2_G", 207_163_521, stack(1, 1024, 512)),
        ("v2_G_M1", 103_940_353, stack(1, 512, 128)),
        ("v3", 103_946_883, stack(3, 512, 128, outputs=3)),
    ],
)
def test_published_networks_have_the_published_size(name, published, by_hand):
    preset = load_preset(f"bones/{name}", {}, where="", root=ROOT / "presets")
    channels = {"grey": 1, "colour": 3}[preset.channels]
    outputs = 3 if name == "v3" else 1
    model = build_empty(preset.model, n_channels=channels, n_outputs=outputs, size=224)
    assert n_parameters(model) == published == by_hand


class Asked(TorchFunctionMode):
    """Note what torch is asked to do."""

    def __init__(self):
        super().__init__()
        self.functions = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.functions.append(function)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "preset", ["bones/compact", "knee_oa/kl_pretraining", "knee_oa/compact_joint"]
)
def test_an_empty_network_draws_nothing(preset):
    """On torch's "meta" device that would import its compiler, which takes seconds."""
    model = load_preset(preset, {}, where="", root=ROOT / "presets").model
    with Asked() as asked:
        empty = build_empty(model, n_channels=1, n_outputs=3, size=64)
    assert torch.Tensor.normal_ not in asked.functions
    assert all(tensor.is_meta for tensor in empty.parameters())
    with Asked() as asked:
        build_model(model, n_channels=1, n_outputs=3, size=64)
    assert torch.Tensor.normal_ in asked.functions


def small(preset: str) -> ModelChoice:
    """Return a preset's model, made narrow where it can be."""
    model = load_preset(preset, {}, where="", root=ROOT / "presets").model
    if model.name != "cnn":
        return model
    return ModelChoice.model_validate({**model.model_dump(), "width": 0.125})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("preset", presets("bones"))
def test_every_weight_gets_a_gradient(preset, channels):
    torch.manual_seed(0)
    model = build_model(small(preset), n_channels=channels, n_outputs=3, size=32)
    logits = model(torch.rand(4, channels, 32, 32))
    assert logits.shape == (4, 3)
    logits.square().sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        if not name.endswith("bias") and preset != "bones/floor":
            assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("name", list(MODELS))
def test_unknown_settings_show_the_near_miss(name):
    settings = {"blocks": [{"filters": 4}], "dense": {"widths": []}} if name == "cnn" else {}
    settings |= {"trunk": {"kind": "residual"}, "dropot": 0.1} if name == "exam" else {}
    settings |= {"tabel": {}, "hiden": 2, "dpeth": 2}
    settings |= {"wdith": 2, "gird": 2, "widhts": [2], "small_stm": True}
    settings |= {"momntum": 0.1, "strenght": 1.0, "neigbours": 3}
    choice = ModelChoice.model_validate({"name": name, **settings})
    with pytest.raises(ConfigError, match=r"model\..*: unknown setting, did you mean"):
        build_model(choice, n_channels=1, n_outputs=1, size=32)


def test_unknown_architecture_shows_the_near_miss():
    with pytest.raises(ConfigError, match=r"model\.name: unknown 'compct', did you mean 'compact'"):
        build_model(ModelChoice(name="compct"), n_channels=1, n_outputs=1, size=32)


def test_more_poolings_than_pixels_are_refused():
    with pytest.raises(ConfigError, match="16 pixels are too few for 5 poolings"):
        build_model(small("bones/v1"), n_channels=1, n_outputs=1, size=16)


def build(**settings: Any) -> nn.Module:
    return MODELS[settings.pop("name")](n_channels=1, n_outputs=2, size=16, **settings)


def test_cnn_layers_stand_in_the_published_order():
    block = {"filters": 4, "convolutions": 2, "norm": True, "dropout": 0.4}
    model = build(name="cnn", blocks=[block], dense={"widths": [8], "norm": True, "bias": False})
    assert [type(layer).__name__ for layer in model] == [
        *("Conv2d", "ReLU", "Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d", "Dropout", "Flatten"),
        *("Linear", "BatchNorm1d", "ReLU", "Linear"),
    ]
    assert model[8].bias is None
    # Keras: momentum 0.99 (kept), epsilon 0.001.
    assert (model[4].momentum, model[4].eps) == (0.01, 1e-3)


def test_initial_weights_stay_within_their_published_limits():
    """he_uniform: sqrt(6 / inputs); glorot_uniform: sqrt(6 / (inputs + outputs))."""
    torch.manual_seed(0)
    dense = {"widths": [64], "start": "he-uniform"}
    model = build(name="cnn", blocks=[{"filters": 8}], dense=dense)
    for layer, limit in ((model[0], (6 / (9 + 72)) ** 0.5), (model[4], (6 / 512) ** 0.5)):
        largest = layer.weight.abs().max().item()
        assert 0.9 * limit < largest <= limit
        assert not layer.bias.any()


def test_small_stem_keeps_the_resolution():
    maps: list[torch.Size] = []
    for small_stem in (False, True):
        model = build(name="resnet18", small_stem=small_stem)
        model.layer1.register_forward_hook(lambda *given: maps.append(given[2].shape))
        model.eval()(torch.zeros(1, 1, 64, 64))
    assert maps == [(1, 64, 16, 16), (1, 64, 64, 64)]


def test_the_baseline_is_a_linear_map_of_averages():
    model = build(name="floor", grid=2)
    picture = torch.zeros(1, 1, 16, 16)
    picture[..., :8, 8:] = 4.0
    weights = torch.tensor([[1.0, 10.0, 100.0, 1000.0], [0.0, 0.0, 0.0, 0.0]])
    model[2].weight.data = weights
    assert model(picture).tolist() == [[40.0, 0.0]]


def test_an_architecture_is_one_registered_function():
    class Own(Strict):
        depth: int = 1

    name = "test-only"
    try:
        architecture(name, Own)(
            lambda own, *, n_channels, n_outputs, size: nn.Linear(
                n_channels * size * own.depth, n_outputs
            )
        )
        assert MODELS[name](n_channels=1, n_outputs=2, size=3).in_features == 3
        with pytest.raises(ConfigError, match="did you mean 'depth'"):
            MODELS[name](n_channels=1, n_outputs=2, size=3, dpeth=2)
    finally:
        MODELS._entries.pop(name)
