"""Answers that others have given: a table of text becomes a score for each case and class.

Messages name columns, lines and numbers of rows, and never what stands in a cell: that may be a
patient's name or number.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import DataError, near_miss
from radpipe.core.plurals import counted
from radpipe.core.settings import Imported, Target
from radpipe.core.text_rows import Form
from radpipe.core.text_tables import TextTable, read_text_table, some_lines
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.sample import probabilities_of

DIGITS = frozenset("0123456789.+-eE")
# How far probabilities of exclusive classes may be from 1 in all: they are often rounded.
ROUNDED = 0.02
NUMBERS = {
    "probabilities": "form: logits, if they are any real numbers; form: ratings, if they are steps"
    " of a scale; percentages divided by 100",
    "ratings": "another scale",
    "decisions": "form: probabilities or ratings, if they are numbers",
}


@dataclass(frozen=True)
class Answers:
    """What a table says, row by row.

    Attributes
    ----------
    case
        Names as the study has them, each once.
    scores
        Shape (rows, classes), in 0..1.
    unanswered
        Number of rows without any answer: cases that were not read.

    """

    case: tuple[str, ...]
    scores: Floats
    unanswered: int


def read_answers(path: Path, block: Imported, target: Target, *, where: str) -> Answers:
    """Read a table of answers.

    Parameters
    ----------
    path
        The table.
    block
        How it is to be read.
    target
        The study's.
    where
        The block in `params.yaml`, for messages.

    Raises
    ------
    DataError
        A column is missing, a case stands twice, an answer is missing, no number, out of its range
        or no class of the study. The message says how many rows, and the way out.

    """
    table = read_text_table(path, str(path), Form(way_out="correct the table."))
    rows, lines = _wanted_rows(table, block, where)
    place = _column(table, "case", block, where)
    key = KEYS[block.layout]
    case = [key(row[place]) for row in rows]
    _refuse_twice(case, lines, table.name, where)
    read = _decisions if block.form == "decisions" else _numbers
    columns = _answer_columns(table, block, target, where)
    asked = [[row[column] for column in columns] for row in rows]
    given = [any(cells) for cells in asked]
    answered = [cells for cells, is_given in zip(asked, given, strict=True) if is_given]
    numbers = [line for line, is_given in zip(lines, given, strict=True) if is_given]
    if not answered:
        raise DataError(f"{table.name}: holds no answer. The way out: {where}.predictions.")
    scores = read(answered, numbers, block, target, table.name, where)
    kept = tuple(name for name, is_given in zip(case, given, strict=True) if is_given)
    return Answers(kept, scores, len(case) - len(kept))


def _study_of(path: str) -> str:
    """Return patient and study of a path of CheXpert's, whatever stands before them."""
    return "/".join(path.strip("/").split("/")[-2:])


KEYS: Mapping[str, Callable[[str], str]] = {"plain": str, "chexpert": _study_of}


def header_in(block: Imported, name: str) -> str:
    """Return what a column is called in a table if nothing else is said."""
    if block.layout == "chexpert":
        return "Study" if name == "case" else name.replace("_", " ").title()
    return name


def middle_of(block: Imported) -> float:
    """Return the number, as it stands in the table, that is neither yes nor no."""
    if block.scale is not None:
        return sum(block.scale) / 2
    return 0.0 if block.form == "logits" else 0.5


def as_score(block: Imported, number: Floats | float) -> Floats:
    """Return the score, in 0..1, of numbers of a yes-or-no question, of any shape."""
    found = np.asarray(number, dtype=np.float64)
    if block.scale is not None:
        low, high = block.scale
        return np.asarray((found - low) / (high - low))
    return np.exp(-np.logaddexp(0, -found)) if block.form == "logits" else found


def _wanted_rows(
    table: TextTable, block: Imported, where: str
) -> tuple[list[tuple[str, ...]], list[int]]:
    """Return the rows that the settings ask for, and their lines."""
    wanted = {}
    for name, value in block.rows.items():
        if name not in table.named:
            raise DataError(
                f"{table.name}: has no column {name!r}, which {where}.rows names"
                f"{near_miss(name, table.named)} The first line names columns."
            )
        wanted[table.named.index(name)] = value
    found = [
        (row, line)
        for row, line in zip(table.rows(), table.lines, strict=True)
        if all(row[place] == value for place, value in wanted.items())
    ]
    if not found:
        raise DataError(
            f"{table.name}: none of its {counted(len(table.lines), 'row')} is what {where}.rows"
            f" asks for ({', '.join(f'{n}: {v}' for n, v in block.rows.items()) or 'all'})."
        )
    return [row for row, _ in found], [line for _, line in found]


def _column(table: TextTable, name: str, block: Imported, where: str) -> int:
    """Return the place of a column, by the name that the settings give it or its own."""
    given = block.columns.get(name)
    names = [given] if given else [header_in(block, name), f"score_{name}"]
    for each in names:
        if each in table.named:
            return table.named.index(each)
    raise DataError(
        f"{table.name}: has no column {' or '.join(map(repr, names))} for {name!r}"
        f"{near_miss(names[0], table.named)} The way out: {where}.columns says which of the"
        f" {counted(len(table.named), 'column')} that is, as {{{name}: COLUMN}}; the first line"
        " names columns."
    )


