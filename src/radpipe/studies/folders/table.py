"""A folder with a table: one row per image says what the image shows."""

import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from radpipe.core.errors import DataError
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.settings import Target
from radpipe.core.text_files import log_notes
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.contract import Case, Files, unknown_patient
from radpipe.studies.base.template import Template
from radpipe.studies.base.truth import read_ceiling
from radpipe.studies.folders.cells import plain_table
from radpipe.studies.folders.codes import code, refuse_unknown_sides, side_of
from radpipe.studies.folders.covariates import Line, recoded
from radpipe.studies.folders.findings import (
    image_files,
    is_left_out,
    left_out,
    official_part,
    warn_of_unknown_patients,
)
from radpipe.studies.folders.headers import Seen, with_headers
from radpipe.studies.folders.layout import VIEW, FoldersLayout, FoldersTable
from radpipe.studies.folders.lookup import Lookup
from radpipe.studies.folders.patients import settle_patients
from radpipe.studies.folders.pictures import pictures_below
from radpipe.studies.folders.rows import (
    check_columns,
    check_rows,
    check_table,
    class_name,
    columns_of,
    read_rows,
)
from radpipe.studies.folders.tree import covariates_of
from radpipe.studies.folders.views import with_views

log = logging.getLogger("radpipe.index")


@dataclass(frozen=True)
class _Line:
    """One row, its file, and what the row says by its columns and its name.

    `told` holds patient, part and side as far as they are known, and further placeholders
    of `layout.table.name`.
    """

    row: Line
    file: str
    told: Mapping[str, str]


@dataclass(frozen=True)
class _Reader:
    """Turns a line into a case; what is the same for every line."""

    table: FoldersTable
    layout: FoldersLayout
    target: Target
    ceiling: Mapping[str, tuple[float, ...]]
    template: Template

    def case(self, line: _Line) -> Case:
        row, told = line.row, line.told
        name = row[self.table.image]
        kept = {name: recoded(row, covariate) for name, covariate in self.table.covariates.items()}
        columns = {"view": self.table.view, "study": self.table.study}
        placed = {key: told[key] for key, column in columns.items() if column}
        return Case(
            case=name,
            patient=told.get("patient") or unknown_patient(name),
            official=official_part(told["part"], self.layout),
            target=tuple(self._value(row[column]) for column in columns_of(self.table.target)),
            files={VIEW: line.file},
            covariates=covariates_of(told, self.template) | placed | kept,
            ceiling=self.ceiling.get(line.file),
            side=side_of(told["side"]),
        )

    def _value(self, text: str) -> float:
        if self.target.kind == "multi-label":
            mapped = self.table.mapping.get(code(text, self.table.mapping), text)
            return math.nan if mapped is None or mapped == "" else float(mapped)
        name = class_name(text, self.table, self.target)
        return math.nan if name is None else float(self.target.classes.index(name))


def read_table(
    raw: Path, *, files: Files, layout: FoldersLayout, target: Target, seen: Seen | None = None
) -> list[Case]:
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
    seen
        Who examines a data set: headers that were read already, and a place for what is left out.

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
    rows, notes = read_rows(raw, files, table)
    # Who examines a data set has got them already.
    log_notes(log, notes if seen is None else ())
    check_table(table, target)
    check_columns(rows, table)
    table = plain_table(raw, rows, files=files, table=table, target=target)
    check_rows(rows, table, target)
    template = Template(table.name or "")
    every = _lines(_pair(raw, rows, files, layout, table), table, template)
    lines = [line for line in every if not is_left_out(line.told["part"], layout)]
    refuse_unknown_sides({line.row[table.image]: line.told["side"] for line in lines}, template)

    def translate(name: str) -> str | None:
        return name if target.kind == "multi-label" else class_name(name, table, target)

    ceiling = read_ceiling(raw, files=files, target=target, translate=translate)
    reader = _Reader(table, layout, target, ceiling, template)
    found = with_headers(
        raw, [reader.case(line) for line in lines], layout, seen.headers if seen else None
    )
    lines_of: dict[str, list[int]] = {}
    for case, line in zip(found, lines, strict=True):
        lines_of.setdefault(case.patient, []).append(line.row.number)
    where = f"{table.file}: {_patients_from(table)}"
    cases = _once(settle_patients(found, layout, where=where, lines=lines_of), lines)
    warn_of_unknown_patients(cases)
    listed = {line.file for line in every}
    _report_rest(raw, files, layout, listed, layout.words(target.classes))
    if seen is not None:
        seen.aside |= listed - {case.files[VIEW] for case in cases}
    return with_views(cases, layout, seen.aside if seen else None)


