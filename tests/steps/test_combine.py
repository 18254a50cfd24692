"""Combine as a process: an ensemble is scored like a variant, and nothing of it is trained."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from radpipe.core.files import write_text
from radpipe.core.tables import read_table
from tests.steps.test_evaluate import OUTPUTS, Study, recipe

FOLDER = Path("results/scores/both")
MEMBERS = ["bones-floor", "bones-v1"]
CLASSES = ["healthy", "fractured", "beyond_repair"]


@pytest.fixture
def combined(project):
    """Return a function that lets two variants predict, and combines them."""

    def run(study: Study, mean: str = "chosen", test: bool = True, **planned) -> Path:
        project.set("plan.ensembles", {"both": {"members": MEMBERS, "mean": mean}})
        project.set("studies.bones.target", study.target.model_dump(mode="json"))
        for name, value in planned.items():
            project.set(f"plan.{name}", list(value))
        for number, member in enumerate(MEMBERS):
            study.write(project.root, variant=member, shift=100 * number, test=test, **planned)
        done = project.step("combine", "--ensemble", "both")
        assert done.returncode == 0, done.stderr
        return project.root

    return run


def predicted(root: Path, member: str, run: str, part: str):
    table = read_table(root / "results/runs" / member / run / "predictions.parquet")
    return {row["case"]: row for row in table.to_pylist() if row["part"] == part}


def test_every_file_that_evaluate_writes_is_there(combined):
    root = combined(Study(CLASSES, "multi-class"))
    assert {path.name for path in (root / FOLDER).iterdir()} == set(OUTPUTS)
    metrics = json.loads((root / FOLDER / "metrics.json").read_text())
    assert (metrics["variant"], metrics["study"]) == ("both", "bones")
    assert metrics["recipe"]["model"] == "ensemble"
    assert metrics["recipe"]["parameters"] == 2 * 4 * 5
    assert metrics["ensemble"]["members"] == MEMBERS
    losses = metrics["ensemble"]["tune_loss"]
    assert losses[metrics["ensemble"]["mean"]] == min(losses.values())
    reported = metrics["parts"]["tune"]["metrics"]["log_loss"]["value"]
    assert reported == pytest.approx(min(losses.values()), abs=1e-6)
    assert (root / FOLDER / "history.csv").read_text() == "fold,seed\n"


def test_scores_are_means_run_by_run_and_then_over_runs(combined):
    """Folds and seeds are paired; of two seeds the mean, as of any variant."""
    root = combined(Study(CLASSES, "multi-class"), "logits", folds=(0, 1), seeds=(0, 1))
    table = read_table(root / FOLDER / "cases.parquet").to_pylist()
    row = next(row for row in table if row["part"] == "tune")
    runs = [
        [predicted(root, member, f"fold-{fold}-seed-{seed}", "tune") for member in MEMBERS]
        for fold in (0, 1)
        for seed in (0, 1)
    ]
    asked = [[m[row["case"]] for m in members] for members in runs if row["case"] in members[0]]
    assert len(asked) == 2
    means = []
    for members in asked:
        scores = np.array([[m[f"score_{c}"] for c in CLASSES] for m in members])
        roots = np.sqrt(scores[0] * scores[1])
        means.append(roots / roots.sum())
    assert [row[f"score_{c}"] for c in CLASSES] == pytest.approx(list(np.mean(means, axis=0)))


def test_labels_are_averaged_one_by_one(combined):
    root = combined(Study(["a", "b"], "multi-label"), "probabilities")
    row = read_table(root / FOLDER / "cases.parquet").to_pylist()[0]
    members = [predicted(root, m, "fold-0-seed-0", row["part"])[row["case"]] for m in MEMBERS]
    for name in ("score_a", "score_b"):
        assert row[name] == pytest.approx(np.mean([m[name] for m in members]))


def test_what_is_chosen_on_tune_does_not_look_at_test(combined, project):
    """Another `test` part leaves the mean, its loss and the operating point."""
    study = Study(CLASSES, "multi-class")
    root = combined(study)
    before = json.loads((root / FOLDER / "metrics.json").read_text())
    study.odds[study.n // 2 :] *= -1
    after = json.loads((combined(study) / FOLDER / "metrics.json").read_text())
    assert after["parts"]["test"] != before["parts"]["test"]
    for key in ("ensemble", "operating_point"):
        assert after[key] == before[key]


def test_an_opening_of_test_is_written_down_for_every_run(combined):
    root = combined(Study(CLASSES, "multi-class"), seeds=(0, 1))
    with (root / "openings.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["study"], row["variant"], row["seed"]) for row in rows] == [
        ("bones", "both", "0"),
        ("bones", "both", "1"),
    ]


def test_a_closed_test_part_stays_closed(combined):
    root = combined(Study(CLASSES, "multi-class"), test=False)
    assert set(json.loads((root / FOLDER / "metrics.json").read_text())["parts"]) == {"tune"}
    assert not (root / "openings.csv").exists()


def test_members_of_different_splits_are_refused(combined, project):
    combined(Study(CLASSES, "multi-class"))
    other = recipe(CLASSES, "multi-class", "bones-v1").model_dump(mode="json")
    other["split"]["sha256"] = "1" * 64
    folder = project.root / "results/runs/bones-v1/fold-0-seed-0"
    write_text(folder / "recipe.json", json.dumps(other))
    done = project.step("combine", "--ensemble", "both")
    assert done.returncode == 2
    assert "bones-floor and bones-v1 were trained on different parts of bones" in done.stderr


def test_an_ensemble_that_is_not_planned_is_refused(project):
    done = project.step("combine", "--ensemble", "both")
    assert done.returncode == 2
    assert "params.yaml plans no combine both" in done.stderr
