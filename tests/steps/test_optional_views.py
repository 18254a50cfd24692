"""Two views a case, the second of which half of the cases lack: through every step."""

import json

import pytest

from radpipe.core.tables import read_table
from radpipe.imaging.store import Store
from tests.dicom_files import film, scene
from tests.steps.test_private_folders import TWO

N = 48
LAYOUT = {
    "path": "{class}/{file}",
    "header": ["patient", "view"],
    "views": {"frontal": "required", "lateral": "optional"},
}


@pytest.fixture
def raw(tmp_path):
    """Write a frontal film of each patient, and a lateral one of every other."""
    for n in range(N):
        for view in ("AP", "LL")[: 1 + n % 2]:
            path = tmp_path / "films" / ("healthy", "fractured")[n // 2 % 2] / f"{n:02}{view}"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = scene((40, 40), seed=2 * n + (view == "LL"))
            path.write_bytes(film(pixels, PatientID=f"P{n}X", ViewPosition=view))
    return tmp_path / "films"


def test_cases_without_an_optional_view_are_trained_and_judged(project, raw):
    block = {**project.params["studies"]["bones"], "adapter": "folders", "target": TWO}
    block |= {"source": {"kind": "path", "path": str(raw)}, "layout": LAYOUT}
    split = {"seed": 1, "folds": 2, "on_leak": "group", "correlation": 1.0}
    block |= {"image": {"side": 32}, "split": split}
    project.set("studies", {"films": block})
    project.set("localize", {})
    train = {"epochs": 1, "class_weights": "none", "batch_size": 8}
    variant = {"study": "films", "store": "data/films/store", "preset": "knee_mri/compact"}
    project.set("variants", {"two": {**variant, "train": train}})
    plan = {"variants": ["two"], "open_test": [], "cohorts": {}, "ensembles": {}, "starts": []}
    project.set("plan", {**project.params["plan"], **plan})
    run = ("--variant", "two", "--fold", "0", "--seed", "0")
    steps = dict.fromkeys(("fetch", "index", "ingest", "split"), ("--study", "films"))
    for step, options in {**steps, "train": run, "predict": run, "evaluate": run[:2]}.items():
        done = project.step(step, *options)
        assert done.returncode == 0, done.stderr
    store = Store(project.root / "data/films/store")
    assert store.views == ["frontal", "lateral"]
    assert (len(store.cases), len(store)) == (N, N + N // 2)
    assert json.loads((project.root / "results/studies/films/ingest.json").read_text())[
        "n_cases_lost"
    ] == 0  # fmt: skip
    (found,) = (project.root / "results/runs/two").rglob("predictions.parquet")
    scores = read_table(found).column("score_fractured").to_numpy()
    assert ((scores > 0) & (scores < 1)).all()
