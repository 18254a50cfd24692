"""Batches of a store on one device: copied ahead of their use, or from pixels that stay there.

Pixels travel and wait as bytes; `data.gather` makes floats of them where they are used. How they
came there changes no bit of a batch.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from radpipe.imaging.store import ABSENT
from radpipe.learning.data.cases import Batch, Pixels, gather

# Batches under way while one is used: one on its way to the device, one being read.
AHEAD = 2
# Slices that are read at once on their way to stay on the device.
CHUNK = 1024
NO_ROWS = np.empty((0, 1), np.int64)

log = logging.getLogger("radpipe.batches")


class Transfer(Protocol):
    """How pixels are copied to a device while it computes."""

    def send(self, pixels: Sequence[np.ndarray]) -> Any:
        """Start to copy arrays of any shape, one a view; called in a thread of its own."""

    def receive(self, sent: Any) -> tuple[Tensor, ...]:
        """Return them on the device, of the same shapes, safe to use from here on.

        Called by whoever computes.
        """


class CudaTransfer:
    """Copies from pinned memory on a stream of their own.

    Parameters
    ----------
    device
        A GPU.

    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def send(self, pixels: Sequence[np.ndarray]) -> tuple[tuple[Tensor, ...], torch.cuda.Event]:
        """Start to copy arrays of any shape, one a view."""
        with torch.cuda.stream(self.stream):
            sent = tuple(
                # torch keeps pinned memory that was given back until copies from it are over.
                torch.from_numpy(each).pin_memory().to(self.device, non_blocking=True)
                for each in pixels
            )
            return sent, self.stream.record_event()

    def receive(self, sent: tuple[tuple[Tensor, ...], torch.cuda.Event]) -> tuple[Tensor, ...]:
        """Let the current stream wait for the copies, and the copies' memory for that stream.

        The copies are returned, of the shapes that were sent.
        """
        tensors, done = sent
        current = torch.cuda.current_stream(self.device)
        current.wait_event(done)
        for tensor in tensors:
            tensor.record_stream(current)
        return tensors


