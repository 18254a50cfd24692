"""Predict `tune`, and `test` if its study is opened, which is written down; describe the run.

Reads   recipe.json and parts.json of results/runs/<variant>/, and a run's weights.safetensors;
        results/studies/<study>/ingest.json; for crops data/<study>/detector.safetensors
Writes  predictions.parquet and predictor.json beside the weights; a row of openings.csv for
        every opening
"""

from pathlib import Path

import pyarrow as pa

from radpipe.core.files import read_json, write_text
from radpipe.core.recipe import read_recipe
from radpipe.core.step import Job, Step
from radpipe.core.tables import write_table
from radpipe.imaging.store import Store
from radpipe.learning.data import read_part
from radpipe.learning.network import load_network
from radpipe.learning.openings import note_opening
from radpipe.learning.run import set_up
from radpipe.prediction.describing import Rule, describe, detector_of, with_point
from radpipe.prediction.description import DESCRIPTION
from radpipe.prediction.predictor import Predictor

STEP = Step(
    "predict",
    __doc__,
    run="{variant}-fold-{fold}-seed-{seed}",
    layers=("core", "imaging", "learning", "evaluation", "prediction"),
    options={"variant": str, "fold": int, "seed": int},
    reads=("recipe", "parts", "weights"),
    writes=("out",),
    settings=("evaluation.threshold", "evaluation.sensitivity"),
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
    cases = {
        part: read_part(split, store, recipe.target, part=part, fold=fold, model=recipe.model)
        for part in (*parts, "train")
    }
    if detector := detector_of(recipe):
        job.read(detector)
    described = describe(
        recipe,
        job.args.weights,
        network,
        store,
        about_study=read_json(job.read(Path("results/studies", recipe.study, "ingest.json"))),
        train=cases["train"],
        tune=cases["tune"],
    )
    predictor = Predictor(described, network, device=device)
    table = pa.concat_tables([predictor.table(store, cases[part], part=part) for part in parts])
    write_table(job.args.out, table)
    rule = Rule(job.setting("evaluation.threshold"), job.setting("evaluation.sensitivity"))
    complete = with_point(described, table, rule)
    write_text(job.write(job.args.out.with_name(DESCRIPTION)), complete.text)
    job.fact(device=device.type, parts=parts)


if __name__ == "__main__":
    STEP(main)
