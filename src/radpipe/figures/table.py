"""Tables as figures take them: rows read from CSV, columns, or a data frame."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Rows (numbers may be text, as CSV gives them; "" is undefined), or columns by name.
Table: TypeAlias = "Sequence[Mapping[str, Any]] | Mapping[str, Any] | Columns"


class Columns:
    """Columns of equal length, by name.

    Parameters
    ----------
    table
        Rows as mappings, columns as a mapping of name to array, or a pandas data frame.

    """

    def __init__(self, table: Any) -> None:
        if isinstance(table, Columns):
            self._columns: dict[str, NDArray[Any]] = table._columns
        elif isinstance(table, Sequence):
            names = dict.fromkeys(name for row in table for name in row)
            self._columns = {
                name: np.array([row.get(name, "") for row in table], dtype=object) for name in names
            }
        else:  # a mapping of columns; a data frame has keys() and [] too
            self._columns = {name: np.asarray(table[name], dtype=object) for name in table}

    def __len__(self) -> int:
        return max((len(column) for column in self._columns.values()), default=0)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def texts(self, name: str) -> list[str]:
        """Return a column as text; a column that is not there is all empty."""
        if name not in self._columns:
            return [""] * len(self)
        return [str(value) for value in self._columns[name]]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as float64 numbers, (rows,); what is empty or None is NaN."""
        if name not in self._columns:
            return np.full(len(self), np.nan)
        values = [np.nan if value in ("", None) else float(value) for value in self._columns[name]]
        return np.array(values, dtype=np.float64)

    def groups(self, *names: str) -> Iterator[tuple[tuple[str, ...], "Columns"]]:
        """Yield the rows that share the values of some columns, in order of appearance."""
        keys = list(zip(*(self.texts(name) for name in names), strict=True))
        for key in dict.fromkeys(keys):
            yield key, self.rows(np.array([other == key for other in keys], dtype=np.bool_))

    def rows(self, chosen: NDArray[Any]) -> "Columns":
        """Return some rows: by mask, bool (rows,), or by number, int (n,)."""
        return Columns({name: column[chosen] for name, column in self._columns.items()})
