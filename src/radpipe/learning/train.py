"""The training loop: one for every study, exact to the bit when it is taken up again."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from radpipe.core.errors import ConfigError
from radpipe.core.recipe import Recipe
from radpipe.core.settings import Training
from radpipe.core.step import StoppedError
from radpipe.learning.augment import apply_batch, draw_batch
from radpipe.learning.data import Batch, Cases, Pixels, gather, normalisation
from radpipe.learning.devices import device_of, take_device
from radpipe.learning.inference import infer
from radpipe.learning.losses import Loss, class_weights, make_loss, probabilities
from radpipe.learning.models import build_model, n_parameters
from radpipe.learning.network import make_network, shape_of
from radpipe.learning.optimisers import end_epoch, make_optimizer, make_schedule, per_step
from radpipe.learning.samplers import cut, draw_order
from radpipe.learning.scores import tune_scores
from radpipe.learning.state import Progress, State
from radpipe.learning.stopping import Watch
from radpipe.learning.team import ALONE, Team, has_batch_norm

log = logging.getLogger("radpipe.train")


@dataclass(frozen=True)
class Run:
    """What does not change while a run trains."""

    recipe: Recipe
    store: Pixels
    train: Cases
    tune: Cases
    loss: Loss
    tune_loss: Loss
    device: torch.device
    team: Team = ALONE

    @property
    def how(self) -> Training:
        """The training settings."""
        return self.recipe.train

    @property
    def n_batches(self) -> int:
        """Batches in an epoch."""
        return len(cut(torch.arange(len(self.train)), self.how.batch_size))

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch."""
        return -(-self.n_batches // self.how.accumulate)


def train(
    run: Run,
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
    state, team = start(run, seed), run.team
    if team.any(saved.exists()):
        state.load(saved)
        log.info("resumed: epoch=%d batch=%d", state.progress.epoch, state.progress.batch)
    elif team.rank == 0:
        shutil.rmtree(board, ignore_errors=True)
    with _screen(run, state) as tick, _tensorboard(board, state) as write:
        while not state.progress.done:
            if state.progress.batch == 0:
                begin_epoch(run, state)
            for group in groups_left(run, state):
                one_step(run, state, group)
                tick()
                if state.progress.step == run.how.max_steps:
                    break
                if team.any(stop()) and state.progress.batch < run.n_batches:
                    save_and_stop(state, saved)
            write(finish_epoch(run, state))
            # The last epoch needs no copy: what follows is writing the results.
            if not state.progress.done:
                if team.any(stop()):
                    save_and_stop(state, saved)
                state.save(saved)
    return state


def save_and_stop(state: State, saved: Path) -> NoReturn:
    """Save the state and raise `StoppedError`."""
    state.save(saved)
    raise StoppedError(f"state saved in {saved}")


def start(run: Run, seed: int) -> State:
    """Seed torch and make a fresh state.

    Raises
    ------
    ConfigError
        The network has batch norm, and several processes have no GPUs.

    """
    torch.manual_seed(seed)
    how, device, team = run.how, run.device, run.team
    mean, sd = normalisation(run.store, run.train.rows, how)
    model = build_model(run.recipe.model, **shape_of(run.store, run.recipe))
    model = team.join_norms(model, device)
    for tensor in (mean, sd, *model.state_dict().values()):
        team.follow(tensor)  # processors of another kind draw other last bits
    if team.rank:
        # Dropout must differ between the processes.
        torch.manual_seed(_other_seed(seed, 1 + team.rank))
    network = make_network(run.recipe, model, mean, sd).to(device)
    network = network.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(network.model, how)
    return State(
        network=network,
        optimizer=optimizer,
        schedule=make_schedule(optimizer, how, steps_per_epoch=run.steps_per_epoch),
        generator=torch.Generator().manual_seed(_other_seed(seed, 1)),
        progress=Progress(
            best=Watch(how.best_metric), stop=Watch(how.stop_metric, how.stop_min_delta)
        ),
        order=torch.empty(0, dtype=torch.int64),
        loss_sum=torch.zeros((), dtype=torch.float64, device=device),
        team=team,
    )


def begin_epoch(run: Run, state: State) -> None:
    """Draw the order of the next epoch."""
    targets = run.train.targets
    state.order = draw_order(targets, run.recipe.target, run.how, state.generator)
    state.progress.n_seen = 0
    state.loss_sum.zero_()


def groups_left(run: Run, state: State) -> Iterator[list[Tensor]]:
    """Yield the batches of each optimiser step that the epoch still has to make."""
    batches = cut(state.order, run.how.batch_size)
    for first in range(state.progress.batch, len(batches), run.how.accumulate):
        yield batches[first : first + run.how.accumulate]


def one_step(run: Run, state: State, group: list[Tensor]) -> None:
    """Make one optimiser step from one or more batches."""
    how, progress = run.how, state.progress
    state.network.train()
    loss, n_known = gradient(run, state, group)
    run.team.add_gradients(state.network)
    run.team.add(loss)
    state.loss_sum += loss
    progress.n_seen += n_known
    if how.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), how.clip_norm)
    progress.rate = state.optimizer.param_groups[0]["lr"]
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    if per_step(state.schedule):
        state.schedule.step()
    progress.batch += len(group)
    progress.step += 1
    state.note_start()


