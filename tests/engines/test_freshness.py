"""What planning says of runs, in one process: stale or not, and why."""

import shutil

import pytest

from radpipe.core.params import load_params
from radpipe.engines.freshness import Freshness

RUN = "bones-v1-fold-0-seed-0"
PRESETS = "presets/bones.yaml"


@pytest.fixture
def project(recorded, monkeypatch):
    """Enter a project in which everything is made, with the package of the tests."""
    monkeypatch.chdir(recorded.root)
    shutil.rmtree(recorded.root / "src")
    return recorded


def reasons(step: str, run: str) -> list[str]:
    return Freshness(load_params()).reasons(step, run)


def append(file, text: str) -> None:
    file.write_text(file.read_text() + text)


def test_nothing_is_stale_and_every_variant_settled(project):
    freshness = Freshness(load_params())
    assert freshness.settled("bones-v1")
    for step in ("recipe", "train", "predict", "evaluate"):
        run = RUN if step in ("train", "predict") else "bones-v1"
        assert freshness.reasons(step, run) == []


def test_a_recipe_that_will_be_the_same_trains_nothing(project):
    append(project.root / PRESETS, "\n# a remark\n")
    assert reasons("recipe", "bones-v1") == ["input presets: changed"]
    for step in ("train", "predict"):
        assert reasons(step, RUN) == []


def test_a_recipe_that_will_be_another_one_trains_its_runs(project):
    project.set("variants.bones-v1.train.lr", 0.01)
    assert reasons("train", RUN) == ["recipe bones-v1 will be another one"]
    assert reasons("train", "bones-floor-fold-0-seed-0") == []


def test_opening_a_study_predicts_and_trains_nothing(project):
    project.set("plan.open_test", [])
    assert reasons("train", RUN) == []
    assert reasons("predict", RUN) == ["recipe bones-v1 will be another one"]


def test_data_that_are_made_again_leave_the_recipe_open(project):
    project.set("studies.bones.split.seed", 2)
    assert not Freshness(load_params()).settled("bones-v1")
    assert reasons("recipe", "bones-v1") == ["split bones is made again"]
    assert reasons("train", RUN) == ["recipe bones-v1 is made again"]


def test_a_preset_that_cannot_be_read_is_left_to_the_step(project):
    (project.root / PRESETS).write_text("v1: 1\n")
    assert reasons("train", RUN) == ["recipe bones-v1 is made again"]


def test_what_is_no_variant_any_more_is_not_foreseen(project):
    freshness = Freshness(load_params())
    del freshness.params.variants["bones-v1"]
    assert freshness.reasons("train", RUN) == ["recipe bones-v1 is made again"]


def test_a_receipt_that_was_changed_proves_nothing(project):
    file = project.root / f"results/receipts/train/{RUN}.json"
    file.write_text(file.read_text().replace("0", "1", 1))
    assert "changed after it was written" in reasons("train", RUN)[0]
    assert "changed after it was written" in Freshness(load_params()).own_reasons("train", RUN)[0]
    # What it made still lies here; whether that is what it made, the run itself is asked.
    assert reasons("predict", RUN) == []


def test_answers_hold_until_one_looks_again(project):
    freshness = Freshness(load_params())
    assert freshness.reasons("train", RUN) == []
    (project.root / f"results/receipts/train/{RUN}.json").unlink()
    assert freshness.reasons("train", RUN) == []
    freshness.look_again()
    assert freshness.reasons("train", RUN) == ["no receipt"]
    freshness.forced = {"evaluate"}
    assert freshness.reasons("evaluate", "bones-v1") == ["asked for"]
