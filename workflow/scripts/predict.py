"""Predict `tune`, and `test` if its study is opened, which is written down; describe the run.

Reads   recipe.json and weights.safetensors of a run, the store and split of its study, and for
        crops data/<study>/detector.safetensors
Writes  predictions.parquet, predictor.json and likeness.safetensors (what is usual of features)
        beside the weights; a row of openings.csv for every opening
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin(kernels_to="predict")

from pathlib import Path

import pyarrow as pa

from radpipe.core.files import write_text
from radpipe.core.openings import note_opening
from radpipe.core.recipe import read_recipe
from radpipe.core.step import Job, Step
from radpipe.core.tables import write_table
from radpipe.learning.data.cases import read_part
from radpipe.learning.data.features import open_store
from radpipe.learning.data.fraction import within
from radpipe.learning.networks.faults import tell_faults
from radpipe.learning.networks.network import load_network
from radpipe.learning.training.run import arithmetic_of, set_up
from radpipe.prediction.describing import Rule, describe, with_likeness, with_point
from radpipe.prediction.predictor import Predictor

STEP = Step(
    "predict",
    __doc__,
    each="runs",
    reads={
        "store": "{store}",
        "split": "data/{study}/split.parquet",
        "detector": "data/{cropped}/detector.safetensors",
        "recipe": "results/runs/{variant}/fold-{fold}-seed-{seed}/recipe.json",
        "weights": "results/runs/{variant}/fold-{fold}-seed-{seed}/weights.safetensors",
    },
    writes={
        "out": "results/runs/{variant}/fold-{fold}-seed-{seed}/predictions.parquet",
        "described": "results/runs/{variant}/fold-{fold}-seed-{seed}/predictor.json",
        "likeness": "results/runs/{variant}/fold-{fold}-seed-{seed}/likeness.safetensors",
    },
    settings=(
        "opened.{study}",
        "studies.{study}.adapter|source",
        "evaluation.threshold|sensitivity|guarantee|unlike",
    ),
    loads=("radpipe.learning.models.{architectures}",),
    keeps={"described": "git"},
    mem_mb=8000,
    runtime=60,
)


def main(job: Job) -> None:
    """Read, predict, write."""
    recipe = read_recipe(job.args.recipe)
    fold, seed = job.args.fold, job.args.seed
    store, split = open_store(job.args.store), job.args.split
    device = set_up(recipe.train)
    network = load_network(job.args.weights, recipe, store).to(device)
    parts = ["test", "tune"] if job.params.opens(recipe.study) else ["tune"]
    if "test" in parts:
        # Written down before anything is seen, so that no look goes uncounted.
        note_opening(Path("openings.csv"), recipe, fold=fold, seed=seed)
    cases = {
        part: read_part(split, store, recipe.target, part=part, fold=fold, model=recipe.model)
        for part in (*parts, "train")
    }
    taught = within(cases["train"], recipe.target, recipe.train.fraction, seed)
    described = describe(
        recipe,
        job.args.weights,
        network,
        store,
        about_study=card(job, recipe.study),
        train=taught,
        tune=cases["tune"],
    )
    predictor = Predictor(described, network, device=device)
    told = {part: predictor.table(store, cases[part], part=part) for part in parts}
    table = pa.concat_tables([rows for rows, _ in told.values()])
    write_table(job.args.out, table)
    names = ("threshold", "sensitivity", "guarantee")
    rule = Rule(*(job.setting(f"evaluation.{name}") for name in names))
    complete = with_likeness(
        with_point(described, table, rule),
        told["tune"][1],
        cases["tune"],
        rate=job.setting("evaluation.unlike"),
        path=job.args.likeness,
    )
    write_text(job.args.described, complete.text)
    job.computed(arithmetic_of(recipe.train, device))
    job.fact(device=device.type, parts=parts, reproduced_faults=tell_faults(recipe))


def card(job: Job, study: str) -> dict[str, str | None]:
    """Return what a model says of the study that it learned from: adapter and licence."""
    source = job.setting(f"studies.{study}.source")
    adapter = job.setting(f"studies.{study}.adapter")
    return {"adapter": adapter, "licence": getattr(source, "licence", None)}


if __name__ == "__main__":
    STEP(main)
