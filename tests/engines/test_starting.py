"""A variant that starts from another one's weights is an edge of the graph, in both engines."""

import re
import shutil

import pytest

from radpipe.core.graph import Graph
from radpipe.core.params import load_params
from radpipe.engines.freshness import Freshness
from tests.engines.conftest import Engines

WEIGHTS = "results/runs/bones-v1/fold-0-seed-0/weights.safetensors"
STARTED = "train/bones-floor-fold-0-seed-0"
STARTS = "train/bones-v1-fold-0-seed-0"
STAGE = "train@bones-floor-0-0"


@pytest.fixture
def engines(once, tmp_path) -> Engines:
    """Return a project that Snakemake has made, in which bones-floor starts from bones-v1."""

    def build(root):
        project = Engines(root)
        project.set("variants.bones-floor.weights", WEIGHTS)
        planned = project.planned()
        assert {STARTED, STARTS, "report/all"} <= planned
        project.snakemake()
        project.radpipe("record")

    return Engines.at(once("starting", build)).copy_to(tmp_path / "project")


def finished(text: str) -> list[str]:
    return re.findall(r"finished (\S+) (\S+):", text)


def trained(text: str) -> list[str]:
    return [run for step, run in finished(text) if step == "train"]


@pytest.mark.engine
def test_what_starts_from_a_run_is_trained_after_it_and_again_with_it(engines):
    engines.set("variants.bones-v1.train.lr", 0.01)
    text = engines.snakemake()
    assert trained(text) == ["bones-v1-fold-0-seed-0", "bones-floor-fold-0-seed-0"]


@pytest.mark.engine
def test_dvc_makes_the_same_runs(engines):
    engines.set("variants.bones-v1.train.lr", 0.01)
    by_dvc = re.findall(r"Running stage 'train@(\S+)'", engines.dvc("repro", STAGE))
    assert by_dvc == ["bones-v1-0-0", "bones-floor-0-0"]
    engines.set("variants.bones-floor.train.lr", 0.01)
    again = re.findall(r"Running stage '((?:recipe|train)@\S+)'", engines.dvc("repro", STAGE))
    assert again == ["recipe@bones-floor", STAGE]


@pytest.mark.engine
def test_a_split_that_comes_out_the_same_trains_neither(engines):
    """An edit of an adapter makes data again; both wait for that, and then need nothing."""
    adapter = engines.root / "src/radpipe/studies/folders/__init__.py"
    adapter.write_text(adapter.read_text() + "\nEDITED = 1\n")
    text = engines.snakemake()
    assert ("split", "bones") in finished(text)
    assert trained(text) == []


@pytest.fixture
def project(engines, monkeypatch):
    """Enter the project with the package of the tests."""
    monkeypatch.chdir(engines.root)
    shutil.rmtree(engines.root / "src")
    return engines


def freshness() -> Freshness:
    return Freshness(Graph(load_params()))


def reasons(run: str) -> list[str]:
    found = freshness()
    return found.reasons(found.graph.runs["train", run.partition("/")[2]])


@pytest.mark.engine
def test_planning_knows_what_starting_weights_hang_on(project):
    assert reasons(STARTED) == []
    project.set("variants.bones-v1.train.lr", 0.01)
    assert reasons(STARTED) == [f"{STARTS.replace('/', ' ')} is made again"]
    project.set("variants.bones-v1.train.lr", 0.001)
    project.set("variants.bones-floor.train.lr", 0.01)
    assert reasons(STARTED)[0].startswith("recipe.bones-floor.train.lr")
    assert reasons(STARTS) == []


@pytest.mark.engine
def test_what_starts_from_a_run_waits_for_the_data_of_both(project):
    project.set("studies.bones.split.seed", 2)
    found = freshness()
    run = found.graph.runs["train", STARTED.partition("/")[2]]
    waits = found.waits_for(run, frozenset({"split", "localize"}))
    assert [each.title for each in waits] == ["split bones"]


@pytest.mark.engine
def test_weights_without_a_receipt_are_made_again_and_what_starts_from_them(project):
    (project.root / f"results/receipts/{STARTS}.json").unlink()
    assert reasons(STARTED) == [f"{STARTS.replace('/', ' ')} is made again"]
