"""The rows of a study's table: read as text, and refused where the settings do not explain them."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import parquet

from radpipe.core.errors import ConfigError, DataError, near_miss, unknown_name
from radpipe.core.masking import masked, patterns
from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.core.text_files import composed
from radpipe.core.text_tables import Form, read_text_table, some_lines
from radpipe.studies.base.contract import Files
from radpipe.studies.base.template import PLACEHOLDER
from radpipe.studies.folders.codes import code
from radpipe.studies.folders.covariates import (
    COMMA,
    POINTED,
    Line,
    Row,
    quoted,
    refuse_broken,
    refuse_covariates,
)
from radpipe.studies.folders.layout import FoldersTable, Labels

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
# What is rather a number or a patient's name than the name of a column.
NUMBERED = re.compile(r"[0-9]{3}|^[0-9]")
# More values than these are no classes, but perhaps names of patients.
MOST_CLASSES = 20


def read_rows(raw: Path, files: Files, table: FoldersTable) -> tuple[list[Line], tuple[str, ...]]:
    """Read the rows of the table as text without blanks around it.

    Returns
    -------
    rows, notes
        The rows, and what was unusual about the table, a sentence each.

    Raises
    ------
    DataError
        It is missing, cannot be read, or can be read in two ways; see `core.text_tables`.

    """
    file = {composed(name): name for name in files}.get(composed(table.file))
    if file is None:
        tables = [name for name in files if PurePosixPath(name).suffix.lower() in TABLE_SUFFIXES]
        raise DataError(
            f"layout.table.file: there is no {table.file!r}{near_miss(table.file, tables)}"
            " It is looked for below the root of the data set."
        )
    if file.lower().endswith(".parquet"):
        return _parquet_rows(raw / file, file), ()
    form = Form(table.separator, table.encoding, setting="layout.table")
    read = read_text_table(raw / file, file, form)
    rows = [
        Line(zip(read.named, cells, strict=True), line)
        for line, cells in zip(read.lines, read.rows(), strict=True)
    ]
    if not rows:
        raise DataError(f"{file}: has no rows.")
    if table.decimal == ",":
        _give_points(rows, table)
    return rows, read.notes


def _give_points(rows: Sequence[Line], table: FoldersTable) -> None:
    """Write the numbers of targets and covariates with a point, where the table has commas."""
    columns = {*columns_of(table.target), *(each.column for each in table.covariates.values())}
    for column in columns & rows[0].keys():
        if pointed := [row.number for row in rows if POINTED.fullmatch(row[column])]:
            numbers = counted(len(pointed), "number has", "numbers have")
            raise DataError(
                f"{table.file}: column {column}: {numbers} a point ({some_lines(pointed)}), and"
                " layout.table.decimal says ','; a point between thousands is not read. The way"
                " out: correct the cells, or the setting."
            )
        for row in rows:
            if COMMA.fullmatch(row[column]):
                row[column] = row[column].replace(",", ".")


def _parquet_table(path: Path, name: str) -> pa.Table:
    try:
        with parquet.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{name}: cannot be read as Parquet ({error}).") from error


def _parquet_rows(path: Path, name: str) -> list[Line]:
    """Read a Parquet table as texts, an empty one for what is missing."""
    table = _parquet_table(path, name)
    names = [composed(column.strip()) for column in table.column_names]
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise DataError(
            f"{name}: {counted(len(twice), 'name stands', 'names stand')} for several columns:"
            f" {quoted(twice)}. The way out: rename them."
        )
    if not table.num_rows:
        raise DataError(f"{name}: has no rows.")
    columns = [_texts(table.column(place)) for place in range(len(names))]
    return [
        Line(zip(names, cells, strict=True), line)
        for line, cells in enumerate(zip(*columns, strict=True), start=1)
    ]


def _texts(column: pa.ChunkedArray) -> list[str]:
    """Return the cells of a column as texts; null and NaN are both how libraries write nothing."""
    return [
        "" if value is None or value != value else composed(str(value).strip())
        for value in column.to_pylist()
    ]


def check_rows(rows: Sequence[Line], table: FoldersTable, target: Target) -> None:
    """Refuse settings that do not fit the table, and values that no one explained.

    Raises
    ------
    ConfigError
        A column does not exist, or a class is mapped to that the target does not have.
    DataError
        A value of the target or of a covariate is not mapped, or a covariate holds numbers and
        a few texts.

    """
    check_table(table, target)
    check_columns(rows, table)
    for columns in _columns(table).values():
        for column in columns:
            refuse_broken(rows, table, column)
    _refuse_unmapped(rows, table, target)
    refuse_covariates(rows, table)


def check_columns(rows: Sequence[Line], table: FoldersTable) -> None:
    """Refuse settings that name columns which the table does not have, as a `ConfigError`."""
    if wrong := wrong_columns(rows[0], table):
        raise ConfigError("\n".join(line for lines in wrong.values() for line in lines))


def check_table(table: FoldersTable, target: Target) -> None:
    """Refuse a target that the table cannot give, without looking at the table.

    Raises
    ------
    ConfigError
        Another number of columns than it needs, or a class is mapped to that it does not have.

    """
    if table.labels is not None:
        _check_labels(table.labels, target)
        return
    wanted = len(target.classes) if target.kind == "multi-label" else 1
    if len(columns_of(table.target)) != wanted:
        raise ConfigError(
            f"layout.table.target: a {target.kind} target of {len(target.classes)} classes"
            f" needs {counted(wanted, 'column')}, got {len(columns_of(table.target))}."
        )
    _check_mapping(table, target)


def class_name(text: str, table: FoldersTable, target: Target) -> str | None:
    """Return the class that a value of the table stands for, None if it is unknown."""
    value = code(text, {*target.classes, *table.mapping})
    mapped = table.mapping.get(value, value)
    return None if mapped is None else str(mapped)


def plain_path(file: str) -> str:
    """Return a path in the one form in which those of tables and of disks are compared."""
    return composed(str(PurePosixPath(file.replace("\\", "/"))))


def columns_of(columns: str | list[str] | None) -> list[str]:
    """Return one column, several or none as a list."""
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else columns


def wrong_columns(row: Row, table: FoldersTable) -> dict[str, list[str]]:
    """Return what is wrong with each setting that names columns which the table does not have."""
    # Without a header, the first row of data stands where names should.
    known = row if table.image in row else {_without_numbers(name) for name in row}
    named = _columns(table) | {
        f"covariates.{name}": [each.column] for name, each in table.covariates.items()
    }
    found: dict[str, list[str]] = {}
    for setting, columns in named.items():
        for column in columns:
            if column not in row:
                where = f"layout.table.{setting}: column of {table.file}"
                found.setdefault(setting, []).append(str(unknown_name(where, column, known)))
    return found


def _columns(table: FoldersTable) -> dict[str, list[str]]:
    """Return setting to the columns that it names, without covariates."""
    return {
        "image": [table.image],
        "path": PLACEHOLDER.findall(table.path or ""),
        "target": columns_of(table.target),
        "patient": columns_of(table.patient),
        "part": columns_of(table.part),
        "side": columns_of(table.side),
        "view": columns_of(table.view),
        "study": columns_of(table.study),
    }


def _without_numbers(column: str) -> str:
    return masked(column) if NUMBERED.search(column) else column


def _check_labels(labels: Labels, target: Target) -> None:
    if target.kind != "multi-label":
        raise ConfigError(
            f"layout.table.labels: several labels in a cell are a multi-label target, and this one"
            f" is {target.kind}. The way out: target.kind: multi-label, or no labels."
        )
    for label, name in labels.names.items():
        if name is not None and name not in target.classes:
            raise ConfigError(
                f"layout.table.labels.names.{label}: unknown {name!r}"
                f"{near_miss(name, target.classes)} Allowed: {', '.join(target.classes)} or null."
            )


def _check_mapping(table: FoldersTable, target: Target) -> None:
    allowed = [0, 1] if target.kind == "multi-label" else target.classes
    for value, mapped in table.mapping.items():
        if mapped is not None and mapped not in allowed:
            raise ConfigError(
                f"layout.table.mapping.{value}: unknown {mapped!r}"
                f"{near_miss(str(mapped), map(str, allowed))}"
                f" Allowed: {', '.join(map(str, allowed))} or null."
            )


def _refuse_unmapped(rows: Sequence[Line], table: FoldersTable, target: Target) -> None:
    """Refuse values of the target column that no one explained."""
    if target.kind == "multi-label":
        known = {"", "0", "1", *table.mapping}
    else:
        known = {*target.classes, *table.mapping}
    columns = columns_of(table.target)
    found = {row[column] for row in rows for column in columns}
    unknown = sorted(text for text in found if code(text, known) not in known)
    if len(unknown) > MOST_CLASSES:
        raise DataError(
            f"{table.file}: column {', '.join(columns)} holds {len(unknown):,} different values"
            f" that are no class: {patterns(unknown)}. The way out: name the column of the class in"
            " params.yaml, layout.table.target."
        )
    if unknown:
        raise DataError(
            f"{table.file}: column {', '.join(columns)} holds values that are no class:"
            f" {quoted(unknown)}. Known: {', '.join(map(repr, sorted(known)))}."
            f' The way out: map them in params.yaml, layout.table.mapping: "{unknown[0]}":'
            " <class>, or null for unknown."
        )
