"""VGG, pictures joined with tables, and trees: published sizes, features, equal decisions."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier
from torch import nn

from radpipe.core.errors import ConfigError
from radpipe.core.presets import load_preset
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import MODELS, build_empty, build_model, n_parameters
from radpipe.learning.models.boosting import Boosting
from radpipe.learning.models.last import take_off_last
from tests.small_study import ROOT, factors, presets

# Filters of configuration D, each after the one before, 3 x 3 and a bias.
FILTERS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
VGG = sum(9 * a * b + b for a, b in pairwise(FILTERS))


def empty(name: str, *, outputs: int = 1, channels: int = 3) -> nn.Module:
    model = load_preset(f"knee_oa/{name}", {}, where="", root=ROOT / "presets").model
    return build_empty(model, n_channels=channels, n_outputs=outputs, size=224)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "outputs", "published", "by_hand"),
    [
        ("kl_pretraining", 5, 14_717_253, VGG + 5 * 513),
        ("image_only", 1, 14_715_201, VGG + 513),
        ("joint_frozen", 1, 14_717_249, VGG + 128 * 15 + 641),
        ("joint_unfrozen", 1, 14_717_249, VGG + 128 * 15 + 641),
        ("multi_task", 1, 14_717_766, VGG + 513 + 5 * 513),
    ],
)
def test_published_networks_have_the_published_size(name, outputs, published, by_hand, channels):
    """Weights that are trained; a grey picture is taken as three equal colours."""
    model = empty(name, outputs=outputs, channels=channels)
    assert sum(w.numel() for w in model.parameters()) == published == by_hand
    if "joint" not in name:
        assert n_parameters(model) == published


def test_fourteen_risk_factors_and_the_picture_meet_in_640_features():
    model = empty("joint_frozen")
    assert (model.table[0].in_features, model.table[0].out_features) == (14, 128)
    assert len(model.table) == 1
    assert model.last.in_features == 640
    assert model.start_prefix == "image."


def test_vgg_has_the_names_and_shapes_of_torchvisions():
    from torchvision.models import vgg16

    with torch.device("meta"):
        theirs = {k: v.shape for k, v in vgg16().state_dict().items() if k.startswith("features.")}
    ours = {k: v.shape for k, v in empty("image_only").state_dict().items()}
    assert ours == {**theirs, "last.weight": (1, 512), "last.bias": (1,)}


def test_a_fusion_model_holds_the_names_of_the_picture_networks():
    alone, joined = (set(empty(name).state_dict()) for name in ("image_only", "joint_frozen"))
    assert {f"image.{name}" for name in alone if not name.startswith("last.")} <= joined


def test_batch_normalisation_stands_behind_every_convolution():
    model = build_empty(
        ModelChoice.model_validate({"name": "vgg", "depth": 11, "batch_norm": True}),
        n_channels=1,
        n_outputs=1,
        size=32,
    )
    kinds = [type(layer).__name__ for layer in model.features]
    assert kinds[:4] == ["GreyAsColour", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert (kinds.count("BatchNorm2d"), kinds.count("MaxPool2d")) == (8, 5)


def test_fewer_than_32_pixels_are_refused():
    with pytest.raises(ConfigError, match="31 pixels are too few"):
        build_model(ModelChoice(name="vgg"), n_channels=1, n_outputs=1, size=31)


def narrow(preset: str) -> ModelChoice:
    """Return a preset's model with few filters."""
    model = load_preset(preset, {}, where="", root=ROOT / "presets").model.model_dump()
    for block in (model, model.get("image", {})):
        block |= {"width": 0.0625} if block.get("name") == "vgg" else {}
    return ModelChoice.model_validate(model)


