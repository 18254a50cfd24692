"""The text tables of OAI: `|` between cells, a header, codes such as `1: Male` and `.: Missing`.

A message names tables, columns and lines, and never what stands in a cell: that may be the
identifier of a person.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from radpipe.core.errors import DataError, near_miss
from radpipe.core.text_rows import SEPARATORS
from radpipe.core.text_tables import Form, TextTable, read_text_table

SEPARATOR = "|"
OTHER_SEPARATORS = {sign: name for sign, name in SEPARATORS.items() if sign != SEPARATOR}
N_NAMED = 5
# A description may hold an accent of an older code page; names and codes do not. Quotes are signs
# of a text: separators never stand between them.
FORM = Form(
    separator=SEPARATOR,
    fallback="cp1252",
    quotes=False,
    way_out="unpack the release once more, and take the table as released.",
)
# `.`, `.A`, `.: Missing Form/Incomplete Workbook`; .5 is a number.
MISSING = re.compile(r"(\.[A-Za-z]?(\s*:.*)?)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OaiRow:
    """One row: its line in the file, and the cells that were asked for, by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OaiTable:
    """A table as it lies on disk.

    Attributes
    ----------
    name
        Path below the root.
    columns
        Names in upper case, in the file's order.
    text
        The rows.

    """

    name: str
    columns: tuple[str, ...]
    text: TextTable

    def rows(self, *columns: str, setting: str) -> list[OaiRow]:
        """Return the cells of some columns, without spaces around them.

        Raises
        ------
        DataError
            A column is missing; `setting` is where its name could be corrected.

        """
        places = [self.place(column, setting=setting) for column in columns]
        cut = zip(self.text.lines, self.text.rows(places), strict=True)
        return [OaiRow(line, dict(zip(columns, cells, strict=True))) for line, cells in cut]

    def place(self, column: str, *, setting: str) -> int:
        """Return where a column stands."""
        try:
            return self.columns.index(column.upper())
        except ValueError:
            raise DataError(
                f"{self.name} has no column {column}{near_miss(column, self.columns)} The"
                f" way out: correct {setting} in params.yaml, or take the table from the release."
            ) from None


def find_table(files: Iterable[str], name: str, *, setting: str) -> str:
    """Find a table by its name, in whatever folder, or by its path.

    Raises
    ------
    DataError
        It is missing, or lies at several places.

    """
    wanted = name.lower()
    found = sorted(
        file
        for file in files
        if file.lower() == wanted or PurePosixPath(file).name.lower() == wanted
    )
    if not found:
        raise DataError(
            f"the table {name} is missing below the root of the data set. The way out: unpack it"
            f" there, or correct {setting} in params.yaml."
        )
    if len(found) > 1:
        raise DataError(
            f"the table {name} lies at {len(found)} places: {', '.join(found[:N_NAMED])}. The way"
            f" out: keep one, or give its path below the root as {setting}."
        )
    return found[0]


def read_table(raw: Path, file: str) -> OaiTable:
    """Read a table; any line end and a byte order mark will do.

    Raises
    ------
    DataError
        The file is no text, has another separator or no rows, a column twice, or rows of other
        lengths.

    """
    text = read_text_table(raw / file, file, FORM)
    columns = tuple(column.upper() for column in text.columns)
    if len(columns) == 1:
        first = columns[0]
        other = max(OTHER_SEPARATORS, key=first.count)
        hint = f" and looks parted by {OTHER_SEPARATORS[other]}" if other in first else ""
        raise DataError(
            f"{file} is not parted by {SEPARATOR}{hint}. The way out: take the table as released,"
            " as text (ASCII)."
        )
    if not text.lines:
        raise DataError(f"{file} has no rows. The way out: unpack the release once more.")
    # The release and its successors do not agree on capitals.
    if len(set(columns)) != len(columns):
        raise DataError(
            f"{file} has a column twice, in capitals and not. The way out: take the table as"
            " released."
        )
    return OaiTable(file, columns, text)


class OaiTables:
    """The tables of a data set, each read once."""

    def __init__(self, raw: Path, files: Iterable[str]) -> None:
        self.raw, self.files = raw, files
        self._read: dict[str, OaiTable] = {}

    def get(self, name: str, *, setting: str) -> OaiTable:
        """Return a table; see `find_table` and `read_table`."""
        file = find_table(self.files, name, setting=setting)
        if file not in self._read:
            self._read[file] = read_table(self.raw, file)
        return self._read[file]


def code(cell: str) -> str | None:
    """Return the code of a cell: `1` of `1: Male`, None of what is missing."""
    if MISSING.fullmatch(cell):
        return None
    return cell.partition(":")[0].strip()


def number_in(low: float, high: float) -> Callable[[str], float]:
    """Return a reader of numbers within limits; it raises `ValueError` for others."""

    def read(text: str) -> float:
        value = float(text)
        if "_" in text:  # Python's own way of writing thousands
            raise ValueError
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError
        return value

    return read


def one_of(codes: Mapping[str, float]) -> Callable[[str], float]:
    """Return a reader of codes; it raises `ValueError` for others."""

    def read(text: str) -> float:
        if text not in codes:
            raise ValueError
        return codes[text]

    return read
