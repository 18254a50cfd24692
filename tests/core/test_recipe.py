"""Recipes: resolved, read back, and checked against the files they name."""

import pytest
import yaml

from radpipe.core.errors import ConfigError, DataError, StaleError
from radpipe.core.files import sha256_path, write_json, write_text
from radpipe.core.hashes import Hashes
from radpipe.core.recipe import Artifact, make_recipe, read_recipe, versions_of
from radpipe.core.settings import Image, Target, Variant

PRESET = {
    "source": "made up",
    "size": 32,
    "channels": "grey",
    "model": {"name": "floor", "width": 3},
    "train": {"optimizer": "adam", "lr": 0.1, "batch_size": 4, "epochs": 5},
    "augment": {},
}
TARGET = Target(kind="binary", classes=["no", "yes"])


@pytest.fixture
def make(tmp_path):
    write_text(tmp_path / "presets/house.yaml", yaml.safe_dump({"one": PRESET}))
    artifacts = {}
    for name in ("store", "split", "weights"):
        write_text(tmp_path / name, name)
        artifacts[name] = Artifact(path=str(tmp_path / name), sha256=sha256_path(tmp_path / name))

    def build(**overrides):
        variant = Variant(study="s", store="data/s/store", preset="house/one", **overrides)
        return make_recipe(
            "s-one",
            variant,
            target=TARGET,
            image=Image(side=32),
            artifacts=artifacts,
            presets=tmp_path / "presets",
        )

    return build


def test_overrides_lie_over_the_preset(make):
    recipe = make(train={"lr": 0.2}, model={"width": 7})
    assert (recipe.train.lr, recipe.train.epochs) == (0.2, 5)
    assert recipe.model.settings == {"width": 7}
    assert recipe.source == "made up"


def test_another_model_does_not_inherit_settings(make):
    assert make(model={"name": "other"}).model.settings == {}


def test_wrong_overrides_are_named_by_their_variant(make):
    with pytest.raises(ConfigError, match=r"variants\.s-one\.train\.optimizer.*'adam'"):
        make(train={"optimizer": "adm"})


def test_equal_recipes_have_equal_hashes(make):
    assert make().sha256 == make().sha256
    assert make(train={"lr": 0.2}).sha256 != make().sha256


def test_a_recipe_is_read_back_as_it_was(make, tmp_path):
    write_json(tmp_path / "recipe.json", make().model_dump(mode="json"))
    again = read_recipe(tmp_path / "recipe.json")
    assert again == make()
    assert again.sha256 == make().sha256


@pytest.mark.parametrize("text", ["", "{}", '{"variant": 1}'])
def test_anything_else_is_no_recipe(tmp_path, text):
    write_text(tmp_path / "recipe.json", text)
    with pytest.raises(DataError, match=r"recipe\.json: not a recipe"):
        read_recipe(tmp_path / "recipe.json")


def test_a_missing_file_is_no_recipe(tmp_path):
    with pytest.raises(DataError, match="not a recipe"):
        read_recipe(tmp_path / "recipe.json")


@pytest.mark.parametrize("name", ["store", "split", "weights"])
def test_changed_inputs_are_noticed(make, tmp_path, name):
    recipe = make()
    recipe.check_inputs(Hashes())
    write_text(tmp_path / name, "changed")
    with pytest.raises(StaleError, match=f"{name} is not what the recipe of s-one"):
        recipe.check_inputs(Hashes())
    (tmp_path / name).unlink()
    with pytest.raises(StaleError, match=f"{name}: missing"):
        recipe.check_inputs(Hashes())


def test_versions_are_found_without_importing():
    found = versions_of(["numpy", "no-such-package"])
    assert found["numpy"][0].isdigit()
    assert found["no-such-package"] == "not installed"
