"""A made-up results tree in the files' real formats: two studies, five variants.

`bones` has three classes, a ceiling and an opened test part; `chest` has two classes and
only `tune`. Scores are drawn, metrics follow from them; intervals are normal
approximations, which is close enough for a page.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from radpipe.core.cards import write_cards
from radpipe.core.tables import write_table
from radpipe.evaluation.metrics import cards
from tests.app.fake_studies import (
    PIXEL,
    card,
    ingest_summary,
    recipe_of,
    split_summary,
    write_pictures,
)

BONES = ["healthy", "fractured", "beyond_repair"]
CHEST = ["normal", "pneumonia"]
# Variant to (study, noise of its scores, parameters, how much too sure it is).
VARIANTS: dict[str, tuple[str, float, int, float]] = {
    "bones-v1": ("bones", 0.35, 1_292_195, 1.0),
    "bones-resnet18": ("bones", 0.55, 11_171_779, 1.4),
    "bones-floor": ("bones", 2.2, 771, 0.9),
    "chest-resnet18": ("chest", 0.6, 11_170_753, 2.6),
    "chest-floor": ("chest", 1.6, 257, 1.0),
}
CALIBRATION = ("brier", "ece", "log_loss", "calibration_slope", "calibration_intercept")
HASH = {name: f"{index + 1:x}" * 64 for index, name in enumerate(VARIANTS)}


def write_results(root: Path, *, classes: list[str] | None = None) -> None:
    """Write `results/scores`, `results/runs` and `results/studies` below `root`.

    Parameters
    ----------
    root
        Project folder.
    classes
        Names of the three classes of `bones`, to try odd ones.

    """
    names = {"bones": classes or BONES, "chest": CHEST}
    for index, (variant, made) in enumerate(VARIANTS.items()):
        rng = np.random.default_rng(index)
        _variant(root, variant, made, names[made[0]], rng)
    for study, study_classes in names.items():
        _study(root / "results/studies" / study, study, study_classes)


def write_comparison(root: Path) -> None:
    """Write `results/comparison` and `results/figures` as the step compare would.

    The folders that judge writes are there and empty: nothing was explained.
    """
    for name in ("tables", "figures"):
        (root / "results/judged" / name).mkdir(parents=True, exist_ok=True)
    write_cards(root / "results/comparison/cards.json", cards())
    for study in ("bones", "chest"):
        metrics = {
            name: json.loads((root / "results/scores" / name / "metrics.json").read_text())
            for name, made in VARIANTS.items()
            if made[0] == study
        }
        part = "test" if study == "bones" else "tune"
        aucs = {name: m["parts"][part]["metrics"]["auc"] for name, m in metrics.items()}
        order = sorted(aucs, key=lambda name: -aucs[name]["value"])
        common = {"study": study, "part": part, "metric": "auc", "n_cases": 400, "n_patients": 266}
        ranking = [
            {**common, "variant": name, "rank": rank, "seed_sd": 0.01, "kind": "variant"}
            | {key: aucs[name][key] for key in ("value", "low", "high")}
            | {"value_common": aucs[name]["value"], "n_common": common["n_cases"]}
            for rank, name in enumerate(order, start=1)
        ]
        paired = [
            {**common, "class": "", "variant_a": a, "variant_b": b}
            | {"difference": d, "low": round(d - 0.02, 6), "high": round(d + 0.02, 6)}
            | {"p_delong": 0.004, "p_permutation": 0.006, "p_holm": 0.012 if d > 0.02 else 0.4}
            for i, a in enumerate(order)
            for b in order[i + 1 :]
            for d in [round(aucs[a]["value"] - aucs[b]["value"], 6)]
        ]
        _csv(root / f"results/comparison/{study}-ranking.csv", ranking)
        top = {n: (m["parts"][part]["ceiling"] or {}).get("auc") for n, m in metrics.items()}
        gaps = [
            {**common, "variant": name, "class": label}
            | {"difference": gap, "low": gap - 0.01, "high": gap + 0.01}
            for name in order
            if top[name]
            for label in ("", *top[name]["per_class"])
            for gap in [round(_value(top[name], label) - _value(aucs[name], label), 6)]
        ]
        _csv(root / f"results/comparison/{study}-ceiling.csv", gaps)
        _csv(root / f"results/comparison/{study}-paired.csv", paired)
        for kind in ("ranking", "roc", "pr", "reliability", "decision", "confusion", "history"):
            file = root / f"results/figures/png/{study}-{kind}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(PIXEL)


def plan() -> dict[str, Any]:
    """Return the `params.yaml` that such results come from."""
    studies = {
        study: {
            "adapter": "folders",
            "source": {"kind": "phantom", "seed": 1, "patients": 200},
            "remote": None,
            "layout": {"path": "{class}/{patient}-{_}"},
            "target": {"kind": kind, "classes": classes},
            "image": {"side": 64},
            "split": {"seed": 1, "on_leak": "group"},
        }
        for study, kind, classes in (
            ("bones", "multi-class", BONES),
            ("chest", "binary", CHEST),
        )
    }
    variants = {
        name: {"study": made[0], "store": f"data/{made[0]}/store", "preset": "bones/v1"}
        for name, made in VARIANTS.items()
    }
    return {
        "studies": studies,
        "localize": {},
        "features": {},
        "explain": {},
        "variants": variants,
        "plan": {
            "variants": list(VARIANTS),
            "folds": [0],
            "seeds": [0, 1, 2],
            "open_test": ["bones"],
            "cohorts": {},
            "ensembles": {},
            "imported": {},
            "starts": [],
        },
        "evaluation": {"bootstrap": 200, "confidence": 0.95, "seed": 1, "threshold": "youden"},
    }


def write_openings(root: Path, rows: list[tuple[str, str, str]]) -> None:
    """Write `openings.csv` from (time, variant, recipe) rows, fold 0 and seed 0."""
    lines = [
        {
            "time": time,
            "study": VARIANTS[v][0],
            "variant": v,
            "recipe": recipe,
            "fold": 0,
            "seed": 0,
        }
        for time, v, recipe in rows
    ]
    _csv(root / "openings.csv", lines)


def _variant(
    root: Path,
    name: str,
    made: tuple[str, float, int, float],
    classes: list[str],
    rng: np.random.Generator,
) -> None:
    study, noise, parameters, sure = made
    folder = root / "results/scores" / name
    parts, tables, curves, confusion = {}, [], [], []
    for part in ("tune", "test") if study == "bones" else ("tune",):
        drawn = np.random.default_rng([len(study), len(part)])
        n = 400 if part == "test" else 240
        truth, ceiling, logits = _truth(drawn, n, len(classes))
        scores = _softmax(sure * (logits + noise * rng.normal(size=logits.shape)))
        parts[part] = _part(truth, scores, ceiling if study == "bones" else None, classes, noise)
        tables.append(_cases(part, truth, scores, ceiling, classes, study))
        curves += _curves(part, truth, scores, classes)
        confusion += [
            {"part": part, "true": a, "decided": b, "n": int(np.sum((truth == i) & (d == j)))}
            for d in [scores.argmax(axis=1)]
            for i, a in enumerate(classes)
            for j, b in enumerate(classes)
        ]
    recipe = recipe_of(name, study, classes, parameters)
    _json(root / "results/scores" / name / "recipe.json", recipe)
    metrics = {
        "variant": name,
        "study": study,
        "target": {"kind": "multi-class" if study == "bones" else "binary", "classes": classes},
        "folds": [0],
        "seeds": [0, 1, 2],
        "recipe": {
            "sha256": HASH[name],
            "model": recipe["model"]["name"],
            "parameters": parameters,
            "lineage": [],
            "preset": recipe["preset"],
            "versions": recipe["versions"],
        },
        "intervals": {"bootstrap": 200, "confidence": 0.95, "seed": 1, "unit": "patient"},
        "operating_point": {
            "rule": "youden",
            "thresholds": [0.41] * (len(classes) if len(classes) > 2 else 1),
            "temperature": round(1 / sure, 3),
            "chosen_on": "tune",
        },
        "parts": parts,
    }
    _json(folder / "metrics.json", metrics)
    write_table(folder / "cases.parquet", pa.concat_tables(tables))
    _csv(folder / "curves.csv", curves)
    _csv(folder / "confusion.csv", confusion)
    _csv(folder / "history.csv", _history(noise, rng))


def _truth(rng: np.random.Generator, n: int, classes: int) -> tuple[Any, Any, Any]:
    severity = rng.uniform(-2.2, 2.2, n)
    centres = np.linspace(-1.6, 1.6, classes)
    logits = -0.75 * (severity[:, None] - centres) ** 2
    ceiling = _softmax(logits)
    truth = (rng.uniform(size=n)[:, None] > ceiling.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return truth, ceiling, logits


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _auc(positive: Any, score: Any) -> float:
    ranks = score.argsort().argsort() + 1
    n = positive.sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (~positive).sum()))


def _value(block: dict[str, Any], label: str) -> float:
    return (block["per_class"][label] if label else block)["value"]


def _estimate(value: float, half: float, *, top: float = 1.0) -> dict[str, float]:
    low, high = max(value - half, -9), min(value + half, top)
    return {
        "value": round(value, 6),
        "low": round(low, 6),
        "high": round(high, 6),
    }


def _aucs(truth: Any, scores: Any, classes: list[str], half: float) -> dict[str, Any]:
    each = {c: _auc(truth == i, scores[:, i]) for i, c in enumerate(classes)}
    return {
        **_estimate(float(np.mean(list(each.values()))), half),
        "per_class": {c: _estimate(value, half * 1.3) for c, value in each.items()},
    }


def _part(truth: Any, scores: Any, ceiling: Any, classes: list[str], noise: float) -> Any:
    n = len(truth)
    half = 0.5 / np.sqrt(n)
    accuracy = float((scores.argmax(axis=1) == truth).mean())
    metrics: dict[str, Any] = {
        "auc": {
            **_aucs(truth, scores, classes, half),
            "runs": {
                "mean": round(_aucs(truth, scores, classes, half)["value"] - 0.01, 6),
                "sd": round(0.004 + 0.004 * noise, 6),
                "n": 3,
            },
        }
    }
    kind = "multi-class" if len(classes) > 2 else "binary"
    others = {card.name for card in cards() if kind in card.targets} - {"auc", *CALIBRATION}
    for name in sorted(others):
        metrics[name] = _estimate(accuracy + 0.01 * (len(name) - 10), half * 1.4)
    confident = float(scores.max(axis=1).mean())
    slope = 1.0 - 1.2 * (confident - accuracy)
    for name, value in zip(
        CALIBRATION,
        (0.45 * (1 - accuracy), abs(confident - accuracy), 0.8, slope, 0.05),
        strict=True,
    ):
        metrics[name] = _estimate(value, half if name != "calibration_slope" else 0.15, top=9)
    top = None
    if ceiling is not None:
        right = float((ceiling.argmax(axis=1) == truth).mean())
        top = {"auc": _aucs(truth, ceiling, classes, half), "accuracy": _estimate(right, half)}
    return {
        "n_cases": n,
        "n_patients": n * 2 // 3,
        "n_per_class": np.bincount(truth, minlength=len(classes)).tolist(),
        "metrics": metrics,
        "ceiling": top,
        "subgroups": [
            {
                "covariate": "view",
                "value": value,
                "n_cases": n // 2 + shift,
                "n_patients": n // 3 + shift,
                "auc": _estimate(metrics["auc"]["value"] + shift / 1000, half * 1.5),
            }
            for value, shift in (("frontal", 11), ("lateral", -11))
        ],
    }


def _cases(
    part: str, truth: Any, scores: Any, ceiling: Any, classes: list[str], study: str
) -> pa.Table:
    n = len(truth)
    columns: dict[str, Any] = {
        "part": [part] * n,
        "case": [f"{part}-{i:04d}" for i in range(n)],
        "patient": [f"{part}-patient-{i * 2 // 3:04d}" for i in range(n)],
        "target": truth.astype(np.float64),
    }
    columns |= {f"score_{c}": scores[:, i] for i, c in enumerate(classes)}
    columns["decision"] = scores.argmax(axis=1)
    if study == "bones":
        columns |= {f"ceiling_{c}": ceiling[:, i] for i, c in enumerate(classes)}
    return pa.table(columns)


def _curves(part: str, truth: Any, scores: Any, classes: list[str]) -> list[dict[str, Any]]:
    rows = []
    shown = list(enumerate(classes)) if len(classes) > 2 else [(1, classes[1])]
    for i, name in shown:
        positive, score = truth == i, scores[:, i]
        for x in np.linspace(0, 1, 21):
            cut = np.quantile(score[~positive], 1 - x)
            y = float((score[positive] >= cut).mean())
            rows.append(_point("roc", name, part, x, y))
            cut = np.quantile(score[positive], 1 - x)
            rows.append(_point("pr", name, part, x, float(positive[score >= cut].mean())))
        for low in np.arange(0, 1, 0.1):
            inside = (score >= low) & (score < low + 0.1)
            if inside.sum() >= 3:
                x, y = float(score[inside].mean()), float(positive[inside].mean())
                rows.append(_point("reliability", name, part, x, y))
        for cut in np.linspace(0.05, 0.95, 19):
            chosen = score >= cut
            false = (chosen & ~positive).mean() * cut / (1 - cut)
            rows.append(
                _point("decision", name, part, cut, float((chosen & positive).mean() - false))
            )
    return rows


def _point(curve: str, name: str, part: str, x: float, y: float) -> dict[str, Any]:
    low, high = max(y - 0.05, 0.0), min(y + 0.05, 1.0)
    numbers = {"x": x, "y": y, "low": low, "high": high}
    return {"curve": curve, "class": name, "part": part} | {
        key: round(float(value), 6) for key, value in numbers.items()
    }


def _history(noise: float, rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for seed in (0, 1, 2):
        for epoch in range(1, 13):
            fall = float(np.exp(-epoch / 4))
            rows.append(
                {
                    "fold": 0,
                    "seed": seed,
                    "epoch": epoch,
                    "lr": 0.001,
                    "train_loss": round(0.3 + fall + 0.02 * float(rng.normal()), 6),
                    "tune_loss": round(0.4 + 0.1 * noise + fall + 0.03 * float(rng.normal()), 6),
                    "tune_auc": round(0.92 - 0.05 * noise - 0.3 * fall, 6),
                    "tune_accuracy": round(0.8 - 0.05 * noise - 0.3 * fall, 6),
                }
            )
    return rows


def _study(folder: Path, study: str, classes: list[str]) -> None:
    _json(folder / "ingest.json", ingest_summary(study))
    _json(folder / "split.json", split_summary(study, classes))
    _json(folder / "card.json", card(classes))
    write_pictures(folder)


def _json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def _csv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["study"])
        writer.writeheader()
        writer.writerows(rows)
