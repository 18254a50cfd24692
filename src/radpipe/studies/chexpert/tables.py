"""The tables of CheXpert, one a part: which there are, and what is refused.

A message names tables, columns and lines, and never what stands in a cell: a path holds the number
of a patient.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from radpipe.core.errors import DataError, near_miss
from radpipe.core.plurals import counted
from radpipe.core.text_tables import Form, TextTable, read_text_table, some_lines
from radpipe.studies.chexpert.layout import NEEDED, TABLES, header_of
from radpipe.studies.chexpert.rows import COVARIATES, PATH, SEEN, ChexpertFilm, RowReader

FORM = Form(way_out="take the table from the release once more.")
# By which columns the tables of other data sets are known.
OTHERS = {
    "Image Index": "ChestX-ray14 of the NIH",
    "subject_id": "MIMIC-CXR",
    "dicom_id": "MIMIC-CXR",
    "path_to_image": "CheXpert Plus",
}


@dataclass(frozen=True, slots=True)
class ChexpertTable:
    """The table of one part.

    Attributes
    ----------
    name
        Path below the root.
    part
        train, valid or test.
    labels
        Which labels the answers are of.
    films
        In the order of the rows.
    notes
        What was unusual and read all the same, a sentence each.

    """

    name: str
    part: str
    labels: tuple[str, ...]
    films: Sequence[ChexpertFilm]
    notes: tuple[str, ...]


def find_tables(files: Iterable[str]) -> dict[str, str]:
    """Find the table of each part, at the root of the data set or in one folder below it.

    Raises
    ------
    DataError
        A table that every release has is missing, or one lies at several places.

    """
    names = {name: part for part, several in TABLES.items() for name in several}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in files:
        if (name := file.rpartition("/")[2]) in names:
            found[names[name]].append(file)
    tables = {part: _only(part, found[part]) for part in TABLES if part in found}
    if lacking := [TABLES[part][0] for part in NEEDED if part not in tables]:
        raise DataError(
            f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing below the root"
            " of the data set. The way out: unpack the archive once more, or correct source.path"
            " in params.yaml."
        )
    return tables


def _only(part: str, several: Sequence[str]) -> str:
    """Return the one table of a part; one at the root comes before others."""
    found = [file for file in several if "/" not in file] or several
    if len(found) > 1:
        raise DataError(
            f"the table of {part} lies at {len(found)} places below the root of the data set. The"
            " way out: let source.path in params.yaml be the folder of one release, with one"
            f" {' or '.join(TABLES[part])}."
        )
    return found[0]


def read_films(raw: Path, file: str, *, part: str, labels: Sequence[str]) -> ChexpertTable:
    """Read a table.

    Parameters
    ----------
    raw
        Root of the data set.
    file
        The table, below it.
    part
        train, valid or test.
    labels
        Which labels; columns of others are not read.

    Raises
    ------
    DataError
        It is another data set's, lacks a column, or holds what is no path, label or age; a film
        stands there twice.

    """
    text = read_text_table(raw / file, file, FORM)
    _refuse_others(text)
    if not text.lines:
        raise DataError(f"{file} has no rows. The way out: {FORM.way_out}")
    said = [column for column in (SEEN, *COVARIATES) if column in text.columns]
    columns = [PATH, *said, *map(header_of, labels)]
    places = [_column(text, column) for column in columns]
    reader = RowReader(tuple(said), tuple(columns[1 + len(said) :]))
    films = [
        film
        for line, cells in zip(text.lines, text.rows(places), strict=True)
        if (film := reader.film(line, cells)) is not None
    ]
    _refuse_odd(file, reader.odd)
    _refuse_twice(file, films)
    notes = (*text.notes, *_notes(file, reader, said))
    return ChexpertTable(file, part, tuple(labels), films, notes)


def _refuse_others(text: TextTable) -> None:
    """Refuse the table of another data set."""
    if PATH in text.columns:
        return
    other = next((OTHERS[column] for column in text.columns if column in OTHERS), "")
    hint = f" It looks like one of {other}, which this adapter does not read." if other else ""
    near = "" if other else near_miss(PATH, text.named)
    raise DataError(
        f"{text.name} has no column {PATH!r}{near or '.'}{hint} The way out: take the table of"
        " CheXpert-v1.0 or CheXpert-v1.0-small, or correct source.path or adapter in params.yaml."
    )


def _column(text: TextTable, column: str) -> int:
    if column not in text.columns:
        raise DataError(
            f"{text.name} has no column {column!r}{near_miss(column, text.named)} The way out:"
            f" {FORM.way_out[:-1]}, or ask for other labels in params.yaml."
        )
    return text.columns.index(column)


def _refuse_odd(name: str, odd: Mapping[str, list[int]]) -> None:
    if odd:
        listed = "; ".join(
            f"{what}: {counted(len(lines), 'row')} ({some_lines(lines)})"
            for what, lines in odd.items()
        )
        raise DataError(f"{name}: {listed}. The way out: {FORM.way_out}")


def _refuse_twice(name: str, films: Sequence[ChexpertFilm]) -> None:
    """Refuse rows of one film, whether or not they say the same of it."""
    first: dict[str, ChexpertFilm] = {}
    equal: set[int] = set()
    other: set[int] = set()
    for film in films:
        before = first.setdefault(film.place.film, film)
        if before is not film:
            same = (before.answers, before.covariates) == (film.answers, film.covariates)
            (equal if same else other).update((before.line, film.line))
    if other:
        raise DataError(
            f"{name}: rows of one film say different things of it ({some_lines(other)}). The way"
            f" out: keep the right one of them, or {FORM.way_out}"
        )
    if equal:
        raise DataError(
            f"{name}: rows stand there more than once ({some_lines(equal)}). The way out: keep one"
            " row a film."
        )


def _notes(name: str, reader: RowReader, said: Sequence[str]) -> list[str]:
    notes = []
    if lacking := [column for column in COVARIATES if column not in said]:
        notes.append(f"{name} has no column {', '.join(lacking)}: unknown of all of its films")
    if lines := reader.contradicted:
        rows = counted(len(lines), "row names", "rows name")
        notes.append(
            f"{name}: {rows} another view in column {SEEN!r} than in the path, which counts"
            f" ({some_lines(lines)})"
        )
    return notes
