"""Exact sums of stored pixels, from which mean and SD of any rows of a store follow."""

from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from radpipe.core.errors import DataError

COLUMNS = ("sums", "squares")


class Sums(NamedTuple):
    """Sums over pixels, whole numbers of any size: 16 bits squared soon need more than 64.

    Attributes
    ----------
    n_pixels
        Pixels that were added up, in each channel.
    sums, squares
        Of the pixels and of their squares, one for each channel.

    """

    n_pixels: int
    sums: tuple[int, ...]
    squares: tuple[int, ...]

    @classmethod
    def of(cls, n_pixels: int, sums: NDArray[np.int64], squares: NDArray[np.int64]) -> Self:
        """Add up rows of an index, (rows, channels) each."""
        return cls(n_pixels, _add(sums), _add(squares))

    def mean_and_sd(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and SD of each channel, (channels,), in grey levels; SD at least one."""
        mean = np.array(self.sums, np.float64) / self.n_pixels
        variance = np.array(self.squares, np.float64) / self.n_pixels - mean**2
        return mean, np.sqrt(np.maximum(variance, 1.0))


def columns_of(index: pa.Table, path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read the two columns of sums of a store's index, int64 (rows, channels) each.

    Raises
    ------
    DataError
        It has none.

    """
    if missing := [name for name in COLUMNS if name not in index.column_names]:
        raise DataError(
            f"{path}: index.parquet has no column {', '.join(missing)}: the store was made by an"
            " older radpipe. Run ingest again (localize for crops); snakemake and dvc repro do so."
        )
    # Ingest, which writes sums and reads none, need not wait for Arrow's functions.
    import pyarrow.compute as pc

    found: list[NDArray[Any]] = [
        pc.list_flatten(index[name]).to_numpy().reshape(len(index), -1) for name in COLUMNS
    ]
    return found[0], found[1]


def _add(rows: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(sum(column) for column in rows.T.tolist())
