"""From the rows of CheXpert's tables to cases: films, or studies with a film of each view."""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from radpipe.core.errors import DataError
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.contract import Case
from radpipe.studies.chexpert.films import FilmFinder
from radpipe.studies.chexpert.layout import IMAGE, ChexpertLayout, official_parts
from radpipe.studies.chexpert.tables import (
    BLANK,
    NEGATIVE,
    POSITIVE,
    UNCERTAIN,
    ChexpertFilm,
    ChexpertTable,
)

log = logging.getLogger("radpipe.index")

# From this share of a table's films on, it is the place that is wrong, and not a film that is lost.
MOST = 0.5
# A film, and its file below the raw root.
Found = tuple[ChexpertFilm, str]


def cases_of(
    tables: Sequence[ChexpertTable], finder: FilmFinder, layout: ChexpertLayout
) -> list[Case]:
    """Return the cases of all parts; films that are missing are counted in the log.

    Raises
    ------
    DataError
        Most films of a table are missing, a film lies at two places, or films of a study have other
        answers.

    """
    parts = official_parts(with_test=any(table.part == "test" for table in tables))
    answered = _Answers(layout)
    cases: list[Case] = []
    for table in tables:
        found, lost = found_films(table, finder, layout)
        if lost:
            log.warning("%s; they are left out", told_of_lost(table, found, lost))
        one_each = _as_studies if layout.unit == "study" else _as_images
        cases += one_each(table, found, parts[table.part], answered)
    return cases


def found_films(
    table: ChexpertTable, finder: FilmFinder, layout: ChexpertLayout
) -> tuple[list[Found], list[str]]:
    """Return the films of the wanted views with their files, and paths of those without one.

    Raises
    ------
    DataError
        Most are missing, or one lies at two places.

    """
    found, lost, several = [], [], []
    for film in table.films:
        if layout.views not in ("all", film.place.view):
            continue
        files = finder.files_of(film.path, film.place)
        if len(files) == 1:
            found.append((film, files[0]))
        elif files:
            several.append(film.line)
        else:
            lost.append(film.path)
    if several:
        raise DataError(
            f"{table.name}: {counted(len(several), 'film lies', 'films lie')} in several folders"
            f" ({some_lines(several)}). The way out: let source.path in params.yaml be the folder"
            " of one release."
        )
    if lost and len(lost) >= MOST * (len(found) + len(lost)):
        raise DataError(
            f"{told_of_lost(table, found, lost)}. The way out: unpack the whole archive, or correct"
            " source.path in params.yaml."
        )
    return found, lost


def told_of_lost(table: ChexpertTable, found: Sequence[Found], lost: Sequence[str]) -> str:
    """Say how many films of a table have no file."""
    n_films = len(found) + len(lost)
    return f"{table.name}: {len(lost):,} of {counted(n_films, 'film')} missing: {patterns(lost)}"


def refuse_shared(tables: Iterable[ChexpertTable]) -> None:
    """Refuse patients who stand in two parts, or whose number is written in two ways.

    Raises
    ------
    DataError
        With table and lines.

    """
    first: dict[int, tuple[str, str]] = {}
    forms: defaultdict[str, list[int]] = defaultdict(list)
    shared: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for table in tables:
        for film in table.films:
            patient = film.place.patient
            part, name = first.setdefault(_number(patient), (table.part, patient))
            if part != table.part:
                shared[part, table.name].append(film.line)
            elif name != patient:
                forms[table.name].append(film.line)
    for (part, name), lines in shared.items():
        raise DataError(
            f"{name}: {counted(len(lines), 'film is', 'films are')} of patients who stand in"
            f" {part}, too ({some_lines(lines)}); a patient belongs to one part. The way out: take"
            " the tables from one release, or take these patients out of one of the two."
        )
    for name, lines in forms.items():
        raise DataError(
            f"{name}: {counted(len(lines), 'path writes', 'paths write')} a patient's number in"
            f" another way than a row before ({some_lines(lines)}), such as with fewer zeros. The"
            " way out: take the table from the release once more."
        )


def _number(patient: str) -> int:
    return int(patient.removeprefix("patient"))


class _Answers:
    """What rows' answers come to as a target, each combination of them worked out once."""

    def __init__(self, layout: ChexpertLayout) -> None:
        silent = 0.0 if layout.blank == "negative" else math.nan
        # What is uncertain is no answer: whoever evaluates, splits or stratifies must not take it
        # for one.
        self._values = {POSITIVE: 1.0, NEGATIVE: 0.0, UNCERTAIN: math.nan, BLANK: silent}
        self._known: dict[tuple[int, ...], tuple[tuple[float, ...], tuple[bool, ...]]] = {}

    def of(self, film: ChexpertFilm) -> tuple[tuple[float, ...], tuple[bool, ...]]:
        """Return target and what of it is uncertain."""
        found = self._known.get(film.answers)
        if found is None:
            target = tuple(self._values[answer] for answer in film.answers)
            found = target, tuple(answer == UNCERTAIN for answer in film.answers)
            self._known[film.answers] = found
        return found


def _as_images(
    table: ChexpertTable, found: Sequence[Found], part: str, answered: _Answers
) -> Iterator[Case]:
    """Yield a case for each film."""
    del table
    for film, file in found:
        target, uncertain = answered.of(film)
        yield Case(
            case=film.place.place.rpartition(".")[0],
            patient=film.place.patient,
            official=part,
            target=target,
            files={IMAGE: file},
            covariates=film.covariates,
            uncertain=uncertain,
        )


def _as_studies(
    table: ChexpertTable, found: Sequence[Found], part: str, answered: _Answers
) -> Iterator[Case]:
    """Yield a case for each study, with the first film of each view."""
    refuse_unequal(table, found)
    chosen = {key: _first_of_each_view(films) for key, films in _studies(found).items()}
    if n_others := len(found) - sum(map(len, chosen.values())):
        log.warning(
            "%s: %s of studies with several of one view left out; a case has the first of each",
            table.name,
            counted(n_others, "film"),
        )
    for (patient, study), films in chosen.items():
        first = next(iter(films.values()))[0]
        target, uncertain = answered.of(first)
        yield Case(
            case=f"{patient}/{study}",
            patient=patient,
            official=part,
            target=target,
            files={view: file for view, (_, file) in films.items()},
            covariates={name: said for name, said in first.covariates.items() if name != "view"},
            uncertain=uncertain,
        )


def _studies(found: Iterable[Found]) -> Mapping[tuple[str, str], Sequence[Found]]:
    """Return patient and study to films."""
    studies: defaultdict[tuple[str, str], list[Found]] = defaultdict(list)
    for film, file in found:
        studies[film.place.patient, film.place.study].append((film, file))
    return studies


def _first_of_each_view(films: Iterable[Found]) -> dict[str, Found]:
    """Return view to film, frontal first."""
    chosen: dict[str, Found] = {}
    for film, file in sorted(films, key=lambda found: (found[0].place.view, found[0].place.number)):
        chosen.setdefault(film.place.view, (film, file))
    return chosen


def refuse_unequal(table: ChexpertTable, found: Iterable[Found]) -> None:
    """Refuse studies whose films have other answers: labels are those of the study's report.

    Raises
    ------
    DataError
        With the lines of these films.

    """
    lines = {
        film.line
        for films in _studies(found).values()
        if len({film.answers for film, _ in films}) > 1
        for film, _ in films
    }
    if lines:
        raise DataError(
            f"{table.name}: films of one study have different labels ({some_lines(lines)}), and"
            " with layout.unit: study a case is a study. The way out: take the table from the"
            " release once more, or layout.unit: image."
        )
