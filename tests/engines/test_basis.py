"""What DVC compares of settings and code: little, and nothing is missed."""

import re
import shutil

import pytest

from radpipe.core.files import read_json
from radpipe.core.params import load_params
from radpipe.engines.basis import BASES, write_basis
from tests.conftest import ROOT, Project

ALL = {"train", "predict", "evaluate", "recipe/bones-floor", "recipe/bones-v1"}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Enter a project in which nothing was made but the basis."""
    made = Project(tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__*__"))
    monkeypatch.chdir(tmp_path)
    write_basis(load_params())
    return made


def rewritten() -> set[str]:
    """Write the basis again, and name the files that came out otherwise."""
    before = {file: file.stat().st_ino for file in BASES.rglob("*.json")}
    write_basis(load_params())
    after = {file: file.stat().st_ino for file in BASES.rglob("*.json")}
    changed = {file for file in after if after[file] != before.get(file)}
    return {str(file.relative_to(BASES).with_suffix("")) for file in changed}


def test_a_basis_holds_code_and_settings(project):
    names = {str(file.relative_to(BASES).with_suffix("")) for file in BASES.rglob("*.json")}
    assert names == ALL
    held = read_json(BASES / "recipe/bones-v1.json")
    assert held["settings"]["variants.bones-v1"]["train"] == {"epochs": 2}
    assert held["settings"]["plan.open_test"] == ["bones"]
    assert set(held["code"]) == {"workflow/scripts/recipe.py", "src/radpipe/core"}
    assert read_json(BASES / "train.json")["settings"] == {}


def test_what_is_as_it_was_is_left_alone(project):
    (project.root / "params.yaml").write_text((project.root / "params.yaml").read_text() + "# .\n")
    assert rewritten() == set()


@pytest.mark.parametrize(
    ("setting", "value", "changed"),
    [
        ("variants.bones-v1.train.epochs", 3, {"recipe/bones-v1"}),
        ("studies.bones.image.side", 64, {"recipe/bones-v1", "recipe/bones-floor"}),
        ("studies.bones.split.seed", 2, set()),
        ("plan.open_test", [], {"recipe/bones-v1", "recipe/bones-floor"}),
        ("plan.seeds", [0, 1], {"evaluate"}),
        ("evaluation.seed", 2, {"evaluate"}),
    ],
)
def test_a_setting_changes_the_basis_of_what_depends_on_it(project, setting, value, changed):
    project.set(setting, value)
    assert rewritten() == changed


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("src/radpipe/learning/losses.py", {"train", "predict"}),
        ("src/radpipe/evaluation/paired.py", {"evaluate", "predict"}),
        ("src/radpipe/core/hashes.py", ALL),
        ("workflow/scripts/predict.py", {"predict"}),
        ("src/radpipe/figures/frame.py", set()),
    ],
)
def test_code_changes_the_basis_of_what_depends_on_it(project, file, changed):
    path = project.root / file
    path.write_text(path.read_text() + "\n# a remark\n")
    assert rewritten() == changed


def test_a_variant_that_is_gone_leaves_no_basis(project):
    project.params["variants"].pop("bones-floor")
    project.set("plan.variants", ["bones-v1"])
    assert rewritten() == set()
    assert not (BASES / "recipe/bones-floor.json").exists()


@pytest.mark.engine
def test_other_evaluation_scores_again_and_neither_trains_nor_predicts(recorded):
    """Nor does it in Snakemake; afterwards both have nothing to do."""
    recorded.set("evaluation.seed", 2)
    steps = {name.partition("/")[0] for name in recorded.planned()}
    assert steps == {"evaluate", "compare", "report"}
    text = recorded.dvc("repro")
    ran = set(re.findall(r"Running stage '([a-z]+)", text))
    assert ran == {"basis", *steps}
    assert recorded.planned() == set()
    assert "up to date" in recorded.dvc("status")


@pytest.mark.engine
def test_edited_training_code_trains_again_in_dvc(recorded):
    """`dvc status` names the basis alone; `dvc repro` then makes what stands on it."""
    path = recorded.root / "src/radpipe/learning/losses.py"
    path.write_text(path.read_text() + "\n# a remark\n")
    status = recorded.dvc("status")
    assert re.findall(r"^(\S+):$", status, re.MULTILINE) == ["basis"]
    assert "src/radpipe/learning" in status
    ran = set(re.findall(r"Running stage '([a-z]+)", recorded.dvc("repro")))
    assert {"basis", "train", "predict"} <= ran
    assert not ran & {"ingest", "recipe"}
    assert recorded.planned() == set()
