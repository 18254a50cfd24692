"""Cohorts in both engines: a step `validate` for each, and nothing where none is planned."""

import copy
import json

import pytest

from radpipe.core.graph import Graph
from radpipe.core.params import load_params
from tests.engines.conftest import Engines

NOTHING = "up to date"
CROPS = {"remote": None, "side": 32, "extent_mm": 60}


def add_cohort(project):
    """Plan a further study on which the variants of bones are judged."""
    project.set("studies.far", copy.deepcopy(project.params["studies"]["bones"]))
    project.set("studies.far.source.seed", 2)
    project.set("plan.cohorts", {"far": "bones"})


@pytest.fixture
def judged(once, tmp_path) -> Engines:
    """Return a recorded project with a cohort, one of whose variants trains on crops."""

    def build(root):
        project = Engines(root)
        add_cohort(project)
        project.set("localize", {"bones": dict(CROPS), "far": dict(CROPS)})
        project.set("variants.bones-v1.store", "data/bones/crops")
        project.snakemake()
        project.radpipe("record")
        project.commit("first run")

    return Engines.at(once("judged", build)).copy_to(tmp_path / "project")


@pytest.fixture
def planned(project, monkeypatch):
    """Return a function that plans the run of `validate` in a project."""
    monkeypatch.chdir(project.root)
    add_cohort(project)

    def plan():
        return Graph(load_params()).runs["validate", "far"]

    return plan


def test_every_run_of_the_home_study_is_read(project, planned):
    project.set("plan.seeds", [0, 1])
    run = planned()
    assert len(run.reads["weights"]) == len(run.reads["recipes"]) == 4
    assert run.reads["home_split"] == ("data/bones/split.parquet",)
    assert run.reads["metrics"] == (
        "results/scores/bones-floor/metrics.json",
        "results/scores/bones-v1/metrics.json",
    )
    assert run.settings[0] == "plan.cohorts.far"


def test_crops_of_the_cohort_are_read_only_if_a_variant_needs_them(project, planned):
    assert planned().reads["crops"] == ()
    project.set("localize", {"bones": dict(CROPS), "far": dict(CROPS)})
    project.set("variants.bones-v1.store", "data/bones/crops")
    assert planned().reads["crops"] == ("data/far/crops",)


def test_the_architectures_of_all_its_variants_are_its_code(planned):
    assert set(planned().loads) == {
        "radpipe.learning.models.cnn",
        "radpipe.learning.models.baseline",
    }


@pytest.mark.engine
def test_what_a_cohort_changes_is_made_again_and_nothing_else(judged):
    assert judged.planned() == set()
    assert NOTHING in judged.dvc("status")
    judged.set("studies.far.external", {"on_leak": "drop"})
    assert judged.planned() == {"validate/far", "compare/all", "report/all"}
    judged.dvc("repro", "--quiet")
    assert judged.planned() == set()
    judged.set("localize.far.confidence", 0.5)
    again = {name for name in judged.planned() if not name.startswith(("localize", "review"))}
    assert again == {"validate/far", "compare/all", "report/all"}


@pytest.mark.engine
def test_dvc_makes_a_cohort_from_nothing_and_forgets_it_when_it_is_gone(engines):
    engines.dvc("repro", "--quiet")
    assert json.loads((engines.root / "results/cohorts/plan.json").read_text()) == {}
    add_cohort(engines)
    engines.dvc("repro", "--quiet")
    assert (engines.root / "results/cohorts/far/scores.json").exists()
    assert engines.planned() == set()
    engines.set("plan.cohorts", {})
    assert "validate" not in engines.snakemake("--dry-run", "--forceall")
