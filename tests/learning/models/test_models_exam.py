"""Networks for exams: published sizes, ragged slices, pooling, and planes put together."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from radpipe.core.errors import ConfigError
from radpipe.core.presets import load_preset
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import build_empty, build_model
from radpipe.learning.models.combination import Combination
from radpipe.learning.models.pooling import SliceAttention, SliceMax, SliceMean
from tests.small_study import ROOT, presets

# Three exams of three planes with unequal numbers of slices.
COUNTS = ((3, 1, 2), (2, 2, 2), (1, 4, 3))


def layers(*widths: tuple[int, int, int]) -> int:
    """Add up (inputs, filters, kernel) of convolutions with bias."""
    return sum(n_in * n_out * side * side + n_out for n_in, n_out, side in widths)


SMALL = layers((3, 64, 11), (64, 128, 5), (128, 256, 3), (256, 256, 3))
ALEXNET = layers((3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3))
NORMS = 2 * (64 + 128 + 256 + 256)


def choice(preset: str, **model: Any) -> ModelChoice:
    return load_preset(preset, {"model": model}, where="", root=ROOT / "presets").model


def small(preset: str) -> ModelChoice:
    """Return a preset's model with narrow trunks."""
    model = choice(preset).model_dump()
    if model.get("trunk", {}).get("kind") == "plain":
        model["trunk"]["width"] = 0.125
    return ModelChoice.model_validate(model)


def build(model: ModelChoice, *, outputs: int = 3, size: int = 128) -> nn.Module:
    torch.manual_seed(0)
    shape = {"n_channels": 1, "n_outputs": outputs, "size": size}
    return build_model(model, **shape, n_views=3, volumes=True)


def slices(size: int = 128) -> list[Tensor]:
    chance = torch.Generator().manual_seed(1)
    return [torch.rand(sum(counts), 1, size, size, generator=chance) for counts in COUNTS]


def alone(views: list[Tensor]) -> Iterator[tuple[list[Tensor], list[tuple[int, ...]]]]:
    """Yield every exam by itself."""
    starts = [[0, *np.cumsum(counts).tolist()] for counts in COUNTS]
    for k in range(3):
        yield (
            [v[s[k] : s[k + 1]] for v, s in zip(views, starts, strict=True)],
            [(counts[k],) for counts in COUNTS],
        )


@pytest.mark.parametrize(
    ("name", "outputs", "published", "by_hand"),
    [
        ("basic_06_3", 1, 1_114_241, SMALL + 769),
        ("relu_05_3", 1, 1_115_649, SMALL + NORMS + 769),
        ("leaky_05_3", 1, 1_115_649, SMALL + NORMS + 769),
        ("alexnet_shared", 1, 2_470_465, ALEXNET + 769),
        ("alexnet_planes", 3, 7_411_395, 3 * ALEXNET + 3 * 769),
        ("mrnet", 3, 9 * (2_469_696 + 257), 9 * (ALEXNET + 257)),
    ],
)
def test_published_networks_have_the_published_size(name, outputs, published, by_hand):
    """Weights that are trained, as torch counts them."""
    shape = {"n_channels": 1, "n_outputs": outputs, "size": 256, "n_views": 3, "volumes": True}
    model = build_empty(choice(f"knee_mri/{name}"), **shape)
    assert sum(weight.numel() for weight in model.parameters()) == published == by_hand