class Resident:
    """Pixels of some rows of a store that stay on a device, as bytes.

    Parameters
    ----------
    store
        Where they are read, once.
    rows
        Numbers of its rows, each once.
    device
        Where they are to lie.

    """

    def __init__(self, store: Pixels, rows: np.ndarray, device: torch.device) -> None:
        counts = store.slices(rows)
        ends = np.cumsum(counts)
        # Of every row of the store the place of its first slice; -1: it is not here.
        self.first = np.full(int(rows.max()) + 1, -1)
        self.first[rows] = ends - counts
        self.store = store
        like = _read(store, rows[:1])
        shape = (int(ends[-1]), *like.shape[1:])
        self.pixels = torch.empty(shape, dtype=like.dtype, device=device)
        step = max(1, CHUNK // int(counts.max()))
        for start in range(0, len(rows), step):
            some = _read(store, rows[start : start + step])
            begin = int(self.first[rows[start]])
            self.pixels[begin : begin + len(some)].copy_(some)

    def holds(self, rows: np.ndarray) -> bool:
        """Tell whether all of some rows, of any shape, are here."""
        there = rows[rows != ABSENT]
        return bool((there < len(self.first)).all() and (self.first[there] >= 0).all())

    def take(self, rows: np.ndarray) -> Tensor:
        """Return what `Pixels.pixels` returns of rows (n,); only slices' numbers are copied."""
        counts = self.store.slices(rows)
        ends = np.cumsum(counts)
        within = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
        numbers = torch.from_numpy(np.repeat(self.first[rows], counts) + within)
        found = self.pixels.index_select(0, numbers.to(self.pixels.device, non_blocking=True))
        return found.view(torch.uint16) if self.store.bits == 16 else found


class Batches:
    """What a model takes of cases, batch by batch.

    On the processor a batch is read when it is asked for: reading takes less than a hundredth of
    a step (docs/reference/performance.md), and a thread that read ahead would need a core that
    the run was not given.

    Parameters
    ----------
    store
        Where pixels are read.
    device
        Where batches are to lie.
    transfer
        How batches that are announced to `prefetch` are copied there ahead of their use; None:
        they are not.
    keep
        Rows that are asked for again and again, of any shape, to stay on the device if `fits`
        says so.
    free
        Bytes that are free on the device.

    """

    def __init__(
        self,
        store: Pixels,
        device: torch.device,
        *,
        transfer: Transfer | None = None,
        keep: np.ndarray = NO_ROWS,
        free: int = 0,
    ) -> None:
        self.store = store
        self.device = device
        self._transfer = transfer
        self._planned: deque[np.ndarray] = deque()
        self._under_way: deque[tuple[np.ndarray, Future[Any]]] = deque()
        self._reader = None if transfer is None else ThreadPoolExecutor(1, "batches")
        self._resident: Resident | None = None
        rows = np.unique(keep[keep != ABSENT])
        if free and len(rows) and fits(bytes_of(store, rows), free):
            self._resident = Resident(store, rows, device)

    @property
    def way(self) -> str:
        """How pixels come: "resident", "streamed", or "read" when they are asked for."""
        if self._resident is not None:
            return "resident"
        return "read" if self._transfer is None else "streamed"

    def prefetch(self, asked: Iterable[np.ndarray]) -> None:
        """Announce which rows, (n, views) each, `take` will be asked for, one after the other.

        What was announced before is forgotten. Another order than this costs time, nothing else.
        """
        self._under_way.clear()
        self._planned = deque(asked if self.way == "streamed" else ())
        self._read_ahead()

    def take(self, rows: np.ndarray, entries: np.ndarray | None = None) -> Batch:
        """Return the batch of some cases, as `gather` makes it.

        Parameters
        ----------
        rows
            Int64 (n, views), of the store's index.
        entries
            Float32 (n, columns): the cases' covariates, if the model takes a table.

        """
        return gather(self.store, rows, self.device, entries, self._pixels(rows))

    def release(self) -> bool:
        """Give back what stays on the device, from now on streamed; tell whether anything did."""
        held = self._resident is not None
        self._resident = None
        if held:
            log.warning("pixels no longer stay on the device: its memory is needed")
        return held

    def _pixels(self, rows: np.ndarray) -> Sequence[Tensor] | None:
        """Return the pixels of every view on the device; None if they are not there yet."""
        if self._resident is not None and self._resident.holds(rows):
            return [self._resident.take(mine) for mine in rows.T]
        if self._transfer is None or not self._under_way:
            return None
        expected, sent = self._under_way[0]
        if not np.array_equal(expected, rows):
            return None
        self._under_way.popleft()
        self._read_ahead()
        return self._transfer.receive(sent.result())

    def _read_ahead(self) -> None:
        while self._reader and self._planned and len(self._under_way) < AHEAD:
            rows = self._planned.popleft()
            self._under_way.append((rows, self._reader.submit(self._send, rows)))

    def _send(self, rows: np.ndarray) -> Any:
        assert self._transfer is not None  # noqa: S101 - tells the type checker
        return self._transfer.send([self.store.pixels(mine) for mine in rows.T])


def batches_of(store: Pixels, device: torch.device, keep: np.ndarray = NO_ROWS) -> Batches:
    """Return batches that come to a device the best way: see `Batches`; `keep` is of any shape."""
    if device.type != "cuda":
        return Batches(store, device)
    free, _ = torch.cuda.mem_get_info(device)
    batches = Batches(store, device, transfer=CudaTransfer(device), keep=keep, free=free)
    log.info("pixels of batches are %s on %s", batches.way, device)
    return batches


def fits(n_bytes: int, free: int) -> bool:
    """Tell whether pixels may stay on a device: the other half of its memory is the network's."""
    return 2 * n_bytes <= free


def bytes_of(store: Pixels, rows: np.ndarray) -> int:
    """Return the bytes of rows (n,) of a store, without reading more than one of them."""
    one = store.pixels(rows[:1])
    return one.nbytes // len(one) * int(store.slices(rows).sum())


def _read(store: Pixels, rows: np.ndarray) -> Tensor:
    """Read pixels, 16 bits as numbers with a sign: torch does not select others everywhere."""
    pixels = torch.from_numpy(store.pixels(rows))
    return pixels.view(torch.int16) if pixels.dtype == torch.uint16 else pixels
