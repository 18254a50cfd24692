"""Rows and files of CheXpert put together, and what must be true of patients and studies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from radpipe.core.errors import DataError
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.chexpert.films import FilmFinder
from radpipe.studies.chexpert.layout import ChexpertLayout
from radpipe.studies.chexpert.rows import ChexpertFilm
from radpipe.studies.chexpert.tables import ChexpertTable

# From this share of a table's films on, it is the place that is wrong, and not a film that is lost.
MOST = 0.5
# A film, and its file below the raw root.
Found = tuple[ChexpertFilm, str]


def found_films(
    table: ChexpertTable, finder: FilmFinder, layout: ChexpertLayout
) -> tuple[list[Found], list[str]]:
    """Return the films of the wanted views with their files, and paths of those without one.

    Raises
    ------
    DataError
        Most are missing, or one lies at two places.

    """
    wanted = [film for film in table.films if layout.views in ("all", film.place.view)]
    files = [finder.files_of(film.path, film.place) for film in wanted]
    pairs = list(zip(wanted, files, strict=True))
    _refuse_several(table, [film.line for film, places in pairs if len(places) > 1])
    lost = [film.path for film, places in pairs if not places]
    found = [(film, places[0]) for film, places in pairs if places]
    if lost and len(lost) >= MOST * len(wanted):
        raise DataError(
            f"{told_of_lost(table, found, lost)}. The way out: unpack the whole archive, or correct"
            " source.path in params.yaml."
        )
    return found, lost


def _refuse_several(table: ChexpertTable, several: Sequence[int]) -> None:
    """Refuse the films of these lines, which lie at several places."""
    if several:
        raise DataError(
            f"{table.name}: {counted(len(several), 'film lies', 'films lie')} in several folders"
            f" ({some_lines(several)}). The way out: let source.path in params.yaml be the folder"
            " of one release."
        )


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
    for table in tables:
        forms: list[int] = []
        shared: list[int] = []
        for film in table.films:
            patient = film.place.patient
            part, name = first.setdefault(_number(patient), (table.part, patient))
            if part != table.part:
                shared.append(film.line)
            elif name != patient:
                forms.append(film.line)
        _refuse_patients(table.name, shared, forms)


def _refuse_patients(name: str, shared: Sequence[int], forms: Sequence[int]) -> None:
    """Refuse lines of patients who stand in a part before, or are written in another way."""
    if shared:
        raise DataError(
            f"{name}: {counted(len(shared), 'film is', 'films are')} of patients who stand in"
            f" another table, too ({some_lines(shared)}); a patient belongs to one part. The way"
            " out: take the tables from one release, or take these patients out of one of the two."
        )
    if forms:
        raise DataError(
            f"{name}: {counted(len(forms), 'path writes', 'paths write')} a patient's number in"
            f" another way than a row before ({some_lines(forms)}), such as with fewer zeros. The"
            " way out: take the table from the release once more."
        )


def _number(patient: str) -> int:
    return int(patient.removeprefix("patient"))


def studies_of(found: Iterable[Found]) -> Mapping[tuple[str, str], Sequence[Found]]:
    """Return patient and study to films."""
    studies: defaultdict[tuple[str, str], list[Found]] = defaultdict(list)
    for film, file in found:
        studies[film.place.patient, film.place.study].append((film, file))
    return studies


def refuse_unequal(table: ChexpertTable, found: Iterable[Found]) -> None:
    """Refuse studies whose films have other answers: labels are those of the study's report.

    Raises
    ------
    DataError
        With the lines of these films.

    """
    lines = {
        film.line
        for films in studies_of(found).values()
        if len({film.answers for film, _ in films}) > 1
        for film, _ in films
    }
    if lines:
        raise DataError(
            f"{table.name}: films of one study have different labels ({some_lines(lines)}), and"
            " with layout.unit: study a case is a study. The way out: take the table from the"
            " release once more, or layout.unit: image."
        )
