"""Covariates of a study's table: recoded, and refused where their type would be an accident."""

import re
from collections.abc import Iterable, Mapping, Sequence

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.contract import Case, number_of
from radpipe.studies.folders.codes import code
from radpipe.studies.folders.layout import Covariate, FoldersTable

N_NAMED = 10
# Numbers with a decimal comma or, what cannot be told apart, a comma between thousands.
COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
POINTED = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)+(?:,[0-9]+)?")
Row = Mapping[str, str]


class Line(dict[str, str]):
    """A row of the table, column to text, and the line of the file in which it begins."""

    __slots__ = ("number",)

    def __init__(self, cells: Iterable[tuple[str, str]], number: int) -> None:
        super().__init__(cells)
        self.number = number


def recoded(row: Row, covariate: Covariate) -> str:
    """Return the value of a covariate as the study keeps it; "" is unknown."""
    text = row[covariate.column]
    unknown = list(map(str, covariate.unknown))
    if code(text, unknown) in unknown:
        return ""
    kept = covariate.mapping.get(code(text, covariate.mapping), text)
    return "" if kept is None else str(kept)


def categories(table: FoldersTable | None) -> set[str]:
    """Return the covariates that stay text, whatever they hold."""
    return {name for name, each in table.covariates.items() if each.category} if table else set()


def kinds(cases: Sequence[Case], table: FoldersTable | None) -> str:
    """Say which covariates are numbers and which stay texts; empty if there are none."""
    text = categories(table)
    names = sorted({name for case in cases for name in case.covariates} - {"side"})
    said = []
    for name in names:
        values = {case.covariates.get(name, "") for case in cases} - {""}
        number = name not in text and all(number_of(value) is not None for value in values)
        said.append(f"{name} {'numbers' if number else f'texts ({len(values):,} different)'}")
    return ", ".join(said)


def refuse_covariates(rows: Sequence[Line], table: FoldersTable) -> None:
    """Refuse covariates that the settings do not explain.

    Raises
    ------
    DataError
        A mapping does not hold a value; or most known values are numbers and a few are not, so
        that all of them would be kept as text.

    """
    for name, covariate in table.covariates.items():
        refuse_broken(rows, table, covariate.column)
        _refuse_unexplained(rows, table, name, covariate)
        _refuse_commas(rows, table, name)
    mixed = {name: what for name in table.covariates if (what := _mixed(rows, table, name))}
    if mixed:
        key = f"layout.table.covariates.{next(iter(mixed))}"
        raise DataError(
            f"{table.file}: {'; '.join(mixed.values())}. A few texts would make text of all these"
            " numbers. The way out: correct the cells; or say in params.yaml which values stand"
            f" for unknown, {key}.unknown: [...]; or that it is no number, {key}.category: true"
        )


def _mixed(rows: Sequence[Line], table: FoldersTable, name: str) -> str:
    """Say where a covariate of numbers holds text, without showing it; empty if it does not."""
    covariate = table.covariates[name]
    if covariate.category or covariate.mapping:
        return ""
    texts = [(row.number, text) for row in rows if (text := recoded(row, covariate))]
    # 007 is an identifier: who writes one so, writes no numbers in this column.
    if any(_is_identifier(text) for _, text in texts):
        return ""
    odd = [number for number, text in texts if number_of(text) is None]
    if not odd or 2 * len(odd) >= len(texts):
        return ""
    cells = "1 is" if len(odd) == 1 else f"{len(odd)} are"
    return (
        f"column {covariate.column}: of {len(texts)} known cells {cells} text among numbers, such"
        f" as line {odd[0]}"
    )


def _refuse_commas(rows: Sequence[Line], table: FoldersTable, name: str) -> None:
    """Refuse decimal commas, which would make a text of a number and of all others."""
    covariate = table.covariates[name]
    if covariate.category or covariate.mapping:
        return
    texts = [(row.number, text) for row in rows if (text := recoded(row, covariate))]
    commas = [number for number, text in texts if COMMA.fullmatch(text)]
    numbers = sum(number_of(text) is not None for _, text in texts)
    if commas and 2 * (len(commas) + numbers) > len(texts):
        holds = counted(len(commas), "number has a comma", "numbers have a comma")
        raise DataError(
            f"{table.file}: column {covariate.column}: {holds} ({some_lines(commas)}), which would"
            " make texts of them. The way out: if it is a decimal comma, say layout.table.decimal:"
            " ',' in params.yaml; if it parts thousands, take it out of the cells; if the column"
            f" holds no numbers, say layout.table.covariates.{name}.category: true"
        )


def _is_identifier(text: str) -> bool:
    return text.isdigit() and number_of(text) is None


def _refuse_unexplained(
    rows: Sequence[Line], table: FoldersTable, name: str, covariate: Covariate
) -> None:
    """Refuse values of a recoded covariate that its mapping does not hold."""
    known = covariate.mapping
    found = {row[covariate.column] for row in rows} - {""}
    unknown = sorted(text for text in found if code(text, known) not in known)
    if known and unknown:
        raise DataError(
            f"{table.file}: column {covariate.column} holds values that"
            f" layout.table.covariates.{name}.mapping does not explain: {quoted(unknown)}."
            f" Known: {', '.join(map(repr, known))}. The way out: add them there, null for"
            " unknown."
        )


def refuse_broken(rows: Sequence[Line], table: FoldersTable, column: str) -> None:
    """Refuse cells of several lines in a column that is used."""
    broken = [row.number for row in rows if "\n" in row[column] or "\r" in row[column]]
    if broken:
        cells = counted(len(broken), "cell has", "cells have")
        raise DataError(
            f"{table.file}: column {column}: {cells} several lines ({some_lines(broken)}). A"
            " quotation mark is missing there, or the lines belong together. The way out: correct"
            " the cells."
        )


def quoted(values: Sequence[str]) -> str:
    """Quote the first ten values."""
    return ", ".join(map(repr, values[:N_NAMED]))
