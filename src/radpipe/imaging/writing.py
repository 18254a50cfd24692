"""A store being made: a folder that appears whole, and shards into which many processes write."""

import csv
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.core.files import write_json
from radpipe.core.locks import try_lock
from radpipe.core.tables import write_table
from radpipe.imaging.placing import places
from radpipe.imaging.store import INDEX, REJECTED, shard_name

SHARD_BYTES = 256 * 2**20


class StoreWriter:
    """A store being made in a folder of another name; `building` puts it in its place.

    Parameters
    ----------
    path
        The temporary folder.
    shape
        (size, size, channels) of a slice.
    dtype
        uint8 or uint16.
    count
        Number of pictures or volumes.
    slices
        (count,) slices of each, at least 1; None: pictures, one each.

    """

    def __init__(
        self,
        path: Path,
        *,
        shape: tuple[int, int, int],
        dtype: str,
        count: int,
        slices: NDArray[np.int64] | None = None,
    ) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.slices = np.ones(count, np.int64) if slices is None else slices
        self.bytes_per_slice = int(np.prod(shape)) * self.dtype.itemsize
        capacity = max(1, SHARD_BYTES // self.bytes_per_slice)
        self.shard, self.first = places(self.slices, capacity)

    def allocate(self) -> None:
        """Reserve all shards, so that a disk without room is noticed before any work."""
        ends = np.zeros(int(self.shard.max(initial=-1)) + 1, np.int64)
        np.maximum.at(ends, self.shard, self.first + self.slices)
        for number, slices in enumerate(ends.tolist()):
            with (self.path / shard_name(number)).open("wb") as stream:
                header = {"descr": self.dtype.str, "fortran_order": False}
                np.lib.format.write_array_header_1_0(
                    stream, {**header, "shape": (slices, *self.shape)}
                )
                stream.flush()
                os.posix_fallocate(
                    stream.fileno(), 0, stream.tell() + slices * self.bytes_per_slice
                )

    def place(self, number: int) -> tuple[int, int]:
        """Return shard and first slice of the picture or volume with a number."""
        return int(self.shard[number]), int(self.first[number])

    def finish(
        self, index: pa.Table, rejected: list[tuple[str, str, str]], fingerprint: dict[str, Any]
    ) -> None:
        """Write the index and what came to light, and see all of it onto the disk."""
        write_table(self.path / "index.parquet", index.cast(INDEX))
        with (self.path / "rejected.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(REJECTED)
            writer.writerows(sorted(rejected))
        write_json(self.path / "fingerprint.json", fingerprint)
        for shard in sorted(self.path.glob("pixels-*.npy")):
            with shard.open("rb") as stream:
                os.fsync(stream.fileno())


def write_pictures(shard: Path, first: int, pictures: NDArray[Any]) -> None:
    """Write pictures or slices, (n, size, size, channels), into a shard from a place on.

    Plain writes, not a memory map: on a full disk they raise an error where a map would
    kill the process.
    """
    data = np.ascontiguousarray(pictures).tobytes()
    with shard.open("r+b", buffering=0) as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise DataError(f"{shard.name}: not a shard of this program (version {version})")
        np.lib.format.read_array_header_1_0(stream)
        stream.seek(stream.tell() + first * len(data) // len(pictures))
        rest = memoryview(data)
        while rest:
            rest = rest[stream.write(rest) :]


@contextmanager
def building(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out`; on success it takes the place of `out`.

    A reader sees the old folder, none, or the new one, never half of it. What a killed run
    left behind is cleared away by the next one.

    Raises
    ------
    DataError
        Another process is building the same folder.

    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.building")
    with (out.parent / f".{out.name}.lock").open("w") as lock:
        if not try_lock(lock):
            raise DataError(
                f"{out}: another process is writing it now. Wait until it has ended, then run"
                " again."
            )
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir()
            yield temporary
            _replace(temporary, out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _replace(new: Path, old: Path) -> None:
    """Put a folder in the place of another."""
    if old.exists():
        aside = old.with_name(f".{old.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        old.rename(aside)
        new.rename(old)
        shutil.rmtree(aside)
    else:
        new.rename(old)
