"""The training loop: one for every study, exact to the bit when it is taken up again."""

import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from radpipe.core.machine import same_bytes_on, this_machine
from radpipe.core.step import StoppedError
from radpipe.learning.data.normalisation import normalisation
from radpipe.learning.data.samplers import ORDER, cut, draw_order, stream_of
from radpipe.learning.models import build_model, n_parameters
from radpipe.learning.models.covariates import fit_table
from radpipe.learning.networks.network import make_network, shape_of
from radpipe.learning.starts.borrowing import borrow, borrowed_by, input_of
from radpipe.learning.starts.lineage import lineage_facts
from radpipe.learning.starts.start import start_from
from radpipe.learning.training.compiler import keep_compiler_out
from radpipe.learning.training.freezing import find_frozen, set_training
from radpipe.learning.training.gradients import gradient, own_rows
from radpipe.learning.training.optimisers import end_epoch, make_optimizer, make_schedule, per_step
from radpipe.learning.training.progressive import check_small
from radpipe.learning.training.rates import rate_of_step
from radpipe.learning.training.regularising import add_l2, kernels_of
from radpipe.learning.training.run import TrainingRun
from radpipe.learning.training.state import Progress, State, TrainingOutcome
from radpipe.learning.training.stopping import Watch
from radpipe.learning.training.telemetry import Board
from radpipe.learning.training.watching import score_tune

log = logging.getLogger("radpipe.train")


def train(
    run: TrainingRun,
    *,
    seed: int,
    saved: Path,
    board: Path,
    stop: Callable[[], bool] = lambda: False,
) -> State:
    """Train until the epochs are over or `tune` no longer improves.

    Parameters
    ----------
    run
        From `make_run`.
    seed
        Seeds torch, here and nowhere else.
    saved
        File that keeps the state after every epoch; if it exists, training goes on from it.
    board
        Folder for TensorBoard.
    stop
        Asked after every step; True saves the state and raises.

    Returns
    -------
    State
        Its `kept` tensors are the best epoch's, `progress.history` one row an epoch.

    Raises
    ------
    StoppedError
        `stop` said so; the state is saved.

    """
    state, process_group = start(run, seed), run.process_group
    if process_group.any(saved.exists()):
        state.load(saved)
        log.info("resumed: epoch=%d batch=%d", state.progress.epoch, state.progress.batch)
    elif process_group.rank == 0:
        shutil.rmtree(board, ignore_errors=True)
    if (place := same_bytes_on(this_machine(), **run.computes)) not in state.progress.places:
        state.progress.places.append(place)
    how = run.how
    shown = Board(
        board,
        state.network.model,
        run.recipe.target,
        how,
        purge_step=state.progress.epoch + 1,
        telemetry=how.telemetry,
        rank=process_group.rank,
    )
    with _screen(run, state) as tick, shown:
        shown.load(state.shown)
        while not state.progress.done:
            if state.progress.batch == 0:
                begin_epoch(run, state)
            for group in groups_left(run, state):
                one_step(run, state, group, shown)
                tick()
                if state.progress.step == how.max_steps:
                    break
                if process_group.any(stop()) and state.progress.batch < run.n_batches:
                    save(state, shown, saved)
                    raise StoppedError(f"state saved in {saved}")
            shown.epoch(finish_epoch(run, state))
            # The last epoch needs no copy: what follows is writing the results.
            if not state.progress.done:
                save(state, shown, saved)
                if process_group.any(stop()):
                    raise StoppedError(f"state saved in {saved}")
    return state


def save(state: State, shown: Board, saved: Path) -> None:
    """Save everything that a resumed run goes on from."""
    state.shown = shown.state()
    state.save(saved)


def start(run: TrainingRun, seed: int) -> State:
    """Seed torch and make a fresh state.

    Raises
    ------
    ConfigError
        The network has batch norm, and several processes have no GPUs; no starting weight
        fits; a layer to freeze does not exist; it cannot take the small pictures asked for.

    """
    keep_compiler_out()
    torch.manual_seed(seed)
    how, device, process_group = run.how, run.device, run.process_group
    borrowed = borrowed_by(run.recipe)
    mean, sd = normalisation(run.store, run.train.rows, how, input_of(run.recipe, borrowed))
    model = build_model(run.recipe.model, **shape_of(run.store, run.recipe))
    taken = None
    if run.ancestors:
        taken = start_from(run.recipe, run.ancestors[-1], model, mean, sd)
    elif borrowed:
        taken = borrow(run.recipe, borrowed, model, mean, sd)
    # What is learned of a table is this run's own, whatever it starts from.
    fit_table(model, run.train.entries)
    model = process_group.join_norms(model, device)
    for tensor in (mean, sd, *model.state_dict().values()):
        process_group.follow(tensor)  # processors of another kind draw other last bits
    if process_group.rank:
        # Dropout must differ between the processes.
        torch.manual_seed(stream_of(seed, ORDER + process_group.rank))
    network = make_network(run.recipe, model, mean, sd).to(device)
    network = network.to(memory_format=torch.channels_last)
    check_small(run, network)
    optimizer = make_optimizer(network.model, how)
    return State(
        network=network,
        optimizer=optimizer,
        schedule=make_schedule(optimizer, how, steps_per_epoch=run.steps_per_epoch),
        generator=torch.Generator().manual_seed(stream_of(seed, ORDER)),
        progress=Progress(
            best=Watch(how.best_metric), stop=Watch(how.stop_metric, how.stop_min_delta)
        ),
        order=torch.empty(0, dtype=torch.int64),
        loss_sum=torch.zeros((), dtype=torch.float64, device=device),
        process_group=process_group,
        frozen=find_frozen(network.model, how),
        taken=taken,
    )


