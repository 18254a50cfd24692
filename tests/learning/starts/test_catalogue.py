"""Every descriptor of the catalogue against torchvision itself: what it says, and what fits."""

import pytest
import torch
from torchvision.models import get_model, get_model_weights

from radpipe.core.descriptors import read_descriptor
from radpipe.core.presets import load_preset
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import _Undrawn, build_empty
from radpipe.learning.starts.borrowing import fill, fits, offered, parts_of
from tests.conftest import ROOT
from tests.core.test_descriptors import CATALOGUE
from tests.learning.starts.conftest import borrowed_of


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_says_what_torchvision_says(name):
    found = read_descriptor(name)
    (theirs,) = [w for w in get_model_weights(found.implementation) if w.url in found.addresses]
    prepared = theirs.transforms()
    assert [found.input.side] == prepared.crop_size
    assert found.input.interpolation == prepared.interpolation.value
    mean, sd = prepared.mean, prepared.std
    if name == "inception_v3":
        # What `transform_input` makes of it; tests below.
        sd = [s / t for s, t in zip(prepared.std, (0.229, 0.224, 0.225), strict=True)]
        mean, sd = [0.5] * 3, [0.5 * s for s in sd]
    assert (found.input.mean, found.input.sd) == (mean, sd)


def source_of(name, **more):
    """Build torchvision's own network without memory for its weights."""
    with torch.device("meta"), _Undrawn():
        return get_model(name, weights=None, **more)


def in_files(name, key):
    """Name a tensor as the published file does: DenseNet's is older than its implementation."""
    if name.startswith("densenet") and "denselayer" in key:
        for layer in ("norm", "conv"):
            for number in "12":
                key = key.replace(f".{layer}{number}.", f".{layer}.{number}.")
    return key


# torchvision's own numbers of parameters without the last layers, which its documentation gives
# with them.
HEADLESS = {
    "alexnet": 61_100_840 - 58_631_144,
    "convnext_tiny": 28_589_128 - (768 * 1000 + 1000),
    "efficientnet_b7": 66_347_960 - (2560 * 1000 + 1000),
    # Less the second head: 128 x 768 + 2 x 128, 768 x 128 x 25 + 2 x 768, 768 x 1000 + 1000.
    "inception_v3": 27_161_264 - (2048 * 1000 + 1000) - (98_560 + 2_459_136 + 769_000),
}


@pytest.mark.parametrize(
    ("name", "channels"), [("resnet18", 3), *((name, 1) for name in CATALOGUE)]
)
def test_all_that_is_promised_has_a_place(name, channels):
    found = read_descriptor(name)
    own_name = {"name": "torchvision", "networks": [name]}
    size = 299 if name == "inception_v3" else 224
    model = build_empty(
        ModelChoice.model_validate(own_name), n_channels=channels, n_outputs=2, size=size
    )
    extra = {"init_weights": True} if name == "inception_v3" else {}
    theirs = source_of(found.implementation, **extra).state_dict()
    tensors = {in_files(name, key): value for key, value in theirs.items()}
    start = borrowed_of(found, "0" * 64)
    parts = parts_of(model)
    assert all(fits(part, start) for part in parts.values())
    offer = offered(list(tensors), start)
    taken, faults = fill(model.state_dict(), parts, offer, tensors.__getitem__)
    assert faults == []
    assert {key for key in model.state_dict() if key not in taken} == {"last.weight", "last.bias"}
    assert offer.left
    assert all(key.startswith(tuple(found.heads)) for key in offer.left)
    weights = {key for key, _ in model.named_parameters()} & taken
    n_taken = sum(model.state_dict()[key].numel() for key in weights)
    assert n_taken == HEADLESS.get(name, n_taken)


@pytest.mark.parametrize(
    ("preset", "start", "views"),
    [
        ("knee_oa/kl_pretraining", "vgg16", 1),
        ("knee_oa/joint_frozen", "vgg16", 1),
        ("knee_mri/alexnet_planes", "alexnet", 3),
        ("knee_mri/alexnet_shared", "alexnet", 3),
        ("knee_mri/mrnet", "alexnet", 3),
        ("chest/densenet121", "densenet121", 1),
        ("bones/resnet18", "resnet18", 1),
    ],
)
def test_presets_that_were_published_with_such_a_start_take_it(preset, start, views):
    settings = load_preset(preset, {}, where="", root=ROOT / "presets")
    if preset == "bones/resnet18":
        settings = settings.model_copy(
            update={"model": ModelChoice.model_validate({"name": "resnet18", "stem": "sum"})}
        )
    shape = {"n_channels": 1, "n_outputs": 3, "size": 256, "n_views": views, "volumes": views > 1}
    model = build_empty(settings.model, **shape)
    tensors = {in_files(start, key): value for key, value in source_of(start).state_dict().items()}
    found = borrowed_of(read_descriptor(start), "0" * 64)
    parts = parts_of(model)
    assert [fits(part, found) for part in parts.values()] == [True] * max(1, len(parts))
    offer = offered(list(tensors), found)
    taken, faults = fill(model.state_dict(), parts, offer, tensors.__getitem__)
    assert faults == []
    assert len(taken) >= len(offer.sources)


def test_equal_shapes_of_another_library_do_not_fit():
    model = build_empty(
        ModelChoice.model_validate({"name": "torchvision", "networks": ["efficientnet_b5"]}),
        n_channels=3,
        n_outputs=2,
        size=64,
    )
    (part,) = parts_of(model).values()
    start = borrowed_of(read_descriptor("efficientnet_b5"), "0" * 64)
    assert fits(part, start)
    assert not fits(part, start.model_copy(update={"function": "timm/efficientnet_b5"}))
