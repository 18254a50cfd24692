"""Recipes: resolved, read back, and pure functions of what they name."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from radpipe.core.checking import check
from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import sha256_path, write_json, write_text
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.recipe import make_recipe, read_recipe
from radpipe.core.versions import versions_of
from radpipe.learning.networks.network import save_weights
from tests.conftest import SMALL

PRESET = {
    "source": "made up",
    "size": 32,
    "channels": "grey",
    "model": {"name": "floor", "width": 3},
    "train": {"optimizer": "adam", "lr": 0.1, "batch_size": 4, "epochs": 5},
    "augment": {},
}
INPUTS = ("data/bones/store", "data/bones/split.parquet", "weights/random.json")


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Return a function that resolves a variant in a project with the data it needs."""
    monkeypatch.chdir(tmp_path)
    write_text(Path("presets/house.yaml"), yaml.safe_dump({"one": PRESET}))
    write_json(Path("data/bones/store/fingerprint.json"), {"image": {"side": 48}})
    for name in INPUTS[1:]:
        write_text(Path(name), name)

    def build(**overrides):
        plan = deepcopy(SMALL)
        block = {"study": "bones", "store": "data/bones/store", "preset": "house/one"}
        plan["variants"] = {"s-one": {**block, **overrides}}
        plan["plan"]["variants"] = ["s-one"]
        params = check(Params, plan, where="", source="params.yaml")
        return make_recipe(params, "s-one", Hashes())

    return build


def test_it_names_everything_by_hash(make):
    recipe = make()
    assert (recipe.variant, recipe.study, recipe.preset) == ("s-one", "bones", "house/one")
    assert recipe.image.side == 48
    for name, path in zip(("store", "split", "weights"), INPUTS, strict=True):
        artifact = getattr(recipe, name)
        assert (artifact.path, artifact.sha256) == (path, sha256_path(Path(path)))
    write_text(Path(INPUTS[1]), "other patients")
    assert make().sha256 != recipe.sha256


def test_settings_that_came_later_stand_in_it_only_where_they_ask_for_something(make):
    """Else every recipe from before would be another one, and all be trained again."""
    plain = make(train={"freeze": {"layers": ["a"]}})
    new = {"layer_rates", "kernel_l2"}
    assert new.isdisjoint(plain.model_dump()["train"])
    assert set(plain.model_dump()["train"]["freeze"]) == {"layers", "epochs", "lr"}
    off = {"kernel_l2": 0, "layer_rates": [], "freeze": {"layers": ["a"], "thaw": []}}
    assert make(train=off).sha256 == plain.sha256
    on = make(train={"kernel_l2": 1e-6, "layer_rates": [{"layers": ["a"], "factor": 0.1}]})
    assert new <= set(on.model_dump()["train"])
    write_text(Path("recipe.json"), on.text)
    assert read_recipe(Path("recipe.json")) == on


def test_weights_of_another_project_whose_start_forbids_the_use_are_refused(make, monkeypatch):
    terms = {"spdx": "CC-BY-NC-4.0", "forbids": ["commercial"]}
    starts = [{"start": "rad", "terms": terms}]
    Path("weights").mkdir(exist_ok=True)
    save_weights(Path("weights/hips.safetensors"), {}, {"borrowed": starts})
    assert make(weights="weights/hips.safetensors").weights.path == "weights/hips.safetensors"
    monkeypatch.setitem(SMALL["plan"], "use", "commercial")
    with pytest.raises(ConfigError, match=r"variants\.s-one\.weights: .* comes from rad, whose"):
        make(weights="weights/hips.safetensors")


def test_further_starts_stand_in_it_by_hash(make, monkeypatch):
    assert "further_weights" not in make().model_dump()
    for name in "ab":
        write_text(Path(f"results/starts/{name}/start.json"), name)
    starts = {"weights": "weights/a.json", "further_weights": ["weights/b.json"]}
    monkeypatch.setitem(SMALL["plan"], "starts", ["a", "b"])
    recipe = make(**starts)
    (found,) = recipe.further_weights
    assert (found.path, found.sha256) == (
        *("results/starts/b/start.json", sha256_path(Path("results/starts/b/start.json"))),
    )
    write_text(Path("results/starts/b/start.json"), "other tensors")
    assert make(**starts).sha256 != recipe.sha256


def test_an_unknown_preset_shows_its_near_miss(make):
    with pytest.raises(ConfigError, match=r"variants.s-one.preset: unknown 'house/on', did you"):
        make(preset="house/on")


def test_overrides_lie_over_the_preset(make):
    recipe = make(train={"lr": 0.2}, model={"width": 7})
    assert (recipe.train.lr, recipe.train.epochs) == (0.2, 5)
    assert recipe.model.settings == {"width": 7}
    assert recipe.source == "made up"


def test_to_normalise_as_the_start_asks_for_one_that_says_how(make):
    with pytest.raises(ConfigError, match=r"s-one.train.normalize: start asks.*weights/random"):
        make(train={"normalize": "start"})


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


def test_versions_are_found_without_importing():
    found = versions_of(["numpy", "no-such-package"])
    assert found["numpy"][0].isdigit()
    assert found["no-such-package"] == "not installed"
