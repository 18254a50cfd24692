"""A made-up cohort of the made-up study `bones`, in the files' real formats."""

import json
from pathlib import Path
from typing import Any

from tests.app.fake_results import HASH, VARIANTS

NAME = "bones_elsewhere"
DROP = 0.05
LEAKS = (
    "study,role,kind,decision,pairs,cases,patients\n"
    "bones,learned,near,dropped,3,2,2\n"
    "bones,test,patient,none,4,4,3\n"
)


def write_cohort(root: Path, *, leaks: str = LEAKS, known: dict[str, Any] | None = None) -> None:
    """Write `results/cohorts/bones_elsewhere`, every score lower than at home by `DROP`."""
    folder = root / "results/cohorts" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    judged = {name: _judged(root, name) for name, made in VARIANTS.items() if made[0] == "bones"}
    scores = {
        "study": NAME,
        "home": "bones",
        "intervals": {"bootstrap": 200, "confidence": 0.95, "seed": 1, "unit": "patient"},
        "known": {
            "same_names": True,
            "on_leak": "drop",
            "accepted_files": 0,
            "cases_dropped": 2,
            "patients_dropped": 2,
            "patients_of_home_test": 3,
            **(known or {}),
        },
        "variants": judged,
    }
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "leaks.csv").write_text(leaks)
    (folder / "scores.csv").write_text("variant,metric,value\nbones-v1,auc,0.8\n")
    figure = root / f"results/figures/svg/{NAME}-external.svg"
    figure.parent.mkdir(parents=True, exist_ok=True)
    figure.write_text("<svg/>")


def _judged(root: Path, name: str) -> dict[str, Any]:
    path = root / "results/scores" / name / "metrics.json"
    home = json.loads(path.read_text())["parts"]["test"]
    metrics = {key: _moved(block, DROP) for key, block in home["metrics"].items()}
    change = {"value": -DROP, "low": -DROP - 0.02, "high": -DROP + 0.02}
    return {
        "recipe": HASH[name],
        "home_part": "test",
        "scores": {
            "n_cases": 612,
            "n_patients": 301,
            "n_per_class": [300, 299, 13],
            "metrics": metrics,
        },
        "difference": {
            key: {**change, "per_class": dict.fromkeys(block.get("per_class", {}), change)}
            for key, block in home["metrics"].items()
        },
    }


def _moved(block: dict[str, Any], drop: float) -> dict[str, Any]:
    moved = {key: round(block[key] - drop, 6) for key in ("value", "low", "high")}
    return {
        **moved,
        "per_class": {
            label: {key: round(each[key] - drop, 6) for key in ("value", "low", "high")}
            for label, each in block.get("per_class", {}).items()
        },
    }
