"""The rows of a study's table: read as text, and refused where the settings do not explain them."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import parquet

from radpipe.core.errors import ConfigError, DataError, near_miss, unknown_name
from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.studies.base.contract import Files
from radpipe.studies.base.template import PLACEHOLDER
from radpipe.studies.folders.codes import code
from radpipe.studies.folders.covariates import Line, Row, quoted, refuse_covariates
from radpipe.studies.folders.layout import FoldersTable

SEPARATORS = ",;\t|"


def read_rows(raw: Path, files: Files, table: FoldersTable) -> list[Line]:
    """Read the rows of the table as text without blanks around it."""
    if table.file not in files:
        tables = [
            file
            for file in files
            if PurePosixPath(file).suffix in (".csv", ".tsv", ".txt", ".parquet")
        ]
        raise DataError(
            f"layout.table.file: there is no {table.file!r}{near_miss(table.file, tables)}"
            " It is looked for below the root of the data set."
        )
    if table.file.endswith(".parquet"):
        return _parquet_rows(raw / table.file, table.file)
    try:
        text = (raw / table.file).read_text(encoding=table.encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        raise DataError(
            f"{table.file}: cannot be read as {table.encoding} ({error}). Say its encoding in"
            " params.yaml, such as layout.table.encoding: cp1252"
        ) from error
    header = text.partition("\n")[0]
    separator = table.separator or max(SEPARATORS, key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    rows = [
        Line(
            {key.strip(): (value or "").strip() for key, value in row.items() if key is not None},
            reader.line_num,
        )
        for row in reader
    ]
    if not rows:
        raise DataError(f"{table.file}: has no rows.")
    return rows


def _parquet_rows(path: Path, name: str) -> list[Line]:
    """Read a Parquet table as texts, an empty one for what is missing."""
    try:
        table = parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{name}: cannot be read as Parquet ({error}).") from error
    if not table.num_rows:
        raise DataError(f"{name}: has no rows.")
    return [
        Line({key: "" if value is None else str(value).strip() for key, value in row.items()}, line)
        for line, row in enumerate(table.to_pylist(), start=1)
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
    if wrong := wrong_columns(rows[0], table):
        raise ConfigError("\n".join(line for lines in wrong.values() for line in lines))
    _refuse_unmapped(rows, table, target)
    refuse_covariates(rows, table)


def check_table(table: FoldersTable, target: Target) -> None:
    """Refuse a target that the table cannot give, without looking at the table.

    Raises
    ------
    ConfigError
        Another number of columns than it needs, or a class is mapped to that it does not have.

    """
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


def columns_of(columns: str | list[str] | None) -> list[str]:
    """Return one column, several or none as a list."""
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else columns


def wrong_columns(row: Row, table: FoldersTable) -> dict[str, list[str]]:
    """Return what is wrong with each setting that names columns which the table does not have."""
    named = {
        "image": [table.image],
        "path": PLACEHOLDER.findall(table.path or ""),
        "target": columns_of(table.target),
        "patient": columns_of(table.patient),
        "part": columns_of(table.part),
        "side": columns_of(table.side),
        **{f"covariates.{name}": [each.column] for name, each in table.covariates.items()},
    }
    found: dict[str, list[str]] = {}
    for setting, columns in named.items():
        for column in columns:
            if column not in row:
                where = f"layout.table.{setting}: column of {table.file}"
                found.setdefault(setting, []).append(str(unknown_name(where, column, row)))
    return found


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
    if unknown:
        raise DataError(
            f"{table.file}: column {', '.join(columns)} holds values that are no class:"
            f" {quoted(unknown)}. Known: {', '.join(map(repr, sorted(known)))}."
            f' The way out: map them in params.yaml, layout.table.mapping: "{unknown[0]}":'
            " <class>, or null for unknown."
        )
