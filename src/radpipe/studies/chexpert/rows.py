"""The rows of CheXpert's tables: a film each, with 14 labels of the study that it belongs to."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from radpipe.studies.base.contract import number_of
from radpipe.studies.base.same_patient import is_unknown_word
from radpipe.studies.chexpert.films import EXAMPLE, FilmPlace, place_of

POSITIVE, NEGATIVE, UNCERTAIN, BLANK = 1, 0, -1, -2
CODES = {
    "1": POSITIVE,
    "1.0": POSITIVE,
    "0": NEGATIVE,
    "0.0": NEGATIVE,
    "-1": UNCERTAIN,
    "-1.0": UNCERTAIN,
    "": BLANK,
}
PATH, SEEN = "Path", "Frontal/Lateral"
# Columns of what is known beside the labels; the tables of test films have none of them.
COVARIATES = {"Sex": "sex", "Age": "age", "AP/PA": "projection"}
MAX_AGE = 120


class ChexpertFilm(NamedTuple):
    """One row.

    Attributes
    ----------
    line
        Of the table.
    path
        As it is written there.
    place
        What it says.
    answers
        One of `POSITIVE`, `NEGATIVE`, `UNCERTAIN`, `BLANK` for each label that was asked for.
    covariates
        view, and sex, age (years) and projection where the table has them; "" is unknown.

    """

    line: int
    path: str
    place: FilmPlace
    answers: tuple[int, ...]
    covariates: Mapping[str, str]


@dataclass(slots=True)
class RowReader:
    """Reads rows; cells that are written alike are taken apart once.

    Attributes
    ----------
    said
        Columns of covariates that the table has, which stand behind the path.
    headers
        Columns of labels behind them.
    odd
        What is wrong, to the lines in which it is.
    contradicted
        Lines in which path and table name two views.

    """

    said: tuple[str, ...]
    headers: tuple[str, ...]
    odd: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    contradicted: list[int] = field(default_factory=list)
    _answers: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    _covariates: dict[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)

    def film(self, line: int, cells: tuple[str, ...]) -> ChexpertFilm | None:
        """Read a row; None if it cannot be, which `odd` then says."""
        place = place_of(cells[0])
        if place is None:
            self.odd[f"column 'Path': no path such as {EXAMPLE}"].append(line)
            return None
        behind = 1 + len(self.said)
        answers = self._answers.get(cells[behind:]) or self._read_answers(line, cells[behind:])
        key = (place.view, *cells[1:behind])
        covariates = self._covariates.get(key) or self._read_covariates(line, key)
        if self.said[:1] == (SEEN,) and cells[1].lower() not in ("", place.view):
            self.contradicted.append(line)
        return ChexpertFilm(line, cells[0], place, answers, covariates)

    def _read_answers(self, line: int, texts: tuple[str, ...]) -> tuple[int, ...]:
        odd = [
            header for header, text in zip(self.headers, texts, strict=True) if text not in CODES
        ]
        for header in odd:
            self.odd[f"column {header!r}: neither 1, 0, -1 nor empty"].append(line)
        if odd:  # not remembered, so that every such line is told of
            return ()
        return self._answers.setdefault(texts, tuple(CODES[text] for text in texts))

    def _read_covariates(self, line: int, key: tuple[str, ...]) -> Mapping[str, str]:
        found = {"view": key[0]}
        for column, text in zip(self.said, key[1:], strict=True):
            if column in COVARIATES:
                found[COVARIATES[column]] = "" if is_unknown_word(text) else text
        if not _is_age(found.get("age", "")):
            self.odd[f"column 'Age': no number of years from 0 to {MAX_AGE}"].append(line)
            return found
        return self._covariates.setdefault(key, found)


def _is_age(text: str) -> bool:
    age = number_of(text) if text else 0
    return age is not None and 0 <= age <= MAX_AGE
