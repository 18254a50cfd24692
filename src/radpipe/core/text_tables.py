"""Tables of text (CSV, TSV and their kin): read as they are written, or refused with the line.

The only reader of the tables that come with a data set. Where a file can be read in one way only it
is read in that way, and what was unusual about it is noted; where it can be read in two, it is
refused. Messages name lines and columns, and never what stands in a cell: that may be a patient's
name or number.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.text_files import Certain, read_text
from radpipe.core.text_rows import (
    SEPARATORS,
    Form,
    Row,
    count_cells,
    cut,
    is_empty,
    parsed,
    separator_of,
    without_sep_line,
)

__all__ = ["Form", "TextTable", "read_text_table", "some_lines"]

N_NAMED = 5
PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".dcm", ".npy"}


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table as it lies on disk.

    Attributes
    ----------
    name
        By which messages call it.
    columns
        Names without blanks around them, in the file's order; "" has no name and is not read.
    lines
        Of each row, the line of the file in which it begins.
    separator
        What stands between cells.
    notes
        What was unusual and read all the same, a sentence each; see `core.text_files.Certain`.

    """

    name: str
    columns: tuple[str, ...]
    lines: Sequence[int]
    separator: str
    notes: tuple[str, ...] = ()
    # Some tables have a thousand columns, so that cells are cut out when they are asked for.
    _rows: Sequence[Row] = field(default=(), repr=False)
    # Whether cells may stand in quotation marks, because these were read as signs.
    _wrapped: bool = False

    def rows(self, places: Sequence[int] | None = None) -> Iterator[tuple[str, ...]]:
        """Yield the cells of each row, without blanks around them.

        Parameters
        ----------
        places
            Which columns, counted from 0; None: all that have a name.

        """
        named = [place for place, name in enumerate(self.columns) if name]
        wanted = named if places is None else places
        whole = wanted == list(range(len(self.columns)))
        for row in self._rows:
            cells: Sequence[str] = row.split(self.separator) if isinstance(row, str) else row
            if not whole:
                cells = [cells[place] for place in wanted]
            bare = tuple(map(str.strip, cells)) if isinstance(row, str) else tuple(cells)
            yield tuple(map(_unwrapped, bare)) if self._wrapped else bare

    @property
    def named(self) -> list[str]:
        """Names of the columns that have one."""
        return [name for name in self.columns if name]


def read_text_table(path: Path, name: str, form: Form | None = None) -> TextTable:
    """Read a table of text.

    Any line end, a byte order mark, a line `sep=;`, empty lines, and a separator at the end of
    every line are read as what they are, and noted unless they change nothing.

    Parameters
    ----------
    path
        The file.
    name
        By which messages call it.
    form
        What is known of it.

    Raises
    ------
    DataError
        It is no text, has neither header nor rows, a column twice, rows of other lengths than the
        header's, quotes that do not end, or several separators that all fit. A table of a header
        alone is one without rows.

    """
    form = form or Form()
    text, notes = read_text(
        path, name, encoding=form.encoding, fallback=form.fallback, setting=form.setting
    )
    text, first, separator = without_sep_line(text, name, form, notes)
    separator = separator or form.separator or separator_of(text, name, form)
    if separator not in (",", form.separator):
        by = SEPARATORS.get(separator, repr(separator))
        notes.append(Certain(f"{name}: read as parted by {by}"))
    found = parsed(text, separator, name, form, first)
    full = _without_empty(found, separator, name, form, notes)
    head, header = full.pop(0) if full and not form.columns else (0, form.columns)
    if not header:
        raise DataError(f"{name}: has no rows, and no header. The way out: {form.way_out}")
    wrapped = not form.quotes and '"' in text
    names = [cell.strip() for cell in cut(header, separator)]
    names = list(map(_unwrapped, names)) if wrapped else names
    if first > 1 and len(names) == 1 and any(sign in names[0] for sign in SEPARATORS):
        raise DataError(
            f"{name}, line 1: says sep={separator}, which does not part the header in line {head}."
            f" The way out: {form.way_out}"
        )
    columns, rows = _fitted(names, full, separator, name, form, notes)
    if not form.columns:
        _check_columns(columns, name, head, form)
    _note_oddities(columns, rows, separator, name, notes)
    lines = [line for line, _ in rows]
    kept = [row for _, row in rows]
    return TextTable(name, columns, lines, separator, tuple(notes), kept, wrapped)


def _without_empty(
    found: Iterable[tuple[int, Row]], separator: str, name: str, form: Form, notes: list[str]
) -> list[tuple[int, Row]]:
    """Return the rows in which something stands; note those whose cells are all empty."""
    full, hollow = [], []
    for line, row in found:
        empty = is_empty(row, separator)
        if not empty or (form.keep_hollow and count_cells(row, separator) > 1):
            full.append((line, row))
        elif count_cells(row, separator) > 1:
            hollow.append(line)
    if hollow:
        notes.append(Certain(f"{name}: {_rows(hollow, 'of empty cells, left out')}"))
    return full


def some_lines(lines: Collection[int]) -> str:
    """Name the first few lines: "line 7", "lines 2, 3, 5, 8, 9, ..."."""
    listed = ", ".join(map(str, sorted(lines)[:N_NAMED]))
    word = "line" if len(lines) == 1 else "lines"
    return f"{word} {listed}" + (", ..." if len(lines) > N_NAMED else "")


def _unwrapped(cell: str) -> str:
    """Return a cell without the quotation marks around it."""
    return cell[1:-1].strip() if cell[:1] == '"' == cell[-1:] and len(cell) > 1 else cell


