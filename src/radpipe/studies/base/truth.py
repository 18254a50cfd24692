"""What a study may know beyond its labels: an ideal observer's probabilities, and lesion boxes.

Two optional files at the root of a study's raw files. Any study may ship them:

`ceiling.csv`   `file,<class>,...`: probability of every class for a file, given all that can
                be known about it; classes as the data set itself calls them.
`boxes.csv`     `file,x0,y0,x1,y1,label` and optionally `slice`: pixels of the raw image,
                x1 and y1 exclusive; a file may have any number of rows.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.core.text_files import composed, log_notes
from radpipe.core.text_tables import Form, TextTable, read_text_table
from radpipe.studies.base.contract import BOX_SCHEMA, Files, number_of

log = logging.getLogger("radpipe.index")

CEILING = "ceiling.csv"
BOXES = "boxes.csv"
# More slices than any volume has.
MAX_SLICE = 10**6
EDGES = ("x0", "y0", "x1", "y1")
FORM = Form(way_out="correct the table, or take it away.")


def read_ceiling(
    raw: Path, *, files: Files, target: Target, translate: Callable[[str], str | None]
) -> dict[str, tuple[float, ...]]:
    """Read the ideal observer's probabilities: file to one number a class of the target.

    Parameters
    ----------
    raw
        Root of the study's files.
    files
        The manifest; without a `ceiling.csv` in it the result is empty.
    target
        What is predicted.
    translate
        The data set's name of a class to the target's, or None if its cases are left out.
        Names that go to one class are added up, and what is left out is divided away.

    Raises
    ------
    DataError
        The table cannot be read, has no column for a class, says two things of a file, or holds
        what is no probability.

    """
    if CEILING not in files:
        return {}
    found: dict[str, tuple[float, ...]] = {}
    line_of: dict[str, int] = {}
    table, rows = _read(raw, CEILING, ("file",))
    names = [name for name in table.named if name != "file"]
    places = {name: translate(name) for name in names}
    if lacking := [name for name in target.classes if name not in places.values()]:
        raise DataError(
            f"{CEILING} has no column for {', '.join(lacking)}. The way out: {FORM.way_out}"
        )
    file_of = {composed(file): file for file in files}
    for line, row in rows:
        shares = dict.fromkeys(target.classes, 0.0)
        for name, place in places.items():
            if place is not None:
                shares[place] += _probability(row[name], line, name)
        # Rounded once: from Python 3.12 on, sum() has other last bits than before.
        total = math.fsum(shares.values())
        if target.kind != "multi-label":
            shares = {name: share / (total or math.nan) for name, share in shares.items()}
        file = file_of.get(row["file"], row["file"])
        first = line_of.setdefault(file, line)
        # As text, because what no class is left of, NaN, is not equal to itself.
        if str(found.setdefault(file, tuple(shares.values()))) != str(tuple(shares.values())):
            raise DataError(
                f"{CEILING}, lines {first} and {line}: say two things of one file. The way out:"
                f" {FORM.way_out}"
            )
    return found


def read_label_ceiling(
    raw: Path,
    *,
    files: Files,
    labels: Sequence[str],
    target: Target,
    translate: Callable[[str], str | None] = str,
) -> dict[str, tuple[float, ...]]:
    """Read the probabilities of labels that are each present or not, in the target's form.

    Parameters
    ----------
    raw, files
        As for `read_ceiling`.
    labels
        Those that make up the target, one of a binary target.
    target
        multi-label or binary.
    translate
        The data set's name of a label to ours; None: there is no such label.

    """
    # The file holds one probability a label, so that it is read as of a multi-label target.
    each = Target(kind="multi-label", classes=list(labels))

    def wanted(name: str) -> str | None:
        label = translate(name)
        return label if label in labels else None

    found = read_ceiling(raw, files=files, target=each, translate=wanted)
    if target.kind == "multi-label":
        return found
    return {file: (1 - share, share) for file, (share,) in found.items()}


def read_boxes(raw: Path, *, files: Files, cases: Mapping[str, tuple[str, str]]) -> pa.Table:
    """Read the lesion boxes.

    Parameters
    ----------
    raw
        Root of the study's files.
    files
        The manifest; without a `boxes.csv` in it the table has no rows.
    cases
        File to (case, view); boxes of other files are left out.

    """
    if BOXES not in files:
        return BOX_SCHEMA.empty_table()
    rows = []
    named = {composed(file): place for file, place in cases.items()}
    for line, cells in _read(raw, BOXES, ("file", *EDGES))[1]:
        if cells["file"] not in named:
            continue
        case, view = named[cells["file"]]
        rows.append({"case": case, "view": view, **_box(cells, line)})
    rows.sort(key=lambda row: (row["case"], row["view"], row["slice"]))
    return pa.Table.from_pylist(rows, schema=BOX_SCHEMA)


def _box(cells: Mapping[str, str], line: int) -> dict[str, Any]:
    """Return slice, edges and label of one line."""
    return {
        "slice": _slice(cells.get("slice", ""), line),
        **{edge: _edge(cells[edge], line, edge) for edge in EDGES},
        "label": cells.get("label", ""),
    }


def _read(
    raw: Path, name: str, needed: Sequence[str]
) -> tuple[TextTable, list[tuple[int, dict[str, str]]]]:
    """Return a table and its rows, each with its line; refuse one that lacks a column."""
    table = read_text_table(raw / name, name, FORM)
    log_notes(log, table.notes)
    if missing := [column for column in needed if column not in table.columns]:
        raise DataError(
            f"{name} lacks the columns {', '.join(missing)}. The way out: {FORM.way_out}"
        )
    rows = (dict(zip(table.named, cells, strict=True)) for cells in table.rows())
    return table, list(zip(table.lines, rows, strict=True))


def _probability(text: str, line: int, name: str) -> float:
    value = _float(text)
    if not 0 <= value <= 1:
        raise DataError(
            f"{CEILING}, line {line}: {name} should be a probability in 0..1, got {text!r}."
        )
    return value


def _edge(text: str, line: int, name: str) -> float:
    value = _float(text)
    if not math.isfinite(value):
        raise DataError(f"{BOXES}, line {line}: {name} should be a number of pixels, got {text!r}.")
    return value


def _slice(text: str, line: int) -> int:
    value = _float(text or "0")
    if not 0 <= value <= MAX_SLICE or value != int(value):
        raise DataError(f"{BOXES}, line {line}: slice should be a whole number, got {text!r}.")
    return int(value)


def _float(text: str) -> float:
    number = number_of(text)
    return math.nan if number is None else number
