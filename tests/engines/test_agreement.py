"""The Snakefile and dvc.yaml tell the same story: commands, dependencies, outputs.

Both are written by hand, so that both can be read; these tests are what keeps them equal.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from radpipe.core.params import load_params
from radpipe.engines.basis import BASES, OF_STEP, code_of, settings_of
from radpipe.engines.plan import RUN_NAMES
from tests.conftest import ROOT
from tests.engines.conftest import Engines
from tests.engines.stub import step_of

# Files that a step finds in a folder are listed one by one by Snakemake, which needs them
# for its graph; DVC takes the folder.
FOLDERS = {
    "evaluate": ["results/runs/{variant}"],
    "compare": ["results/scores"],
    "report": ["results/scores", "results/studies"],
}

CROPS = {"bones": {"adapter": "folders", "remote": None, "side": 32, "extent_mm": 60}}

Story = dict[str, dict[str, Any]]


def snakemake_story(engines: Engines) -> Story:
    """Read every planned job from Snakemake itself: command, inputs, outputs."""
    text = engines.snakemake("--dry-run", "--forceall")
    story: Story = {}
    for block in re.split(r"\n\n|(?=\n\[)", text):
        command = re.search(r"^Shell command: (python .*)$", block, re.MULTILINE)
        log = re.search(r"^    log: logs/(.*)\.log$", block, re.MULTILINE)
        if command and log:
            story[log[1]] = {
                "command": command[1].split(),
                "inputs": _listed(block, "input") - {".state/now", "<TBD>"},
                "outputs": _listed(block, "output"),
            }
    return story


def dvc_story(engines: Engines) -> Story:
    """Read every stage from DVC itself, templates filled in; a basis counts as what it holds."""
    params = load_params(engines.root / "params.yaml")
    held = {str(file): step for step in OF_STEP for file in settings_of(step, params)}
    story: Story = {}
    for stage in dvc_stages(engines):
        receipts = [o for o in stage["outputs"] if o.startswith("results/receipts/")]
        if stage["outputs"] == [str(BASES)]:
            continue
        inputs, settings = set(stage["inputs"]), set(stage["params"])
        for file in inputs & set(held):
            inputs |= set(code_of(held[file]))
            settings |= set(settings_of(held[file], params)[Path(file)])
        name = receipts[0].removeprefix("results/receipts/").removesuffix(".json")
        story[name] = {
            "command": stage["command"].split(),
            "inputs": inputs - set(held),
            "outputs": set(stage["outputs"]),
            "params": settings,
        }
    return story


def dvc_stages(engines: Engines) -> list[dict[str, Any]]:
    """Read every stage from DVC itself: command, dependencies, parameters, outputs."""
    program = (
        "import json; from dvc.repo import Repo; repo = Repo();"
        "print(json.dumps([{'command': s.cmd, 'inputs': [d.def_path for d in s.deps if"
        " type(d).__name__ != 'ParamsDependency'], 'params': {str(k): 1 for d in s.deps if"
        " type(d).__name__ == 'ParamsDependency' for k in d.params},"
        " 'outputs': [o.def_path for o in s.outs]} for s in repo.index.stages if s.cmd]))"
    )
    stages: list[dict[str, Any]] = json.loads(
        engines.run(sys.executable, "-c", program).splitlines()[-1]
    )
    return stages


def _listed(block: str, key: str) -> set[str]:
    line = re.search(rf"^    {key}: (.*)$", block, re.MULTILINE)
    return set(line[1].split(", ")) if line else set()


def differences(snakemake: Story, dvc: Story) -> list[str]:
    """List where the two stories differ; empty is agreement."""
    found = []
    if set(snakemake) != set(dvc):
        found.append(f"runs: {sorted(set(snakemake) ^ set(dvc))}")
    for name in sorted(set(snakemake) & set(dvc)):
        step = name.partition("/")[0]
        ours, theirs = snakemake[name], dvc[name]
        if ours["command"] != theirs["command"]:
            found.append(f"{name} command: {ours['command']} / {theirs['command']}")
        if ours["outputs"] != theirs["outputs"]:
            found.append(f"{name} outputs: {sorted(ours['outputs'] ^ theirs['outputs'])}")
        variant = name.partition("/")[2]
        folders = [folder.format(variant=variant) for folder in FOLDERS.get(step, [])]
        inputs = {
            next((folder for folder in folders if path.startswith(folder + "/")), path)
            for path in ours["inputs"]
        }
        if inputs != theirs["inputs"]:
            found.append(f"{name} dependencies: {sorted(inputs ^ theirs['inputs'])}")
    return found


LEAKS = "        - data/${key}/leaks.csv:\n            remote: ${item.remote}\n"


@pytest.fixture
def engines(engines):
    """A plan in which every step occurs."""
    engines.set("localize", CROPS)
    engines.set("variants.bones-v1.store", "data/bones/crops")
    return engines


@pytest.mark.engine
def test_the_two_engines_run_the_same(engines):
    snakemake, dvc = snakemake_story(engines), dvc_story(engines)
    assert {name.partition("/")[0] for name in snakemake} == set(RUN_NAMES)
    assert differences(snakemake, dvc) == []


@pytest.mark.engine
def test_an_unequal_flag_dependency_or_output_is_noticed(engines):
    """One change in one file is enough."""
    snakemake = snakemake_story(engines)
    text = (engines.root / "dvc.yaml").read_text()
    for old, new, noticed in [
        ("--fold ${item.fold}", "--fold 1", "train/bones-v1-fold-0-seed-0 command"),
        ("        - presets\n", "", "recipe/bones-v1 dependencies: ['presets']"),
        (LEAKS, "", "split/bones outputs: ['data/bones/leaks.csv']"),
    ]:
        assert old in text
        (engines.root / "dvc.yaml").write_text(text.replace(old, new, 1))
        assert any(noticed in line for line in differences(snakemake, dvc_story(engines)))


@pytest.mark.engine
def test_scripts_declare_what_the_engines_say(engines):
    """Settings and layers of each script's STEP are the stage's params and code folders."""
    for name, stage in dvc_story(engines).items():
        step = step_of(ROOT / f"workflow/scripts/{name.partition('/')[0]}.py")
        parser = step.parser()
        args = parser.parse_args(stage["command"][2:])
        assert step.run_name(args) == name.partition("/")[2]
        assert {key.format(**vars(args)) for key in step.settings} == stage["params"], name
        layers = {f"src/radpipe/{layer.format(adapter='folders')}" for layer in step.layers}
        code = {path for path in stage["inputs"] if path.startswith("src/")}
        assert layers == code, name


@pytest.mark.engine
def test_the_stage_basis_depends_on_all_that_it_writes_down(engines):
    """Else DVC would not notice a change, in the runs of a step or in how a basis is written."""
    stages = dvc_stages(engines)
    basis = next(stage for stage in stages if stage["outputs"] == [str(BASES)])
    code = {name for step in OF_STEP for name in code_of(step)}
    assert set(basis["inputs"]) == code | {"src/radpipe/engines/basis.py"}
    params = load_params(engines.root / "params.yaml")
    keys = [key for step in OF_STEP for keys in settings_of(step, params).values() for key in keys]
    assert {key.partition(".")[0] for key in keys} == set(basis["params"])
    named = {path for stage in stages for path in stage["inputs"] if path.startswith(f"{BASES}/")}
    assert named == {str(file) for step in OF_STEP for file in settings_of(step, params)}


@pytest.mark.parametrize("step", RUN_NAMES)
def test_one_word_for_a_step_everywhere(step):
    """Rule, stage, script and test of a step share its name."""
    assert (ROOT / f"workflow/rules/{step}.smk").exists()
    assert (ROOT / f"workflow/scripts/{step}.py").exists()
    assert (ROOT / f"tests/steps/test_{step}.py").exists()
    assert step in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert step_of(ROOT / f"workflow/scripts/{step}.py").name == step


def test_steps_import_no_more_than_they_need():
    """A step that needs neither torch nor scikit-learn does not load them."""
    for step in ("fetch", "index", "split", "recipe", "evaluate", "report"):
        script = Path("workflow/scripts") / f"{step}.py"
        program = (
            f"import runpy, sys; runpy.run_path({str(script)!r});"
            "sys.exit(', '.join({'torch', 'sklearn'} & set(sys.modules)) or 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{step} loads {done.stderr}"
