"""The store: a study's decoded square pictures in a few memory-mapped files, and its index.

store/
  pixels-0000.npy ...   (rows, size, size, channels) uint8 or uint16, C order
  index.parquet         one row per picture, sorted by case and view
  rejected.csv          file, case, reason
  fingerprint.json      sizes, depths and intensities of what came in
"""

import csv
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.core.files import read_json, write_json
from radpipe.core.tables import read_table, write_table

SHARD_BYTES = 256 * 2**20
INDEX = pa.schema(
    [
        ("case", pa.string()),
        ("view", pa.string()),
        ("shard", pa.int32()),
        ("first", pa.int64()),
        ("slices", pa.int32()),
        ("file", pa.string()),
        ("rows", pa.int32()),
        ("columns", pa.int32()),
        ("sha256", pa.string()),
        ("sha256_pixels", pa.string()),
        ("phash", pa.uint64()),
        ("mean", pa.float64()),
        ("sd", pa.float64()),
    ]
)
REJECTED = ("file", "case", "reason")


class Store:
    """A store opened for reading; pixels stay on disk until they are asked for.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    DataError
        The folder is not a whole store.

    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.index: pa.Table = read_table(self.path / "index.parquet")
        self._shard = self.index["shard"].to_numpy()
        self._first = self.index["first"].to_numpy()
        self._slices = self.index["slices"].to_numpy()
        names = [shard_name(k) for k in range(int(self._shard.max(initial=-1)) + 1)]
        self._shards = [_open_shard(self.path / name) for name in names]
        if not self._shards:
            raise DataError(f"{self.path}: this store holds no picture. Run ingest again.")
        self._rows = {
            (case, view): row
            for row, (case, view) in enumerate(
                zip(self.index["case"].to_pylist(), self.index["view"].to_pylist(), strict=True)
            )
        }

    def __len__(self) -> int:
        return len(self._shard)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Sizes, depths and intensities of the pictures that came in."""
        found: dict[str, Any] = read_json(self.path / "fingerprint.json")
        return found

    @property
    def cases(self) -> list[str]:
        """The cases that have a picture, each once, sorted."""
        return sorted(set(self.index["case"].to_pylist()))

    @property
    def views(self) -> list[str]:
        """The views that occur, sorted."""
        return sorted(set(self.index["view"].to_pylist()))

    @property
    def size(self) -> int:
        """Side of the pictures, pixels."""
        return int(self._shards[0].shape[1])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return int(self._shards[0].shape[3])

    @property
    def bits(self) -> int:
        """Bits per channel, 8 or 16."""
        return int(self._shards[0].dtype.itemsize) * 8

    @property
    def volumes(self) -> bool:
        """Whether any row has more than one slice."""
        return bool((self._slices > 1).any())

    def slices(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Count the slices of rows of `index`."""
        return np.asarray(self._slices[rows], np.int64)

    def row_of(self, case: str, view: str = "image") -> int:
        """Return the row of `index` that holds a view of a case.

        Raises
        ------
        DataError
            There is none.

        """
        try:
            return self._rows[case, view]
        except KeyError:
            raise DataError(
                f"{self.path}: no picture of the asked case and view {view!r} (views:"
                f" {', '.join(self.views)}). It may stand in rejected.csv; ingest again after"
                " mending the file."
            ) from None

    def pixels(self, rows: Iterable[int] | NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Gather pictures.

        Parameters
        ----------
        rows
            (n,) numbers of rows of `index`, any order, repetition allowed.

        Returns
        -------
        ndarray
            (n, size, size, channels) uint8 or uint16, a copy; for volumes, all slices of
            the first row, then of the second, and so on.

        """
        wanted = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), dtype=np.intp)
        slices = self._slices[wanted]
        shard = np.repeat(self._shard[wanted], slices)
        before = np.repeat(np.cumsum(slices) - slices, slices)
        place = np.repeat(self._first[wanted], slices) + np.arange(slices.sum()) - before
        shape = (len(place), *self._shards[0].shape[1:])
        out: NDArray[Any] = np.empty(shape, dtype=self._shards[0].dtype)
        for number in np.unique(shard):
            here = shard == number
            out[here] = self._shards[number][place[here]]
        return out


class StoreWriter:
    """A store being made in a folder of another name; `building` puts it in its place.

    Parameters
    ----------
    path
        The temporary folder.
    shape
        (size, size, channels) of a picture.
    dtype
        uint8 or uint16.
    count
        Number of pictures.

    """

    def __init__(self, path: Path, *, shape: tuple[int, int, int], dtype: str, count: int) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.count = count
        self.bytes_per_picture = int(np.prod(shape)) * self.dtype.itemsize
        self.per_shard = max(1, SHARD_BYTES // self.bytes_per_picture)

    def allocate(self) -> None:
        """Reserve all shards, so that a disk without room is noticed before any work."""
        for number, start in enumerate(range(0, self.count, self.per_shard)):
            rows = min(self.per_shard, self.count - start)
            with (self.path / shard_name(number)).open("wb") as stream:
                header = {"descr": self.dtype.str, "fortran_order": False}
                np.lib.format.write_array_header_1_0(
                    stream, {**header, "shape": (rows, *self.shape)}
                )
                stream.flush()
                os.posix_fallocate(
                    stream.fileno(), 0, stream.tell() + rows * self.bytes_per_picture
                )

    def place(self, number: int) -> tuple[int, int]:
        """Return shard and row of the picture with a number."""
        return number // self.per_shard, number % self.per_shard

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


def write_pictures(shard: Path, row: int, pictures: NDArray[Any]) -> None:
    """Write (n, size, size, channels) into a shard from a row on.

    Plain writes, not a memory map: on a full disk they raise an error where a map would
    kill the process.
    """
    data = np.ascontiguousarray(pictures).tobytes()
    with shard.open("r+b", buffering=0) as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise DataError(f"{shard.name}: not a shard of this program (version {version})")
        np.lib.format.read_array_header_1_0(stream)
        stream.seek(stream.tell() + row * len(data) // len(pictures))
        rest = memoryview(data)
        while rest:
            rest = rest[stream.write(rest) :]


def shard_name(number: int) -> str:
    """Return the file name of a shard."""
    return f"pixels-{number:04d}.npy"


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
        try:
            # The kernel lets go of the lock when its holder dies, however it dies.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"{out}: another process is writing it now. Wait until it has ended, then run"
                " again."
            ) from None
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


def _open_shard(file: Path) -> NDArray[Any]:
    try:
        shard: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{file}: missing or not a shard of pixels ({error}). Delete the store and run"
            " ingest again."
        ) from error
    return shard
