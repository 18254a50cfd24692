"""Networks of timm: what they take from a start, other sizes, and what is refused."""

import sys

import pytest
import timm
import torch
from timm.models import get_pretrained_cfg

from radpipe.core.descriptors import read_descriptor
from radpipe.core.errors import ConfigError
from radpipe.core.settings import ModelChoice
from radpipe.learning.models import build_empty, build_model
from radpipe.learning.starts.borrowing import borrow, fill, fits, offered, parts_of
from radpipe.learning.starts.obtaining import obtain
from tests.conftest import ROOT
from tests.core.test_descriptors import of_library
from tests.learning.starts.conftest import borrowed_of, describe, in_process, site
from tests.small_study import TWO, small_recipe, write_study

__all__ = ["describe", "in_process", "site"]

UNIT = torch.zeros(3), torch.ones(3)


def choice(network, **settings):
    return ModelChoice.model_validate({"name": "timm", "network": network, **settings})


def made(network, *, channels=3, size=64, build=build_model, **settings):
    return build(choice(network, **settings), n_channels=channels, n_outputs=2, size=size)


@pytest.mark.parametrize("name", of_library("timm"))
def test_it_says_what_timm_says(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = read_descriptor(name)
    if name == "rad_dino":  # learned by others, for timm's implementation
        assert timm.is_model(found.implementation)
        assert (found.sha256, found.sha256_prefix) == (None, None)
        # Its card says MIT, and research purposes only; and that it goes on from DINOv2's weights.
        assert (found.licence.spdx, found.licence.restricted) == ("MIT", None)
        assert "LVD-142M" in [each.data_set for each in found.learned_from]
        return
    every = timm.list_pretrained(f"{found.implementation}.*")
    (theirs,) = [c for c in map(get_pretrained_cfg, every) if c.url in found.addresses]
    assert (found.input.mean, found.input.sd) == (list(theirs.mean), list(theirs.std))
    assert (3, found.input.side, found.input.side) == theirs.input_size
    assert found.input.interpolation == theirs.interpolation
    assert found.heads == [f"{theirs.classifier}."]
    # The name of the file ends in the first digits of its hash.
    assert found.file == f"{found.file.rpartition('-')[0]}-{found.sha256_prefix}.pth"


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("name", "size"), [("xception", 64), ("deit_small", 224)])
def test_logits_are_those_of_timm(name, size, describe, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    catalogue = read_descriptor(name)
    monkeypatch.chdir(tmp_path / "project")
    torch.manual_seed(3)
    theirs = timm.create_model(catalogue.implementation, pretrained=False).eval()
    state = theirs.state_dict()
    torch.save({"model": state} if catalogue.inside else state, tmp_path / "site" / "a.pth")
    served = describe("a.pth")
    names = ("name", "file", "addresses", "sha256", "sha256_prefix")
    descriptor = catalogue.model_copy(update={key: getattr(served, key) for key in names})
    write_study(tmp_path, TWO)
    ours = made(catalogue.implementation, size=size).eval()
    start = borrowed_of(descriptor, obtain(descriptor)[1])
    taken = borrow(small_recipe(tmp_path, TWO), [start], ours, *UNIT)
    assert set(taken.left) == {key for key in state if key.startswith(tuple(descriptor.heads))}
    assert taken.fresh == ("head.1",)
    images = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        logits = theirs.get_classifier()(ours.trunk(images))
        torch.testing.assert_close(logits, theirs(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "stem", "size"),
    [("timm_efficientnet_b0", "sum", 64), ("rad_dino", "repeat", 518), ("rad_dino", "mean", 112)],
)
def test_all_that_is_promised_has_a_place(name, stem, size, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = borrowed_of(read_descriptor(name), "0" * 64)
    network = found.function.removeprefix("timm/")
    with torch.device("meta"):
        theirs = timm.create_model(network, pretrained=False).state_dict()
        theirs |= {"mask_token": torch.empty(1, 768)} if name == "rad_dino" else {}
    model = made(network, channels=1, size=size, build=build_empty, stem=stem)
    (part,) = parts_of(model).values()
    assert fits(part, found)
    offer = offered(list(theirs), found)
    taken, faults = fill(model.state_dict(), parts_of(model), offer, theirs.__getitem__)
    assert faults == []
    assert {key for key in model.state_dict() if key not in taken} == {
        *("head.1.weight", "head.1.bias")
    }


def test_position_embeddings_are_brought_to_another_side():
    """Of a class and 14 x 14 places; a slope stays a slope, and the class's own is kept."""
    model = made("deit_small_patch16_224", size=112, build=build_empty)
    (part,) = parts_of(model).values()
    own = model.trunk.pos_embed
    assert own.shape == (1, 1 + 7 * 7, 384)
    slope = torch.arange(14.0).repeat_interleave(14)[None, :, None].expand(-1, -1, 384)
    theirs = torch.cat([torch.full((1, 1, 384), -9.0), slope], dim=1)
    resized = part.resized("trunk.pos_embed", theirs, own)
    assert resized[:, 0].unique().tolist() == [-9.0]
    rows = resized[0, 1:, 0].reshape(7, 7)
    # In the middle, two old rows to a new one: 0.5 + 2 k.
    torch.testing.assert_close(rows[2:5, 3], torch.tensor([4.5, 6.5, 8.5]))
    assert part.resized("trunk.norm.weight", theirs, own) is theirs


def test_a_grey_picture_is_three_equal_colours():
    torch.manual_seed(0)
    grey = made("efficientnet_b0", channels=1, stem="repeat").eval()
    colour = made("efficientnet_b0").eval()
    colour.load_state_dict(grey.state_dict())
    images = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        assert torch.equal(grey(images), colour(images.repeat(1, 3, 1, 1)))


def test_an_unknown_network_is_told_with_the_nearest():
    with pytest.raises(ConfigError, match=r"no network 'legacy_xeption', did you mean 'legacy_x"):
        made("legacy_xeption")


def test_a_name_that_timm_has_given_up_is_not_another_network():
    """Of it legacy_xception would be made, with a warning."""
    assert timm.is_model("xception")
    with pytest.raises(ConfigError, match=r"has no network 'xception', did you mean"):
        made("xception")


def test_a_side_that_a_network_cannot_take_is_told_before_training():
    with pytest.raises(ConfigError, match="'halonet26t' cannot be made for pictures of 3 x 72 x"):
        made("halonet26t", size=72)


@pytest.mark.parametrize("network", ["mobilenetv3_small_050", "resnet10t"])
def test_a_network_begins_in_training_with_statistics_of_nothing(network):
    """It was asked how many features it has, which for the first are not what timm calls so."""
    model = made(network)
    assert all(module.training for module in model.modules())
    running = {k: v for k, v in model.state_dict().items() if k.endswith("running_mean")}
    assert running
    assert not any(value.any() for value in running.values())
    assert model(torch.rand(2, 3, 64, 64)).shape == (2, 2)


def test_small_pictures_are_refused():
    with pytest.raises(ConfigError, match="at least 32 pixels, and it is 16"):
        made("legacy_xception", size=16)


def test_without_the_extra_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"not installed .* pip install 'radpipe\[timm\]'"):
        made("legacy_xception")
