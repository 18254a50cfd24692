"""The Snakefile and dvc.yaml tell the same story: commands, dependencies, outputs.

Both follow from what the scripts declare, each by its own way; here the engines themselves are
asked what they understood.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from radpipe.core.declared import SCRIPTS, read_steps
from radpipe.core.graph import Graph
from radpipe.core.params import load_params
from radpipe.engines.plan import PLAN, RECIPES
from tests.conftest import ROOT
from tests.engines.conftest import Engines

# Files that a step finds in a folder are listed one by one by Snakemake, which needs them
# for its graph; DVC takes the folder.
FOLDERS = {
    "evaluate": ["results/runs/{variant}"],
    "explain": ["results/runs/{variant}"],
    "judge": ["results/explanations"],
    "combine": ["results/runs"],
    "compare": ["results/scores"],
    "report": ["results/scores", "results/studies", "results/explanations"],
}

IMPORTED = {"study": "bones", "form": "decisions", "by": {"kind": "reader", "name": "reader-1"}}
CROPS = {"bones": {"remote": None, "side": 32, "extent_mm": 60}}

FROZEN = {
    "frozen": {
        "study": "bones",
        "store": "data/bones/crops",
        "weights": "weights/resnet18.json",
        "remote": None,
        "model": {"name": "resnet18", "stem": "sum"},
    }
}
EXPLAINED = {"study": "bones", "remote": None, "methods": {"cam": {"name": "grad-cam"}}}
HEAD = {
    "study": "bones",
    "store": "data/bones/features/frozen",
    "weights": "weights/random.json",
}

# Folders that DVC names also while no cohort, start or explanation is planned, and a file that its
# loop over runs cannot name: another detector is another folder of crops.
SEEN_OTHERWISE = {
    "results/cohorts",
    "results/starts",
    "results/explanations",
    "data/bones/detector.safetensors",
}
STEPS = set(read_steps(ROOT / SCRIPTS))
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
                "inputs": {
                    path
                    for path in _listed(block, "input") - {"<TBD>"}
                    if not path.startswith(f"{SCRIPTS}/")
                },
                "outputs": _listed(block, "output"),
            }
    return story


def dvc_story(engines: Engines) -> Story:
    """Read every stage from DVC itself; a recipe counts as what it was made from."""
    stages = dvc_stages(engines)
    recipes = {stage["outputs"][0]: stage for stage in stages if is_recipe(stage)}
    story: Story = {}
    for stage in stages:
        if is_recipe(stage) or str(PLAN) in stage["outputs"]:
            continue
        receipts = [o for o in stage["outputs"] if o.startswith("results/receipts/")]
        inputs = set(stage["inputs"])
        # What is predicted from depends on the start through its weights.
        if stage["command"].startswith("python workflow/scripts/train.py"):
            for recipe in inputs & set(recipes):
                inputs |= set(map(described, recipes[recipe]["inputs"]))
        else:
            for recipe in inputs & set(recipes):
                inputs |= set(recipes[recipe]["inputs"][1:3])
        if stage["command"].startswith("python workflow/scripts/features.py"):
            inputs = set(map(described, inputs))
        name = receipts[0].removeprefix("results/receipts/").removesuffix(".json")
        story[name] = {
            "command": stage["command"].split(),
            "inputs": {path for path in inputs - set(recipes) if not path.startswith(f"{PLAN}/")},
            "plan": [path for path in stage["inputs"] if path.startswith(f"{PLAN}/")],
            "outputs": set(stage["outputs"]),
        }
    return story


def described(path: str) -> str:
    """Return what Snakemake names instead of a descriptor of weights: what was made of it.

    DVC's loop over variants knows the descriptor's name, and looks at the folder of all starts.
    """
    name = Path(path).stem
    borrowed = path.startswith("weights/") and name != "random"
    return f"results/starts/{name}/start.json" if borrowed else path


def is_recipe(stage: dict[str, Any]) -> bool:
    """Tell whether a stage is the one that writes recipes, which only DVC has."""
    return stage["outputs"][0].startswith(f"{RECIPES}/")


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
        if missing := (inputs ^ theirs["inputs"]) - SEEN_OTHERWISE:
            found.append(f"{name} dependencies: {sorted(missing)}")
    return found


LEAKS = "        - data/${key}/leaks.csv:\n            remote: ${item.remote}\n"


@pytest.fixture
def engines(engines):
    """A plan in which every step occurs."""
    engines.set("localize", CROPS)
    engines.set("variants.bones-v1.store", "data/bones/crops")
    engines.set("variants.bones-v1.weights", "weights/resnet18.json")
    engines.set("plan.starts", ["resnet18"])
    engines.set("features", FROZEN)
    engines.set("variants.bones-head", {**HEAD, "preset": "heads/linear"})
    engines.set("plan.variants", ["bones-floor", "bones-v1", "bones-head"])
    engines.set("plan.ensembles", {"both": {"members": ["bones-floor", "bones-v1"]}})
    engines.set("explain", {"bones-v1": EXPLAINED})
    engines.set("plan.imported", {"one": {**IMPORTED, "predictions": "imported/one.csv"}})
    (engines.root / "imported").mkdir()
    (engines.root / "imported/one.csv").write_text("case,decision\n")
    return engines


@pytest.mark.engine
def test_the_two_engines_run_the_same(engines):
    snakemake, dvc = snakemake_story(engines), dvc_story(engines)
    assert {name.partition("/")[0] for name in snakemake} == STEPS - {"validate"}
    assert differences(snakemake, dvc) == []


@pytest.mark.engine
def test_features_of_heads_that_are_not_planned_are_made_by_both(engines):
    """DVC's loop over `features` knows of no plan."""
    engines.set("plan.variants", ["bones-floor", "bones-v1"])
    name = "features/bones-frozen"
    assert snakemake_story(engines)[name]["command"] == dvc_story(engines)[name]["command"]


