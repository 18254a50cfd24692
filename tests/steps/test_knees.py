"""Knee radiographs from fetch to split: patients are whole, left knees are mirrored."""

import numpy as np
import pytest
from PIL import Image

from radpipe.core.tables import read_table
from radpipe.imaging.store import Store

STEPS = ("fetch", "index", "ingest", "split")
PARTS = {"train": 12, "val": 6, "test": 6}


def write_tree(root, naming, *, seed=0):
    """Write both knees of 24 patients, each grade in each part; all bright at their left edge."""
    rng = np.random.default_rng(seed)
    patient = 0
    for part, count in PARTS.items():
        for _ in range(count):
            patient += 1
            for order, side in enumerate("RL"):
                grade = (patient + order) % 3
                pixels = rng.integers(0, 128, (32, 32), dtype=np.uint8)
                pixels[:, :8] += 120
                name = naming.format(patient=patient, side=side, number="12"[order])
                path = root / part / str(grade) / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)


@pytest.fixture
def grades(project, tmp_path):
    """Return a project whose study is a tree of grades, named as asked, after some steps."""

    def make(naming, path, *steps):
        write_tree(tmp_path / "knees", naming)
        project.set("studies.bones.source", {"kind": "path", "path": str(tmp_path / "knees")})
        project.set("studies.bones.layout", {"path": path, "parts": {"auto_test": None}})
        project.set("studies.bones.target", {"kind": "ordinal", "classes": ["0", "1", "2"]})
        for step in steps:
            done = project.step(step, "--study", "bones")
            assert done.returncode == 0, done.stderr
        return project.root / "data/bones"

    return make


def test_patients_stay_whole_and_left_knees_are_mirrored(grades):
    data = grades("{patient:07}{side}", "{part}/{class}/{patient:7}{side}", *STEPS)
    split = {row["case"]: row for row in read_table(data / "split.parquet").to_pylist()}
    assert len(split) == 48
    official = {"train": "train", "val": "train", "test": "test"}
    for case, row in split.items():
        part = case.split("/")[0]
        assert row["part"] == official[part]
        assert (row["fold"] == 0) == (part == "val")
    places = {(row["patient"], row["part"], row["fold"]) for row in split.values()}
    assert len(places) == len({patient for patient, _, _ in places}) == 24

    store = Store(data / "store")
    for case in read_table(data / "cases.parquet").to_pylist():
        (picture,) = store.pixels([store.row_of(case["case"])])
        bright = picture[:, :8].mean() > picture[:, -8:].mean()
        assert bright == (case["side"] == "R"), "left knees are mirrored, and only they"


def test_sides_may_be_digits(grades):
    data = grades("{patient}_{number}", "{part}/{class}/{patient}_{side}", "fetch", "index")
    cases = read_table(data / "cases.parquet")
    assert sorted(cases["side"].to_pylist()) == ["L"] * 24 + ["R"] * 24
    assert len(set(cases["patient"].to_pylist())) == 24
