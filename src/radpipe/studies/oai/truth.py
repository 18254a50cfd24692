"""What may be known beyond the tables: boxes around joints, and an ideal observer's probabilities.

Optional files at the root of the data set, one row a knee, which anybody may add:

`joints.csv`                `file,side,x0,y0,x1,y1`: pixels of the whole film as stored, x1 and
                            y1 exclusive; side is R or L. Films may be left out.
`ceiling_<question>.csv`    `file,side,<class>,...`: probabilities in the order of the classes.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from radpipe.core.errors import DataError
from radpipe.core.text_files import log_notes
from radpipe.core.text_tables import Form, TextTable, read_text_table, some_lines
from radpipe.studies.base.contract import BOX_SCHEMA, number_of
from radpipe.studies.oai.layout import JOINTS, SIDES, OaiLayout

log = logging.getLogger("radpipe.index")

VIEW, LABEL = "image", "joint"
EDGES = ("x0", "y0", "x1", "y1")
FORM = Form(way_out="save it as CSV in UTF-8, with commas between cells.")
# File and side.
Shown = tuple[str, str]


def read_joints(
    raw: Path, *, files: Iterable[str], layout: OaiLayout, cases: Mapping[Shown, str]
) -> tuple[pa.Table, int]:
    """Read the boxes around joints.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Paths below it.
    layout
        Which table holds them; the default one may be missing.
    cases
        File and side to the case they show.

    Returns
    -------
    boxes
        As `studies.base.contract.BOX_SCHEMA` has them.
    n_others
        Rows of knees that are no case.

    Raises
    ------
    DataError
        The table is missing though the layout names it, or a row is no box.

    """
    name = layout.boxes or JOINTS
    if name not in files:
        if layout.boxes is None:
            return BOX_SCHEMA.empty_table(), 0
        raise DataError(
            f"layout.boxes: {name} is missing below the root of the data set. The way out: put it"
            " there, or correct the path."
        )
    found: dict[str, dict[str, object]] = {}
    lines: dict[str, int] = {}
    twice: list[int] = []
    n_others = 0
    for line, shown, values in _rows(read_text_table(raw / name, name, FORM), EDGES):
        x0, y0, x1, y1 = values
        if not (math.isfinite(sum(values)) and 0 <= x0 < x1 and 0 <= y0 < y1):
            raise DataError(
                f"{name}, line {line}: should be a box, 0 <= x0 < x1 and 0 <= y0 < y1, in pixels"
                " of the film. The way out: correct the line."
            )
        if shown not in cases:
            n_others += 1
            continue
        case = cases[shown]
        if case in found:
            twice += [lines[case], line]
        lines[case] = line
        box = dict(zip(EDGES, values, strict=True))
        found[case] = {"case": case, "view": VIEW, "slice": 0, **box, "label": LABEL}
    if twice:
        raise DataError(
            f"{name}: a knee has one joint, and {some_lines(sorted(set(twice)))} name some twice."
            " The way out: keep one row a knee."
        )
    rows = [found[case] for case in sorted(found)]
    return pa.Table.from_pylist(rows, schema=BOX_SCHEMA), n_others


def read_ceiling(
    raw: Path, *, files: Iterable[str], question: str, n_classes: int
) -> dict[Shown, tuple[float, ...]]:
    """Read the ideal observer's probabilities: file and side to one number a class.

    Raises
    ------
    DataError
        A row is none.

    """
    name = f"ceiling_{question}.csv"
    if name not in files:
        return {}
    table = read_text_table(raw / name, name, FORM)
    classes = [column for column in table.columns if column not in ("file", "side")]
    if len(classes) != n_classes:
        raise DataError(
            f"{name} has columns for {len(classes)} classes, and {question} has {n_classes}."
            " The way out: correct the table, or take it away."
        )
    found: dict[Shown, tuple[float, ...]] = {}
    for line, shown, values in _rows(table, classes):
        if not all(0 <= value <= 1 for value in values) or abs(sum(values) - 1) > 1e-6:
            raise DataError(
                f"{name}, line {line}: should hold probabilities that add up to 1. The way out:"
                " correct the line."
            )
        found[shown] = tuple(values)
    return found


def _rows(table: TextTable, columns: Iterable[str]) -> list[tuple[int, Shown, list[float]]]:
    """Return line, file and side, and the numbers of each row."""
    needed = ("file", "side", *columns)
    if missing := [column for column in needed if column not in table.columns]:
        raise DataError(
            f"{table.name} lacks the columns {', '.join(missing)}. The way out: write a header"
            f" {','.join(needed)}."
        )
    log_notes(log, table.notes)
    rows = []
    places = [table.columns.index(column) for column in needed]
    for line, (file, said, *values) in zip(table.lines, table.rows(places), strict=True):
        side = SIDES.get(said, said.upper())
        if side not in SIDES.values():
            raise DataError(
                f"{table.name}, line {line}: side should be R or L. The way out: correct the line."
            )
        rows.append((line, (file, side), [_float(value) for value in values]))
    return rows


def _float(text: str) -> float:
    number = number_of(text)
    return math.nan if number is None else number
