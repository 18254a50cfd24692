"""Score one variant over its folds and seeds, with intervals.

Reads   of every planned run below results/runs/<variant>/: recipe.json, predictions.parquet,
        history.csv and the header of weights.safetensors
Writes  results/scores/<variant>/metrics.json, cases.parquet, curves.csv, confusion.csv,
        history.csv, recipe.json
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from radpipe.core.errors import DataError, StaleError
from radpipe.core.files import write_json, write_text
from radpipe.core.recipe import Recipe, read_recipe
from radpipe.core.settings import Evaluation
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table, write_table
from radpipe.evaluation.curves import COLUMNS, curve_rows
from radpipe.evaluation.ensemble import EnsembleCases, Run, pool, runs_of
from radpipe.evaluation.intervals import draw_patients, owners
from radpipe.evaluation.metrics.probabilities import ECE_BINS
from radpipe.evaluation.operating_point import OperatingPoint, choose
from radpipe.evaluation.sample import column_names, decisions
from radpipe.evaluation.scoring import Scorer, confusion_rows
from radpipe.evaluation.tables import plain, read_csv, write_csv
from radpipe.evaluation.weights import count_lineage, count_parameters

STEP = Step(
    "evaluate",
    __doc__,
    each="variants",
    reads={
        "recipes": "results/runs/{variant}/fold-{folds}-seed-{seeds}/recipe.json",
        "weights": "results/runs/{variant}/fold-{folds}-seed-{seeds}/weights.safetensors",
        "predictions": "results/runs/{variant}/fold-{folds}-seed-{seeds}/predictions.parquet",
        "histories": "results/runs/{variant}/fold-{folds}-seed-{seeds}/history.csv",
    },
    writes={
        "metrics": "results/scores/{variant}/metrics.json",
        "cases": "results/scores/{variant}/cases.parquet",
        "curves": "results/scores/{variant}/curves.csv",
        "confusion": "results/scores/{variant}/confusion.csv",
        "history": "results/scores/{variant}/history.csv",
        "recipe": "results/scores/{variant}/recipe.json",
    },
    settings=("plan.folds|seeds", "evaluation"),
    keeps={
        "metrics": "git",
        "curves": "git",
        "confusion": "git",
        "history": "git",
        "recipe": "git",
    },
    mem_mb=4000,
    runtime=60,
)

log = logging.getLogger("radpipe.evaluate")
PARTS = ("tune", "test")


def main(job: Job) -> None:
    """Pool the runs, freeze the operating point on `tune`, score every part, write."""
    args, evaluation = job.args, job.setting("evaluation")
    recipe = common_recipe(args.recipes)
    target, folders = recipe.target, planned(job)
    tables = {run: read_table(job.read(f / "predictions.parquet")) for run, f in folders.items()}
    runs = {part: runs_of(target, tables, part) for part in PARTS}
    if not runs["tune"]:
        raise DataError(f"{args.variant}: no case of part tune was predicted. Run predict again.")
    parts = {part: pool(found, part) for part, found in runs.items() if found}
    point = choose(target, parts["tune"].truth, parts["tune"].scores, evaluation)
    scorer = Scorer(target, point, evaluation)
    scored = {part: scorer.part(cases, runs[part]) for part, cases in parts.items()}
    head = header(job, recipe, args.weights[0])
    write_text(args.recipe, recipe.text)
    write_json(args.metrics, plain({**head, "operating_point": point.as_json(), "parts": scored}))
    write_table(args.cases, cases_table(recipe, parts, point))
    write_csv(args.curves, COLUMNS, curves(recipe, parts, point, evaluation))
    confusion = [
        row for p, cases in parts.items() for row in confusion_rows(target, cases, point, p)
    ]
    write_csv(args.confusion, ("part", "true", "decided", "n"), confusion)
    write_history(job, folders)
    for part, block in scored.items():
        area = block["metrics"]["auc"]
        log.info(
            "scored %s %s: cases=%d patients=%d auc=%.3f [%.3f, %.3f] runs=%d",
            args.variant,
            part,
            block["n_cases"],
            block["n_patients"],
            area["value"],
            area["low"],
            area["high"],
            len(folders),
        )


def common_recipe(paths: tuple[Path, ...]) -> Recipe:
    """Read the recipe that all runs share.

    Raises
    ------
    StaleError
        Runs were made from different ones.

    """
    first, *others = (read_recipe(path) for path in paths)
    if any(other.sha256 != first.sha256 for other in others):
        raise StaleError(
            f"{first.variant}: its runs were made from different recipes. Run snakemake (or dvc"
            " repro), which trains again."
        )
    return first


def planned(job: Job) -> dict[Run, Path]:
    """Return the folder of every planned run, by (fold, seed) in sorted order."""
    return {
        (fold, seed): Path("results/runs", job.args.variant, f"fold-{fold}-seed-{seed}")
        for fold in sorted(job.setting("plan.folds"))
        for seed in sorted(job.setting("plan.seeds"))
    }


def header(job: Job, recipe: Recipe, weights: Path) -> dict[str, Any]:
    """Return what `metrics.json` says about the variant and about how it was scored.

    `weights` are those of any run: all of a variant start from the same ones.
    """
    evaluation: Evaluation = job.setting("evaluation")
    return {
        "variant": job.args.variant,
        "study": recipe.study,
        "target": recipe.target.model_dump(mode="json"),
        "folds": sorted(job.setting("plan.folds")),
        "seeds": sorted(job.setting("plan.seeds")),
        "recipe": {
            "sha256": recipe.sha256,
            "model": recipe.model.name,
            "parameters": count_parameters(weights),
            "lineage": count_lineage(weights),
            "preset": recipe.preset,
            "versions": recipe.versions,
        },
        "intervals": {
            "bootstrap": evaluation.bootstrap,
            "confidence": evaluation.confidence,
            "seed": evaluation.seed,
            "unit": "patient",
            "ece_bins": ECE_BINS,
        },
    }


def cases_table(recipe: Recipe, parts: dict[str, EnsembleCases], point: OperatingPoint) -> pa.Table:
    """Return one row per part and case: truth, mean and calibrated score, decision."""
    return pa.concat_tables(
        [part_table(recipe, part, parts[part], point) for part in sorted(parts)]
    )


def part_table(recipe: Recipe, part: str, cases: EnsembleCases, point: OperatingPoint) -> pa.Table:
    """Return the rows of one part, sorted by case."""
    target = recipe.target
    sample = point.sample(target, cases.truth, cases.scores)
    decided = decisions(target, sample)
    names = [f"decision_{c}" for c in target.classes] if decided.shape[1] > 1 else ["decision"]
    columns: dict[str, Any] = {
        "part": np.full(len(cases.case), part, dtype=object),
        "case": cases.case,
        "patient": cases.patient,
        **dict(zip(target.columns, cases.truth.T, strict=True)),
        **dict(zip(target.score_columns, cases.scores.T, strict=True)),
        **{
            f"calibrated_{name}": column
            for name, column in zip(column_names(target), sample.probabilities.T, strict=True)
        },
        **dict(zip(names, decided.T, strict=True)),
    }
    if cases.ceiling is not None:
        columns |= dict(zip(target.ceiling_columns, cases.ceiling.T, strict=True))
    columns |= {f"covariate_{name}": values for name, values in cases.covariates.items()}
    return pa.table({name: as_array(values) for name, values in columns.items()})


def as_array(values: np.ndarray) -> pa.Array:
    """Return texts (n,) as strings (also if all are unknown) and numbers (n,) as they are."""
    return pa.array(values, type=pa.string() if values.dtype == object else None)


def curves(
    recipe: Recipe, parts: dict[str, EnsembleCases], point: OperatingPoint, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Return the curves of every part."""
    rows = []
    for part, cases in parts.items():
        known = cases.take(cases.known)
        rng = np.random.default_rng(evaluation.seed)
        rows += curve_rows(
            point.sample(recipe.target, known.truth, known.scores),
            column_names(recipe.target),
            part,
            draws=draw_patients(owners(known.patient), evaluation.bootstrap, rng),
            confidence=evaluation.confidence,
        )
    return rows


def write_history(job: Job, folders: dict[Run, Path]) -> None:
    """Put the training histories of all runs under each other."""
    rows: list[dict[str, Any]] = []
    columns = ["fold", "seed"]
    for (fold, seed), folder in folders.items():
        for row in read_csv(job.read(folder / "history.csv")):
            rows.append({"fold": fold, "seed": seed, **row})
            columns += [name for name in row if name not in columns]
    write_csv(job.args.history, columns, rows)


if __name__ == "__main__":
    STEP(main)
