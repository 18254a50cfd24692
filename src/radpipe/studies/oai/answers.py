"""What the tables say of each knee: the target of the question, and covariates."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.studies.oai.layout import OaiColumn, OaiLayout, covariates
from radpipe.studies.oai.tables import OaiTable, OaiTables
from radpipe.studies.oai.values import Knee, Values, read_values

# Widths are given to a micrometre, and 4.3 - 3.6 is a little less than 0.7 in binary.
WIDTH_DIGITS = 6
# What the columns of some settings hold, and the settings of covariates of other names.
KINDS = {"grade": "kl", "width": "jsw", "later_width": "jsw"}
SETTINGS = {"kl": "grade", "jsw": "width"}


@dataclass(frozen=True, slots=True)
class OaiAnswers:
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

    table: OaiTable
    target: Mapping[Knee, float]
    covariates: Mapping[str, Mapping[Knee, float]]
    notes: tuple[str, ...]


def read_answers(
    tables: OaiTables, layout: OaiLayout, tell: Callable[[DataError], None] | None = None
) -> OaiAnswers:
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
    asked, table = _read(tables, question_setting(layout), layout)
    notes = [*_notes(table, asked)]
    target: Mapping[Knee, float] = asked.by_knee
    if layout.question == "progression":
        later = _read_or_tell(tables, "later_width", layout, tell)
        target = {}
        if later is not None:
            notes += _notes(later[1], later[0])
            target = _progression(asked, later[0], layout.loss)
    said: dict[str, Mapping[Knee, float]] = {}
    for name in covariates(layout):
        found = _read_or_tell(tables, SETTINGS.get(name, name), layout, tell)
        if found is not None:
            notes += _notes(found[1], found[0])
            values = found[0].by_knee
            said[name] = {knee: values[knee] for knee in asked.knees if knee in values}
    every = {knee: target.get(knee, math.nan) for knee in sorted(asked.knees)}
    return OaiAnswers(table, every, said, tuple(dict.fromkeys(notes)))


def question_setting(layout: OaiLayout) -> str:
    """Return the setting of the column that says which knees there are."""
    return "grade" if layout.question == "kl" else "width"


def progressed(baseline: float, later: float, loss: float) -> bool:
    """Tell whether a joint space narrowed by `loss` mm or more."""
    return round(baseline - later, WIDTH_DIGITS) >= loss


def _progression(baseline: Values, later: Values, loss: float) -> dict[Knee, float]:
    """Return 1 for knees that progressed and 0 for others; unknown ones are left out."""
    return {
        knee: float(progressed(width, later.by_knee[knee], loss))
        for knee, width in baseline.by_knee.items()
        if knee in later.by_knee
    }


def _notes(table: OaiTable, values: Values) -> Iterator[str]:
    """Say what was unusual about a table, and how many rows were left out."""
    yield from table.text.notes
    if values.repeated:
        yield (
            f"{table.name}: {counted(len(values.repeated), 'row says', 'rows say')} again what"
            " another one says"
        )
    if values.dropped:
        yield (
            f"{table.name}: {counted(len(values.dropped), 'row gives', 'rows give')} a reason not"
            " to count"
        )


def _read(tables: OaiTables, setting: str, layout: OaiLayout) -> tuple[Values, OaiTable]:
    wanted: OaiColumn = getattr(layout, setting)
    table = tables.get(wanted.table, setting=f"layout.{setting}.table")
    kind = KINDS.get(setting, setting)
    return read_values(table, kind, wanted, layout, f"layout.{setting}.column"), table


def _read_or_tell(
    tables: OaiTables, setting: str, layout: OaiLayout, tell: Callable[[DataError], None] | None
) -> tuple[Values, OaiTable] | None:
    try:
        return _read(tables, setting, layout)
    except DataError as error:
        if tell is None:
            raise
        tell(error)
        return None
