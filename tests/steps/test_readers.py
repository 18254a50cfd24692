"""A reader study on a phantom, from its films to the page: every step as a process."""

import json
import re
import subprocess
import sys

import pytest
import yaml

LABELS = ["edema", "pleural_effusion"]
RUN = ("--variant", "chest-floor", "--fold", "0", "--seed", "0")


def must(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def read_by_two(project):
    """Return a phantom of chest films with a scored variant and two made-up readers."""
    chest = {
        "adapter": "chexpert",
        "source": {"kind": "phantom", "seed": 1, "patients": 60},
        "remote": None,
        "layout": {},
        "target": {"kind": "multi-label", "classes": LABELS},
        "image": {"side": 32},
        "split": {"seed": 1, "on_leak": "group"},
    }
    project.set("studies", {"chest": chest})
    variant = {"study": "chest", "store": "data/chest/store", "preset": "chest/floor"}
    project.set("variants", {"chest-floor": {**variant, "train": {"epochs": 1}}})
    plan = {"variants": ["chest-floor"], "open_test": ["chest"]}
    project.set("plan", {**project.params["plan"], **plan})
    for step in ("fetch", "index", "ingest", "split", "explore"):
        must(project.step(step, "--study", "chest"))
    for step in ("train", "predict"):
        must(project.step(step, *RUN))
    must(project.step("evaluate", *RUN[:2]))
    command = [sys.executable, "-m", "radpipe.app", "readers", "chest"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    blocks = yaml.safe_load(must(done))["imported"]
    two = {name: block for name, block in blocks.items() if block["by"]["name"] < "reader-3"}
    project.set("plan.imported", two)
    return project


def test_readers_are_made_up_scored_compared_and_on_the_page(read_by_two):
    project = read_by_two
    names = list(project.params["plan"]["imported"])
    assert len(names) == 4
    for name in names:
        must(project.step("admit", "--imported", name))
    must(project.step("compare"))
    found = json.loads((project.root / "results/comparison/chest-readers.json").read_text())
    assert len(found["readers"]) == 4
    assert {row["measure"] for row in found["means"]} == {"auc", "sensitivity", "specificity"}
    changes = [row for row in found["modalities"] if row["measure"] == "auc"]
    # Help is worth 0.06, which fifteen cases cannot tell.
    assert all(row["random"]["low"] < -0.06 < row["random"]["high"] for row in changes)
    assert {row["n_readers"] for row in changes} == {2}
    assert {row["variant"] for row in found["systems"]} == {"chest-floor"}
    kinds = {row["coefficient"] for row in found["agreement"]}
    assert kinds == {"Krippendorff's alpha, nominal", "kappa"}
    assert all(-1 <= row["value"] <= 1 for row in found["agreement"])
    must(project.step("judge"))
    must(project.step("report"))
    page = (project.root / "results/report.html").read_text()
    assert "2 readers have read in 2 modalities." in page
    assert re.search(r"than the mean of the readers\s+with aided|readers with aided", page)
    assert "imported ratings of reader reader-1 (aided)" in page
