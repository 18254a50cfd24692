"""The store: a study's decoded pictures or volumes in a few memory-mapped files, and its index.

store/
  pixels-0000.npy ...   (slices, size, size, channels) uint8 or uint16, C order
  index.parquet         one row per picture or volume, sorted by case and view; its slices lie
                        together, from `first` on in one shard; a picture is one slice
  rejected.csv          file, case, reason
  fingerprint.json      sizes, depths and intensities of what came in
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.core.files import read_json
from radpipe.core.tables import read_table
from radpipe.imaging.sums import Sums, columns_of

INDEX = pa.schema(
    [
        ("case", pa.string()),
        ("view", pa.string()),
        ("shard", pa.int32()),
        ("first", pa.int64()),
        ("slices", pa.int32()),
        ("file", pa.string()),
        # Region of the file that it shows, in pixels that are square, and its rows and columns.
        ("x0", pa.float64()),
        ("y0", pa.float64()),
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("mirrored", pa.bool_()),
        ("rows", pa.int32()),
        ("columns", pa.int32()),
        # How many of these come from one row and one column of the file: where pixels were made
        # square, more than 1 of one of them.
        ("stretch_y", pa.float64()),
        ("stretch_x", pa.float64()),
        # Distance of rows and of columns, mm; NaN unknown.
        ("row_mm", pa.float64()),
        ("column_mm", pa.float64()),
        ("sha256", pa.string()),
        ("pixel_hash", pa.string()),
        ("phash", pa.uint64()),
        ("mean", pa.float64()),
        ("sd", pa.float64()),
        # Of its stored pixels and of their squares, for each channel.
        ("sums", pa.list_(pa.int64())),
        ("squares", pa.list_(pa.int64())),
    ]
)
REJECTED = ("file", "case", "reason")
# The row of a view that its case is whole without; it has no slices.
ABSENT = -1


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
        self._slices = self.index["slices"].to_numpy().astype(np.int64)
        self._any_volume = bool((self._slices > 1).any())
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

    @cached_property
    def _sums(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return columns_of(self.index, self.path)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Sizes, depths and intensities of the pictures or volumes that came in."""
        found: dict[str, Any] = read_json(self.path / "fingerprint.json")
        return found

    @property
    def cases(self) -> list[str]:
        """The cases that have a picture or volume, each once, sorted."""
        return sorted(set(self.index["case"].to_pylist()))

    @property
    def views(self) -> list[str]:
        """The views that occur, sorted."""
        return sorted(set(self.index["view"].to_pylist()))

    @property
    def size(self) -> int:
        """Side of the stored squares, pixels."""
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
        return self._any_volume

    def slices(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Count the slices of rows of `index`.

        Parameters
        ----------
        rows
            Numbers of rows, in any shape.

        Returns
        -------
        ndarray
            The same shape; 1 for a picture, 0 for `ABSENT`.

        """
        wanted = np.asarray(rows, dtype=np.intp)
        counts: NDArray[np.int64] = np.where(wanted == ABSENT, 0, self._slices[wanted])
        return counts

    def sums(self, rows: NDArray[np.integer[Any]]) -> Sums:
        """Add up the pixels of rows of `index` and their squares, without reading a pixel.

        Parameters
        ----------
        rows
            Numbers of rows, in any shape; one that is named twice counts twice.

        Raises
        ------
        DataError
            The store was made before its index held sums.

        """
        n_pixels = int(self.slices(rows).sum()) * self.size**2
        there = np.ravel(rows)
        there = there[there != ABSENT]
        return Sums.of(n_pixels, *(each[there] for each in self._sums))

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
        """Gather pictures or volumes.

        Parameters
        ----------
        rows
            (n,) numbers of rows of `index`, any order, repetition allowed.

        Returns
        -------
        ndarray
            (n, size, size, channels) uint8 or uint16, a copy; for volumes, all slices of
            the first row, then of the second, and so on; nothing for `ABSENT`.

        """
        wanted = _numbers(rows)
        wanted = wanted[wanted != ABSENT]
        if not self.volumes:
            return self._gather(self._shard[wanted], self._first[wanted])
        ends = np.cumsum(self._slices[wanted])
        out = self._empty(int(ends[-1]) if len(ends) else 0)
        # One copy of neighbours for each volume: no list of slices, read in one go.
        for row, end in zip(wanted.tolist(), ends.tolist(), strict=True):
            first, slices = int(self._first[row]), int(self._slices[row])
            out[end - slices : end] = self._shards[self._shard[row]][first : first + slices]
        return out

    def middles(self, rows: Iterable[int] | NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Gather the middle slice of volumes, and nothing else of them; of a picture, itself.

        Parameters
        ----------
        rows
            (n,) numbers of rows of `index`, any order, repetition allowed.

        Returns
        -------
        ndarray
            (n, size, size, channels) uint8 or uint16, a copy; of an even number of slices
            the one after the middle.

        """
        wanted = _numbers(rows)
        return self._gather(self._shard[wanted], self._first[wanted] + self._slices[wanted] // 2)

    def _gather(self, shard: NDArray[Any], place: NDArray[Any]) -> NDArray[Any]:
        """Copy single slices from anywhere."""
        out = self._empty(len(place))
        for number in np.unique(shard):
            here = shard == number
            out[here] = self._shards[number][place[here]]
        return out

    def _empty(self, count: int) -> NDArray[Any]:
        shape = (count, *self._shards[0].shape[1:])
        return np.empty(shape, dtype=self._shards[0].dtype)


def _numbers(rows: Iterable[int] | NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    return np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), dtype=np.intp)


def shard_name(number: int) -> str:
    """Return the file name of a shard."""
    return f"pixels-{number:04d}.npy"


def _open_shard(file: Path) -> NDArray[Any]:
    try:
        shard: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{file}: missing or not a shard of pixels ({error}). Delete the store and run"
            " ingest again."
        ) from error
    return shard
