"""`radpipe accept`: an edit without effect costs a proof, not a training."""

import json

import pytest

from tests.engines.conftest import Engines

MODULE = "src/radpipe/learning/training/optimisers.py"
RATE = '"lr": train.lr'
TRAINED = "results/receipts/train/bones-v1-fold-0-seed-0.json"


@pytest.fixture
def project(repeated, tmp_path) -> Engines:
    """Return a copy of a plan of two networks that DVC has made."""
    return repeated.copy_to(tmp_path / "project")


def edit(project: Engines, old: str, new: str) -> None:
    path = project.root / MODULE
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.engine
def test_a_comment_is_accepted_after_proof_and_nothing_is_trained(project):
    assert "nothing to accept" in project.radpipe("accept")
    weights = project.bytes_of("results/runs/*/*/weights.safetensors")
    edit(project, '"""', '"""A remark. ')
    assert any(log.startswith("train/") for log in project.planned())

    text = project.radpipe("accept")
    assert "accepted 2 runs: the first steps of 2 and the whole of bones-" in text
    accepted = json.loads((project.root / TRAINED).read_text())["facts"]["accepted"]
    assert [line.split()[0] for line in accepted["equal"]] == ["start", "start", "whole"]
    # Nothing else imports what was edited.
    assert project.planned() == set()
    assert "up to date" in project.dvc("status")
    assert project.bytes_of("results/runs/*/*/weights.safetensors") == weights


@pytest.mark.engine
def test_an_edit_with_an_effect_is_refused_and_changes_no_receipt(project):
    before = project.bytes_of("results/receipts/**/*.json")
    edit(project, RATE, RATE.replace("train.lr", "1.0001 * train.lr"))
    text = project.radpipe("accept", check=False)
    assert "accept: refused, bones-" in text
    assert "comes out otherwise with the code of now: its first steps" in text
    edit(project, "1.0001 * train.lr", "train.lr + no_such_name")
    assert "no_such_name" in project.radpipe("accept", check=False)
    assert project.bytes_of("results/receipts/**/*.json") == before


@pytest.mark.engine
def test_what_must_be_trained_anyway_is_not_asked_about(project):
    edit(project, '"""', '"""A remark. ')
    for file in (project.root / "results/receipts/train").glob("bones-floor-*"):
        file.unlink()
    project.set("variants.bones-v1.train.epochs", 3)
    text = project.radpipe("accept")
    assert "nothing to accept" in text
    assert "to be trained anyway: bones-v1-fold-0-seed-0 (" in text


@pytest.mark.engine
def test_a_receipt_without_first_steps_cannot_be_compared(project):
    edit(project, '"""', '"""A remark. ')
    program = (
        "from dataclasses import replace; from pathlib import Path;"
        "from radpipe.core.receipts import read_receipt;"
        f"r = read_receipt(Path({TRAINED!r}));"
        "replace(r, facts={'seconds': 1}).write()"
    )
    project.run("python", "-c", program)
    assert "too old to compare with" in project.radpipe("accept", check=False)
