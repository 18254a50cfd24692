"""Judge the variants of a study on all cases of another one: external validation.

Reads   data/<cohort>/split.parquet, store and crops; of every run of the home study recipe.json and
        weights.safetensors; results/scores/<variant>/metrics.json and cases.parquet, also of its
        ensembles, and their recipe.json; store and split.parquet of the home study, and of studies
        from whose runs its variants start
Writes  results/cohorts/<cohort>/predictions.parquet, scores.json, scores.csv, leaks.csv; rows of
        openings.csv; when it refuses, only data/<cohort>/external-leaks-refused.csv
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin(kernels_to="predict")

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radpipe.core.errors import StaleError
from radpipe.core.files import read_json, write_json
from radpipe.core.openings import note_opening
from radpipe.core.recipe import Recipe, read_ensemble_recipe, read_recipe
from radpipe.core.settings import External
from radpipe.core.starting import start_of
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table, write_table
from radpipe.evaluation.ensemble import EnsembleCases, Run, runs_of
from radpipe.evaluation.external import PART, ROWS, judge, rows_of
from radpipe.evaluation.members import combine
from radpipe.evaluation.results import planned
from radpipe.evaluation.scored import Scored
from radpipe.evaluation.tables import plain, write_csv
from radpipe.imaging.store import Store
from radpipe.learning.external import (
    Question,
    arithmetic_of_all,
    check_form,
    hashed_names,
    known_of,
    learned_from,
    predict_runs,
    read_cohort,
)
from radpipe.learning.networks.network import read_about
from radpipe.learning.starts.cohort import Cohort, Held, hold, refuse_seen, seen_names
from radpipe.splitting.overlap import (
    COUNTED,
    Overlap,
    Role,
    SettledOverlap,
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
    each="cohorts",
    reads={
        "store": "data/{study}/store",
        "crops": "data/{cropped}/crops",
        "split": "data/{study}/split.parquet",
        "home_store": "data/{home}/store",
        "home_split": "data/{home}/split.parquet",
        "recipes": "results/runs/{home_variants}/fold-{folds}-seed-{seeds}/recipe.json",
        "weights": "results/runs/{home_variants}/fold-{folds}-seed-{seeds}/weights.safetensors",
        "metrics": "results/scores/{home_compared}/metrics.json",
        "cases": "results/scores/{home_compared}/cases.parquet",
        "ensembles": "results/scores/{home_ensembles}/recipe.json",
    },
    writes={
        "predictions": "results/cohorts/{study}/predictions.parquet",
        "scores": "results/cohorts/{study}/scores.json",
        "table": "results/cohorts/{study}/scores.csv",
        "leaks": "results/cohorts/{study}/leaks.csv",
    },
    settings=(
        "plan.cohorts.{study}",
        "plan.folds|seeds|seen_by_name",
        "studies.{study}.external",
        "studies.{study}.split.correlation",
        "known_as.{study}",
        "evaluation",
    ),
    loads=("radpipe.learning.models.{architectures}",),
    keeps={"scores": "git", "table": "git", "leaks": "git"},
    mem_mb=8000,
    runtime=240,
)

log = logging.getLogger("radpipe.validate")
# Study of patients whose weights came from outside: their names are known, their pictures are not.
ELSEWHERE = "another project"


@dataclass(frozen=True)
class Asked:
    """A run of the home study."""

    fold: int
    seed: int
    recipe: Recipe
    weights: Path


def main(job: Job) -> None:
    """Look for known patients, predict, score, write."""
    study, home = job.args.study, job.setting(f"plan.cohorts.{job.args.study}")
    runs = home_runs(job)
    held = held_to_starts(job, runs)
    settled = look_for_known(job, home, runs, held.overlaps)
    refused = job.args.split.with_name("external-leaks-refused.csv")
    refuse(settled, study=study, home=home, table=refused)
    # All are read before anything is predicted: a cohort that lacks a covariate is not opened.
    questions = [question(job, run, settled.dropped) for run in runs]
    for run in runs:
        # Written down before anything is seen, so that no look goes uncounted.
        note_opening(Path("openings.csv"), run.recipe, fold=run.fold, seed=run.seed, study=study)
    note_ensembles(job)
    predictions = pa.concat_tables(predict_runs(questions))
    job.computed(arithmetic_of_all([run.recipe.train for run in runs]))
    judged = [
        judge_variant(job, metrics, cases, predictions, held)
        for metrics, cases in zip(job.args.metrics, job.args.cases, strict=True)
    ]
    write_table(job.args.predictions, predictions)
    write_csv(job.args.leaks, COUNTED, settled.counts())
    rows = [row for metrics, block in judged for row in rows_of(study, metrics, block)]
    write_csv(job.args.table, ROWS, rows)
    blocks = {metrics["variant"]: block for metrics, block in judged}
    write_json(job.args.scores, plain({**header(job, home, settled), "variants": blocks}))


def home_runs(job: Job) -> list[Asked]:
    """Return every planned run of the home study, by variant, fold and seed."""
    found = []
    for recipe, weights in zip(job.args.recipes, job.args.weights, strict=True):
        about = read_about(weights)["lineage"][-1]
        found.append(Asked(about["fold"], about["seed"], read_recipe(recipe), weights))
    return found


def note_ensembles(job: Job) -> None:
    """Write down that the ensembles of the home study are to see the cohort, too."""
    for path in job.args.ensembles:
        recipe = read_ensemble_recipe(path)
        runs = planned(recipe.variant, job.setting("plan.folds"), job.setting("plan.seeds"))
        for fold, seed in runs:
            note_opening(Path("openings.csv"), recipe, fold=fold, seed=seed, study=job.args.study)


def held_to_starts(job: Job, runs: Sequence[Asked]) -> Held:
    """Hold the cohort to what others' weights have learned from; refuse it where it is asked."""
    study = job.args.study
    same_names = job.setting(f"studies.{study}.external").same_names
    known_as = job.setting(f"known_as.{study}")
    cohort = Cohort(study, job.args.store, read_table(job.args.split), same_names, known_as)
    held = hold(cohort, [run.weights for run in runs])
    if job.setting("plan.seen_by_name") == "refuse":
        refuse_seen(held, cohort)
    return held