def gradient(run: Run, state: State, group: list[Tensor]) -> tuple[Tensor, int]:
    """Compute this process's gradient of a group of batches, in pieces if memory runs out.

    Returns
    -------
    loss
        Float64 scalar, summed over the known targets of this process's cases.
    n_known
        Number of known targets of the whole group.

    Raises
    ------
    ConfigError
        Memory ran out, and batch norm joins several processes: they wait for each other in
        the midst of the network, so one of them cannot start again with smaller pieces.

    """
    chance = state.generator.get_state()
    while True:
        ran_out = ""
        try:
            parts = [batch_gradient(run, state, batch, len(group)) for batch in group]
        except torch.OutOfMemoryError as error:
            if run.team.size > 1 and has_batch_norm(state.network):
                raise ConfigError(
                    f"train.batch_size: the memory of a device ran out ({error}). Lower it;"
                    " train.accumulate makes up for it."
                ) from error
            ran_out = str(error) or "out of memory"
        # Whoever had room does it again, too: all must cut alike and add up alike.
        if not run.team.any(bool(ran_out)):
            return torch.stack([loss for loss, _ in parts]).sum(), sum(n for _, n in parts)
        state.optimizer.zero_grad(set_to_none=True)
        # The next try draws the same augmentation; batch norm then sees smaller batches.
        state.generator.set_state(chance)
        state.progress.pieces *= 2
        if 2 * state.progress.pieces > run.how.batch_size:  # batch norm needs two pictures
            raise torch.OutOfMemoryError(ran_out or "the device of another process is full")
        torch.cuda.empty_cache()
        log.warning("memory of the device ran out: pieces=%d", state.progress.pieces)


