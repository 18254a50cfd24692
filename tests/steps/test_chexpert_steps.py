"""Chest films with uncertain labels through every step: studies of one or two views, and films."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from radpipe.core.tables import read_table
from tests.dicom_files import scene
from tests.studies.fake_chexpert import SMALL, FakeCheXpert, row

N = 48
LABELS = ["edema", "pleural_effusion"]
TARGET = {"kind": "multi-label", "classes": LABELS}
SPLIT = {"seed": 1, "folds": 2, "on_leak": "group", "correlation": 1.0}
# Frontal, both, lateral: of every third patient there is nothing but a lateral film.
VIEWS = (("frontal",), ("frontal", "lateral"), ("lateral",))
RUN = ("--variant", "two", "--fold", "0", "--seed", "0")


@pytest.fixture
def raw(tmp_path):
    """Write 48 patients of one study; of each label every fourth answer is uncertain."""
    fake = FakeCheXpert(rows={"train.csv": [], "valid.csv": []})
    for n in range(N):
        part = "valid" if n >= 32 else "train"
        answers = ("0.0", "1.0", "", "-1.0" if part == "train" else "1.0")
        labels = {"edema": answers[n % 4], "pleural_effusion": answers[n // 4 % 4]}
        for number, view in enumerate(VIEWS[n % 3], start=1):
            place = f"{part}/patient{n + 1:05d}/study1/view{number}_{view}.jpg"
            said = ("Female", "61", view.title(), "AP" if view == "frontal" else "")
            fake.rows[f"{part}.csv"].append(row(place, said, **labels))
    raw = fake.write(tmp_path / "raw")
    for n, film in enumerate(sorted(raw.rglob("*.jpg"))):
        pixels = scene((40, 40), seed=n).astype(float)
        Image.fromarray((255 * pixels / pixels.max()).astype(np.uint8)).save(film)
    return raw


def settle(project, raw, layout):
    block = {**project.params["studies"]["bones"], "adapter": "chexpert", "target": TARGET}
    block |= {"source": {"kind": "path", "path": str(raw)}, "layout": layout}
    project.set("studies", {"chest": block | {"image": {"side": 32}, "split": SPLIT}})
    project.set("localize", {})
    variant = {"study": "chest", "store": "data/chest/store", "preset": "knee_mri/compact"}
    train = {"epochs": 1, "class_weights": "none", "batch_size": 8}
    train |= {"uncertain": {"learn_as": "ones"}}
    project.set("variants", {"two": {**variant, "train": train}})
    plan = {"variants": ["two"], "open_test": [], "cohorts": {}, "ensembles": {}, "starts": []}
    project.set("plan", {**project.params["plan"], **plan})


def run(project, steps):
    """Run steps; no message may hold the number of a patient."""
    for step, options in steps.items():
        done = project.step(step, *options)
        assert done.returncode == 0, done.stderr
        assert not re.search("patient[0-9]", done.stdout + done.stderr)


STORED = dict.fromkeys(("fetch", "index", "ingest", "split"), ("--study", "chest"))


def test_studies_of_either_view_are_trained_and_judged(project, raw):
    settle(project, raw, {"unit": "study", "views": "all"})
    run(project, {**STORED, "train": RUN, "predict": RUN, "evaluate": RUN[:2]})
    split = read_table(project.root / "data/chest/split.parquet")
    assert split.num_rows == N
    assert set(split["part"].to_pylist()) == {"train", "test"}
    (found,) = (project.root / "results/runs/two").rglob("predictions.parquet")
    scores = read_table(found).column("score_edema").to_numpy()
    assert ((scores > 0) & (scores < 1)).all()


def test_uncertain_answers_are_unknown_and_counted(project, raw):
    settle(project, raw, {})
    run(project, STORED)
    split = read_table(project.root / "data/chest/split.parquet")
    counts = json.loads((project.root / "results/studies/chest/split.json").read_text())
    for index, label in enumerate(LABELS):
        doubted = split[f"uncertain_{label}"].to_numpy(zero_copy_only=False)
        assert doubted.any()
        assert (np.isnan(split[f"target_{label}"].to_numpy()) == doubted).all()
        train = counts["parts"]["train"]
        assert train["n_uncertain_per_label"][index] == doubted.sum()
        assert train["n_unknown_per_label"][index] == doubted.sum()
        assert counts["parts"]["test"]["n_uncertain_per_label"][index] == 0
    cases = read_table(project.root / "data/chest/cases.parquet")
    assert cases["file_image"].to_pylist()[0].startswith(f"{SMALL}train/patient00001/")