def look_for_known(
    job: Job, home: str, runs: Sequence[Asked], listed: Sequence[Overlap]
) -> SettledOverlap:
    """Find patients and pictures of the cohort that runs, or their ancestors, know."""
    study, external = job.args.study, job.setting(f"studies.{job.args.study}.external")
    split, store = read_table(job.args.split), Store(job.args.store)
    check_accept(external.accept, set(store.index["file"].to_pylist()), study=study)
    names: dict[str, Mapping[Role, set[str]]] = {}
    others = []
    for other, patients in learned_by_study(job, runs).items():
        names[other] = {"learned": patients}
        if other != ELSEWHERE:
            folder = Path("data", other)
            theirs = read_table(folder / "split.parquet")
            known = known_of(theirs, patients, home=other == home)
            names[other] = known.names
            others.append(pictures_of(other, Store(folder / "store"), known.roles))
    correlation = job.setting(f"studies.{study}.split.correlation")
    found = shared_pictures(pictures_of(study, store), others, correlation=correlation)
    if external.same_names:
        found = [*shared_names(hashed_names(split), names), *found]
    found += listed
    patient_of = dict(zip(split["case"].to_pylist(), split["patient"].to_pylist(), strict=True))
    # What `split` has dropped is not judged.
    return settle([one for one in found if one.case in patient_of], patient_of, external)


