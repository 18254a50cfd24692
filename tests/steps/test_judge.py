"""The step judge as a process."""

import csv
import json

import pytest

from radpipe.core.files import write_json
from radpipe.core.tables import write_table
from radpipe.explaining.table import Measured, measures_table
from tests.conftest import Project


def explained(project, variant, methods):
    """Let a variant be explained, and write what the step explain would have."""
    block = {"study": "bones", "remote": None, "methods": {m: {"name": m} for m in methods}}
    project.set(f"explain.{variant}", block)
    folder = project.root / "results/explanations" / variant
    folder.mkdir(parents=True)
    rows = [
        Measured(f"case-{k}", f"p{k // 2}", "test", variant, method, "fractured", values)
        for k in range(12)
        for method, values in methods.items()
        for values in [{name: float(k % n > 0) for name, n in values.items()}]
    ]
    write_table(folder / "measures.parquet", measures_table(rows))
    facts = {"variant": variant, "study": "bones", "measured": {}, "bound": 0.5}
    write_json(folder / "facts.json", facts)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Return a project folder in which judge has run once."""
    project = Project(tmp_path_factory.mktemp("judge"))
    cam = {"pointing": 4, "pointing_average": 2, "randomised": 12, "deletion@0.50": 3}
    explained(project, "bones-v1", {"grad-cam": cam, "saliency": {"pointing": 3}})
    explained(project, "bones-floor", {"saliency": {"pointing": 2}})
    done = project.step("judge")
    assert done.returncode == 0, done.stderr
    return project


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_variants_of_a_study_are_judged_together(judged):
    tables = judged.root / "results/judged/tables"
    scores = rows(tables / "bones-scores.csv")
    found = {
        (row["variant"], row["method"]): float(row["value"])
        for row in scores
        if (row["measure"], row["label"]) == ("pointing", "")
    }
    assert found == {
        ("bones-floor", "saliency"): 0.5,
        ("bones-v1", "grad-cam"): 0.75,
        ("bones-v1", "saliency"): pytest.approx(0.666667),
    }
    pairs = {(row["first"], row["second"]) for row in rows(tables / "bones-paired.csv")}
    assert ("bones-v1/grad-cam", "bones-v1/saliency") in pairs
    assert {"bones-v1/saliency", "bones-floor/saliency"} in [{*pair} for pair in pairs]
    assert rows(tables / "bones-curves.csv")[0]["curve"] == "deletion"


def test_verdicts_and_figures_are_written(judged):
    said = json.loads((judged.root / "results/judged/tables/bones-verdicts.json").read_text())
    verdicts = {(one["variant"], one["method"]): one["verdict"] for one in said["verdicts"]}
    assert verdicts["bones-v1", "grad-cam"] == "fails"
    assert verdicts["bones-floor", "saliency"] == "not checked"
    names = {path.name for path in (judged.root / "results/judged/figures/png").iterdir()}
    assert names == {"bones-maps.png", "bones-deletion.png"}


def test_no_patient_stands_in_what_is_told(judged):
    for path in (judged.root / "results/judged/tables").iterdir():
        assert "case-1" not in path.read_text()


def test_without_explanations_nothing_is_judged(project):
    done = project.step("judge")
    assert done.returncode == 0, done.stderr
    assert not list((project.root / "results/judged/tables").iterdir())


def test_missing_measures_say_what_to_run(project):
    block = {"study": "bones", "remote": None, "methods": {"m": {"name": "grad-cam"}}}
    project.set("explain.bones-v1", block)
    done = project.step("judge")
    assert done.returncode == 2
    assert "measures.parquet: missing. Run the step that makes it first." in done.stderr
