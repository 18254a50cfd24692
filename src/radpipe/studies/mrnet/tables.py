"""The label tables of MRNet: no header, one row an exam, `0000,1`."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.text_files import log_notes
from radpipe.core.text_tables import Form, read_text_table, some_lines
from radpipe.studies.mrnet.layout import LABELS, table_name

log = logging.getLogger("radpipe.index")

N_NAMED = 5
FORM = Form(
    columns=("exam", "label"),
    way_out="write an exam and its label on every line, such as 0000,1; or unpack it again.",
)
# Exam to 0 or 1.
Labels = dict[str, int]


def read_labels(
    raw: Path, *, files: Iterable[str], part: str, labels: Sequence[str]
) -> dict[str, Labels]:
    """Read the tables of one part: label to exam to 0 or 1.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Paths below it; a table that is not among them is not there.
    part
        train or valid.
    labels
        Which tables.

    Raises
    ------
    DataError
        A table is missing or cannot be read, or two tables list other exams.

    """
    tables = {label: read_table(raw, files=files, part=part, label=label) for label in labels}
    refuse_unequal(tables, part)
    return tables


def read_table(raw: Path, *, files: Iterable[str], part: str, label: str) -> Labels:
    """Read one label table: exam to 0 or 1.

    Raises
    ------
    DataError
        The table is missing or empty, has a header, an exam twice or another label.

    """
    name = table_name(part, label)
    if name not in files:
        raise DataError(
            f"{name} is missing at the root of the data set. MRNet-v1.0 has six tables,"
            f" {{train,valid}}-{{{','.join(LABELS)}}}.csv. The way out: unpack the archive once"
            " more, or correct source.path in params.yaml."
        )
    table = read_text_table(raw / name, name, FORM)
    if not table.lines:
        raise DataError(f"{name} has no rows. The way out: unpack the archive once more.")
    log_notes(log, table.notes)
    found: Labels = {}
    first: dict[str, int] = {}
    doubles: list[int] = []
    for line, cells in zip(table.lines, table.rows(), strict=True):
        exam, value = _parse(cells, f"{name}, line {line}", first=not found)
        if exam in found:
            doubles += [first[exam], line]
        first.setdefault(exam, line)
        found[exam] = value
    if doubles:
        raise DataError(
            f"{name}: {counted(len(doubles) // 2, 'row names', 'rows name')} an exam that another"
            f" one names, such as {some_lines(set(doubles))}. The way out: keep one row an exam."
        )
    return found


def refuse_unequal(tables: Mapping[str, Labels], part: str) -> None:
    """Refuse tables of one part that list other exams.

    Raises
    ------
    DataError
        An exam has one label and lacks another.

    """
    everything = set().union(*tables.values())
    lacking = {
        label: sorted(everything - table.keys())
        for label, table in tables.items()
        if everything - table.keys()
    }
    if lacking:
        lines = "; ".join(
            f"{table_name(part, label)} lacks {len(exams)}, such as {some(exams)}"
            for label, exams in lacking.items()
        )
        raise DataError(
            f"the tables of {part}/ should list the same exams: {lines}. The way out: put the"
            " rows there, or take these exams out of every table and their volumes away."
        )


def some(names: Sequence[str]) -> str:
    """Join the first few names."""
    return ", ".join(names[:N_NAMED]) + (", ..." if len(names) > N_NAMED else "")


def n_positive(table: Labels) -> int:
    """Count the exams that have the label."""
    return Counter(table.values())[1]


def _parse(cells: Sequence[str], where: str, *, first: bool) -> tuple[str, int]:
    """Return exam and label of a row."""
    if len(cells) == 2 and cells[0] and cells[1] in ("0", "1"):
        return cells[0], int(cells[1])
    if first and not any(cell[:1].isdigit() for cell in cells):
        raise DataError(
            f"{where}: {','.join(cells)!r} looks like a header, and the tables have none; every"
            " line is an exam and its label, such as 0000,1. The way out: delete the line."
        )
    raise DataError(
        f"{where}: should be an exam and its label, 0 or 1, such as 0000,1."
        " The way out: correct the line."
    )