@pytest.mark.engine
def test_an_unequal_flag_dependency_or_output_is_noticed(engines):
    """One change in one file is enough."""
    snakemake = snakemake_story(engines)
    text = (engines.root / "dvc.yaml").read_text()
    for old, new, noticed in [
        ("--fold ${item.fold}", "--fold 1", "train/bones-v1-fold-0-seed-0 command"),
        ("        - data/${key}/manifest.csv\n", "", "index/bones dependencies: ['data/bones/man"),
        (LEAKS, "", "split/bones outputs: ['data/bones/leaks.csv']"),
    ]:
        assert old in text
        (engines.root / "dvc.yaml").write_text(text.replace(old, new, 1))
        assert any(noticed in line for line in differences(snakemake, dvc_story(engines)))


@pytest.mark.engine
def test_every_stage_depends_on_its_part_of_the_plan(engines):
    """Else DVC would not notice a change of settings or code."""
    stages = dvc_stages(engines)
    plan = next(stage for stage in stages if str(PLAN) in stage["outputs"])
    assert set(plan["inputs"]) == {"workflow/scripts", "presets", "src/radpipe"}
    assert set(plan["params"]) == {
        "studies",
        "localize",
        "features",
        "variants",
        "plan",
        "explain",
        "evaluation",
    }
    for name, stage in dvc_story(engines).items():
        step, _, run = name.partition("/")
        assert stage["plan"] == [f"{PLAN}/{step}/{run.partition('-fold-')[0]}.json"], name


@pytest.mark.engine
def test_the_graph_knows_who_makes_what(engines, monkeypatch):
    monkeypatch.chdir(engines.root)
    graph = Graph(load_params())
    assert list(graph.steps) == [
        *("fetch", "weights", "index", "ingest", "split", "admit", "explore", "localize"),
        "features",
        *("review", "train", "predict", "combine", "evaluate", "explain", "judge", "validate"),
        *("compare", "report"),
    ]
    train = graph.runs["train", "bones-v1-fold-0-seed-0"]
    assert [run.title for run in graph.makers_of(train)] == [
        *("localize bones", "split bones", "weights resnet18")
    ]
    head = graph.runs["train", "bones-head-fold-0-seed-0"]
    assert [run.title for run in graph.makers_of(head)] == ["features bones-frozen", "split bones"]
    (features,) = graph.runs_of("features")
    assert [run.title for run in graph.makers_of(features)] == [
        "localize bones",
        "weights resnet18",
    ]
    predict = graph.runs["predict", "bones-head-fold-0-seed-0"]
    assert "data/bones/detector.safetensors" in predict.inputs
    heights = [graph.height(step) for step in ("split", "localize", "train", "predict", "report")]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == 0


@pytest.mark.parametrize("step", sorted(STEPS))
def test_one_word_for_a_step_everywhere(step):
    """Rule, stage, script and test of a step share its name."""
    assert (ROOT / f"workflow/rules/{step}.smk").exists()
    assert (ROOT / f"workflow/scripts/{step}.py").exists()
    assert (ROOT / f"tests/steps/test_{step}.py").exists()
    assert step in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert f'    "{step}",\n' in (ROOT / f"workflow/scripts/{step}.py").read_text()


def test_steps_import_no_more_than_they_need():
    """A step that needs neither torch nor scikit-learn does not load them."""
    steps = ("fetch", "index", "explore", "split", "review", "combine", "evaluate", "report")
    for step in (*steps, "weights"):
        script = Path("workflow/scripts") / f"{step}.py"
        program = (
            f"import runpy, sys; runpy.run_path({str(script)!r});"
            "sys.exit(', '.join({'torch', 'sklearn'} & set(sys.modules)) or 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{step} loads {done.stderr}"
