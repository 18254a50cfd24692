"""What a study may know beyond its labels: an ideal observer's probabilities, and lesion boxes.

Two optional files at the root of a study's raw files. Any study may ship them:

`ceiling.csv`   `file,<class>,...`: probability of every class for a file, given all that can
                be known about it; classes as the data set itself calls them.
`boxes.csv`     `file,x0,y0,x1,y1,label` and optionally `slice`: pixels of the raw image,
                x1 and y1 exclusive; a file may have any number of rows.
"""

import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.studies.base.contract import BOX_SCHEMA, Files

CEILING = "ceiling.csv"
BOXES = "boxes.csv"


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

    """
    if CEILING not in files:
        return {}
    found: dict[str, tuple[float, ...]] = {}
    with (raw / CEILING).open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        names = [name for name in rows.fieldnames or [] if name != "file"]
        places = {name: translate(name) for name in names}
        for row in rows:
            shares = dict.fromkeys(target.classes, 0.0)
            for name, place in places.items():
                if place is not None:
                    shares[place] += _probability(row, name)
            total = sum(shares.values())
            if target.kind != "multi-label":
                shares = {name: share / (total or math.nan) for name, share in shares.items()}
            found[row["file"]] = tuple(shares.values())
    return found


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
    with (raw / BOXES).open(newline="", encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            if line.get("file") not in cases:
                continue
            case, view = cases[line["file"]]
            rows.append(
                {
                    "case": case,
                    "view": view,
                    "slice": int(line.get("slice") or 0),
                    **{edge: _edge(line, edge) for edge in ("x0", "y0", "x1", "y1")},
                    "label": line.get("label") or "",
                }
            )
    rows.sort(key=lambda row: (row["case"], row["view"], row["slice"]))
    return pa.Table.from_pylist(rows, schema=BOX_SCHEMA)


def _probability(row: Mapping[str, str], name: str) -> float:
    value = _float(row.get(name))
    if not 0 <= value <= 1:
        raise DataError(
            f"{CEILING}: file {row.get('file')!r}: {name} should be a probability in 0..1,"
            f" got {row.get(name)!r}."
        )
    return value


def _edge(row: Mapping[str, str], name: str) -> float:
    value = _float(row.get(name))
    if not math.isfinite(value):
        raise DataError(
            f"{BOXES}: file {row.get('file')!r}: {name} should be a number of pixels, got"
            f" {row.get(name)!r}."
        )
    return value


def _float(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
