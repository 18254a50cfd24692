"""Train one run of a variant, and go on where an earlier try was stopped.

Reads   results/runs/<variant>/recipe.json; the store and the split that it names
Writes  results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors, history.csv
"""

import shutil
from pathlib import Path

from radpipe.core.files import sha256_json
from radpipe.core.receipts import code_hashes
from radpipe.core.recipe import read_recipe
from radpipe.core.step import Job, Step
from radpipe.learning.launch import train_together
from radpipe.learning.one_run import Order, train_run
from radpipe.learning.stopping import StopRequest

STEP = Step(
    "train",
    __doc__,
    run="{variant}-fold-{fold}-seed-{seed}",
    layers=("core", "imaging", "learning"),
    options={"variant": str, "fold": int, "seed": int},
    reads=("recipe",),
    writes=("weights", "history"),
    settings=(),
)


def main(job: Job) -> None:
    """Read, train, write; the state of an unfinished run lies below `.state/train`."""
    stop = StopRequest()
    recipe = read_recipe(job.args.recipe)
    for artifact in (recipe.store, recipe.split, recipe.weights):
        job.read(artifact.path)
    recipe.check_inputs(job.hashes)
    args = job.args
    order = Order(
        recipe=args.recipe,
        fold=args.fold,
        seed=args.seed,
        weights=args.weights,
        history=args.history,
        state=state_folder(job, recipe.sha256),
        board=Path("logs/tensorboard") / args.variant / f"fold-{args.fold}-seed-{args.seed}",
    )
    if recipe.train.n_processes == 1:
        facts = train_run(order, recipe, stop)
    else:
        facts = train_together(order, recipe.train, stop)
    job.fact(**facts)
    shutil.rmtree(order.state, ignore_errors=True)


def state_folder(job: Job, recipe: str) -> Path:
    """Return where this run's state lies: it belongs to one recipe and one code."""
    code = code_hashes(STEP.name, STEP.layers, job.hashes)
    belongs_to = sha256_json({"recipe": recipe, "code": code})
    return Path(".state/train") / belongs_to / f"fold-{job.args.fold}-seed-{job.args.seed}"


if __name__ == "__main__":
    STEP(main)
