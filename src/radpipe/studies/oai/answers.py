"""What the tables say of each knee: the target of the question, and covariates."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from radpipe.core.errors import DataError
from radpipe.studies.oai.layout import Column, Layout, covariates
from radpipe.studies.oai.tables import Table, Tables
from radpipe.studies.oai.values import Knee, Values, read_values

# Widths are given to a micrometre, and 4.3 - 3.6 is a little less than 0.7 in binary.
WIDTH_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of the knees that the question is asked of.

    Attributes
    ----------
    table
        The table that says which knees there are.
    target
        Class index by knee; NaN is unknown.
    covariates
        Name to knee to value.
    notes
        What was left out of tables, with counts.

    """

    table: Table
    target: Mapping[Knee, float]
    covariates: Mapping[str, Mapping[Knee, float]]
    notes: tuple[str, ...]


def read_answers(
    tables: Tables, layout: Layout, tell: Callable[[DataError], None] | None = None
) -> Answers:
    """Read everything that the layout names.

    Parameters
    ----------
    tables
        The data set's tables.
    layout
        The question, and where things stand.
    tell
        Called with what is wrong with a table in place of raising it; what cannot be read is
        then left out. What says which knees there are is always raised.

    Raises
    ------
    DataError
        A table or column is missing, or holds what it must not.

    """
    source = question_column(layout)
    table = tables.get(source[1].table, setting=f"layout.{source[0]}.table")
    asked = _read(tables, source[0], _kind(source[0]), layout)
    notes = list(_notes(table.name, asked))
    target: Mapping[Knee, float] = asked.by_knee
    if layout.question == "progression":
        later = _later(tables, layout, tell)
        notes += _notes(layout.later_width.table, later)
        target = _progression(asked, later, layout.loss)
    said: dict[str, Mapping[Knee, float]] = {}
    for name in covariates(layout):
        setting = {"kl": "grade", "jsw": "width"}.get(name, name)
        try:
            values = _read(tables, setting, name, layout)
        except DataError as error:
            if tell is None:
                raise
            tell(error)
        else:
            said[name] = _for_knees(values, asked.knees)
    every = {knee: target.get(knee, math.nan) for knee in sorted(asked.knees)}
    return Answers(table, every, said, tuple(notes))


def question_column(layout: Layout) -> tuple[str, Column]:
    """Return setting and column that say which knees there are."""
    return ("grade", layout.grade) if layout.question == "kl" else ("width", layout.width)


def progressed(baseline: float, later: float, loss: float) -> bool:
    """Tell whether a joint space narrowed by `loss` mm or more."""
    return round(baseline - later, WIDTH_DIGITS) >= loss


def _later(tables: Tables, layout: Layout, tell: Callable[[DataError], None] | None) -> Values:
    try:
        return _read(tables, "later_width", "jsw", layout)
    except DataError as error:
        if tell is None:
            raise
        tell(error)
        return Values()


def _progression(baseline: Values, later: Values, loss: float) -> dict[Knee, float]:
    """Return 1 for knees that progressed and 0 for others; unknown ones are left out."""
    return {
        knee: float(progressed(width, later.by_knee[knee], loss))
        for knee, width in baseline.by_knee.items()
        if knee in later.by_knee
    }


def _notes(table: str, values: Values) -> Iterator[str]:
    """Say how many rows were left out."""
    if values.repeated:
        yield f"{table}: {values.repeated:,} rows say again what another one says"
    if values.dropped:
        yield f"{table}: {values.dropped:,} rows do not count, by their own column of reasons"


def _read(tables: Tables, setting: str, name: str, layout: Layout) -> Values:
    wanted: Column = getattr(layout, setting)
    table = tables.get(wanted.table, setting=f"layout.{setting}.table")
    return read_values(table, name, wanted, layout, f"layout.{setting}.column")


def _kind(setting: str) -> str:
    return "kl" if setting == "grade" else "jsw"


def _for_knees(values: Values, knees: Iterable[Knee]) -> dict[Knee, float]:
    return {knee: values.by_knee[knee] for knee in knees if knee in values.by_knee}
