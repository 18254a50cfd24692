"""How a table of text is taken apart: its separator, its rows, their cells.

Without quotation marks in a file, a row is a line and is cut at its separators; with them, it is
taken apart by RFC 4180 (Python's `csv`, strict), blanks around cells being ignored in both.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from radpipe.core.errors import DataError
from radpipe.core.text_files import Certain

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "|"}
# Signs among which the header is looked for.
HEADER = 2**20
# Rows by which a separator is chosen where the header holds several; all rows are checked later.
N_TRIED = 1000
# Excel's first line that names the separator; a spreadsheet may have quoted it or filled it up.
SEP_LINE = re.compile(r'"?sep=([^"\r\n])\1*"?[,;]*[ ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
# How Excel is made to keep leading zeros.
FORMULA = re.compile(r'="([^"]*)"')
# Blanks that look like a space.
BLANKS = {"\t": "a tab", "\xa0": "a no-break space"}
# A row as it lies in the file, or cut into cells without blanks. Tuples of texts are left alone by
# Python's garbage collector, which lists are not: half the time of a table of a million cells.
Row = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What is known of a file before it is read.

    Attributes
    ----------
    separator
        What stands between cells; None: the header tells.
    encoding
        How signs are written.
    fallback
        Encoding of what is not so written; "" refuses it.
    columns
        Their names where the file has no header.
    quotes
        Whether a quotation mark at the start of a cell lets it hold separators and line ends.
    keep_hollow
        Whether a row of which all cells are empty is a row.
    setting
        Block of params.yaml where separator and encoding can be said; "" if nowhere.
    way_out
        What to do where the settings cannot help.

    """

    separator: str | None = None
    encoding: str = "utf-8"
    fallback: str = ""
    columns: tuple[str, ...] = ()
    quotes: bool = True
    keep_hollow: bool = False
    setting: str = ""
    way_out: str = "correct the table."


def without_sep_line(
    text: str, name: str, form: Form, notes: list[str]
) -> tuple[str, int, str | None]:
    """Take a first line `sep=;` off; return the rest, the line it begins in, and the separator."""
    found = SEP_LINE.match(text)
    if found is None:
        return text, 1, None
    if form.separator not in (None, found[1]):
        raise DataError(
            f"{name}, line 1: says sep={found[1]}, and {form.setting}.separator another one."
            " The way out: take one of the two out."
        )
    notes.append(Certain(f"{name}, line 1: names the separator, {found[1]!r}, and is no row"))
    return text[found.end() :], 2, found[1]


def separator_of(text: str, name: str, form: Form) -> str:
    """Find the one separator that parts the header, and all rows alike if there are several."""
    start = text[:HEADER]
    headers = {each: _length(start, each, form) for each in SEPARATORS}
    parting = [each for each, n in headers.items() if n > 1]
    if len(parting) < 2:
        return parting[0] if parting else ","
    fitting = [each for each in parting if _is_even(text, each, headers[each], form)]
    if len(fitting) == 1:
        return fitting[0]
    most = max(headers[each] for each in parting)
    widest = [each for each in parting if headers[each] == most]
    if not fitting and len(widest) == 1:
        return widest[0]  # rows that do not fit are refused with their lines
    known = " and ".join(SEPARATORS[each] for each in fitting or widest)
    say = f" Say it in params.yaml, {form.setting}.separator." if form.setting else ""
    raise DataError(
        f"{name}: its lines can be parted by {known}, and nothing says by which.{say} The way out:"
        f" {form.way_out if not form.setting else 'name the separator.'}"
    )


def _length(text: str, separator: str, form: Form) -> int:
    """Count the cells of the first line that is not empty; 0 if it cannot be parted so."""
    try:
        rows = (row for _, row in parsed(text, separator, "", form, 1))
        return next(
            (count_cells(row, separator) for row in rows if not is_empty(row, separator)), 0
        )
    except DataError:
        return 0


def _is_even(text: str, separator: str, wanted: int, form: Form) -> bool:
    """Tell whether the first rows all have as many cells as the header."""
    try:
        rows = islice(parsed(text, separator, "", form, 1), N_TRIED)
        return all(
            count_cells(row, separator) == wanted for _, row in rows if not is_empty(row, separator)
        )
    except DataError:
        return False


def parsed(
    text: str, separator: str, name: str, form: Form, first: int
) -> Iterator[tuple[int, Row]]:
    """Yield each row and the line in which it begins; empty lines are rows without cells."""
    if not form.quotes or '"' not in text:
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        yield from enumerate(plain.split("\n"), start=first)
        return
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    formulas, blanks = '="' in text, _may_hide_quotes(text, separator)
    begin = first
    try:
        for cells in reader:
            if blanks:
                _refuse_hidden_quotes(cells, name, begin)
            bare = map(str.strip, cells)
            yield begin, tuple(map(_without_formula, bare) if formulas else bare)
            begin = reader.line_num + first
    except csv.Error:
        raise DataError(
            f"{name}, line {begin}: a cell that begins with a quotation mark does not end with one"
            " before the next separator. The way out: correct the quotes; one within a quoted cell"
            " is written twice."
        ) from None


def _may_hide_quotes(text: str, separator: str) -> bool:
    """Tell whether a quotation mark stands behind a blank that is neither a space nor a separator.

    RFC 4180 and `csv` take such a mark for a sign, and separators behind it for separators.
    """
    return re.search(rf'[^\S \r\n{re.escape(separator)}]\s*"', text) is not None


def _refuse_hidden_quotes(cells: list[str], name: str, line: int) -> None:
    for column, cell in enumerate(cells, start=1):
        blank = cell[: len(cell) - len(cell.lstrip())]
        if blank[:1] not in ("", " ", "\r", "\n") and cell[len(blank) :].startswith('"'):
            raise DataError(
                f"{name}, line {line}, column {column}: between the separator and a quotation mark"
                f" stands a blank that is no space, {BLANKS.get(blank[0], 'of another kind')}, so"
                " that the mark begins no quoted cell. The way out: take the blank away."
            )


def cut(row: Row, separator: str) -> tuple[str, ...]:
    """Return the cells of a row."""
    return tuple(row.split(separator)) if isinstance(row, str) else row


def _without_formula(cell: str) -> str:
    found = FORMULA.fullmatch(cell)
    return found[1].strip() if found else cell


def is_empty(row: Row, separator: str) -> bool:
    """Tell whether nothing stands in a row."""
    if isinstance(row, str):
        return not row.replace(separator, "").strip()
    return not "".join(row).strip()


def count_cells(row: Row, separator: str) -> int:
    """Count the cells of a row."""
    return row.count(separator) + 1 if isinstance(row, str) else len(row)