def _patients_from(table: FoldersTable) -> str:
    columns = columns_of(table.patient)
    word = "column" if len(columns) == 1 else "columns"
    return f"{word} {', '.join(columns)}" if columns else "layout.table.name"


def _pair(
    raw: Path, rows: Sequence[Line], files: Files, layout: FoldersLayout, table: FoldersTable
) -> list[tuple[Line, str]]:
    """Find the file of every row."""
    lookup = Lookup(files, pictures_below(raw, files), table)
    lookup.refuse_doubled(rows)
    found, missing = [], []
    for row in rows:
        file = lookup.file_of(row)
        if file is None:
            missing.append((row.number, lookup.named(row)))
        elif not left_out(file, layout):
            found.append((row, file))
    if missing and (table.missing_files == "refuse" or not found):
        raise DataError(_missing(missing, len(rows), files, table))
    if missing:
        log.warning("rows without their image, left out: %d of %d", len(missing), len(rows))
    return found


def _lines(found: list[tuple[Line, str]], table: FoldersTable, template: Template) -> list[_Line]:
    """Add to each row what its columns and its name say of patient, part and side."""
    lines, misfits = [], []
    for row, file in found:
        said = template.match(row[table.image]) if table.name else {}
        if said is None:
            misfits.append(row[table.image])
            continue
        told = {"part": "", "side": "", **said}
        told |= {key: row[column] for key, column in _single(table).items()}
        values = [row[column] for column in columns_of(table.patient)]
        if any(values):
            told["patient"] = "/".join(values)
        lines.append(_Line(row, file, told))
    if misfits:
        raise DataError(
            f"{table.file}: {len(misfits)} of {counted(len(found), 'row')} do not fit"
            " layout.table.name"
            f" {table.name!r}: {patterns(misfits)}. Expected: {template.expected}."
            f"{template.unparted} The way out: correct the table or the template, or name the"
            " images under layout.leave_out."
        )
    return lines


def _single(table: FoldersTable) -> dict[str, str]:
    columns = {"part": table.part, "side": table.side, "view": table.view, "study": table.study}
    return {name: column for name, column in columns.items() if column}


def _missing(missing: list[tuple[int, str]], n_rows: int, files: Files, table: FoldersTable) -> str:
    """Say which rows name no image, and show the form of a file that was perhaps meant."""
    lines, names = [line for line, _ in missing], [name for _, name in missing]
    name = PurePosixPath(names[0]).name
    alike = [file for file in files if name and name in file]
    hint = (
        f" There is {patterns(alike[:1])}: layout.table.path can say where images lie, and"
        " layout.table.find: name looks for them in all folders."
        if alike
        else ""
    )
    return (
        f"{table.file}: {len(missing)} of {counted(n_rows, 'row')} name an image that is"
        f" not there ({some_lines(lines)}): {patterns(names)}.{hint} The way out:"
        " correct layout.table.image, .path or .find, complete the data set, or leave these rows"
        " out with layout.table.missing_files: skip"
    )


def _once(cases: Iterable[Case], lines: Iterable[_Line]) -> list[Case]:
    """Merge rows that say the same twice; refuse those that contradict each other."""
    by_file: dict[str, Case] = {}
    line_of: dict[str, int] = {}
    twice, contradicting = 0, {}
    for case, line in zip(cases, lines, strict=True):
        first = by_file.setdefault(case.files[VIEW], case)
        other = line_of.setdefault(case.files[VIEW], line.row.number)
        if first is case:
            continue
        twice += 1
        # As text, because an unknown target, NaN, is not equal to itself.
        if str(case) != str(first):
            contradicting[case.files[VIEW]] = {other, line.row.number}
    if contradicting:
        where = some_lines(set().union(*contradicting.values()))
        raise DataError(
            f"{counted(len(contradicting), 'image stands', 'images stand')} in the table twice"
            " with another target,"
            f" patient, part, side or covariate: {where}. The way out: correct the table, or name"
            " the images under layout.leave_out."
        )
    if twice:
        log.warning("rows that say the same of an image as another row: %d", twice)
    return list(by_file.values())


def _report_rest(
    raw: Path, files: Files, layout: FoldersLayout, listed: set[str], words: Collection[str]
) -> None:
    rest = [file for file in image_files(raw, files, layout) if file not in listed]
    if rest:
        log.warning(
            "%s: %s",
            counted(
                len(rest),
                "image is not in the table and no case",
                "images are not in the table and no cases",
            ),
            patterns(rest, words),
        )
