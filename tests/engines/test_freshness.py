"""What planning says of runs, in one process: stale or not, and why."""

import shutil

import pytest

from radpipe.core.declared import read_steps
from radpipe.core.graph import Graph
from radpipe.core.imports import needed
from radpipe.core.params import load_params
from radpipe.engines.freshness import Freshness
from tests.conftest import ROOT

RUN = "bones-v1-fold-0-seed-0"
PRESETS = "presets/bones.yaml"
# Steps that an edit of explore concerns.
LOOKED_AT = ("explore", "report")


@pytest.fixture
def project(recorded, monkeypatch):
    """Enter a project in which everything is made, with the package of the tests."""
    monkeypatch.chdir(recorded.root)
    shutil.rmtree(recorded.root / "src")
    return recorded


def freshness() -> Freshness:
    return Freshness(Graph(load_params()))


def reasons(step: str, run: str, found: Freshness | None = None) -> list[str]:
    found = found or freshness()
    return found.reasons(found.graph.runs[step, run])


def append(file, text: str) -> None:
    file.write_text(file.read_text() + text)


def test_nothing_is_stale(project):
    found = freshness()
    assert [run.title for run in found.graph.runs.values() if found.reasons(run)] == []


def test_a_preset_that_says_the_same_trains_nothing(project):
    append(project.root / PRESETS, "\n# a remark\n")
    assert reasons("train", RUN) == []


def test_a_preset_that_says_something_else_trains_what_uses_it(project):
    path = project.root / PRESETS
    path.write_text(path.read_text().replace("lr: 1.0e-3", "lr: 1.1e-3"))
    assert reasons("train", RUN) == ["recipe.bones-v1.train.lr: 0.001 when made, 0.0011 now"]


def test_another_setting_trains_its_runs_alone(project):
    project.set("variants.bones-v1.train.lr", 0.01)
    assert reasons("train", RUN) == ["recipe.bones-v1.train.lr: 0.001 when made, 0.01 now"]
    assert reasons("predict", RUN) == [f"train {RUN} is made again"]
    assert reasons("train", "bones-floor-fold-0-seed-0") == []


def test_opening_a_study_predicts_and_trains_nothing(project):
    project.set("plan.open_test", [])
    assert reasons("train", RUN) == []
    assert reasons("predict", RUN) == ["opened.bones: True when made, False now"]


def test_data_that_are_made_again_are_waited_for(project):
    project.set("studies.bones.split.seed", 2)
    found = freshness()
    run = found.graph.runs["train", RUN]
    waits = found.waits_for(run, frozenset({"split", "localize"}))
    assert [each.title for each in waits] == ["split bones"]
    assert found.reasons(run) == ["split bones is made again"]


def test_a_study_that_is_ready_waits_for_no_other(project):
    project.params["studies"]["hips"] = project.params["studies"]["bones"]
    project.params["variants"]["hips-floor"] = {
        **project.params["variants"]["bones-floor"],
        **{"study": "hips", "store": "data/hips/store"},
    }
    project.set("plan.variants", ["bones-floor", "bones-v1", "hips-floor"])
    found = freshness()
    checkpoints = frozenset({"split", "localize"})
    assert found.waits_for(found.graph.runs["train", RUN], checkpoints) == []
    other = found.graph.runs["train", "hips-floor-fold-0-seed-0"]
    assert [each.title for each in found.waits_for(other, checkpoints)] == ["split hips"]


def test_a_receipt_that_was_changed_proves_nothing(project):
    file = project.root / f"results/receipts/train/{RUN}.json"
    file.write_text(file.read_text().replace("0", "1", 1))
    assert "changed after it was written" in reasons("train", RUN)[0]
    assert reasons("predict", RUN) == [f"train {RUN} is made again"]


def test_answers_hold_until_more_is_made(project):
    found = freshness()
    found.ask_again({"train"})
    assert reasons("train", RUN, found) == []
    (project.root / f"results/receipts/train/{RUN}.json").unlink()
    assert reasons("train", RUN, found) == []
    found.ask_again({"train"})
    assert reasons("train", RUN, found) == ["no receipt"]


def test_what_is_asked_for_is_stale_until_it_was_made(project):
    found = freshness()
    found.force({"evaluate"})
    assert reasons("evaluate", "bones-v1", found) == ["asked for"]
    receipt = project.root / "results/receipts/evaluate/bones-v1.json"
    text = receipt.read_text()
    receipt.unlink()
    receipt.write_text(text)
    found.ask_again({"evaluate"})
    assert reasons("evaluate", "bones-v1", found) == []


def test_an_edit_of_explore_trains_nothing(project):
    append(project.root / "workflow/scripts/explore.py", "\nEDITED = True\n")
    found = freshness()
    assert reasons("explore", "bones", found) != []
    assert reasons("report", "all", found) == ["explore bones is made again"]
    others = [run for (step, _), run in found.graph.runs.items() if step not in LOOKED_AT]
    assert [run.title for run in others if found.reasons(run)] == []


def test_no_other_step_counts_what_a_study_is_like():
    users = {
        step.name
        for step in read_steps(ROOT / "workflow/scripts").values()
        if any("exploring" in file.parts for file in needed(ROOT / step.script))
    }
    assert users == {"explore"}
