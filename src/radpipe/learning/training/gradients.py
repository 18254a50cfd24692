"""The gradient of an optimiser step: batches, shares of processes, pieces that fit."""

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radpipe.core.errors import ConfigError
from radpipe.learning.data.augment import apply_batch, draw_batch
from radpipe.learning.data.slices import draw_first, left, thin
from radpipe.learning.distributed.process_group import has_batch_norm
from radpipe.learning.models.covariates import auxiliary_loss
from radpipe.learning.networks.losses import Loss
from radpipe.learning.training.progressive import sized
from radpipe.learning.training.run import TrainingRun
from radpipe.learning.training.state import State

log = logging.getLogger("radpipe.train")


@dataclass(frozen=True)
class SeenBatch:
    """What batches came to, whose gradient was added.

    Attributes
    ----------
    loss
        Float64 scalar, summed over the known targets of this process's cases, without the
        auxiliary task's.
    n_known
        Number of known targets, of all processes.
    logits
        Float32 (cases of this process, outputs), before the step.
    truth
        Float32 (cases of this process, target columns).

    """

    loss: Tensor
    n_known: int
    logits: Tensor
    truth: Tensor


def gradient(run: TrainingRun, state: State, group: list[Tensor]) -> SeenBatch:
    """Compute this process's gradient of a group of batches, in pieces if memory runs out.

    Each batch holds numbers of cases of the train part, int64 (n,).

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
            if run.process_group.size > 1 and has_batch_norm(state.network):
                raise ConfigError(
                    f"train.batch_size: the memory of a device ran out ({error}). Lower it;"
                    " train.accumulate makes up for it."
                ) from error
            ran_out = str(error) or "out of memory"
        # Whoever had room does it again, too: all must cut alike and add up alike.
        if not run.process_group.any(bool(ran_out)):
            return SeenBatch(
                loss=torch.stack([part.loss for part in parts]).sum(),
                n_known=sum(part.n_known for part in parts),
                logits=torch.cat([part.logits for part in parts]),
                truth=torch.cat([part.truth for part in parts]),
            )
        state.optimizer.zero_grad(set_to_none=True)
        # The next try draws the same augmentation; batch norm then sees smaller batches.
        state.generator.set_state(chance)
        # Pixels give way first: pieces may change what comes out.
        if not run.batches.release():
            state.progress.pieces *= 2
        if 2 * state.progress.pieces > run.how.batch_size:  # batch norm needs two pictures
            raise torch.OutOfMemoryError(ran_out or "the device of another process is full")
        torch.cuda.empty_cache()
        log.warning("memory of the device ran out: pieces=%d", state.progress.pieces)


def batch_gradient(run: TrainingRun, state: State, batch: Tensor, n_batches: int) -> SeenBatch:
    """Add the gradient of this process's share of a batch, of `n_batches` of a step.

    The batch holds numbers of cases of the train part, int64 (n,), of all processes.
    """
    chosen = batch.numpy()
    # Drawn for the whole batch, as pictures below: neither depends on the number of processes.
    lessons = run.train.lessons.of_batch(chosen, run.how.uncertain, state.generator)
    n_known = int((~torch.isnan(lessons)).sum())
    mine, n_copies = run.process_group.share(len(chosen))
    slices, step = run.store.slices(run.train.rows[chosen]), run.recipe.augment.slice_step
    first = draw_first(slices, step, state.generator)
    slices = left(slices, first, step)
    drawn = draw_batch(run.recipe.augment, slices, mine, state.generator)
    entries = run.train.draw_entries(chosen, mine, state.generator)
    chosen = chosen[mine]
    images = run.batches.take(own_rows(run, batch), entries)
    images = apply_batch(thin(images, first[mine], step), drawn)
    images = sized(run, images, state.progress.epoch)
    truth = torch.from_numpy(run.train.targets[chosen]).to(run.device, non_blocking=True)
    learned = lessons[mine].to(run.device, non_blocking=True)
    half = run.how.precision == "bfloat16"
    total = torch.zeros((), dtype=torch.float64, device=run.device)
    pieces = max(1, min(state.progress.pieces, len(chosen) // 2))
    truths, answers, asked = learned.chunk(pieces), [], state.network.auxiliary
    others, n_others = _auxiliary_truth(run, batch.numpy(), mine)
    for some, their_truth, their_other in zip(
        images.chunk(pieces), truths, others.chunk(len(truths)), strict=True
    ):
        with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=half):
            outputs = state.network(some)
        kept = outputs if asked is None else outputs[:, : -asked.classes]
        loss, n_answers = loss_of(run.loss, kept.float(), their_truth)
        wanted = loss / (max(n_known, 1) * n_batches * n_copies)
        if asked is not None:
            other = auxiliary_loss(outputs[:, -asked.classes :].float(), their_other)
            wanted = wanted + asked.weight * other / (max(n_others, 1) * n_batches * n_copies)
        torch.autograd.backward(wanted)
        total += loss.detach() / n_answers
        answers.append(state.network.decide(outputs.detach().float()))
    loss = total if n_copies == 1 else total / n_copies
    return SeenBatch(loss, n_known, torch.cat(answers), truth)


def own_rows(run: TrainingRun, batch: Tensor) -> np.ndarray:
    """Return the store's rows (n, views) of this process's share of a batch."""
    mine, _ = run.process_group.share(len(batch))
    rows: np.ndarray = run.train.rows[batch.numpy()[mine]]
    return rows


def _auxiliary_truth(run: TrainingRun, batch: np.ndarray, mine: slice) -> tuple[Tensor, int]:
    """Return the auxiliary task's truth of own cases, and how many of a batch's are known."""
    if run.train.auxiliary is None:
        return torch.full((len(batch[mine]),), torch.nan), 0
    truth = run.train.auxiliary[batch]
    own = torch.from_numpy(truth[mine]).to(run.device, non_blocking=True)
    return own, int((~np.isnan(truth)).sum())


def loss_of(loss: Loss, outputs: Tensor, truth: Tensor) -> tuple[Tensor, int]:
    """Return the loss summed over known targets and views, and how many logits a case has.

    Views that have logits of their own, (cases, views, outputs), are each held against the
    truth and share no weights, so that the sum trains each as if by itself.
    """
    if outputs.ndim == 2:
        return loss(outputs, truth), 1
    n_views = outputs.shape[1]
    return loss(outputs.flatten(0, 1), truth.repeat_interleave(n_views, dim=0)), n_views
