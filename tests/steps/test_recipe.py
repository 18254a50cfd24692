"""The step `recipe` as a process."""

import pyarrow as pa
import pytest

from radpipe.core.files import sha256_path, write_json
from radpipe.core.recipe import read_recipe
from radpipe.core.tables import write_table

ARGUMENTS = {
    "variant": "bones-v1",
    "study": "bones",
    "store": "data/bones/store",
    "split": "data/bones/split.parquet",
    "weights": "weights/random.json",
    "presets": "presets",
    "out": "results/runs/bones-v1/recipe.json",
    "parts": "results/runs/bones-v1/parts.json",
}


def run(project, **changes):
    arguments = [f"--{key}={value}" for key, value in {**ARGUMENTS, **changes}.items()]
    return project.step("recipe", *arguments)


@pytest.fixture
def bones(project):
    (project.root / "data/bones/store").mkdir(parents=True)
    image = {"side": 32, "resize": "letterbox", "channels": "grey", "bits": 8}
    write_json(project.root / "data/bones/store/fingerprint.json", {"image": image})
    write_table(project.root / "data/bones/split.parquet", pa.table({"case": ["a"]}))
    return project


def test_the_recipe_names_everything_by_hash(bones):
    done = run(bones)
    assert done.returncode == 0, done.stderr
    recipe = read_recipe(bones.root / ARGUMENTS["out"])
    assert (recipe.variant, recipe.preset, recipe.image.side) == ("bones-v1", "bones/v1", 32)
    assert recipe.train.epochs == 2
    for name in ("store", "split", "weights"):
        artifact = getattr(recipe, name)
        assert artifact.path == ARGUMENTS[name]
        assert artifact.sha256 == sha256_path(bones.root / artifact.path)
    assert "numpy" in recipe.versions


def test_a_changed_override_changes_the_recipe(bones):
    run(bones)
    before = read_recipe(bones.root / ARGUMENTS["out"]).sha256
    run(bones)
    assert read_recipe(bones.root / ARGUMENTS["out"]).sha256 == before
    bones.set("variants.bones-v1.train.lr", 0.5)
    run(bones)
    assert read_recipe(bones.root / ARGUMENTS["out"]).sha256 != before


def test_a_store_of_another_size_is_refused(bones):
    bones.set("studies.bones.image.side", 48)
    done = run(bones)
    assert done.returncode == 2
    assert "made with other settings than studies.bones.image (side 32, now 48)" in done.stderr


def test_a_store_that_says_nothing_of_its_settings_is_left_to_its_receipt(bones):
    write_json(bones.root / "data/bones/store/fingerprint.json", {})
    assert run(bones).returncode == 0


@pytest.mark.parametrize(
    ("option", "value"), [("study", "bones2"), ("store", "data/x"), ("weights", "presets")]
)
def test_a_command_line_that_contradicts_params_is_refused(bones, option, value):
    (bones.root / "data/x").mkdir()
    bones.params["studies"]["bones2"] = bones.params["studies"]["bones"]
    bones.save()
    done = run(bones, **{option: value})
    assert done.returncode == 2
    assert f"--{option} {value}: variants.bones-v1.{option} is {ARGUMENTS[option]}" in done.stderr


def test_an_unknown_preset_shows_its_near_miss(bones):
    bones.set("variants.bones-v1.preset", "bones/v11")
    done = run(bones)
    assert done.returncode == 2
    assert "variants.bones-v1.preset: unknown 'bones/v11', did you mean" in done.stderr
