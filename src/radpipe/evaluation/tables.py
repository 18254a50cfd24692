"""Numbers as text: rounded, undefined as null, the same bytes for the same values."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.files import write_text

DECIMALS = 6


class Exact(float):
    """A number that is written with all its digits, because something is decided by it."""


def plain(value: Any) -> Any:
    """Turn NumPy and Python values into JSON ones, rounded; NaN and infinity become None."""
    # The most frequent kinds first: some tables have a hundred thousand fields.
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is float or kind is np.float64:
        return _rounded(value)
    if isinstance(value, Exact):
        return float(value)
    if isinstance(value, float | np.floating):
        return _rounded(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return value


def _rounded(value: float | np.floating[Any]) -> float | None:
    # Adding 0.0 turns -0.0, which rounding can leave, into 0.0.
    return round(float(value), DECIMALS) + 0.0 if math.isfinite(value) else None


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows atomically, columns in the given order; None and NaN are empty fields."""
    text, known = io.StringIO(), set(columns)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        if not row.keys() <= known:
            raise ValueError(f"{path}: no column for {', '.join(sorted(row.keys() - known))}")
        writer.writerow([plain(row.get(name, "")) for name in columns])
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file; one without a header is a `DataError`."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if not reader.fieldnames:
            raise DataError(f"{path}: empty, a header was expected. Delete it and run again.")
        return list(reader)
