"""What a training shows of itself while it runs, for TensorBoard and for `radpipe telemetry`.

Nothing here has a bearing on a run's results: no generator is drawn from, and no decision is
taken from what is written.
"""

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from radpipe.core.settings import Target, Training
from radpipe.learning.networks.losses import probabilities
from radpipe.learning.training.scores import tune_scores

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

Layer: TypeAlias = nn.modules.conv._ConvNd | nn.Linear

# Batches between two running values.
EVERY = 10
# Running values stand over batches and all others over epochs. TensorBoard forgets by that
# number what a resumed run writes again, so each axis needs a folder, and a start, of its own.
RUNNING = "running"
# What running values are made of: losses (batches,), logits and truth of all cases so far.
SEEN = ("losses", "logits", "truth")


def layers_of(model: nn.Module) -> dict[str, Layer]:
    """Return the convolutions and fully connected layers of a model by their module names.

    A model that is itself one layer is called "model".
    """
    return {
        name or "model": layer for name, layer in model.named_modules() if isinstance(layer, Layer)
    }


class Board:
    """A run's folder for TensorBoard: one row an epoch; layers and running values if asked for.

    Use it as a context manager. On any process but the first (`rank` 0) nothing is written and
    every method returns at once.

    Parameters
    ----------
    folder
        Where events are written; running values go to `running/` below it.
    model
        The network whose layers are shown.
    target, how
        What is predicted and how it is trained: how logits become scores.
    purge_step
        Epoch from which older events of the folder no longer count; 1 for a new run, the number
        of finished epochs plus 1 for a resumed one.
    telemetry
        Write layers and running values as well; without it these methods do nothing.
    rank
        Number of this process among those that train the run.

    Notes
    -----
    Running values are means so far within an epoch: the network changes beneath them, the first
    of an epoch rest on `EVERY` batches, and so they jump with every epoch. The plots of the MRNet
    networks that inspired them (docs/how-to/telemetry.md) show the same values, batches of one exam
    each, and call the AUC "Accuracy"; an area under the curve of ten exams is mostly chance.
    They show whether a run moves at all. Nothing is chosen by them: the best epoch, early
    stopping and the schedule look at `tune` after whole epochs. With several processes they are
    those of the first one's share.

    """

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        target: Target,
        how: Training,
        *,
        purge_step: int,
        telemetry: bool = False,
        rank: int = 0,
    ) -> None:
        self._folder, self._model = folder, model
        self._target, self._how = target, how
        self._purge_step = purge_step
        self._writes = rank == 0
        self._full = telemetry and rank == 0
        self._epochs: SummaryWriter | None = None
        self._running: SummaryWriter | None = None
        self._n_batches = 0
        self._seen: dict[str, list[Tensor]] = {name: [] for name in SEEN}

    def __enter__(self) -> Self:
        if self._writes:
            self._epochs = _writer(self._folder, self._purge_step)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in (self._epochs, self._running):
            if writer is not None:
                writer.close()
        self._epochs = self._running = None

    def epoch(self, row: dict[str, float]) -> None:
        """Write a row of the history, over its `epoch`; running values start anew."""
        if self._epochs is not None:
            for name, value in row.items():
                if name != "epoch":
                    self._epochs.add_scalar(name, value, int(row["epoch"]))
        self._flush()
        self._forget()

    def layers(self, epoch: int) -> None:
        """Write histograms `weight/<layer>`, `bias/<layer>` and `gradient/<layer>`.

        Call it after the last optimiser step of an epoch and before gradients are set to None:
        the gradient is the weight's `.grad` as it is then, that of the last step. What is None
        or holds no finite number is left out.

        Parameters
        ----------
        epoch
            Number of the epoch that ends, from 1, as in the history.

        """
        if not self._full or self._epochs is None:
            return
        for name, layer in layers_of(self._model).items():
            weight, bias = layer.weight, layer.bias
            shown = {"weight": weight, "bias": bias, "gradient": weight.grad}
            for kind, tensor in shown.items():
                values = _finite(tensor)
                if len(values):
                    self._epochs.add_histogram(f"{kind}/{name}", values, epoch)

    def step(self, loss: Tensor, logits: Tensor, truth: Tensor, *, n_batches: int = 1) -> None:
        """Add what a batch came to; write running values whenever `EVERY` batches are full.

        Call it once a batch (or once for the batches of an optimiser step), only when the
        gradient is made: a batch that is tried again in smaller pieces must not count twice.

        Parameters
        ----------
        loss
            Scalar, summed over the known targets, as it was trained on (weighted).
        logits
            (n, outputs), before or after the step alike.
        truth
            (n, target columns), NaN where unknown.
        n_batches
            Batches that this holds.

        """
        if not self._full:
            return
        # Kept where they are: moving them now would make the processor wait for the device.
        self._seen["losses"].append(loss.detach().double().reshape(1))
        self._seen["logits"].append(logits.detach().float())
        self._seen["truth"].append(truth.detach().float())
        before, self._n_batches = self._n_batches, self._n_batches + n_batches
        if self._n_batches // EVERY > before // EVERY:
            self._write_running()

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed run needs to go on, on the processor; empty if nothing.

        `n_batches`, an int64 scalar, and of the epoch so far, once there is a batch, float64
        `losses` (calls of `step`,), float32 `logits` (n, outputs) and `truth` (n, target columns).
        """
        self._flush()
        if not self._full:
            return {}
        return {"n_batches": torch.tensor(self._n_batches), **self._so_far()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go back to where `state` was called; call it before the first `step`.

        Names and shapes as `state` returned them.
        """
        if not self._full or not state:
            return
        self._n_batches = int(state["n_batches"])
        self._seen = {name: [state[name]] if name in state else [] for name in SEEN}

    def _write_running(self) -> None:
        if self._running is None:
            self._running = _writer(self._folder / RUNNING, self._n_batches)
        seen = self._so_far()
        truth = seen["truth"].numpy()
        n_known = int((~np.isnan(truth)).sum())
        scores = probabilities(seen["logits"], self._target, self._how).numpy()
        found = {
            "train_loss": float(seen["losses"].sum()) / n_known if n_known else np.nan,
            "train_auc": tune_scores(truth, scores, self._target)["auc"],
        }
        for name, value in found.items():
            if np.isfinite(value):
                self._running.add_scalar(f"{RUNNING}/{name}", value, self._n_batches)

    def _so_far(self) -> dict[str, Tensor]:
        """Put the batches of the epoch so far together, on the processor."""
        whole = {n: torch.cat([t.cpu() for t in part]) for n, part in self._seen.items() if part}
        self._seen = {name: [whole[name]] if name in whole else [] for name in SEEN}
        return whole

    def _flush(self) -> None:
        """Give events to the disk before the state that a killed run goes on from is saved."""
        for writer in (self._epochs, self._running):
            if writer is not None:
                writer.flush()

    def _forget(self) -> None:
        self._seen = {name: [] for name in SEEN}


def _writer(folder: Path, purge_step: int) -> "SummaryWriter":
    """Start a file of events that sorts after those of the folder.

    TensorBoard reads the files of a folder in the order of their names, which begin with the
    second of their start and end with a number that is not padded. Of two files of one second
    the older one could be read last, and a resumed run's epochs would vanish.
    """
    # Loading it takes a tenth of a second, for which what trains nothing need not wait.
    from torch.utils.tensorboard import SummaryWriter

    while any(folder.glob(f"events.out.tfevents.{int(time.time()):010d}.*")):
        time.sleep(0.05)
    return SummaryWriter(str(folder), purge_step=purge_step)


def _finite(tensor: Tensor | None) -> np.ndarray:
    """Return the finite values, flat; of a diverged network few or none are left."""
    if tensor is None:
        return np.empty(0)
    values = tensor.detach().float().cpu().numpy().ravel()
    return np.asarray(values[np.isfinite(values)])
