"""Judge the variants of a study on all cases of another one: external validation.

Reads   data/<cohort>/split.parquet, store and crops; of every run of the home study recipe.json and
        weights.safetensors; results/scores/<variant>/metrics.json and cases.parquet; store and
        split.parquet of the home study, and of studies from whose runs its variants start
Writes  results/cohorts/<cohort>/predictions.parquet, scores.json, scores.csv, leaks.csv; rows of
        openings.csv; when it refuses, only data/<cohort>/external-leaks-refused.csv
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radpipe.core.files import read_json, write_json
from radpipe.core.recipe import Recipe, read_recipe
from radpipe.core.settings import External
from radpipe.core.starting import start_of
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table, write_table
from radpipe.evaluation.ensemble import Run, runs_of
from radpipe.evaluation.external import PART, ROWS, judge, rows_of
from radpipe.evaluation.scored import Scored
from radpipe.evaluation.tables import plain, write_csv
from radpipe.imaging.store import Store
from radpipe.learning.external import (
    Question,
    check_form,
    hashed_names,
    known_of,
    learned_from,
    predict_runs,
    read_cohort,
)
from radpipe.learning.openings import note_opening
from radpipe.splitting.overlap import (
    COUNTED,
    Role,
    Settled,
    check_accept,
    pictures_of,
    refuse,
    settle,
    shared_names,
    shared_pictures,
)

STEP = Step(
    "validate",
    __doc__,
    run="{study}",
    layers=("core", "imaging", "splitting", "learning", "evaluation"),
    options={"study": str},
    reads=("store", "split"),
    writes=("predictions", "scores", "table", "leaks"),
    settings=(
        "plan",
        "variants",
        "studies.{study}.external",
        "studies.{study}.split.correlation",
        "evaluation",
    ),
)

log = logging.getLogger("radpipe.validate")
# Study of patients whose weights came from outside: their names are known, their pictures are not.
ELSEWHERE = "another project"
# Variant to its runs' recipes.
Recipes = Mapping[str, Mapping[Run, Recipe]]


def main(job: Job) -> None:
    """Look for known patients, predict, score, write."""
    study, home = job.args.study, job.setting("plan.cohorts")[job.args.study]
    recipes = home_recipes(job, home)
    settled = look_for_known(job, home, recipes)
    refused = job.args.split.with_name("external-leaks-refused.csv")
    refuse(settled, study=study, home=home, table=refused)
    # All are read before anything is predicted: a cohort that lacks a covariate is not opened.
    questions = list(ask(job, recipes, settled.dropped))
    for asked in questions:
        # Written down before anything is seen, so that no look goes uncounted.
        note_opening(
            Path("openings.csv"), asked.recipe, fold=asked.fold, seed=asked.seed, study=study
        )
    predictions = pa.concat_tables(predict_runs(questions))
    judged = {name: judge_variant(job, name, predictions) for name in recipes}
    write_table(job.args.predictions, predictions)
    write_csv(job.args.leaks, COUNTED, settled.counts())
    rows = [row for metrics, block in judged.values() for row in rows_of(study, metrics, block)]
    write_csv(job.args.table, ROWS, rows)
    blocks = {name: block for name, (_, block) in judged.items()}
    write_json(job.args.scores, plain({**header(job, home, settled), "variants": blocks}))


def home_recipes(job: Job, home: str) -> dict[str, dict[Run, Recipe]]:
    """Return the recipe of every planned run of the home study."""
    variants = job.setting("variants")
    return {
        name: {
            (fold, seed): read_recipe(job.read(folder_of(name, fold, seed) / "recipe.json"))
            for fold in sorted(job.setting("plan.folds"))
            for seed in sorted(job.setting("plan.seeds"))
        }
        for name in job.setting("plan.variants")
        if variants[name].study == home
    }


def folder_of(variant: str, fold: int, seed: int) -> Path:
    """Return the folder of a run."""
    return Path("results/runs", variant, f"fold-{fold}-seed-{seed}")


def look_for_known(job: Job, home: str, recipes: Recipes) -> Settled:
    """Find patients and pictures of the cohort that runs, or their ancestors, know."""
    study, external = job.args.study, job.setting(f"studies.{job.args.study}.external")
    split, store = read_table(job.args.split), Store(job.args.store)
    check_accept(external.accept, set(store.index["file"].to_pylist()), study=study)
    names: dict[str, Mapping[Role, set[str]]] = {}
    others = []
    for other, patients in learned_by_study(job, recipes).items():
        names[other] = {"learned": patients}
        if other == ELSEWHERE:
            continue
        theirs = read_table(job.read(Path("data", other, "split.parquet")))
        known = known_of(theirs, patients, home=other == home)
        names[other] = known.names
        where = job.read(Path("data", other, "store"))
        others.append(pictures_of(other, Store(where), known.roles))
    correlation = job.setting(f"studies.{study}.split.correlation")
    found = shared_pictures(pictures_of(study, store), others, correlation=correlation)
    if external.same_names:
        found = [*shared_names(hashed_names(split), names), *found]
    patient_of = dict(zip(split["case"].to_pylist(), split["patient"].to_pylist(), strict=True))
    # What `split` has dropped is not judged.
    return settle([one for one in found if one.case in patient_of], patient_of, external)


def learned_by_study(job: Job, recipes: Recipes) -> dict[str, set[str]]:
    """Return study to hashes of the patients from whom runs and their ancestors learned."""
    runs = [(name, run) for name, each in recipes.items() for run in each]
    learned = learned_from(job.read(folder_of(n, *r) / "weights.safetensors") for n, r in runs)
    studies = {
        one.variant: one.study
        for each in recipes.values()
        for recipe in each.values()
        for one in (recipe, *ancestors_of(job, recipe))
    }
    found: dict[str, set[str]] = {}
    for variant, patients in learned.items():
        found.setdefault(studies.get(variant, ELSEWHERE), set()).update(patients)
    return found


def ancestors_of(job: Job, recipe: Recipe) -> Iterator[Recipe]:
    """Yield the recipes of the planned runs that a run starts from, the nearest first."""
    while start := start_of(recipe.weights.path):
        recipe = read_recipe(job.read(folder_of(*start) / "recipe.json"))
        yield recipe


def ask(job: Job, recipes: Recipes, dropped: frozenset[str]) -> Iterator[Question]:
    """Yield every run with the cases that it is asked about."""
    for name, runs in recipes.items():
        for (fold, seed), recipe in runs.items():
            # A cohort has the same kinds of pixels under the same names.
            pixels = job.args.store.with_name(Path(recipe.store.path).name)
            store = Store(job.read(pixels))
            check_form(recipe, Store(job.read(recipe.store.path)), store, study=job.args.study)
            yield Question(
                weights=folder_of(name, fold, seed) / "weights.safetensors",
                recipe=recipe,
                fold=fold,
                seed=seed,
                store=store,
                cases=read_cohort(recipe, job.args.split, store, without=dropped),
            )


def judge_variant(
    job: Job, name: str, predictions: pa.Table
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a variant's home `metrics.json`, and what it reaches on the cohort."""
    scores = Path("results/scores", name)
    metrics = read_json(job.read(scores / "metrics.json"))
    home = Scored(metrics, read_table(job.read(scores / "cases.parquet")))
    own = predictions.filter(pc.equal(predictions["variant"], name))
    tables = {
        (fold, seed): own.filter(pc.and_(pc.equal(own["fold"], fold), pc.equal(own["seed"], seed)))
        for fold in job.setting("plan.folds")
        for seed in job.setting("plan.seeds")
    }
    judged = judge(home, runs_of(home.target, tables, PART), job.setting("evaluation"))
    judged["recipe"] = metrics["recipe"]["sha256"]
    area = judged["scores"]["metrics"]["auc"]
    log.info(
        "judged %s on %s: cases=%d patients=%d auc=%.3f [%.3f, %.3f] against home %.3f",
        name,
        job.args.study,
        *(judged["scores"][key] for key in ("n_cases", "n_patients")),
        *(area[key] for key in ("value", "low", "high")),
        metrics["parts"][judged["home_part"]]["metrics"]["auc"]["value"],
    )
    return metrics, judged


def header(job: Job, home: str, settled: Settled) -> dict[str, Any]:
    """Return what `scores.json` says about the cohort and how it was checked."""
    external: External = job.setting(f"studies.{job.args.study}.external")
    evaluation = job.setting("evaluation")
    return {
        "study": job.args.study,
        "home": home,
        "intervals": {
            "bootstrap": evaluation.bootstrap,
            "confidence": evaluation.confidence,
            "seed": evaluation.seed,
            "unit": "patient",
        },
        "known": {
            "same_names": external.same_names,
            "on_leak": external.on_leak,
            "accepted_files": len(external.accept),
            "cases_dropped": len(settled.dropped),
            "patients_dropped": len({settled.patient_of[case] for case in settled.dropped}),
            "patients_of_home_test": settled.patients("test"),
        },
    }


if __name__ == "__main__":
    STEP(main)
