"""Train one run of a variant, and go on where an earlier try was stopped.

Reads   results/runs/<variant>/recipe.json; the store and the split that it names
Writes  results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors, history.csv
"""

import shutil
from pathlib import Path

from radpipe.core.files import sha256_json, write_text
from radpipe.core.receipts import code_hashes
from radpipe.core.recipe import read_recipe
from radpipe.core.step import Job, Step
from radpipe.imaging.store import Store
from radpipe.learning.data import read_part
from radpipe.learning.network import save_weights
from radpipe.learning.stopping import StopRequest
from radpipe.learning.train import about, history_text, make_run, train

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
    fold, seed = job.args.fold, job.args.seed
    store, split = Store(Path(recipe.store.path)), Path(recipe.split.path)
    train_part = read_part(split, store, recipe.target, part="train", fold=fold)
    tune_part = read_part(split, store, recipe.target, part="tune", fold=fold)
    run = make_run(recipe, store, train_part, tune_part)
    folder = state_folder(job, recipe.sha256)
    state = train(
        run,
        seed=seed,
        saved=folder / "state.safetensors",
        board=Path("logs/tensorboard") / job.args.variant / f"fold-{fold}-seed-{seed}",
        stop=stop,
    )
    facts = about(run, state, fold=fold, seed=seed)
    save_weights(job.args.weights, state.kept, facts)
    write_text(job.args.history, history_text(state.progress.history))
    progress = state.progress
    job.fact(device=run.device.type, epochs=progress.epoch, steps=progress.step)
    job.fact(pieces_per_batch=progress.pieces)
    job.fact(**{name: facts[name] for name in ("epoch", "metric", "value", "parameters")})
    shutil.rmtree(folder, ignore_errors=True)


def state_folder(job: Job, recipe: str) -> Path:
    """Return where this run's state lies: it belongs to one recipe and one code."""
    code = code_hashes(STEP.name, STEP.layers, job.hashes)
    belongs_to = sha256_json({"recipe": recipe, "code": code})
    return Path(".state/train") / belongs_to / f"fold-{job.args.fold}-seed-{job.args.seed}"


if __name__ == "__main__":
    STEP(main)
