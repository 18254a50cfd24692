"""A folder with a table: one row per image says what the image shows."""

import csv
import io
import logging
import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from radpipe.core.errors import ConfigError, DataError, near_miss, unknown_name
from radpipe.core.settings import Target
from radpipe.studies.base.contract import Case, Files, unknown_patient
from radpipe.studies.base.truth import read_ceiling
from radpipe.studies.folders.findings import (
    VIEW,
    image_files,
    left_out,
    listing,
    official_part,
    warn_of_unknown_patients,
)
from radpipe.studies.folders.layout import Layout, Table
from radpipe.studies.folders.template import PLACEHOLDER

log = logging.getLogger("radpipe.index")

SEPARATORS = ",;\t|"
Row = Mapping[str, str]


@dataclass(frozen=True)
class _Reader:
    """Turns a row into a case; what is the same for every row."""

    table: Table
    layout: Layout
    target: Target
    ceiling: Mapping[str, tuple[float, ...]]

    def case(self, row: Row, file: str) -> Case:
        name = row[self.table.image]
        patient = "/".join(row[column] for column in _columns(self.table.patient))
        known = any(row[column] for column in _columns(self.table.patient))
        part = row[self.table.part] if self.table.part else ""
        return Case(
            case=name,
            patient=patient if known else unknown_patient(name),
            official=official_part(part, self.layout),
            target=tuple(self._value(row[column]) for column in _columns(self.table.target)),
            files={VIEW: file},
            covariates={column: row[column] for column in self.table.covariates},
            ceiling=self.ceiling.get(file),
        )

    def _value(self, text: str) -> float:
        if self.target.kind == "multi-label":
            mapped = self.table.mapping.get(text, text)
            return math.nan if mapped is None or mapped == "" else float(mapped)
        name = class_name(text, self.table)
        return math.nan if name is None else float(self.target.classes.index(name))


def read_table(raw: Path, *, files: Files, layout: Layout, target: Target) -> list[Case]:
    """Read a folder of images and its table.

    Parameters
    ----------
    raw
        Root of the study's files.
    files
        The manifest.
    layout
        With `table`.
    target
        Of any kind.

    Raises
    ------
    ConfigError
        A column does not exist, or a class is mapped to that the target does not have.
    DataError
        A value is not mapped, an image is missing, or an image has two targets.

    """
    table = layout.table
    if table is None:
        raise ValueError("read_table needs layout.table")
    rows = read_rows(raw, files, table)
    _check_settings(rows[0], table, target)
    _refuse_unmapped(rows, table, target)
    found = _pair(rows, files, layout, table)

    def translate(name: str) -> str | None:
        return name if target.kind == "multi-label" else class_name(name, table)

    ceiling = read_ceiling(raw, files=files, target=target, translate=translate)
    reader = _Reader(table, layout, target, ceiling)
    cases = _once([reader.case(row, file) for row, file in found])
    unknown = sum(case.patient == unknown_patient(case.case) for case in cases)
    warn_of_unknown_patients(unknown, len(cases))
    _report_rest(files, layout, {case.files[VIEW] for case in cases})
    return cases


