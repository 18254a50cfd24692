"""One value a knee or a patient, out of a table that may hold several readings of it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.same_patient import is_changed, plain_form
from radpipe.studies.oai.layout import SIDES, OaiColumn, OaiLayout, Widths
from radpipe.studies.oai.tables import OaiTable, code, number_in, one_of

ID, SIDE, READING = "ID", "SIDE", "READPRJ"
# Identifier and side of a knee.
Knee = tuple[str, str]

# What a cell may hold, and what it means. 0 is the data set's first sex, every other code 1.
READERS: dict[str, Callable[[str], float]] = {
    "age": number_in(18, 110),
    "bmi": number_in(10, 90),
    "sex": one_of({"1": 0.0, "2": 1.0}),
    "race": one_of({str(race): float(race) for race in range(4)}),
    "injury": one_of({"0": 0.0, "1": 1.0}),
    "alignment": number_in(-45, 45),
    "kl": one_of({text: float(grade) for grade in range(5) for text in (f"{grade}", f"{grade}.0")}),
    "jsw": number_in(0, 20),
}
ALLOWED = {
    "age": "18 to 110 years",
    "bmi": "10 to 90",
    "sex": "1 or 2",
    "race": "0 to 3",
    "injury": "0 or 1",
    "alignment": "-45 to 45 degrees",
    "kl": "0 to 4",
    "jsw": "0 to 20 mm",
}


@dataclass
class Values:
    """What a column says, and of which knees it speaks.

    Attributes
    ----------
    by_knee
        Value of each knee that has a known one.
    knees
        Knees of the table, known or not; both of everybody where a row is a patient.
    repeated
        Lines that say again what another one says.
    dropped
        Lines that do not count, by their own column of reasons.

    """

    by_knee: dict[Knee, float] = field(default_factory=dict)
    knees: set[Knee] = field(default_factory=set)
    repeated: set[int] = field(default_factory=set)
    dropped: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Reading:
    line: int
    rank: int
    value: float


def read_values(
    table: OaiTable, name: str, wanted: OaiColumn, layout: OaiLayout, setting: str
) -> Values:
    """Read one value a knee.

    A table with a column SIDE has a row a knee, another one a row a patient, which speaks of
    both knees; a column whose name holds `{side}` speaks of one of them.

    Parameters
    ----------
    table
        Where it stands.
    name
        What it is, a key of `READERS`.
    wanted
        Its column.
    layout
        Which reading counts where there are several.
    setting
        Where the name of the column could be corrected.

    Raises
    ------
    DataError
        A column is missing, a value or side is not allowed, or readings contradict each other.

    """
    found = Values()
    readings: dict[Knee, list[_Reading]] = defaultdict(list)
    wrong: set[int] = set()
    sides = [""] if SIDE in table.columns and "{side}" not in wanted.column else ["R", "L"]
    for side in sides:
        column = wanted.column.replace("{side}", side)
        reasons = wanted.unusable if isinstance(wanted, Widths) else []
        columns = [ID, column, *reasons, *([] if side else [SIDE])]
        ranks = reading_ranks(table, layout)
        rows = table.rows(*columns, setting=setting)
        for row, rank in zip(rows, ranks, strict=True):
            knee = (row.cells[ID], side or SIDES.get(code(row.cells[SIDE]) or "", ""))
            found.knees.add(knee)
            if any(code(row.cells[reason]) not in (None, "0") for reason in reasons):
                found.dropped.add(row.line)
                continue
            text = code(row.cells[column])
            if text is None:
                continue
            try:
                readings[knee].append(_Reading(row.line, rank, READERS[name](text)))
            except ValueError:
                wrong.add(row.line)
    check_keys(table)
    if wrong:
        raise DataError(
            f"{table.name}, column {wanted.column}:"
            f" {counted(len(wrong), 'row holds', 'rows hold')} something else than"
            f" {ALLOWED[name]}, a missing code (. and what follows) or nothing, such as"
            f" {some_lines(wrong)}. The way out: correct the rows, or {setting} in params.yaml."
        )
    _choose(found, readings, table, wanted, setting)
    return found


def check_keys(table: OaiTable) -> None:
    """Refuse rows without an identifier, or with another side than right and left.

    Raises
    ------
    DataError
        With table, lines and the way out.

    """
    keys = [ID, SIDE] if SIDE in table.columns else [ID]
    rows = table.rows(*keys, setting="the table")
    if nameless := [row.line for row in rows if not row.cells[ID]]:
        raise DataError(
            f"{table.name}: {counted(len(nameless), 'row has', 'rows have')} no {ID}, such as"
            f" {some_lines(nameless)}. The"
            " way out: take the table as released."
        )
    if odd := [row.line for row in rows if _is_reformed(row.cells[ID])]:
        rewritten = counted(len(odd), "row was", "rows were")
        raise DataError(
            f"{table.name}, column {ID}: {rewritten} written anew by a program, such as"
            f" {some_lines(odd)}, with decimals, leading zeros or an exponent, so that they fit no"
            " other table and no film. The way out: take the table as released."
        )
    if SIDE not in keys:
        return
    if wrong := [row.line for row in rows if code(row.cells[SIDE]) not in SIDES]:
        raise DataError(
            f"{table.name}, column {SIDE}: {counted(len(wrong), 'row holds', 'rows hold')}"
            " something else than 1 (right) or"
            f" 2 (left), such as {some_lines(wrong)}. The way out: correct or delete the rows."
        )


def _is_reformed(identifier: str) -> bool:
    """Tell whether a number is not written as plain digits, from the first that is not zero on."""
    if identifier.isdigit() and identifier[0] != "0":
        return False
    plain = plain_form(identifier)
    return is_changed(identifier) or (plain.isdigit() and plain != identifier)


def reading_ranks(table: OaiTable, layout: OaiLayout) -> list[int]:
    """Return for each row how far down `layout.readings` its project stands."""
    if READING not in table.columns:
        return [0] * len(table.text.lines)
    order = {project: rank for rank, project in enumerate(layout.readings)}
    rows = table.rows(READING, setting="the table")
    return [order.get(code(row.cells[READING]) or "", len(order)) for row in rows]


def _choose(
    found: Values,
    readings: dict[Knee, list[_Reading]],
    table: OaiTable,
    wanted: OaiColumn,
    setting: str,
) -> None:
    """Keep the reading that comes first in the order; equals must agree."""
    # A row of a patient speaks of two knees and is told once.
    against: set[frozenset[int]] = set()
    for knee, several in readings.items():
        best = min(reading.rank for reading in several)
        first = [reading for reading in several if reading.rank == best]
        found.by_knee[knee] = first[0].value
        found.repeated |= {reading.line for reading in first[1:]}
        if any(reading.value != first[0].value for reading in first):
            against.add(frozenset(reading.line for reading in first))
    if against:
        of_column = f"{table.name}, column {wanted.column}"
        lines = some_lines(frozenset().union(*against))
        raise DataError(
            f"{of_column}:"
            f" {counted(len(against), 'knee or patient has', 'knees or patients have')} readings"
            " of the same standing"
            f" that contradict each other, such as {lines}. The way out: delete the wrong rows, or"
            f" say which reading project counts in layout.readings. (The column: {setting}.)"
        )