def _answer_columns(table: TextTable, block: Imported, target: Target, where: str) -> list[int]:
    """Return the columns that hold the answers: one of decisions, or one a class."""
    if block.form == "decisions" and target.kind != "multi-label":
        name = target.classes[1] if target.kind == "binary" else ""
        by_class = block.columns.get(name, header_in(block, name)) if name else ""
        if "decision" not in block.columns and by_class in table.named:
            return [table.named.index(by_class)]
        return [_column(table, "decision", block, where)]
    classes = target.classes[1:] if target.kind == "binary" else target.classes
    found = [_column(table, name, block, where) for name in classes]
    if len({*found, _column(table, "case", block, where)}) <= len(found):
        raise DataError(
            f"{table.name}: one column is to hold two things. The way out: in {where}.columns a"
            " column of its own for the cases and for each class."
        )
    return found


def _refuse_twice(case: Sequence[str], lines: Sequence[int], name: str, where: str) -> None:
    often = Counter(case)
    twice = [line for each, line in zip(case, lines, strict=True) if often[each] > 1]
    if twice:
        raise DataError(
            f"{name}: {counted(sum(n > 1 for n in often.values()), 'case stands', 'cases stand')}"
            f" there more than once ({some_lines(twice)}). The way out: one row a case; of a table"
            f" with several readers, {where}.rows says whose rows these are, as"
            " {reader: reader-1}."
        )


def _refuse(
    bad: NDArray[np.bool_], lines: Sequence[int], name: str, what: str, way_out: str
) -> None:
    """Refuse rows, bool (rows,), naming their lines."""
    if bad.any():
        found = [line for line, is_bad in zip(lines, bad, strict=True) if is_bad]
        n = counted(len(found), "row")
        raise DataError(f"{name}: {n} {what} ({some_lines(found)}). The way out: {way_out}")


def _numbers(
    cells: Sequence[Sequence[str]],
    lines: Sequence[int],
    block: Imported,
    target: Target,
    name: str,
    where: str,
) -> Floats:
    """Read one number a class (of a binary target the positive one); return scores by class."""
    found: Floats = np.array([[_number(cell) for cell in row] for row in cells])
    unread = np.asarray(np.isnan(found).any(axis=1))
    _refuse(
        unread,
        lines,
        name,
        "with an answer that is missing or no finite number",
        "complete them, with a point before decimals; cells of a case that was not read are all"
        " empty.",
    )
    low, high = block.scale or (0.0, 1.0)
    if block.form != "logits":
        outside: NDArray[np.bool_] = (found < low) | (found > high)
        _refuse(
            np.asarray(outside.any(axis=1)),
            lines,
            name,
            f"with a number outside {low:g}..{high:g}",
            f"{where}: {NUMBERS[block.form]}.",
        )
    if target.kind == "multi-label":
        return as_score(block, found)
    if target.kind == "binary":
        yes = as_score(block, found[:, 0])
        return np.column_stack([1 - yes, yes])
    if block.form == "logits":
        return probabilities_of(target, found)
    total = found.sum(axis=1, keepdims=True)
    _refuse(
        (np.abs(total - 1) > ROUNDED).any(axis=1),
        lines,
        name,
        "whose probabilities of all classes do not add up to 1",
        f"{where}.form: logits, or probabilities that exclude each other.",
    )
    return np.asarray(found / total)


def _number(cell: str) -> float:
    """Read a number; NaN if it is none, not finite, or written as only Python reads it."""
    if not set(cell) <= DIGITS:
        return math.nan
    try:
        found = float(cell)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _decisions(
    cells: Sequence[Sequence[str]],
    lines: Sequence[int],
    block: Imported,
    target: Target,
    name: str,
    where: str,
) -> Floats:
    """Read decisions, names of classes or 0 and 1; return 1 for what was decided for."""
    known = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}
    if target.kind == "multi-label":
        allowed: dict[str, float] = known
        way_out = "1 for present, 0 for absent"
    elif target.kind == "binary":
        allowed = known | {label: float(k) for k, label in enumerate(target.classes)}
        way_out = f"0 or 1, or {' or '.join(target.classes)}"
    else:
        allowed = {label: float(k) for k, label in enumerate(target.classes)}
        way_out = f"one of {', '.join(target.classes)}"
    found = np.array([[allowed.get(cell, math.nan) for cell in row] for row in cells])
    _refuse(
        np.isnan(found).any(axis=1),
        lines,
        name,
        "with a decision that is missing or none of the study's",
        f"{way_out}; {where}.{NUMBERS[block.form]}; cells of a case that was not read are all"
        " empty.",
    )
    if target.kind == "multi-label":
        return found
    return np.asarray(found == np.arange(len(target.classes)), dtype=np.float64)
