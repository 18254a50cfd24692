"""Models that start from weights that others learned: the same function, all of it, or nothing."""

import logging
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torchvision.models import get_model
from torchvision.models.inception import Inception3

from radpipe.core.descriptors import read_descriptor
from radpipe.core.errors import ConfigError, StaleError
from radpipe.core.settings import ModelChoice, Training
from radpipe.learning.data.normalisation import normalisation
from radpipe.learning.models import build_model
from radpipe.learning.models.base import Part
from radpipe.learning.models.trunks import GreyAsColour
from radpipe.learning.starts import borrowing
from radpipe.learning.starts.borrowing import borrow, fill, input_of, offered, parts_of
from radpipe.learning.starts.obtaining import obtain
from radpipe.learning.training.train import about, start
from tests.conftest import ROOT
from tests.learning.starts.conftest import borrowed_of, starter
from tests.learning.starts.test_catalogue import in_files
from tests.small_study import TWO, small_recipe, write_study

pytestmark = pytest.mark.usefixtures("in_process")

UNIT = torch.zeros(3), torch.ones(3)
IMAGENET = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@pytest.fixture
def recipe(tmp_path):
    write_study(tmp_path, TWO)
    return small_recipe(tmp_path, TWO)


def random_weights(name):
    """Return a network of torchvision in which every number matters, norms' statistics too."""
    torch.manual_seed(3)
    network = get_model(name, weights=None)
    for key, tensor in network.state_dict().items():
        if key.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif key.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_logits_are_those_of_the_source_library(name, describe, tmp_path, recipe, monkeypatch):
    theirs = random_weights(name)
    state = {in_files(name, key): value for key, value in theirs.state_dict().items()}
    torch.save(state, tmp_path / "site" / f"{name}.pth")
    monkeypatch.chdir(ROOT)
    catalogue = read_descriptor(name)
    monkeypatch.chdir(tmp_path / "project")
    served = describe(f"{name}.pth")
    names = ("name", "file", "addresses", "sha256", "sha256_prefix")
    descriptor = catalogue.model_copy(update={key: getattr(served, key) for key in names})
    _, tensors = obtain(descriptor)
    torch.manual_seed(4)
    choice = ModelChoice.model_validate({"name": "torchvision", "networks": [name]})
    ours = build_model(choice, n_channels=3, n_outputs=2, size=64).eval()
    taken = borrow(recipe, [borrowed_of(descriptor, tensors)], ours, *UNIT)
    assert set(taken.left) == {k for k in state if k.startswith(tuple(descriptor.heads))}
    assert taken.fresh == ("last",)
    head = theirs.fc if name == "resnet18" else theirs.classifier
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        torch.testing.assert_close(
            head(ours.networks[0](images)), theirs(images), rtol=0, atol=1e-5
        )