def _fitted(
    columns: list[str],
    rows: list[tuple[int, Row]],
    separator: str,
    name: str,
    form: Form,
    notes: list[str],
) -> tuple[tuple[str, ...], list[tuple[int, Row]]]:
    """Return names of columns and rows of as many cells.

    A separator at the end of the header alone makes a column without name and cells, which is taken
    off; at the end of all rows, but not of the header, it may as well be an unquoted 1,5 before an
    empty cell.
    """
    n = len(columns)
    odd = [(line, row) for line, row in rows if count_cells(row, separator) != n]
    shorter = all(count_cells(row, separator) == n - 1 for _, row in rows)
    if rows and shorter and not columns[-1]:
        odd, columns = [], columns[:-1]
        ends = "the header ends with a separator, behind which nothing stands"
        notes.append(Certain(f"{name}: {ends}"))
    if odd:
        raise DataError(_uneven(odd, len(rows), n, separator, name, form))
    return tuple(columns), rows


def _uneven(
    odd: list[tuple[int, Row]], n_rows: int, n: int, separator: str, name: str, form: Form
) -> str:
    """Say which rows have other numbers of cells, and what is the most likely cause."""
    lengths = [count_cells(row, separator) for _, row in odd]
    listed = ", ".join(
        f"line {line} has {length}"
        for (line, _), length in zip(odd[:N_NAMED], lengths, strict=False)
    )
    more = ", ..." if len(odd) > N_NAMED else ""
    hint = _cause(odd, lengths, n_rows, n, separator)
    rows = counted(len(odd), "row has", "rows have")
    return (
        f"{name}: {rows} more or fewer cells than the"
        f" {'format' if form.columns else 'header'}, which has {n}: {listed}{more}.{hint}"
        f" The way out: {form.way_out}"
    )


def _cause(
    odd: list[tuple[int, Row]], lengths: list[int], n_rows: int, n: int, separator: str
) -> str:
    """Say why rows most likely have other numbers of cells, and what to do about that."""
    whole = len(odd) == n_rows and len(set(lengths)) == 1
    only = [row[0] for _, row in odd if len(row) == 1 and not isinstance(row, str)]
    if any(separator in cell for cell in only):
        return " Those rows are quoted as a whole, and cells should be."
    if whole and n == 1:
        return " The header is not parted, perhaps because it is quoted as a whole, and rows are."
    if whole and lengths[0] == n + 1 and not any(cut(r, separator)[-1].strip() for _, r in odd):
        return (
            " All rows end with a separator: if nothing is missing, end the header with one, too."
        )
    if whole and lengths[0] == n + 1:
        return (
            " All rows have one more: the header lacks a name, perhaps that of the first column, or"
            f" cells that hold {separator!r}, such as 1,5, need quotes."
        )
    if max(lengths) > n:
        return f" A cell that holds {separator!r}, such as 1,5, needs quotes."
    return " An unknown value is an empty cell, and needs its separator, too."


def _check_columns(columns: Sequence[str], name: str, line: int, form: Form) -> None:
    """Refuse a column twice, and a first row in the place of the header."""
    files = [column for column in columns if PurePosixPath(column).suffix.lower() in PICTURES]
    if files:
        raise DataError(
            f"{name}, line {line}: names a picture where the names of columns should stand. The way"
            " out: put a header before the rows."
        )
    _refuse_twice(columns, name, line, form)


def _refuse_twice(columns: Sequence[str], name: str, line: int, form: Form) -> None:
    places: dict[str, list[int]] = {}
    for place, column in enumerate(columns, start=1):
        places.setdefault(column, []).append(place)
    twice = {column: found for column, found in places.items() if column and len(found) > 1}
    if twice:
        listed = "; ".join(
            f"{column!r} is column {' and '.join(map(str, found))}"
            for column, found in list(twice.items())[:N_NAMED]
        )
        raise DataError(
            f"{name}, line {line}: {counted(len(twice), 'name stands', 'names stand')} for several"
            f" columns: {listed}. The way out: {form.way_out}"
        )


def _note_oddities(
    columns: Sequence[str],
    rows: Sequence[tuple[int, Row]],
    separator: str,
    name: str,
    notes: list[str],
) -> None:
    """Note columns without a name, and cells of several lines; refuse rows within rows."""
    for place, column in enumerate(columns, start=1):
        if not column and any(cut(row, separator)[place - 1].strip() for _, row in rows):
            notes.append(f"{name}: column {place} has no name, and is not read")
    broken = {
        line: row
        for line, row in rows
        if not isinstance(row, str) and ("\n" in (whole := "".join(row)) or "\r" in whole)
    }
    if torn := [line for line, row in broken.items() if _is_several(row, separator, len(columns))]:
        raise DataError(
            f"{name}: {_rows(torn, 'of several lines')}, each of which is a row by itself: a"
            " quotation mark has no partner. The way out: correct the quotes; one within a quoted"
            " cell is written twice."
        )
    if broken:
        several = _rows(list(broken), "with a cell of several lines")
        notes.append(
            f"{name}: {several}; if none should have one, a quotation mark is missing there"
        )


def _is_several(row: Row, separator: str, n: int) -> bool:
    """Tell whether each line of a row has as many cells as a row, taken without quotes."""
    lines = separator.join(row).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return n > 1 and all(line.count(separator) + 1 == n for line in lines)


def _rows(lines: Sequence[int], what: str) -> str:
    return f"{counted(len(lines), 'row')} {what} ({some_lines(lines)})"
