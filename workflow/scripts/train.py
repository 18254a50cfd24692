"""Train one run of a variant, and go on where an earlier try was stopped.

Reads   the variant's store, the split of its study, and the weights that it starts from
Writes  results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors, history.csv, and recipe.json:
        everything that the run depends on, resolved
"""

from radpipe.core.environment import pin

if __name__ == "__main__":
    pin(kernels_to="train")

import shutil
from pathlib import Path

from radpipe.core.files import sha256_json, write_text
from radpipe.core.recipe import make_recipe
from radpipe.core.step import Job, Step
from radpipe.learning.networks.faults import tell_faults
from radpipe.learning.runs.launch import train_together
from radpipe.learning.runs.one_run import Order, train_run
from radpipe.learning.training.stopping import StopRequest

STEP = Step(
    "train",
    __doc__,
    each="runs",
    reads={
        "store": "{store}",
        "split": "data/{study}/split.parquet",
        "start": "{weights}",
        "further": "results/starts/{further}/start.json",
    },
    writes={
        "weights": "results/runs/{variant}/fold-{fold}-seed-{seed}/weights.safetensors",
        "history": "results/runs/{variant}/fold-{fold}-seed-{seed}/history.csv",
        "recipe": "results/runs/{variant}/fold-{fold}-seed-{seed}/recipe.json",
    },
    settings=("recipe.{variant}",),
    loads=("radpipe.learning.models.{architectures}", "radpipe.learning.runs.worker"),
    keeps={"recipe": "git"},
    mem_mb=12000,
    runtime=720,
)


def main(job: Job) -> None:
    """Read, train, write; the state of an unfinished run lies below `.state/train`."""
    stop, args = StopRequest(), job.args
    recipe = make_recipe(job.params, args.variant, job.hashes)
    write_text(args.recipe, recipe.text)
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
    job.computed(facts.pop("arithmetic"))
    job.fact(**facts, reproduced_faults=tell_faults(recipe))
    shutil.rmtree(order.state, ignore_errors=True)


def state_folder(job: Job, recipe: str) -> Path:
    """Return where this run's state lies: it belongs to one recipe, one code and its libraries."""
    belongs_to = sha256_json({"recipe": recipe, "code": job.code, "libraries": job.libraries})
    return Path(".state/train") / belongs_to / f"fold-{job.args.fold}-seed-{job.args.seed}"


if __name__ == "__main__":
    STEP(main)
