"""Score one variant over its folds and seeds, with intervals.

Reads   of every planned run below results/runs/<variant>/: recipe.json, predictions.parquet,
        history.csv and the header of weights.safetensors
Writes  results/scores/<variant>/metrics.json, cases.parquet, curves.csv, confusion.csv,
        history.csv, recipe.json
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

from pathlib import Path
from typing import Any

from radpipe.core.recipe import Recipe
from radpipe.core.step import Job, Step
from radpipe.evaluation.ensemble import Run
from radpipe.evaluation.results import common_recipe, header, planned, read_runs, score
from radpipe.evaluation.tables import read_csv, write_csv
from radpipe.evaluation.weights import borrowed_by, count_lineage, count_parameters, mean_patients

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


def main(job: Job) -> None:
    """Pool the runs, freeze the operating point on `tune`, score every part, write."""
    args, evaluation = job.args, job.setting("evaluation")
    recipe = common_recipe(args.recipes)
    folders = planned(args.variant, job.setting("plan.folds"), job.setting("plan.seeds"))
    predictions = {run: job.read(f / "predictions.parquet") for run, f in folders.items()}
    results = score(recipe, read_runs(recipe, predictions), evaluation)
    made_of = about(recipe, args.weights)
    results.write(args.metrics.parent, header(recipe, list(folders), made_of, evaluation))
    write_history(job, folders)
    results.tell(runs=len(folders))


def about(recipe: Recipe, weights: tuple[Path, ...]) -> dict[str, Any]:
    """Return what `metrics.json` says of the recipe; all runs of a variant start from the same."""
    outside = borrowed_by(weights)
    return {
        "model": recipe.model.name,
        "parameters": count_parameters(weights[0]),
        "family": recipe.family,
        "fraction": recipe.train.fraction,
        "train_patients": mean_patients(weights),
        "lineage": count_lineage(weights[0]),
        **({"borrowed": outside} if outside else {}),
        "preset": recipe.preset,
        "versions": recipe.versions,
    }


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
