"""Score an ensemble: the mean of several variants of a study, run by run.

Reads   of every planned run of its members below results/runs/<variant>/: recipe.json,
        predictions.parquet and the header of weights.safetensors
Writes  what evaluate writes of a variant, below results/scores/<ensemble>/; a row of openings.csv
        for every opening of `test`
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

from pathlib import Path
from typing import Any

from radpipe.core.openings import note_opening
from radpipe.core.recipe import EnsembleRecipe, Recipe, make_ensemble_recipe
from radpipe.core.settings import Ensemble, Evaluation
from radpipe.core.step import Job, Step
from radpipe.evaluation.ensemble import Run
from radpipe.evaluation.members import Mean, choose_mean, combine, parts_of
from radpipe.evaluation.results import Runs, common_recipe, header, planned, read_runs, score
from radpipe.evaluation.tables import write_csv
from radpipe.evaluation.weights import borrowed_by, count_lineage, count_parameters

STEP = Step(
    "combine",
    __doc__,
    each="ensembles",
    reads={
        "recipes": "results/runs/{members}/fold-{folds}-seed-{seeds}/recipe.json",
        "weights": "results/runs/{members}/fold-{folds}-seed-{seeds}/weights.safetensors",
        "predictions": "results/runs/{members}/fold-{folds}-seed-{seeds}/predictions.parquet",
    },
    writes={
        "metrics": "results/scores/{ensemble}/metrics.json",
        "cases": "results/scores/{ensemble}/cases.parquet",
        "curves": "results/scores/{ensemble}/curves.csv",
        "confusion": "results/scores/{ensemble}/confusion.csv",
        "history": "results/scores/{ensemble}/history.csv",
        "recipe": "results/scores/{ensemble}/recipe.json",
    },
    settings=("plan.ensembles.{ensemble}", "plan.folds|seeds", "evaluation"),
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
    """Read the members, choose the mean on `tune`, join run by run, score, write."""
    args, evaluation = job.args, job.setting("evaluation")
    ensemble: Ensemble = job.setting(f"plan.ensembles.{args.ensemble}")
    folders = [folders_of(job, name) for name in ensemble.members]
    recipes = [common_recipe([f / "recipe.json" for f in each.values()]) for each in folders]
    recipe = make_ensemble_recipe(args.ensemble, ensemble, recipes)
    members = {
        one.variant: read_member(job, one, each) for one, each in zip(recipes, folders, strict=True)
    }
    runs = list(folders[0])
    chosen = choice(recipe, members, evaluation)
    results = score(recipe, join(recipe, members, chosen["mean"], runs), evaluation)
    head = header(recipe, runs, about(recipe, folders), evaluation)
    results.write(args.metrics.parent, {**head, "ensemble": chosen})
    write_csv(args.history, ("fold", "seed"), ())
    results.tell(runs=len(runs))


def folders_of(job: Job, member: str) -> dict[Run, Path]:
    """Return the folder of every planned run of a member."""
    return planned(member, job.setting("plan.folds"), job.setting("plan.seeds"))


def read_member(job: Job, recipe: Recipe, folders: dict[Run, Path]) -> Runs:
    """Read what the runs of a member have predicted, each checked against its receipt."""
    return read_runs(recipe, {r: job.read(f / "predictions.parquet") for r, f in folders.items()})


def choice(
    recipe: EnsembleRecipe, members: dict[str, Runs], evaluation: Evaluation
) -> dict[str, Any]:
    """Return what `metrics.json` says of the ensemble: its mean, and how that was chosen."""
    tune = {name: runs["tune"] for name, runs in members.items()}
    best, losses = choose_mean(recipe.target, tune, evaluation)
    mean = best if recipe.mean == "chosen" else recipe.mean
    return {"members": recipe.members, "mean": mean, "asked": recipe.mean, "tune_loss": losses}


def join(recipe: EnsembleRecipe, members: dict[str, Runs], mean: Mean, runs: list[Run]) -> Runs:
    """Return the ensemble's runs, part by part; an opening of `test` is written down before."""
    parts = parts_of(members)
    for fold, seed in runs if "test" in parts else ():
        note_opening(Path("openings.csv"), recipe, fold=fold, seed=seed)
    return {
        part: combine(recipe.target, {name: runs[part] for name, runs in members.items()}, mean)
        for part in parts
    }


def about(recipe: EnsembleRecipe, folders: list[dict[Run, Path]]) -> dict[str, Any]:
    """Return what `metrics.json` says of the recipe: the members together."""
    weights = [_weights(f)[0] for f in folders]
    outside = borrowed_by(path for f in folders for path in _weights(f))
    return {
        "model": "ensemble",
        "parameters": sum(map(count_parameters, weights)),
        "lineage": [run for path in weights for run in count_lineage(path)],
        **({"borrowed": outside} if outside else {}),
        "preset": None,
        "versions": recipe.versions,
    }


def _weights(folders: dict[Run, Path]) -> list[Path]:
    return [folder / "weights.safetensors" for folder in folders.values()]


if __name__ == "__main__":
    STEP(main)