def begin_epoch(run: TrainingRun, state: State) -> None:
    """Draw the order of the next epoch."""
    targets = run.train.lessons.targets
    state.order = draw_order(targets, run.recipe.target, run.how, state.generator)
    state.progress.n_seen = 0
    state.loss_sum.zero_()


def groups_left(run: TrainingRun, state: State) -> Iterator[list[Tensor]]:
    """Yield the batches of each optimiser step that the epoch still has to make.

    Each batch holds numbers of cases of the train part, int64 (n,).
    """
    batches = cut(state.order, run.how.batch_size)
    run.batches.prefetch(own_rows(run, batch) for batch in batches[state.progress.batch :])
    for first in range(state.progress.batch, len(batches), run.how.accumulate):
        yield batches[first : first + run.how.accumulate]


def one_step(
    run: TrainingRun, state: State, group: list[Tensor], shown: Board | None = None
) -> None:
    """Make one optimiser step from one or more batches; `shown` is told what came of it.

    Each batch holds numbers of cases of the train part, int64 (n,).
    """
    how, progress = run.how, state.progress
    set_training(state.network, state.frozen, progress.epoch)
    seen = gradient(run, state, group)
    if shown is not None:
        shown.step(seen.loss.clone(), seen.logits, seen.truth, n_batches=len(group))
    run.process_group.add_gradients(state.network)
    run.process_group.add(seen.loss)
    state.loss_sum += seen.loss
    progress.n_seen += seen.n_known
    if how.kernel_l2:
        add_l2(kernels_of(state.network.model), how.kernel_l2)
    if how.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), how.clip_norm)
    with rate_of_step(state.optimizer, how, progress.epoch) as progress.rate:
        state.optimizer.step()
    last = progress.batch + len(group) >= run.n_batches or progress.step + 1 == how.max_steps
    if shown is not None and last:
        shown.layers(progress.epoch + 1)
    state.optimizer.zero_grad(set_to_none=True)
    if per_step(state.schedule):
        state.schedule.step()
    progress.batch += len(group)
    progress.step += 1


def finish_epoch(run: TrainingRun, state: State) -> dict[str, float]:
    """Score `tune`, keep the weights if they are the best, move the schedule, stop or not."""
    progress, how = state.progress, run.how
    train_loss = float(state.loss_sum) / max(progress.n_seen, 1)
    row: dict[str, float] = {"lr": progress.rate, "train_loss": train_loss}
    scores = score_tune(run, state)
    row |= {f"tune_{name}": value for name, value in scores.items()}
    end_epoch(state.schedule, how, scores)
    progress.epoch, progress.batch = progress.epoch + 1, 0
    if progress.best.see(scores[how.best_metric], progress.epoch):
        state.keep()
    progress.stop.see(scores[how.stop_metric], progress.epoch)
    if how.halves(progress.epoch - 1):
        # What whole pictures will still teach cannot be told from small ones.
        progress.stop.waited = 0
    out_of_patience = how.stop_patience is not None and progress.stop.waited >= how.stop_patience
    out_of_steps = how.max_steps is not None and progress.step >= how.max_steps
    progress.done = progress.epoch >= how.epochs or out_of_patience or out_of_steps
    progress.history.append({"epoch": progress.epoch, **row})
    shown = " ".join(f"{name}={value:.4g}" for name, value in row.items())
    log.info("trained epoch %d/%d: %s", progress.epoch, how.epochs, shown)
    return progress.history[-1]


def about(run: TrainingRun, state: TrainingOutcome, *, fold: int, seed: int) -> dict[str, Any]:
    """Return the facts written beside the weights: the same for equal runs."""
    best = state.progress.best
    outside = {"borrowed": [each.facts for each in run.borrowed]} if run.borrowed else {}
    return {
        **outside,
        "recipe": run.recipe.sha256,
        "variant": run.recipe.variant,
        "fold": fold,
        "seed": seed,
        "epoch": best.epoch,
        "metric": best.metric,
        "value": None if best.best is None or np.isnan(best.best) else best.best,
        "parameters": n_parameters(state.network.model),
        "lineage": lineage_facts(run.lineage(fold=fold, seed=seed)),
    }


def history_text(history: list[dict[str, float]]) -> str:
    """Format the history as CSV, six significant digits, empty where undefined."""
    lines = [",".join("" if np.isnan(v) else f"{v:.6g}" for v in row.values()) for row in history]
    return "\n".join([",".join(history[0]), *lines]) + "\n"


@contextmanager
def _screen(run: TrainingRun, state: State) -> Iterator[Callable[[], Any]]:
    """Show a bar of all steps, redrawn seldom so that log files stay small."""
    total = run.how.max_steps or run.steps_per_epoch * run.how.epochs
    with tqdm(
        total=total,
        initial=state.progress.step,
        desc=f"train {run.recipe.variant}",
        unit="step",
        mininterval=5.0,
        leave=False,
        file=sys.stderr,
        disable=run.process_group.size > 1,  # what processes say is passed on line by line
    ) as bar:
        yield bar.update