def read_rows(raw: Path, files: Files, table: Table) -> list[dict[str, str]]:
    """Read the rows of the table as text without blanks around it."""
    if table.file not in files:
        tables = [file for file in files if PurePosixPath(file).suffix in (".csv", ".tsv", ".txt")]
        raise DataError(
            f"layout.table.file: there is no {table.file!r}{near_miss(table.file, tables)}"
            " It is looked for below the root of the data set."
        )
    try:
        text = (raw / table.file).read_text(encoding=table.encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        raise DataError(
            f"{table.file}: cannot be read as {table.encoding} ({error}). Say its encoding in"
            " params.yaml, such as layout.table.encoding: cp1252"
        ) from error
    header = text.partition("\n")[0]
    separator = table.separator or max(SEPARATORS, key=header.count)
    rows = [
        {key.strip(): (value or "").strip() for key, value in row.items() if key is not None}
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    ]
    if not rows:
        raise DataError(f"{table.file}: has no rows.")
    return rows


def class_name(text: str, table: Table) -> str | None:
    """Return the class that a value of the table stands for, None if it is unknown."""
    mapped = table.mapping.get(text, text)
    return None if mapped is None else str(mapped)


def _columns(columns: str | list[str] | None) -> list[str]:
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else columns


def _check_settings(row: Row, table: Table, target: Target) -> None:
    named = {
        "image": [table.image],
        "path": PLACEHOLDER.findall(table.path or ""),
        "target": _columns(table.target),
        "patient": _columns(table.patient),
        "part": _columns(table.part),
        "covariates": table.covariates,
    }
    for setting, columns in named.items():
        for column in columns:
            if column not in row:
                raise unknown_name(f"layout.table.{setting}: column of {table.file}", column, row)
    wanted = len(target.classes) if target.kind == "multi-label" else 1
    if len(_columns(table.target)) != wanted:
        raise ConfigError(
            f"layout.table.target: a {target.kind} target of {len(target.classes)} classes"
            f" needs {wanted} column(s), got {len(_columns(table.target))}."
        )
    allowed = [0, 1] if target.kind == "multi-label" else target.classes
    for value, mapped in table.mapping.items():
        if mapped is not None and mapped not in allowed:
            raise ConfigError(
                f"layout.table.mapping.{value}: unknown {mapped!r}"
                f"{near_miss(str(mapped), map(str, allowed))}"
                f" Allowed: {', '.join(map(str, allowed))} or null."
            )


def _refuse_unmapped(rows: list[dict[str, str]], table: Table, target: Target) -> None:
    """Refuse values of the target column that no one explained."""
    if target.kind == "multi-label":
        known = {"", "0", "1", "0.0", "1.0", *table.mapping}
    else:
        known = {*target.classes, *table.mapping}
    columns = _columns(table.target)
    unknown = sorted({row[column] for row in rows for column in columns} - known)
    if unknown:
        raise DataError(
            f"{table.file}: column {', '.join(columns)} holds values that are no class:"
            f" {', '.join(map(repr, unknown[:10]))}. Known: {', '.join(map(repr, sorted(known)))}."
            f' The way out: map them in params.yaml, layout.table.mapping: "{unknown[0]}":'
            " <class>, or null for unknown."
        )


def _pair(
    rows: list[dict[str, str]], files: Files, layout: Layout, table: Table
) -> list[tuple[dict[str, str], str]]:
    """Find the file of every row."""
    # Systems write umlauts in two ways (NFC, NFD); names are compared in one of them.
    by_name = {_plain(file): file for file in files}
    found, missing = [], []
    for row in rows:
        named = _file_of(row, table)
        file = by_name.get(_plain(named))
        if file is None:
            missing.append(named)
        elif not left_out(file, layout):
            found.append((row, file))
    if missing and (table.missing_files == "refuse" or not found):
        raise DataError(_missing(missing, len(rows), files, table))
    if missing:
        log.warning("rows without their image, left out: %d of %d", len(missing), len(rows))
    return found


def _file_of(row: Row, table: Table) -> str:
    if table.path is None:
        return row[table.image]
    return PLACEHOLDER.sub(lambda found: row[found[1]], table.path)


def _plain(file: str) -> str:
    return unicodedata.normalize("NFC", str(PurePosixPath(file.replace("\\", "/"))))


def _missing(missing: list[str], n_rows: int, files: Files, table: Table) -> str:
    """Say which images are missing, and show a file that was perhaps meant."""
    name = PurePosixPath(missing[0]).name
    alike = [file for file in files if name and name in file]
    hint = f" There is {alike[0]!r}: layout.table.path can say where images lie." if alike else ""
    return (
        f"{table.file}: {len(missing)} of {n_rows} rows name an image that is not there:\n  "
        f"{listing(missing)}\n{hint.strip()} The way out: correct layout.table.image or .path,"
        " complete the data set, or leave these rows out with"
        " layout.table.missing_files: skip"
    )


def _once(cases: Iterable[Case]) -> list[Case]:
    """Merge rows that say the same twice; refuse those that contradict each other."""
    by_file: dict[str, Case] = {}
    twice, contradicting = 0, []
    for case in cases:
        first = by_file.setdefault(case.files[VIEW], case)
        if first is case:
            continue
        twice += 1
        if (first.case, first.patient, first.official, str(first.target)) != (
            case.case,
            case.patient,
            case.official,
            str(case.target),
        ):
            contradicting.append(case.files[VIEW])
    if contradicting:
        raise DataError(
            f"{len(contradicting)} images stand in the table twice with another target,"
            f" patient or part:\n  {listing(contradicting)}\nThe way out: correct the table,"
            " or name the images under layout.leave_out."
        )
    if twice:
        log.warning("rows that say the same of an image as another row: %d", twice)
    return list(by_file.values())


def _report_rest(files: Files, layout: Layout, used: set[str]) -> None:
    rest = [file for file in image_files(files, layout) if file not in used]
    if rest:
        log.warning("%d images are not in the table and no cases:\n  %s", len(rest), listing(rest))