@pytest.mark.parametrize("preset", presets("knee_mri"))
def test_an_exam_does_not_see_its_batch(preset):
    """Neither its result nor its gradient; batch normalisation is asked for what it learned."""
    model, views = build(small(preset)).eval(), slices()
    together = model(views, COUNTS)
    together.square().sum().backward()
    gradients = [w.grad.clone() for w in model.parameters() if w.grad is not None]
    model.zero_grad()
    for k, (own, counts) in enumerate(alone(views)):
        by_itself = model(own, counts)
        torch.testing.assert_close(by_itself[0], together[k], atol=1e-5, rtol=1e-5)
        by_itself.square().sum().backward()
    for summed, whole in zip(
        [w.grad for w in model.parameters() if w.grad is not None], gradients, strict=True
    ):
        torch.testing.assert_close(summed, whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("preset", presets("knee_mri"))
def test_every_weight_gets_a_gradient(preset):
    model = build(small(preset)).train()
    model(slices(), COUNTS).square().sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


def test_blocks_stand_in_the_published_order():
    model = build(choice("knee_mri/leaky_05_3"))
    trunk = list(model.trunks[0][0])
    names = [type(layer).__name__ for layer in trunk]
    assert names[:10] == [
        *("GreyAsColour", "BatchNorm2d", "LeakyReLU", "Dropout", "MaxPool2d"),
        *("Conv2d", "BatchNorm2d", "LeakyReLU", "Dropout", "MaxPool2d"),
    ]
    assert [layer.p for layer in trunk if isinstance(layer, nn.Dropout)] == [0.2, 0.5, 0.5, 0.5]
    assert trunk[2].negative_slope == 0.1
    assert names[-2:] == ["AdaptiveAvgPool2d", "Flatten"]


def test_maps_have_the_published_sizes():
    """Of 256 pixels 63, 31, 15, 7 and 3 are left; AlexNet pools 15 x 15 at last."""
    sides: list[int] = []
    for name in ("basic_06_3", "alexnet_shared"):
        trunk = build(choice(f"knee_mri/{name}"), size=256).trunks[0][0]
        for layer in trunk:
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                layer.register_forward_hook(lambda *given: sides.append(given[2].shape[-1]))
        trunk(torch.zeros(1, 1, 256, 256))
    assert sides == [63, 31, 31, 15, 15, 7, 7, 3, 63, 31, 31, 15, 15, 15, 15, 7]


def test_a_grey_slice_taken_once_is_the_slice_taken_three_times():
    """The same numbers and gradients as a convolution over three equal channels."""
    layer = build(choice("knee_mri/basic_06_3")).trunks[0][0][0]
    plain = nn.Conv2d(3, 64, 11, stride=4, padding=2)
    plain.load_state_dict(layer.state_dict())
    images = torch.rand(2, 1, 64, 64)
    ours, theirs = layer(images), plain(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, plain.weight.grad, atol=1e-2, rtol=1e-4)


def test_pooling_by_hand():
    features = torch.tensor([[1.0, 8.0], [3.0, 2.0], [5.0, -1.0]])
    assert SliceMax()(features, (2, 1)).tolist() == [[3.0, 8.0], [5.0, -1.0]]
    assert SliceMean()(features, (2, 1)).tolist() == [[2.0, 5.0], [5.0, -1.0]]


def test_attention_by_hand():
    """Scores of log 3 and 0 give weights of 3/4 and 1/4; a slice alone has all the weight."""
    pool = SliceAttention(1, 1)
    with torch.no_grad():
        for layer in (pool.content, pool.gate, pool.score):
            layer.weight.fill_(0)
            layer.bias.fill_(0)
        pool.content.weight.fill_(50.0)  # tanh of 50 is 1, of 0 is 0; the gate is open by half
        pool.score.weight.fill_(2 * float(np.log(3)))
    features = torch.tensor([[1.0], [0.0], [7.0]])
    expected = torch.tensor([[[0.75], [0.25]], [[1.0], [0.0]]])
    torch.testing.assert_close(pool.weights(features, (2, 1)), expected)
    torch.testing.assert_close(pool(features, (2, 1)), torch.tensor([[0.75], [7.0]]))


@given(counts=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_pooled_volumes_are_those_of_each_alone(counts):
    features = torch.rand(sum(counts), 3, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    for pool in (SliceMax(), SliceMean(), SliceAttention(3)):
        alone = [pool(part, [len(part)]) for part in features.split(counts)]
        torch.testing.assert_close(pool(features, counts), torch.cat(alone))


def test_planes_are_put_together_by_their_logistic_regression():
    """Before it is fitted it takes the mean; 1 / 2 everywhere is a logit of 0."""
    combine = Combination(3, 2)
    logits = torch.zeros(1, 3, 2)
    assert combine(logits).tolist() == [[0.0, 0.0]]
    combine.weight[1] = torch.tensor([1.0, 2.0, 3.0])
    combine.bias[1] = 0.5
    assert combine(logits)[0, 1].item() == pytest.approx(0.5 + 0.5 * 6)


def test_the_regression_learns_which_plane_to_believe():
    """It leaves a label alone whose presence never occurs, and cases that are unknown."""
    rng = np.random.default_rng(0)
    truth = np.stack([np.tile([0.0, 1.0], 50), np.zeros(100)], axis=1)
    truth[:10, 0] = np.nan
    knows = np.where(np.tile([0.0, 1.0], 50) == 1, 2.0, -2.0)
    logits = torch.from_numpy(rng.normal(size=(100, 3, 2)))
    logits[:, 1, 0] = torch.from_numpy(knows)
    logits[:10, 1, 0] *= -1
    combine = Combination(3, 2)
    before = combine.weight[1].clone()
    combine.fit(logits, truth)
    assert combine.weight[0, 1] > 3 * combine.weight[0, [0, 2]].abs().max()
    assert torch.equal(combine.weight[1], before)


def test_an_own_trunk_for_labels_needs_a_head_for_each():
    with pytest.raises(ConfigError, match="view-and-label needs head: views"):
        build(choice("knee_mri/mrnet", head="joint"))


def test_too_small_slices_are_refused():
    with pytest.raises(ConfigError, match=r"model\.trunk: 32 pixels are too few"):
        build(choice("knee_mri/basic_06_3"), size=32)


LOADED = """
import sys
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import build_empty
shape = {"n_channels": 1, "n_outputs": 1, "size": 32, "n_views": 2, "volumes": True}
build_empty(ModelChoice(name="exam", trunk=TRUNK), **shape)
assert "torch._dynamo" not in sys.modules
"""


def test_a_network_is_loaded_without_a_compiler():
    trunk = repr(choice("knee_mri/compact").settings["trunk"])
    code = LOADED.replace("TRUNK", trunk)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_network_for_pictures_does_not_take_exams():
    with pytest.raises(ConfigError, match=r"'floor' takes one picture a case.*: exam, exam-floor"):
        build(ModelChoice(name="floor"))