def given(preset: str, n: int) -> list[torch.Tensor]:
    """Return a picture and risk factors for `n` cases, as a preset's model takes them."""
    model = narrow(preset)
    table = torch.from_numpy(np.stack(list(factors(n).values()), axis=1)).float()
    images = torch.rand(n, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    alone = [] if model.name == "table" else [images]
    return [*alone, table] if "table" in (model.model_extra or {}) else alone


@pytest.mark.parametrize("preset", [p for p in presets("knee_oa") if "boosting" not in p])
def test_every_weight_gets_a_gradient(preset):
    torch.manual_seed(0)
    model = build_model(narrow(preset), n_channels=1, n_outputs=3, size=32)
    logits = model(*given(preset, 6))
    assert logits.shape == (6, 3 + (5 if "auxiliary" in narrow(preset).settings else 0))
    logits.square().sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


FEATURES = {"floor": 256, "compact": 16, "resnet18": 512, "vgg": 32, "cnn": 3}
SETTINGS: dict[str, dict[str, Any]] = {
    "compact": {"widths": [4, 8]},
    "vgg": {"width": 0.0625},
    "cnn": {"blocks": [{"filters": 2}], "dense": {"widths": [3]}},
}


@pytest.mark.parametrize("name", list(FEATURES))
def test_features_are_what_the_last_layer_takes(name):
    torch.manual_seed(0)
    settings = {"n_channels": 1, "n_outputs": 2, "size": 32, **SETTINGS.get(name, {})}
    model = MODELS[name](**settings).eval()
    images = torch.rand(3, 1, 32, 32)
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    whole = model(images)
    assert take_off_last(model, "model.name") == FEATURES[name] == model(images).shape[1]
    torch.testing.assert_close(last(model(images)), whole)


def test_the_fusion_layer_by_hand():
    """Four cells of a picture and two hidden features of one covariate, then their sum."""
    choice = {
        "name": "joint",
        "image": {"name": "floor", "grid": 2},
        "table": {"numbers": {"age": "zero"}},
        "hidden": 2,
        "activation": "relu",
    }
    model = build_model(ModelChoice.model_validate(choice), n_channels=1, n_outputs=1, size=2)
    with torch.no_grad():
        model.table[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        model.table[0].bias.zero_()
        model.last.weight.copy_(torch.tensor([[1.0, 1.0, 1.0, 1.0, 10.0, 100.0]]))
        model.last.bias.zero_()
    images = torch.ones(2, 1, 2, 2)
    found = model(images, torch.tensor([[3.0], [-2.0]]))
    assert found.tolist() == [[4.0 + 30.0], [4.0 + 200.0]]


def test_what_has_no_single_picture_cannot_be_joined():
    for name in ("exam", "table", "boosting", "joint"):
        choice = ModelChoice.model_validate({"name": "joint", "image": {"name": name}})
        with pytest.raises(ConfigError, match=f"'{name}' takes no single picture; use: cnn, com"):
            build_model(choice, n_channels=1, n_outputs=1, size=32)


def test_a_mistake_below_image_says_where():
    choice = {"name": "joint", "image": {"name": "vgg", "widht": 2}}
    with pytest.raises(ConfigError, match=r"model\.image\.widht: unknown setting, did you mean"):
        build_model(ModelChoice.model_validate(choice), n_channels=1, n_outputs=1, size=32)
    choice = {"name": "joint", "image": {"name": "vggg"}}
    with pytest.raises(ConfigError, match="unknown 'vggg', did you mean 'vgg'"):
        build_model(ModelChoice.model_validate(choice), n_channels=1, n_outputs=1, size=32)


# --- boosting ----------------------------------------------------------------------


def boosted(classes: int, **settings: Any) -> tuple[Boosting, np.ndarray, np.ndarray]:
    """Return trees, covariates (80, 2) and classes."""
    rng = np.random.default_rng(3)
    entries = rng.normal(size=(80, 2)).astype(np.float32)
    truth = np.digitize(entries[:, 0] * entries[:, 1] + 0.3 * rng.normal(size=80), [0.0, 0.5])
    block = {"numbers": {"age": "mean", "bmi": "mean"}}
    choice = {"name": "boosting", "table": block, "trees": 20, **settings}
    shape = {"n_channels": 1, "n_outputs": 1 if classes == 2 else classes, "size": 8}
    model = build_model(ModelChoice.model_validate(choice), **shape)
    return model, entries, np.minimum(truth, classes - 1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize("classes", [2, 3])
def test_trees_decide_as_scikit_learns_do(classes, depth, weighted):
    model, entries, truth = boosted(classes, depth=depth, subsample=0.7, learning_rate=0.3)
    weights = np.linspace(0.5, 2, 80) if weighted else None
    model.fit(entries, truth, weights, seed=5)
    theirs = GradientBoostingClassifier(
        n_estimators=20, max_depth=depth, subsample=0.7, learning_rate=0.3, random_state=5
    ).fit(entries, truth, sample_weight=weights)
    new = np.random.default_rng(4).normal(size=(200, 2)).astype(np.float32)
    decision = theirs.decision_function(new).reshape(200, -1)
    ours = model.trees(torch.from_numpy(new)).numpy()
    np.testing.assert_allclose(ours, decision, atol=1e-9)
    logits = model(torch.from_numpy(new))
    assert logits.dtype == torch.float32
    found = torch.sigmoid(logits)[:, 0] if classes == 2 else torch.softmax(logits, 1)
    expected = theirs.predict_proba(new)
    np.testing.assert_allclose(found, expected[:, 1] if classes == 2 else expected, atol=1e-6)


def test_a_value_at_the_threshold_goes_to_the_left_as_in_scikit_learn():
    model, entries, truth = boosted(2, depth=1, trees=1)
    model.fit(entries, truth, None, seed=0)
    place, limit = int(model.trees.feature[0, 0, 0]), model.trees.threshold[0, 0, 0].item()
    rows = torch.zeros(2, 2, dtype=torch.float64)
    rows[:, place] = torch.tensor([limit, np.nextafter(limit, 9)])
    values = model.trees.value[0, 0] + model.trees.intercept
    assert model.trees(rows)[:, 0].tolist() == values.tolist()


def test_equal_seeds_give_equal_trees():
    tensors = []
    for seed in (1, 1, 2):
        model, entries, truth = boosted(2, subsample=0.5)
        model.fit(entries, truth, None, seed=seed)
        tensors.append(model.state_dict())
    first, again, other = tensors
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["trees.value"], other["trees.value"])
