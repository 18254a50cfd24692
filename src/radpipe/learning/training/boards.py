"""Reading back what a run wrote for TensorBoard, as plain tables."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radpipe.core.errors import RadpipeError

if TYPE_CHECKING:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Row = dict[str, Any]
RUNNING = "running"


@dataclass(frozen=True)
class BoardTables:
    """What a run wrote.

    Attributes
    ----------
    scalars
        Rows `name, step, value`, in the order of their steps: values of the history over
        epochs, and `running/train_loss`, `running/train_auc` over batches.
    histograms
        Rows `kind` (weight, bias, gradient), `layer, epoch`, `edges` (n + 1,) in ascending
        order and `counts` (n,); buckets that nothing fell into at both ends are left out.

    """

    scalars: list[Row]
    histograms: list[Row]

    @property
    def layers(self) -> list[str]:
        """Layers with histograms, in the order of the network."""
        return list(dict.fromkeys(row["layer"] for row in self.histograms))


def read_board(folder: Path) -> BoardTables:
    """Read a run's folder for TensorBoard, without what a resumed run has written again.

    Parameters
    ----------
    folder
        Such as `logs/tensorboard/<variant>/fold-0-seed-0`.

    Raises
    ------
    RadpipeError
        Nothing was written there.

    """
    if not any(folder.glob("events.out.tfevents.*")):
        raise RadpipeError(
            f"{folder}: no events of TensorBoard. Only the machine that trained the run has"
            " them, and make clean removes them: train the run there, or again here."
        )
    boards = [_read(folder)]
    if (folder / RUNNING).is_dir():
        boards.append(_read(folder / RUNNING))
    return BoardTables(
        scalars=[row for board in boards for row in _scalars(board)],
        histograms=[row for board in boards for row in _histograms(board)],
    )


def _read(folder: Path) -> "EventAccumulator":
    # Half a second, which other commands need not wait.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # It warns of every resumed run, which is no mistake.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    every = {"scalars": 0, "histograms": 0}  # 0 keeps all; the default is a sample
    return EventAccumulator(str(folder), size_guidance=every).Reload()


def _scalars(board: "EventAccumulator") -> Iterator[Row]:
    for name in board.Tags()["scalars"]:
        for event in board.Scalars(name):
            yield {"name": name, "step": event.step, "value": event.value}


def _histograms(board: "EventAccumulator") -> Iterator[Row]:
    for tag in board.Tags()["histograms"]:
        kind, _, layer = tag.partition("/")
        for event in board.Histograms(tag):
            found = event.histogram_value
            edges, counts = _trimmed(np.array(found.bucket_limit), np.array(found.bucket))
            # The outermost buckets reach beyond the values.
            edges = np.clip(edges, found.min, found.max)
            yield {
                "kind": kind,
                "layer": layer,
                "epoch": event.step,
                "edges": edges,
                "counts": counts,
            }


def _trimmed(limits: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n + 1,) edges and (n,) counts of upper limits, without empty ends."""
    # The first bucket has no lower limit; writers leave it empty.
    full = np.flatnonzero(counts)
    first, last = max(int(full[0]), 1), max(int(full[-1]), 1)
    return limits[first - 1 : last + 1], counts[first : last + 1]