class Toy(nn.Module):
    """A convolution with a norm, as a library has them, and a last layer of our own."""

    def __init__(self, channels, stem=None, convolution=nn.Conv2d):
        super().__init__()
        self.conv = convolution(channels, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Linear(4, 2)
        self.implementations = {"": Part("toy/net", own=("last.",), stem=stem)}

    def features(self, images):
        return self.norm(self.conv(images))


class Pair(nn.Module):
    """Two networks of two implementations, and a third that no start is for."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = Toy(3), Toy(3), nn.Linear(2, 1)
        self.implementations = {"a.": Part("toy/a", own=("last.",)), "b.": Part("toy/b", own=("",))}
        self.a.implementations, self.b.implementations = {}, {}


@pytest.fixture
def two(describe, tmp_path):
    """Return two starts, of toy/a and toy/b, whose tensors lie in the shared folder."""
    found = []
    for k, name in enumerate("ab"):
        tensors = {n: t + k + 1 for n, t in Toy(3).state_dict().items() if "last" not in n}
        torch.save(tensors, tmp_path / "site" / f"{name}.pth")
        descriptor = describe(f"{name}.pth", library="toy", implementation=name, heads=[])
        start = borrowed_of(descriptor, obtain(descriptor)[1], name=name)
        found.append((start, tensors))
    return found


def test_each_of_several_starts_goes_into_its_own_part(two, recipe):
    model = Pair()
    (a, of_a), (b, of_b) = two
    taken = borrow(recipe, [a, b], model, *UNIT)
    assert torch.equal(model.a.conv.weight, of_a["conv.weight"])
    assert torch.equal(model.b.conv.weight, of_b["conv.weight"])
    assert taken.run == "a (toy/a) and b (toy/b)"
    assert taken.tensors == 2 * len(of_a)
    assert taken.fresh == ("a.last", "b.last", "c")


def test_two_starts_of_one_implementation_are_refused(two, recipe):
    (a, _), (b, _) = two
    rival = b.model_copy(update={"function": a.function})
    with pytest.raises(ConfigError, match=r"a and b are both weights of toy/a.*leave one of them"):
        borrow(recipe, [a, rival], Pair(), *UNIT)


def test_starts_that_saw_other_inputs_cannot_both_say_how_to_normalise(two, recipe):
    (a, _), (b, _) = two
    other = b.model_copy(update={"input": b.input.model_copy(update={"sd": [0.5] * 3})})
    assert input_of(recipe, [a, other]) == a.input
    how = recipe.train.model_copy(update={"normalize": "start"})
    asking = recipe.model_copy(update={"train": how})
    assert input_of(asking, [a, b]) == a.input
    with pytest.raises(ConfigError, match=r"and b did otherwise than a, by their descriptors"):
        input_of(asking, [a, other])
    assert input_of(recipe, []) is None


def test_the_input_of_inception_is_what_its_option_makes_of_torchvisions_own(monkeypatch):
    monkeypatch.chdir(ROOT)
    mean, sd = map(torch.tensor, read_descriptor("inception_v3").input.normalisation(3))
    pixels = torch.rand(1, 3, 4, 4)
    prepared = (pixels - IMAGENET[0][:, None, None]) / IMAGENET[1][:, None, None]
    theirs = Inception3._transform_input(SimpleNamespace(transform_input=True), prepared)
    torch.testing.assert_close((pixels - mean[:, None, None]) / sd[:, None, None], theirs)
    # With the same weights and without the option it would be another picture.
    assert not torch.allclose(prepared, theirs, atol=0.5)


@pytest.fixture
def toy(describe):
    """Return a start of the toy library, and its tensors."""
    torch.manual_seed(1)
    network = Toy(3).eval()
    tensors = {k: v for k, v in network.state_dict().items() if not k.startswith("last")}
    tensors["fc.weight"] = torch.zeros(9, 4)
    return borrowed_of(describe("a.pth"), "0" * 64, function="toy/net"), tensors, network


def filled(toy, model, names=None):
    found, tensors, _ = toy
    offer = offered(list(tensors if names is None else names), found)
    tensors = {**tensors, **(names or {})}
    return fill(model.state_dict(), parts_of(model), offer, tensors.__getitem__)


@pytest.mark.parametrize(
    ("stem", "convolution", "channels", "factor"),
    [
        ("repeat", GreyAsColour, 3, 1.0),
        ("sum", nn.Conv2d, 1, 1.0),
        ("mean", nn.Conv2d, 1, 3.0),
    ],
)
def test_a_grey_picture_is_three_equal_colours(toy, stem, convolution, channels, factor):
    """By their definitions: sum is the function of repeat, mean that of a third of the grey."""
    model = Toy(channels, stem, convolution).eval()
    assert filled(toy, model)[1] == []
    grey = torch.rand(2, 1, 8, 8)
    wanted = toy[2].features((grey / factor).expand(-1, 3, -1, -1))
    torch.testing.assert_close(model.features(grey), wanted)


def test_a_stem_that_is_not_named_is_asked_for(toy):
    _, faults = filled(toy, Toy(1))
    (fault,) = faults
    assert fault.startswith("conv.weight is (4, 1, 3, 3), and (4, 3, 3, 3) in the file")
    assert fault.endswith("else it takes pictures of three channels)")


def test_counts_of_norms_may_be_missing_and_nothing_else(toy):
    names = {k: v for k, v in toy[1].items() if "num_batches" not in k}
    assert filled(toy, Toy(3), names)[1] == []
    del names["norm.running_var"]
    assert filled(toy, Toy(3), names)[1] == ["norm.running_var is not in the file"]


def test_names_of_another_library_are_all_told(toy):
    """What `strict=False` would take nothing of without a word."""
    names = {f"layer.{key}": value for key, value in toy[1].items()}
    _, faults = filled(toy, Toy(3), names)
    assert "layer.conv.weight has no place" in faults
    assert "conv.weight is not in the file" in faults


def test_a_prefix_is_taken_off_and_old_names_become_new(toy):
    found, tensors, _ = toy
    old = {"net." + key.replace("norm", "bn"): value for key, value in tensors.items()}
    now = found.model_copy(
        update={
            "prefix": "net.",
            "rename": [SimpleNamespace(pattern=r"bn(.*)", becomes=r"norm\1")],
        }
    )
    offer = offered(list(old), now)
    assert offer.left == ("net.fc.weight",)
    model = Toy(3)
    assert fill(model.state_dict(), parts_of(model), offer, old.__getitem__)[1] == []
    assert torch.equal(model.norm.weight, tensors["norm.weight"])


def test_two_sources_of_one_name_are_a_fault(toy):
    found, tensors, _ = toy
    rename = [SimpleNamespace(pattern=r"old\.(.*)", becomes=r"\1")]
    names = {**tensors, "old.conv.weight": tensors["conv.weight"]}
    offer = offered(list(names), found.model_copy(update={"rename": rename}))
    model = Toy(3)
    _, faults = fill(model.state_dict(), parts_of(model), offer, names.__getitem__)
    assert faults == ["conv.weight and old.conv.weight both become conv.weight"]


def test_parts_within_parts_are_found():
    class Larger(nn.Module):
        def __init__(self):
            super().__init__()
            self.image = Toy(3)

    assert list(parts_of(Larger())) == ["image."]


@pytest.fixture
def make_started(make, describe, tmp_path, monkeypatch):
    """Return a function that makes a run which starts from a served file of its own tensors."""
    return starter(make, describe, tmp_path, monkeypatch)


def test_a_run_takes_all_but_its_own_last_layer(make_started):
    run, theirs = make_started()
    state = start(run, 1)
    own = state.network.model.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in theirs.items())
    assert state.taken.facts == {
        "run": "toy (toy/compact)",
        "tensors": len(theirs),
        "parameters": sum(
            weight.numel()
            for name, weight in state.network.model.named_parameters()
            if not name.startswith("6.")
        ),
        "fresh": ["6"],
        "left": ["fc.weight"],
        "stem": "",
    }
    state.keep()
    facts = about(run, state, fold=0, seed=1)
    (outside,) = facts["borrowed"]
    assert outside["start"] == "toy"
    assert [each["data_set"] for each in outside["learned_from"]] == ["ImageNet-1k"]
    assert [each["variant"] for each in facts["lineage"]] == ["bones-x"]


def test_a_run_that_normalises_otherwise_is_warned(make_started, caplog):
    start(make_started()[0], 1)
    (said,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    # The means of 0.485, 0.456 and 0.406, and of 0.229, 0.224 and 0.225.
    assert said.startswith(
        "toy has learned from pixels with mean=[0.449] sd=[0.226], and train.norm"
    )
    assert said.endswith("normalize: start")


def test_a_run_may_normalise_as_its_start_has_learned(make_started, caplog):
    state = start(make_started(normalize="start")[0], 1)
    assert state.network.mean.item() == pytest.approx(0.449)
    assert state.network.sd.item() == pytest.approx(0.226)
    assert not [r for r in caplog.records if r.levelno == logging.WARNING]


def test_without_such_a_start_there_is_nothing_to_normalise_by(make):
    run = make()
    how = Training.model_validate({**run.how.model_dump(), "normalize": "start"})
    with pytest.raises(ConfigError, match=r"weights/<name>\.json alone say"):
        normalisation(run.store, run.train.rows, how)


def test_a_missing_tensor_refuses_the_run(make_started):
    run, _ = make_started(lambda own: {k: v for k, v in own.items() if k != "0.weight"})
    with pytest.raises(ConfigError) as caught:
        start(run, 1)
    assert str(caught.value).startswith(
        "variants.bones-x.weights: toy promises all tensors of toy/compact but its heads (fc.), and"
        " nothing is taken unless all of them are:\n  0.weight is not in the file\nThe way out: "
    )


def test_many_faults_are_not_all_told(make_started):
    run, _ = make_started(lambda own: {f"x.{k}": v for k, v in own.items()})
    with pytest.raises(ConfigError, match=r"x\.0\.weight has no place\n(.*\n)*  and \d+ more\n"):
        start(run, 1)


def test_another_implementation_refuses_the_run(make_started, monkeypatch):
    run, _ = make_started()
    monkeypatch.setattr(borrowing, "parts_of", lambda model: {"": Part("timm/compact")})
    with pytest.raises(ConfigError, match=r"weights of toy/compact.*it has: timm/compact\."):
        start(run, 1)


def test_tensors_that_were_changed_are_not_opened(make_started, tmp_path):
    run, _ = make_started()
    (file,) = (tmp_path / "shared/tensors").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(StaleError, match="changed since it was written, so it is not opened"):
        start(run, 1)
