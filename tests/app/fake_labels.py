"""Made-up predictions of a knee study with three labels, as large as the published data.

What the steps after `predict` make of them is theirs.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import save_file

from radpipe.core.files import write_json, write_text
from radpipe.core.recipe import Artifact, Recipe
from radpipe.core.tables import write_table
from tests.app.fake_studies import card, ingest_summary, split_summary, write_pictures
from tests.conftest import Project

LABELS = ["abnormal", "acl", "meniscus"]
# Variant to the noise of its log odds.
VARIANTS = {"knee-three-planes": 0.6, "knee-floor": 4.0}


def plan(source: dict[str, Any]) -> dict[str, Any]:
    """Return the `params.yaml` of such a study."""
    study = {
        "adapter": "mrnet",
        "source": source,
        "remote": None,
        "layout": {},
        "target": {"kind": "multi-label", "classes": LABELS},
        "image": {"side": 64},
        "split": {"seed": 1},
    }
    variant = {"study": "knee", "store": "data/knee/store", "preset": "bones/compact"}
    return {
        "studies": {"knee": study},
        "localize": {},
        "features": {},
        "explain": {},
        "variants": dict.fromkeys(VARIANTS, variant),
        "plan": {
            "variants": list(VARIANTS),
            "folds": [0],
            "seeds": [0],
            "open_test": ["knee"],
            "cohorts": {},
            "ensembles": {},
            "imported": {},
            "starts": [],
        },
        "evaluation": {"bootstrap": 200, "confidence": 0.95, "seed": 1, "threshold": "youden"},
    }


def write_study(root: Path, *, n_cases: int = 1250, n_test: int = 120) -> None:
    """Write what ingest and split say about the study."""
    folder = root / "results/studies/knee"
    split = split_summary("knee", LABELS)
    split["cases"] |= {"indexed": n_cases, "placed": n_cases}
    split["parts"]["test"] |= {"n_cases": n_test}
    split["parts"]["train"] |= {"n_uncertain_per_label": [0, 34, 5]}
    ingest = ingest_summary("knee")
    ingest["fingerprint"] |= {"n_pictures": 3750, "n_slices": 107000}
    write_json(folder / "ingest.json", ingest)
    write_json(folder / "split.json", split)
    write_json(folder / "card.json", card(LABELS))
    write_pictures(folder)


def write_runs(root: Path, *, ceiling: bool = True) -> None:
    """Write what train and predict leave of every variant."""
    rng = np.random.default_rng(5)
    odds = rng.normal(size=(345, 3)) * [2.5, 2.0, 1.5] + [1.5, -0.5, -0.5]
    ideal = 1 / (1 + np.exp(-odds))
    truth = (rng.random(ideal.shape) < ideal).astype(float)
    for name, noise in VARIANTS.items():
        folder = root / "results/runs" / name
        scores = 1 / (1 + np.exp(-odds - noise * rng.normal(size=odds.shape)))
        columns: dict[str, Any] = {
            "case": [f"exam-{i:03d}" for i in range(345)],
            "patient": [f"p{i:03d}" for i in range(345)],
            "part": ["tune"] * 225 + ["test"] * 120,
        }
        for k, label in enumerate(LABELS):
            columns |= {f"target_{label}": truth[:, k], f"score_{label}": scores[:, k]}
            if ceiling:
                columns[f"ceiling_{label}"] = ideal[:, k]
        run = folder / "fold-0-seed-0"
        write_table(run / "predictions.parquet", pa.table(columns))
        lines = [f"{e},0.001,{0.5 / e + 0.2},{0.4 / e + 0.3},{0.9 - 0.3 / e}" for e in range(1, 9)]
        head = "epoch,lr,train_loss,tune_loss,tune_auc"
        write_text(run / "history.csv", "\n".join([head, *lines]) + "\n")
        save_file({"w": np.zeros((4, 5), np.float32)}, run / "weights.safetensors")
        write_json(run / "recipe.json", _recipe(name))


def score(project: Project) -> None:
    """Run evaluate of every variant, then compare."""
    for name in VARIANTS:
        done = project.step("evaluate", "--variant", name)
        assert done.returncode == 0, done.stderr
    done = project.step("compare")
    assert done.returncode == 0, done.stderr
    # Nothing was explained, and judge writes empty folders.
    for name in ("tables", "figures"):
        (project.root / "results/judged" / name).mkdir(parents=True, exist_ok=True)


def report(project: Project) -> str:
    """Run report and return the page."""
    done = project.step("report")
    assert done.returncode == 0, done.stderr
    return (project.root / "results/report.html").read_text(encoding="utf-8")


def _recipe(name: str) -> dict[str, Any]:
    nothing = Artifact(path="nowhere", sha256="0" * 64)
    recipe = Recipe.model_validate(
        {
            "variant": name,
            "study": "knee",
            "target": {"kind": "multi-label", "classes": LABELS},
            "image": {"side": 64},
            **dict.fromkeys(("store", "split", "weights"), nothing),
            "preset": "bones/compact",
            "source": "test",
            "model": {"name": "compact"},
            "train": {"optimizer": "adam", "lr": 0.001, "batch_size": 2, "epochs": 8},
            "augment": {},
            "versions": {"numpy": "2"},
        }
    )
    return recipe.model_dump(mode="json")
