"""From the rows of CheXpert's tables to cases: films, or studies with a film of each view."""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from radpipe.core.plurals import counted
from radpipe.studies.base.contract import Case
from radpipe.studies.chexpert.films import FilmFinder
from radpipe.studies.chexpert.layout import IMAGE, ChexpertLayout, official_parts
from radpipe.studies.chexpert.matching import (
    Found,
    found_films,
    refuse_unequal,
    studies_of,
    told_of_lost,
)
from radpipe.studies.chexpert.rows import BLANK, NEGATIVE, POSITIVE, UNCERTAIN, ChexpertFilm
from radpipe.studies.chexpert.tables import ChexpertTable

log = logging.getLogger("radpipe.index")


def cases_of(
    tables: Sequence[ChexpertTable],
    finder: FilmFinder,
    layout: ChexpertLayout,
    ceiling: Mapping[str, tuple[float, ...]],
) -> list[Case]:
    """Return the cases of all parts; films that are missing are counted in the log.

    Parameters
    ----------
    tables
        One a part.
    finder
        Of their films.
    layout
        Which films are cases, and how blanks are read.
    ceiling
        File to the ideal observer's probabilities; of a study, those of its first film count.

    Raises
    ------
    DataError
        Most films of a table are missing, a film lies at two places, or films of a study have other
        answers.

    """
    parts = official_parts(with_test=any(table.part == "test" for table in tables))
    truth = _Truth(layout, ceiling)
    cases: list[Case] = []
    for table in tables:
        found, lost = found_films(table, finder, layout)
        if lost:
            log.warning("%s; they are left out", told_of_lost(table, found, lost))
        one_each = _as_studies if layout.unit == "study" else _as_images
        cases += one_each(table, found, parts[table.part], truth)
    return cases


class _Truth:
    """What rows' answers come to as a target, each combination of them worked out once."""

    def __init__(self, layout: ChexpertLayout, ceiling: Mapping[str, tuple[float, ...]]) -> None:
        self.ceiling = ceiling
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
    table: ChexpertTable, found: Sequence[Found], part: str, truth: _Truth
) -> Iterator[Case]:
    """Yield a case for each film."""
    del table
    for film, file in found:
        target, uncertain = truth.of(film)
        yield Case(
            case=film.place.film,
            patient=film.place.patient,
            official=part,
            target=target,
            files={IMAGE: file},
            covariates=film.covariates,
            ceiling=truth.ceiling.get(file),
            uncertain=uncertain,
        )


def _as_studies(
    table: ChexpertTable, found: Sequence[Found], part: str, truth: _Truth
) -> Iterator[Case]:
    """Yield a case for each study, with the first film of each view."""
    refuse_unequal(table, found)
    chosen = {key: _first_of_each_view(films) for key, films in studies_of(found).items()}
    _tell_others(table, len(found) - sum(map(len, chosen.values())))
    for (patient, study), films in chosen.items():
        first, file = next(iter(films.values()))
        target, uncertain = truth.of(first)
        yield Case(
            case=f"{patient}/{study}",
            patient=patient,
            official=part,
            target=target,
            files={view: place for view, (_, place) in films.items()},
            covariates={name: said for name, said in first.covariates.items() if name != "view"},
            ceiling=truth.ceiling.get(file),
            uncertain=uncertain,
        )


def _tell_others(table: ChexpertTable, n_others: int) -> None:
    if n_others:
        log.warning(
            "%s: %s of studies with several of one view left out; a case has the first of each",
            table.name,
            counted(n_others, "film"),
        )


def _first_of_each_view(films: Iterable[Found]) -> dict[str, Found]:
    """Return view to film, frontal first."""
    chosen: dict[str, Found] = {}
    for film, file in sorted(films, key=lambda found: (found[0].place.view, found[0].place.number)):
        chosen.setdefault(film.place.view, (film, file))
    return chosen
