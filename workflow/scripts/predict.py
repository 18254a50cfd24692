"""Predict `tune`, and `test` if its study is opened, which is written down.

Reads   recipe.json and weights.safetensors of a run, and the store and split of its study
Writes  predictions.parquet beside the weights; a row of openings.csv for every opening
"""

from pathlib import Path

import pyarrow as pa

from radpipe.core.recipe import read_recipe
from radpipe.core.step import Job, Step
from radpipe.core.tables import write_table
from radpipe.imaging.store import Store
from radpipe.learning.data import read_part
from radpipe.learning.inference import predict_table
from radpipe.learning.network import load_network
from radpipe.learning.openings import note_opening
from radpipe.learning.run import set_up

STEP = Step(
    "predict",
    __doc__,
    each="runs",
    reads={
        "store": "{store}",
        "split": "data/{study}/split.parquet",
        "recipe": "results/runs/{variant}/fold-{fold}-seed-{seed}/recipe.json",
        "weights": "results/runs/{variant}/fold-{fold}-seed-{seed}/weights.safetensors",
    },
    writes={"out": "results/runs/{variant}/fold-{fold}-seed-{seed}/predictions.parquet"},
    settings=("opened.{study}",),
    loads=("radpipe.learning.models.{architectures}",),
    mem_mb=8000,
    runtime=60,
)


def main(job: Job) -> None:
    """Read, predict, write."""
    recipe = read_recipe(job.args.recipe)
    fold, seed = job.args.fold, job.args.seed
    store, split = Store(job.args.store), job.args.split
    device = set_up(recipe.train)
    network = load_network(job.args.weights, recipe, store).to(device)
    parts = ["test", "tune"] if job.params.opens(recipe.study) else ["tune"]
    if "test" in parts:
        # Written down before anything is seen, so that no look goes uncounted.
        note_opening(Path("openings.csv"), recipe, fold=fold, seed=seed)
    tables = []
    for part in parts:
        cases = read_part(split, store, recipe.target, part=part, fold=fold, model=recipe.model)
        tables.append(predict_table(network, store, cases, recipe, part=part, device=device.type))
    write_table(job.args.out, pa.concat_tables(tables))
    job.fact(device=device.type, parts=parts)


if __name__ == "__main__":
    STEP(main)
