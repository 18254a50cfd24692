"""What DVC compares of settings and code: little, and nothing is missed."""

import re
import shutil

import pytest

from radpipe.core.files import read_json
from radpipe.core.params import load_params
from radpipe.engines.plan import PLAN, write_plan
from tests.conftest import ROOT, Project

BOTH = ("bones-floor", "bones-v1")


def of(*steps: str, variants: tuple[str, ...] = BOTH) -> set[str]:
    return {f"{step}/{variant}" for step in steps for variant in variants}


ALL = {
    *(f"{step}/bones" for step in ("fetch", "index", "ingest", "explore", "split")),
    *of("recipe", "train", "predict", "evaluate"),
    *("compare/all", "judge/all", "report/all"),
}
LEARNS = of("train", "predict")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Enter a project in which nothing was made but the plan, with the package of the tests."""
    made = Project(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_plan(load_params())
    return made


def names() -> set[str]:
    return {str(file.relative_to(PLAN).with_suffix("")) for file in PLAN.rglob("*.json")}


def rewritten() -> set[str]:
    """Write the plan again, and name the files that came out otherwise."""
    before = {file: file.stat().st_ino for file in PLAN.rglob("*.json")}
    write_plan(load_params())
    after = {file: file.stat().st_ino for file in PLAN.rglob("*.json")}
    changed = {file for file in after if after[file] != before.get(file)}
    return {str(file.relative_to(PLAN).with_suffix("")) for file in changed}


def test_a_plan_holds_code_and_settings(project):
    assert names() == ALL
    held = read_json(PLAN / "train/bones-v1.json")
    assert held["settings"]["recipe.bones-v1"]["train"]["epochs"] == 2
    assert "workflow/scripts/train.py" in held["code"]
    assert "src/radpipe/learning/models/cnn.py" in held["code"]
    assert "src/radpipe/learning/models/baseline.py" not in held["code"]
    assert read_json(PLAN / "predict/bones-v1.json")["settings"]["opened.bones"] is True


def test_what_is_as_it_was_is_left_alone(project):
    (project.root / "params.yaml").write_text((project.root / "params.yaml").read_text() + "# .\n")
    assert rewritten() == set()


V1 = of("recipe", "train", variants=("bones-v1",))


@pytest.mark.parametrize(
    ("setting", "value", "changed"),
    [
        ("variants.bones-v1.train.epochs", 3, V1 | {"report/all"}),
        ("studies.bones.image.side", 64, {"ingest/bones", "report/all"}),
        ("studies.bones.split.seed", 2, {"split/bones", "report/all"}),
        ("plan.open_test", [], of("predict") | {"report/all"}),
        ("plan.seeds", [0, 1], of("evaluate") | {"report/all"}),
        ("evaluation.seed", 2, of("evaluate") | {"compare/all", "judge/all"}),
    ],
)
def test_a_setting_changes_what_depends_on_it(project, setting, value, changed):
    project.set(setting, value)
    assert rewritten() == changed


def test_a_script_changes_its_own_step(project):
    path = project.root / "workflow/scripts/predict.py"
    path.write_text(path.read_text() + "\nEDITED = 1\n")
    assert rewritten() == of("predict")


def test_a_variant_that_is_gone_leaves_no_plan(project):
    project.params["variants"].pop("bones-floor")
    project.set("plan.variants", ["bones-v1"])
    rewritten()
    assert names() == {name for name in ALL if "floor" not in name}


@pytest.mark.engine
def test_other_evaluation_scores_again_and_neither_trains_nor_predicts(recorded):
    """Nor does it in Snakemake; afterwards both have nothing to do."""
    recorded.set("evaluation.seed", 2)
    steps = {name.partition("/")[0] for name in recorded.planned()}
    assert steps == {"evaluate", "compare", "judge", "report"}
    text = recorded.dvc("repro")
    ran = set(re.findall(r"Running stage '([a-z]+)", text))
    assert ran == {"plan", *steps}
    assert recorded.planned() == set()
    assert "up to date" in recorded.dvc("status")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("module", "made_again"),
    [
        ("learning/models/cnn.py", {"train", "predict"}),
        ("figures/palette.py", {"compare", "report"}),
    ],
)
def test_edited_code_makes_again_what_imports_it(recorded, module, made_again):
    """In both engines; `dvc status` names the plan alone."""
    path = recorded.root / "src/radpipe" / module
    path.write_text(path.read_text() + "\nEDITED = 1\n")
    planned = recorded.planned()
    assert {name.partition("/")[0] for name in planned} >= made_again
    if "models" in module:
        trained = {name for name in planned if name.startswith("train/")}
        assert trained == {"train/bones-v1-fold-0-seed-0"}
    status = recorded.dvc("status")
    assert re.findall(r"^(\S+):$", status, re.MULTILINE) == ["plan"]
    ran = set(re.findall(r"Running stage '([a-z]+)", recorded.dvc("repro")))
    assert made_again | {"plan"} <= ran
    assert recorded.planned() == set()


@pytest.mark.engine
def test_a_comment_and_a_docstring_are_nothing_to_any_run(recorded):
    """Nor to a result: DVC looks at the plan again, and finds it as it was."""
    for name in ("src/radpipe/core/files.py", "workflow/scripts/train.py", "presets/bones.yaml"):
        path = recorded.root / name
        words = path.read_text().replace('"""', '"""In other words: ', 1)
        path.write_text(words + "\n\n# a remark\n")
    assert recorded.planned() == set()
    recorded.radpipe("record")
    assert "up to date" in recorded.dvc("status")
    assert recorded.planned() == set()


def test_a_package_elsewhere_is_told(project):
    """A project with its own package must not be planned with another one's code."""
    from radpipe.core.errors import ConfigError

    shutil.copytree(ROOT / "src", project.root / "src", ignore=shutil.ignore_patterns("__*__"))
    with pytest.raises(ConfigError, match="radpipe of another folder"):
        write_plan(load_params())
