"""Score imported predictions: what readers or other systems have said of a study's cases.

Reads   the table that plan.imported names, data/<study>/split.parquet
Writes  what evaluate writes of a variant, below results/scores/<imported>/; a row of openings.csv
        if `test` is scored
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin()

import logging
from pathlib import Path
from typing import Any

from radpipe.core.openings import note_opening
from radpipe.core.recipe import Artifact, ImportedRecipe
from radpipe.core.settings import Imported
from radpipe.core.step import Job, Step
from radpipe.core.tables import read_table
from radpipe.evaluation.answers import read_answers
from radpipe.evaluation.imported import Placed, place, score_imported
from radpipe.evaluation.results import header
from radpipe.evaluation.tables import write_csv

STEP = Step(
    "admit",
    __doc__,
    each="imported",
    reads={"predictions": "{predictions}", "split": "data/{study}/split.parquet"},
    writes={
        "metrics": "results/scores/{imported}/metrics.json",
        "cases": "results/scores/{imported}/cases.parquet",
        "curves": "results/scores/{imported}/curves.csv",
        "confusion": "results/scores/{imported}/confusion.csv",
        "history": "results/scores/{imported}/history.csv",
        "recipe": "results/scores/{imported}/recipe.json",
    },
    settings=(
        "plan.imported.{imported}",
        "plan.folds",
        "opened.{study}",
        "studies.{study}.target",
        "evaluation",
    ),
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

log = logging.getLogger("radpipe.admit")


def main(job: Job) -> None:
    """Read the answers, put them to the study's cases, score, write."""
    args, evaluation = job.args, job.setting("evaluation")
    where = f"plan.imported.{args.imported}"
    block: Imported = job.setting(where)
    target, folds = job.setting(f"studies.{block.study}.target"), job.setting("plan.folds")
    recipe = ImportedRecipe(
        variant=args.imported,
        study=block.study,
        target=target,
        split=artifact(job, args.split),
        predictions=artifact(job, args.predictions),
        imported=block,
        versions={},
    )
    answers = read_answers(args.predictions, block, target, where=where)
    parts = ["tune", "test"] if job.params.opens(block.study) else ["tune"]
    placed = place(
        answers, read_table(args.split), block, target, folds=folds, parts=parts, where=where
    )
    tell(args.imported, placed)
    runs = sorted({run for found in placed.runs.values() for run in found})
    if "test" in placed.runs:
        # Written down before anything is scored, so that no look goes uncounted.
        note_opening(Path("openings.csv"), recipe, fold=runs[0][0], seed=runs[0][1])
    results = score_imported(recipe, placed.runs, evaluation)
    head = header(recipe, runs, made_of(block), evaluation)
    results.write(args.metrics.parent, {**head, "imported": about(block, placed)})
    write_csv(args.history, ("fold", "seed"), ())
    results.tell(runs=1)


def artifact(job: Job, path: Path) -> Artifact:
    """Return an input with its hash."""
    return Artifact(path=str(path), sha256=job.hashes.of(path))


def tell(name: str, placed: Placed) -> None:
    """Log which cases have no answer, and which answers are to nothing."""
    counts = placed.counts
    for part, missing in counts["missing"].items():
        if missing:
            log.warning("%s has no answer to %d cases of %s", name, missing, part)
    log.info(
        "%s: rows of unknown cases=%d, of train=%d (neither is scored), cases not read=%d",
        *(name, counts["unknown"], counts["train"], counts["unanswered"]),
    )


def about(block: Imported, placed: Placed) -> dict[str, Any]:
    """Return what `metrics.json` says of the answers: whose, in which form, to which cases."""
    return {
        "by": block.by.model_dump(),
        "form": block.form,
        "learned_from": block.learned_from,
        "cases": placed.counts,
    }


def made_of(block: Imported) -> dict[str, Any]:
    """Return what `metrics.json` says of the recipe; nothing of it was trained here."""
    seen = [{"data_set": name, "list": None} for name in block.learned_from or ()]
    start = {"start": block.by.name, "function": "", "learned_from": seen, "tune": 0}
    return {
        "model": block.by.kind,
        "parameters": None,
        "lineage": [],
        **({"borrowed": [start]} if seen else {}),
        "preset": None,
        "versions": {},
    }


if __name__ == "__main__":
    STEP(main)
