"""Cells that say several things, and lists beside the table: to columns that say one each."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from radpipe.core.errors import DataError, near_miss
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.core.text_files import composed, read_text
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.contract import Files
from radpipe.studies.folders.covariates import Line, quoted
from radpipe.studies.folders.layout import Covariate, FoldersTable, Labels, Part
from radpipe.studies.folders.rows import MOST_CLASSES, TABLE_SUFFIXES

# An age as DICOM writes it (PS3.5, AS): three digits and what they count; how many make a year.
AGE = re.compile(r"([0-9]{1,3})([DWMY]?)")
A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0, "": 1.0}
NAMED = "named in layout.table.part_files"


def plain_table(
    raw: Path, rows: Sequence[Line], *, files: Files, table: FoldersTable, target: Target
) -> FoldersTable:
    """Add columns that say one thing each to the rows, and return the table that names them.

    Parameters
    ----------
    raw, files
        Root of the data set, and its manifest.
    rows
        Of the table, which has all columns that it names; changed in place.
    table
        With or without `labels`, `part_files` and covariates that are ages.
    target
        Of any kind.

    Raises
    ------
    DataError
        A cell, or a list of a part, says what nobody explained.

    """
    for covariate in table.covariates.values():
        if covariate.form == "age":
            _count_years(rows, table, covariate)
    if table.labels is not None:
        table = _with_labels(rows, table, table.labels, target)
    return _with_parts(raw, rows, files, table) if table.part_files else table


def years(text: str) -> str | None:
    """Return an age such as 058Y, 018M or 58 in years, as text; None for what is none."""
    found = AGE.fullmatch(text)
    return f"{round(int(found[1]) / A_YEAR[found[2]], 4):g}" if found else None


def _count_years(rows: Sequence[Line], table: FoldersTable, covariate: Covariate) -> None:
    column, unknown = covariate.column, {"", *map(str, covariate.unknown)}
    asked = [row for row in rows if row[column] not in unknown]
    if wrong := [row.number for row in asked if years(row[column]) is None]:
        raise DataError(
            f"{table.file}: column {column}: {counted(len(wrong), 'cell is', 'cells are')} no age"
            f" such as 058Y, 018M or 58 ({some_lines(wrong)}). The way out: correct them, or say"
            " which values stand for unknown (unknown: [...])."
        )
    for row in asked:
        row[column] = years(row[column]) or ""


def _with_labels(
    rows: Sequence[Line], table: FoldersTable, labels: Labels, target: Target
) -> FoldersTable:
    """Give each label of the target a column of 0 and 1, empty where the cell is."""
    column = str(table.target)
    said = [_labels_in(row[column], labels) for row in rows]
    _refuse_labels(rows, said, table, labels, target)
    names = {label: f"{column}: {label}" for label in target.classes}
    for row, found in zip(rows, said, strict=True):
        there = {labels.names.get(label, label) for label in found}
        row.update({names[k]: "" if not row[column] else str(int(k in there)) for k in names})
    return table.model_copy(update={"target": list(names.values()), "labels": None})


def _labels_in(cell: str, labels: Labels) -> list[str]:
    return [label.strip() for label in cell.split(labels.separator)] if cell else []


def _refuse_labels(
    rows: Sequence[Line],
    said: Sequence[Sequence[str]],
    table: FoldersTable,
    labels: Labels,
    target: Target,
) -> None:
    known = {*target.classes, *labels.names, *([labels.none] if labels.none else [])}
    where = f"{table.file}: column {table.target}"
    if unknown := sorted({label for found in said for label in found} - known):
        if len(unknown) > MOST_CLASSES:
            raise DataError(
                f"{where} holds {len(unknown):,} labels that nobody explained: {patterns(unknown)}."
                " The way out: name the column of the labels in layout.table.target, and what"
                " stands between them in layout.table.labels.separator."
            )
        raise DataError(
            f"{where} holds labels that nobody explained: {quoted(unknown)}"
            f"{near_miss(unknown[0], sorted(known))} Known: {quoted(sorted(known))}. The way out:"
            " layout.table.labels.names says which label of the target they are, or null for none"
            " that is asked for; layout.table.labels.none what stands where there is none."
        )
    for told, odd in (
        ("say that there is none, and name one", lambda s: labels.none in s and len(s) > 1),
        ("name a label twice", lambda s: len(set(s)) < len(s)),
    ):
        _refuse_rows(rows, said, odd, f"{where}: cells {told}")


def _refuse_rows(
    rows: Sequence[Line],
    said: Sequence[Sequence[str]],
    odd: Callable[[Sequence[str]], bool],
    what: str,
) -> None:
    if lines := [row.number for row, found in zip(rows, said, strict=True) if odd(found)]:
        raise DataError(f"{what} ({some_lines(lines)}). The way out: correct the cells.")


def _with_parts(raw: Path, rows: Sequence[Line], files: Files, table: FoldersTable) -> FoldersTable:
    """Give each row the part in whose list its image stands."""
    listed = {part: _names(raw, files, file) for part, file in table.part_files.items()}
    _refuse_lists(rows, listed, table)
    column = "part by layout.table.part_files"
    part_of = {name: part for part, names in listed.items() for name in names}
    for row in rows:
        row[column] = part_of.get(row[table.image], "train")
    return table.model_copy(update={"part": column, "part_files": {}})


def _names(raw: Path, files: Files, file: str) -> list[str]:
    """Read a list of images, one a line; empty lines say nothing."""
    known = {composed(name): name for name in files}
    if composed(file) not in known:
        texts = [name for name in files if name.lower().endswith(TABLE_SUFFIXES)]
        raise DataError(
            f"layout.table.part_files: there is no {file!r}{near_miss(file, texts)} It is looked"
            " for below the root of the data set. The way out: correct the setting, or complete"
            " the data set."
        )
    text, _ = read_text(raw / known[composed(file)], file)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _refuse_lists(
    rows: Sequence[Line], listed: Mapping[Part, Iterable[str]], table: FoldersTable
) -> None:
    """Refuse lists that do not place the images of the table, each once."""
    images = {row[table.image] for row in rows}
    lists = Counter(name for names in listed.values() for name in set(names))
    twice = sorted(name for name, n in lists.items() if n > 1)
    strange = sorted(lists.keys() - images)
    # Without a list of its own, `train` is what no list names.
    missing = sorted(images - lists.keys()) if "train" in listed else []
    for names, what in (
        (twice, f"in two lists {NAMED}"),
        (strange, f"{NAMED}, and not in {table.file}"),
        (missing, f"in {table.file}, and in no list {NAMED}"),
    ):
        if names:
            raise DataError(
                f"{counted(len(names), 'image is', 'images are')} {what}: {patterns(names)}. The"
                " way out: take the lists of the same release as the table, or correct them; the"
                " list of train may be left out."
            )
