"""A report of the studies that are done, while others are still at work."""

import re
from copy import deepcopy

import pytest

from radpipe.core.errors import RadpipeError
from radpipe.core.params import Params, load_params
from radpipe.engines import preview as module
from radpipe.engines.preview import PAGE, Preview, only, preview, runs_behind
from tests.conftest import Project


def add_second(project: Project, *, weights: str = "weights/random.json") -> None:
    """Plan a second study, of other patients, with a variant of its own."""
    study = deepcopy(project.params["studies"]["bones"])
    study["source"]["seed"] = 2
    project.params["studies"]["second"] = study
    project.params["variants"]["second-floor"] = {
        **project.params["variants"]["bones-floor"],
        "study": "second",
        "store": "data/second/store",
        "weights": weights,
    }
    project.params["plan"]["variants"].append("second-floor")
    project.params["plan"]["open_test"].append("second")
    project.save()


@pytest.fixture
def params(project, monkeypatch) -> Params:
    """Return a plan of two studies, of which nothing is made."""
    add_second(project)
    monkeypatch.chdir(project.root)
    return load_params()


def touch(runs) -> None:
    for run in runs:
        run.receipt.parent.mkdir(parents=True, exist_ok=True)
        run.receipt.write_text("{}")


def test_a_plan_of_one_study_names_nothing_of_the_other(params):
    found = Params.model_validate(only(params, ["second"]))
    assert list(found.studies) == ["second"]
    assert list(found.variants) == found.plan.variants == ["second-floor"]
    assert found.plan.open_test == ["second"]


def test_what_stays_of_a_plan_means_the_same(params):
    found = Params.model_validate(only(params, ["bones"]))
    assert found.recipes["bones-v1"] == params.recipes["bones-v1"]
    assert found.plain["studies"]["bones"] == params.plain["studies"]["bones"]


def test_cohorts_and_ensembles_go_with_their_study(project, monkeypatch):
    add_second(project)
    project.set("studies.elsewhere", project.params["studies"]["bones"])
    project.set("plan.cohorts", {"elsewhere": "bones"})
    project.set("plan.ensembles", {"bones-mean": {"members": ["bones-v1", "bones-floor"]}})
    monkeypatch.chdir(project.root)
    kept, other = (only(load_params(), [name])["plan"] for name in ("bones", "second"))
    assert (kept["cohorts"], list(kept["ensembles"])) == ({"elsewhere": "bones"}, ["bones-mean"])
    assert (other["cohorts"], other["ensembles"]) == ({}, {})
    titles = {run.title for run in runs_behind(load_params(), "bones")}
    assert {"combine bones-mean", "validate elsewhere"} <= titles


def test_a_study_comes_with_that_from_whose_run_it_starts(project, monkeypatch):
    add_second(project, weights="results/runs/bones-v1/fold-0-seed-0/weights.safetensors")
    monkeypatch.chdir(project.root)
    titles = {run.title for run in runs_behind(load_params(), "second")}
    assert {"train second-floor-fold-0-seed-0", "explore bones"} <= titles


def test_a_study_comes_with_that_at_whose_features_its_heads_look(project, monkeypatch):
    """Two questions about the same pictures share what a frozen network says of them."""
    add_second(project)
    block = {"study": "bones", "store": "data/bones/store", "weights": "weights/random.json"}
    block |= {"remote": None, "model": {"name": "compact"}, "normalize": "unit"}
    project.set("features", {"drawn": block})
    head = {"store": "data/bones/features/drawn", "preset": "heads/linear", "train": {}}
    project.set("variants.second-floor", {**project.params["variants"]["second-floor"], **head})
    monkeypatch.chdir(project.root)
    titles = [run.title for run in runs_behind(load_params(), "second")]
    assert {"features bones-drawn", "ingest bones", "train second-floor-fold-0-seed-0"} <= {*titles}
    assert "train bones-v1-fold-0-seed-0" not in titles


def test_a_page_is_begun_when_a_study_ends_and_once_for_that(params, monkeypatch):
    begun = []

    class Process:
        pid, returncode = 2**22 + 1, 0

        def __init__(self, command, **_):
            begun.append(command[-1])

        def poll(self):
            return 0

        def communicate(self):
            return ("so far: a page\n", None)

    monkeypatch.setattr(module.subprocess, "Popen", Process)
    looking = Preview(params)
    assert (list(looking.look()), begun) == ([], [])
    touch(runs_behind(params, "bones")[1:])
    assert (list(looking.look()), begun) == ([], [])
    touch(runs_behind(params, "bones")[:1])
    assert (list(looking.look()), begun) == ([], ["preview"])
    assert list(looking.look()) == ["so far: a page"]
    assert (list(looking.look()), begun) == ([], ["preview"])
    touch(runs_behind(params, "second"))  # now the report itself is due
    assert (list(looking.look()), begun) == ([], ["preview"])


def test_without_a_study_that_is_done_it_says_what_is_missing(params):
    with pytest.raises(RadpipeError, match=r"\d+ runs of second are missing, the first is fetch"):
        preview(params)


@pytest.mark.engine
def test_the_page_shows_what_is_done_and_leaves_no_trace(repeated, tmp_path):
    project = repeated.copy_to(tmp_path / "project")
    final = (project.root / "results/report.html").read_text()
    add_second(project)
    planned = project.planned()
    assert "(bones; 1 of 2 studies)" in project.radpipe("preview")
    page = (project.root / PAGE).read_text()
    assert "Finished: bones; 1 of 2 studies." in page
    assert "second-floor" not in page
    # What is known of bones stands there as it will in the end.
    shown = re.compile(r'<section class="study".*?</section>', re.DOTALL)
    assert shown.findall(page) == shown.findall(final)
    assert not list(project.root.glob(".state/so-far-*"))
    assert project.planned() == planned
    assert project.git("status", "--porcelain").split() == ["M", "params.yaml"]


@pytest.mark.engine
def test_the_first_study_is_scored_before_the_second_one_trains_and_in_the_plans_order(engines):
    planned = engines.params["plan"]["variants"]
    planned.reverse()
    add_second(engines)
    engines.snakemake("--cores", "1")
    said = max((engines.root / ".snakemake/log").iterdir()).read_text()
    order = re.findall(r"    log: logs/(\w+)/(\S+)\.log", said)
    steps = [f"{step} {run}" for step, run in order]
    trainings = [run.removesuffix("-fold-0-seed-0") for step, run in order if step == "train"]
    assert trainings == planned
    trained = next(i for i, title in enumerate(steps) if title.startswith("train second"))
    assert {"evaluate bones-floor", "evaluate bones-v1", "explore bones"} <= set(steps[:trained])
