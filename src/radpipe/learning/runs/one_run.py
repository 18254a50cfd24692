"""One run from its recipe to its files, in this process or as one of several."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from radpipe.core.files import write_text
from radpipe.core.recipe import Recipe
from radpipe.learning.data.cases import read_part
from radpipe.learning.data.features import open_store
from radpipe.learning.data.fraction import within
from radpipe.learning.data.samplers import downsampled
from radpipe.learning.distributed.devices import gpu_name
from radpipe.learning.distributed.process_group import ALONE, ProcessGroup
from radpipe.learning.models import is_fitted
from radpipe.learning.networks.network import save_weights
from radpipe.learning.training.fitting import fit
from radpipe.learning.training.run import make_run
from radpipe.learning.training.state import TrainingOutcome
from radpipe.learning.training.train import about, history_text, train


@dataclass(frozen=True)
class Order:
    """Which run is to be trained, and where its files lie.

    Attributes
    ----------
    recipe
        `recipe.json`.
    fold, seed
        The rest of the run's name.
    weights, history
        What the step writes.
    state
        Folder of the unfinished run's state.
    board
        Folder for TensorBoard.

    """

    recipe: Path
    fold: int
    seed: int
    weights: Path
    history: Path
    state: Path
    board: Path

    def arguments(self) -> list[str]:
        """Return the order as words of a command line."""
        return [str(getattr(self, field.name)) for field in fields(self)]

    @classmethod
    def of(cls, words: list[str]) -> Self:
        """Read what `arguments` returned."""
        recipe, fold, seed, *paths = words
        return cls(Path(recipe), int(fold), int(seed), *map(Path, paths))


def train_run(
    order: Order, recipe: Recipe, stop: Callable[[], bool], process_group: ProcessGroup = ALONE
) -> dict[str, Any]:
    """Train, write weights and history, and return facts for the receipt.

    Raises
    ------
    StoppedError
        `stop` said so; the state is saved, and nothing else is written.

    """
    store, split, fold = open_store(Path(recipe.store.path)), Path(recipe.split.path), order.fold
    model, target = recipe.model, recipe.target
    train_part = read_part(
        split,
        store,
        target,
        part="train",
        fold=fold,
        model=model,
        how=recipe.train,
        seed=order.seed,
    )
    train_part = within(train_part, target, recipe.train.fraction, order.seed)
    train_part = downsampled(train_part, target, recipe.train, order.seed)
    tune_part = read_part(split, store, target, part="tune", fold=fold, model=model)
    run = make_run(recipe, store, train_part, tune_part, process_group)
    state: TrainingOutcome
    if is_fitted(model):
        state = fit(run, seed=order.seed)
    else:
        saved = order.state / "state.safetensors"
        state = train(run, seed=order.seed, saved=saved, board=order.board, stop=stop)
    facts = about(run, state, fold=fold, seed=order.seed)
    if process_group.rank == 0:
        save_weights(order.weights, state.kept, facts)
        write_text(order.history, history_text(state.progress.history))
    progress = state.progress
    start = {} if state.taken is None else {"start": state.taken.facts}
    return {
        **start,
        "arithmetic": {**run.computes, "places": progress.places},
        "train_cases": len(train_part),
        "device": run.device.type,
        "gpu": gpu_name(run.device),
        "epochs": progress.epoch,
        "steps": progress.step,
        "pieces_per_batch": progress.pieces,
        **{name: facts[name] for name in ("epoch", "metric", "value", "parameters")},
    }