def learned_by_study(job: Job, runs: Sequence[Asked]) -> dict[str, set[str]]:
    """Return study to hashes of the patients from whom runs and their ancestors learned."""
    studies = {
        recipe.variant: recipe.study
        for run in runs
        for recipe in (run.recipe, *ancestors_of(job, run.recipe))
    }
    found: dict[str, set[str]] = {}
    for variant, patients in learned_from(run.weights for run in runs).items():
        found.setdefault(studies.get(variant, ELSEWHERE), set()).update(patients)
    return found


def ancestors_of(job: Job, recipe: Recipe) -> Iterator[Recipe]:
    """Yield the recipes of the planned runs that a run starts from, the nearest first.

    They are no inputs: the recipe that is one holds the hash of the weights that it starts from,
    and these come from no other data.

    Raises
    ------
    StaleError
        An ancestor's study was divided anew since it learned.

    """
    while start := start_of(recipe.weights.path):
        recipe = read_recipe(Path(recipe.weights.path).with_name("recipe.json"))
        if job.hashes.of(Path(recipe.split.path)) != recipe.split.sha256:
            raise StaleError(
                f"{recipe.split.path} is not what {start.run} learned by. Run snakemake (or dvc"
                " repro), which trains again."
            )
        yield recipe


def question(job: Job, run: Asked, dropped: frozenset[str]) -> Question:
    """Return what a run is asked: all cases of the cohort that have its kind of pixels."""
    recipe = run.recipe
    crops = Path(recipe.store.path).name == "crops"
    store = Store(job.args.crops[0] if crops else job.args.store)
    # Looked at for its form alone.
    check_form(recipe, Store(Path(recipe.store.path)), store, study=job.args.study)
    return Question(
        weights=run.weights,
        recipe=recipe,
        fold=run.fold,
        seed=run.seed,
        store=store,
        cases=read_cohort(recipe, job.args.split, store, without=dropped),
    )


def judge_variant(
    job: Job, metrics_file: Path, cases_file: Path, predictions: pa.Table, held: Held
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a variant's home `metrics.json`, and what it reaches on the cohort."""
    metrics = read_json(metrics_file)
    home = Scored(metrics, read_table(cases_file))
    judged = judge(home, answers_of(home, predictions), job.setting("evaluation"))
    judged["recipe"] = metrics["recipe"]["sha256"]
    known_as = job.setting(f"known_as.{job.args.study}")
    if seen := seen_names(metrics["recipe"].get("borrowed", ()), held, known_as):
        log.warning("%s starts from weights that have seen %s", home.name, ", ".join(seen))
        judged["seen"] = seen
    area = judged["scores"]["metrics"]["auc"]
    log.info(
        "judged %s on %s: cases=%d patients=%d auc=%.3f [%.3f, %.3f] against home %.3f",
        home.name,
        job.args.study,
        *(judged["scores"][key] for key in ("n_cases", "n_patients")),
        *(area[key] for key in ("value", "low", "high")),
        metrics["parts"][judged["home_part"]]["metrics"]["auc"]["value"],
    )
    return metrics, judged


def answers_of(home: Scored, predictions: pa.Table) -> dict[Run, EnsembleCases]:
    """Return what the runs of a variant or an ensemble say of the cohort."""

    def of_variant(name: str) -> dict[Run, EnsembleCases]:
        own = predictions.filter(pc.equal(predictions["variant"], name))
        tables = {
            (fold, seed): own.filter(
                pc.and_(pc.equal(own["fold"], fold), pc.equal(own["seed"], seed))
            )
            for fold in home.metrics["folds"]
            for seed in home.metrics["seeds"]
        }
        return runs_of(home.target, tables, PART)

    if (joined := home.metrics.get("ensemble")) is None:
        return of_variant(home.name)
    # The mean stays the one that was chosen at home.
    members = {name: of_variant(name) for name in joined["members"]}
    return combine(home.target, members, joined["mean"])


def header(job: Job, home: str, settled: SettledOverlap) -> dict[str, Any]:
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
