"""Made-up summaries of ingest and split, and recipes."""

from pathlib import Path
from typing import Any

# The smallest PNG there is: one grey pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63600000000200014821 0bc30000000049454e44ae426082".replace(" ", "")
)


def ingest_summary(study: str) -> dict[str, Any]:
    """Return the content of an `ingest.json`."""
    return {
        "study": study,
        "n_cases": 900,
        "n_cases_stored": 880,
        "n_cases_lost": 20,
        "n_pictures": 880,
        "n_rejected": 32,
        "rejected": {"not an image": 9, "truncated image": 20, "zero bytes": 3},
        "n_burned_in": 3,
        "remarks": {"pixels that are not square, made so": 2},
        "n_equal_pixels": 4,
        "fingerprint": {"n_pictures": 880, "recommended_size": 96},
    }


def split_summary(study: str, classes: list[str]) -> dict[str, Any]:
    """Return the content of a `split.json`."""

    def part(n: int) -> dict[str, Any]:
        counts = [n // len(classes) + i for i in range(len(classes))]
        total = {"n_cases": sum(counts), "n_patients": n // 2}
        return {**total, "n_per_class": counts, "n_unknown": 0}

    return {
        "study": study,
        "rules": {
            "seed": 1,
            "test": 0.3,
            "folds": 3,
            "on_leak": "group",
            "correlation": 0.97,
            "official": {"train": 0, "tune": 0, "test": 0},
            "drawn": {"test": True, "fold 0": True},
        },
        "cases": {"indexed": 900, "rejected": 20, "dropped": 0, "placed": 880},
        "patients": {"named": 450, "after_grouping": 440, "placed": 440},
        "classes": classes,
        "parts": {"train": part(480), "test": part(400)},
        "folds": [{"fold": fold, **part(160)} for fold in range(3)],
        "leaks": [
            {"kind": "bytes", "decision": "grouped", "n": 6},
            {"kind": "near", "decision": "accepted", "n": 2},
            {"kind": "near", "decision": "grouped", "n": 4},
        ],
        "accepted_files": 2,
        "remarks": [],
    }


def recipe_of(name: str, study: str, classes: list[str], parameters: int) -> dict[str, Any]:
    """Return the content of a `recipe.json`."""
    kind = "floor" if parameters < 1000 else name.partition("-")[2]
    return {
        "variant": name,
        "study": study,
        "target": {"kind": "binary" if len(classes) == 2 else "multi-class", "classes": classes},
        "image": {"side": 64, "resize": "letterbox", "channels": "grey", "bits": 8},
        "store": {"path": f"data/{study}/store", "sha256": "a" * 64},
        "split": {"path": f"data/{study}/split.parquet", "sha256": "b" * 64},
        "weights": {"path": "weights/random.json", "sha256": "c" * 64},
        "preset": f"bones/{kind}",
        "source": "House settings, chosen on tune.",
        "model": {"name": kind},
        "train": {
            "optimizer": "adam",
            "lr": 0.001,
            "schedule": {"name": "one-cycle", "warmup": 0.3},
            "loss": "cross-entropy",
            "class_weights": "balanced",
            "batch_size": 32,
            "epochs": 12,
        },
        "augment": {"flip_horizontal": 0.5, "rotate": 10.0},
        "versions": {"numpy": "2.4.0", "torch": "2.15.0", "torchvision": "0.30.0"},
    }


def card(classes: list[str]) -> dict[str, Any]:
    """Return the content of a `card.json`."""
    rows = [
        {
            "about": "label",
            "name": name,
            "title": name.replace("_", " "),
            "is_share": True,
            "values": {"train": 0.25, "tune": 0.25, "test": 0.5},
            "sd": {},
            "differences": {"tune": 0.0, "test": 0.534522},
        }
        for name in classes
    ]
    age = {"about": "age", "name": "mean", "title": "age", "is_share": False}
    age |= {"values": {"train": 60.25, "test": 61.0}, "sd": {"train": 9.5, "test": 9.0}}
    age |= {"differences": {"tune": None, "test": 0.081}}
    return {
        "fewest": 5,
        "notable": 0.1,
        "kind": "multi-class",
        "patients": {"n_cases": 880, "n_patients": 440, "median": 2.0, "five_reach": 7},
        "ages": {"n_known": 880, "mean": 60.25, "sd": 9.5, "decades": [], "sexes": {}},
        "combinations": {"n_distinct": 1450, "n_several": None, "frequent": []},
        "drift": {"parts": {"train": 400, "tune": 80, "test": 400}, "rows": [*rows, age]},
    }


def write_pictures(folder: Path) -> None:
    """Write what explore draws, each the smallest picture."""
    for topic in ("people", "labels", "drift"):
        path = folder / "figures/png" / f"{topic}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PIXEL)
    for name in ("sizes", "contact"):
        (folder / f"{name}.png").write_bytes(PIXEL)