def batch_gradient(run: Run, state: State, batch: Tensor, n_batches: int) -> tuple[Tensor, int]:
    """Add the gradient of this process's share of a batch.

    Returns
    -------
    loss
        Float64 scalar, summed over the known targets of the share.
    n_known
        Number of known targets of the whole batch.

    """
    chosen = batch.numpy()
    n_known = int((~np.isnan(run.train.targets[chosen])).sum())
    mine, n_copies = run.team.share(len(chosen))
    # Drawn for the whole batch: pictures do not depend on the number of processes.
    slices = run.store.slices(run.train.rows[chosen])
    drawn = draw_batch(run.recipe.augment, slices, mine, state.generator)
    chosen = chosen[mine]
    images = gather(run.store, run.train.rows[chosen], run.device)
    images = Batch(apply_batch(images.views, drawn), images.counts)
    truth = torch.from_numpy(run.train.targets[chosen]).to(run.device, non_blocking=True)
    half = run.how.precision == "bfloat16"
    total = torch.zeros((), dtype=torch.float64, device=run.device)
    pieces = max(1, min(state.progress.pieces, len(chosen) // 2))
    for some, their_truth in zip(images.chunk(pieces), truth.chunk(pieces), strict=True):
        with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=half):
            opinions = state.network(some)
        loss, n_opinions = loss_of(run.loss, opinions.float(), their_truth)
        torch.autograd.backward(loss / (max(n_known, 1) * n_batches * n_copies))
        total += loss.detach() / n_opinions
    return (total if n_copies == 1 else total / n_copies), n_known


def loss_of(loss: Loss, opinions: Tensor, truth: Tensor) -> tuple[Tensor, int]:
    """Return the loss summed over known targets and opinions, and the opinions of a case.

    Views that have opinions of their own, (cases, views, outputs), are each held against the
    truth and share no weights, so that the sum trains each as if by itself.
    """
    if opinions.ndim == 2:
        return loss(opinions, truth), 1
    n_views = opinions.shape[1]
    return loss(opinions.flatten(0, 1), truth.repeat_interleave(n_views, dim=0)), n_views


def finish_epoch(run: Run, state: State) -> dict[str, float]:
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
    out_of_patience = how.stop_patience is not None and progress.stop.waited >= how.stop_patience
    out_of_steps = how.max_steps is not None and progress.step >= how.max_steps
    progress.done = progress.epoch >= how.epochs or out_of_patience or out_of_steps
    progress.history.append({"epoch": progress.epoch, **row})
    shown = " ".join(f"{name}={value:.4g}" for name, value in row.items())
    log.info("trained epoch %d/%d: %s", progress.epoch, how.epochs, shown)
    return progress.history[-1]


def score_tune(run: Run, state: State) -> dict[str, float]:
    """Score the `tune` part: its loss and the other watched metrics."""
    opinions = infer_together(run, state)
    fit_combination(run, state, opinions)
    with torch.inference_mode():
        logits = state.network.decide(opinions.to(run.device)).cpu()
    target, truth = run.recipe.target, run.tune.targets
    n_known = int((~np.isnan(truth)).sum())
    loss = float(run.tune_loss(logits, torch.from_numpy(truth))) / n_known if n_known else np.nan
    scores = probabilities(logits, target, run.how).numpy()
    return decided({"loss": loss, **tune_scores(truth, scores, target)}, run.team)


def fit_combination(run: Run, state: State, opinions: Tensor) -> None:
    """Fit what puts the opinions of views together, if the network has several."""
    combine = state.network.combine
    if combine is not None:
        combine.fit(opinions, run.tune.targets)
        for tensor in (combine.weight, combine.bias):
            run.team.follow(tensor)


def infer_together(run: Run, state: State) -> Tensor:
    """Return what the network says of `tune`, float32 on the processor (see `infer`).

    Values do not depend on the number of processes, because `infer` treats each case alike.
    """
    rows = run.tune.rows
    mine, n_copies = run.team.share(len(rows))
    opinions = infer(state.network, run.store, rows[mine], run.device)
    if run.team.size == 1 or n_copies > 1:
        return opinions
    whole = torch.zeros(len(rows), *opinions.shape[1:])
    whole[mine] = opinions
    run.team.add(whole)  # each row is 0 but in one process, so that adding rounds nothing
    return whole


def decided(scores: dict[str, float], team: Team) -> dict[str, float]:
    """Return the first process's scores, so that no last bit makes processes disagree."""
    if team.size == 1:
        return scores
    values = torch.tensor(list(scores.values()), dtype=torch.float64)
    team.follow(values)
    return dict(zip(scores, values.tolist(), strict=True))


def make_run(
    recipe: Recipe, store: Pixels, train_part: Cases, tune_part: Cases, team: Team = ALONE
) -> Run:
    """Set up torch and gather what a run needs.

    Raises
    ------
    ConfigError
        The recipe asks for starting weights, which are not supported yet.

    """
    if Path(recipe.weights.path).name != "random.json":
        raise ConfigError(
            f"variants.{recipe.variant}.weights: {recipe.weights.path} cannot be started from"
            " yet; the only choice is weights/random.json."
        )
    device = set_up(recipe.train, team)
    own = class_weights(train_part.targets, recipe.target, recipe.train)
    watched = None
    if recipe.train.tune_loss == "weighted":
        watched = class_weights(tune_part.targets, recipe.target, recipe.train)
    return Run(
        recipe=recipe,
        store=store,
        train=train_part,
        tune=tune_part,
        loss=make_loss(recipe.target, recipe.train, None if own is None else own.to(device)),
        tune_loss=make_loss(recipe.target, recipe.train, watched),
        device=device,
        team=team,
    )


def set_up(how: Training, team: Team = ALONE) -> torch.device:
    """Fix threads and determinism of this process, and choose the device."""
    torch.set_num_threads(how.threads)
    # Read by cuBLAS when it starts; without it, it refuses to be deterministic.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Says what `use_deterministic_algorithms` says, without its import of the compiler.
    torch.set_deterministic_debug_mode("error" if how.deterministic else "default")
    # Our code reads no memory that it has not written, so filling it would only cost time.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    torch.backends.cudnn.benchmark = not how.deterministic
    device = take_device() if team.size == 1 else device_of(team.local_rank)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def about(run: Run, state: State, *, fold: int, seed: int) -> dict[str, Any]:
    """Return the facts written beside the weights: the same for equal runs."""
    best = state.progress.best
    return {
        "recipe": run.recipe.sha256,
        "variant": run.recipe.variant,
        "fold": fold,
        "seed": seed,
        "epoch": best.epoch,
        "metric": best.metric,
        "value": None if best.best is None or np.isnan(best.best) else best.best,
        "parameters": n_parameters(state.network.model),
    }


def history_text(history: list[dict[str, float]]) -> str:
    """Format the history as CSV, six significant digits, empty where undefined."""
    lines = [",".join("" if np.isnan(v) else f"{v:.6g}" for v in row.values()) for row in history]
    return "\n".join([",".join(history[0]), *lines]) + "\n"


def _other_seed(seed: int, stream: int) -> int:
    # Several streams from one seed, so that dropout and the order of cases are not alike.
    return int(
        np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0] >> np.uint64(1)
    )


@contextmanager
def _screen(run: Run, state: State) -> Iterator[Callable[[], Any]]:
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
        disable=run.team.size > 1,  # what processes say is passed on line by line
    ) as bar:
        yield bar.update


@contextmanager
def _tensorboard(folder: Path, state: State) -> Iterator[Callable[[dict[str, float]], None]]:
    if state.team.rank:
        yield lambda _: None
        return
    with SummaryWriter(str(folder), purge_step=state.progress.epoch + 1) as writer:

        def write(row: dict[str, float]) -> None:
            for name, value in row.items():
                if name != "epoch":
                    writer.add_scalar(name, value, int(row["epoch"]))

        yield write
