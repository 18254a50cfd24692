"""Predict `tune`, and `test` if its study is opened, which is written down.

Reads   recipe.json and parts.json of results/runs/<variant>/, and a run's weights.safetensors
Writes  predictions.parquet beside the weights; a row of openings.csv for every opening
"""

from pathlib import Path

import pyarrow as pa

from radpipe.core.files import read_json
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
    run="{variant}-fold-{fold}-seed-{seed}",
    layers=("core", "imaging", "learning"),
    options={"variant": str, "fold": int, "seed": int},
    reads=("recipe", "parts", "weights"),
    writes=("out",),
)


def main(job: Job) -> None:
    """Read, predict, write."""
    recipe = read_recipe(job.args.recipe)
    for artifact in (recipe.store, recipe.split):
        job.read(artifact.path)
    recipe.check_inputs(job.hashes)
    fold, seed = job.args.fold, job.args.seed
    store, split = Store(Path(recipe.store.path)), Path(recipe.split.path)
    device = set_up(recipe.train)
    network = load_network(job.args.weights, recipe, store).to(device)
    parts = read_json(job.args.parts)
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
