"""Which film shows a knee: by patient, and by barcode where there are several."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from radpipe.core.errors import DataError
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.base.template import Template
from radpipe.studies.oai.layout import SIDES, OaiLayout
from radpipe.studies.oai.tables import OaiTable, code
from radpipe.studies.oai.values import ID, SIDE, Knee, reading_ranks

WRONG_FOLDER = "OAIBaselineImages"
RIGHT_FOLDER = "OAIScreeningImages"
# A shorter end of a barcode may fit by chance.
MIN_SERIES = 4


@dataclass(frozen=True, slots=True)
class OaiFilm:
    """A file, and the series whose folder it lies in ("" if paths do not name series)."""

    file: str
    series: str


# Patient's identifier to films.
Films = dict[str, list[OaiFilm]]


@dataclass
class Chosen:
    """What was chosen, and what could not be.

    Attributes
    ----------
    films
        Film of each knee that has one.
    without
        Knees of the table without a film.
    other_series
        Those of `without` whose patient has films, but of other series than the table names.
    unclear
        Knees whose patient has several films, and nothing says which it is.
    copies
        Films that were left out because another file holds the same bytes.

    """

    films: dict[Knee, str]
    without: list[Knee]
    other_series: list[Knee]
    unclear: list[Knee]
    copies: set[str]


def find_films(files: Iterable[str], layout: OaiLayout) -> Films:
    """Find the files that lie where films lie, by patient, sorted."""
    template = Template(layout.films)
    depth = layout.films.count("/") + 1
    found: Films = defaultdict(list)
    for file in sorted(files):
        match = template.match("/".join(file.split("/")[-depth:]))
        if match is not None:
            found[match["patient"]].append(OaiFilm(file, match.get("series", "")))
    return dict(found)


def refuse_no_films(films: Films, files: Iterable[str], layout: OaiLayout) -> None:
    """Refuse a folder without films, and say where they are to be had.

    Raises
    ------
    DataError
        No path ends as `layout.films` says.

    """
    if films:
        return
    wrong = any(WRONG_FOLDER in file for file in files)
    raise DataError(
        f"no film lies where layout.films says, .../{layout.films}, below the root of the data"
        f" set. Knee films of the baseline visit lie in {RIGHT_FOLDER}, and not in {WRONG_FOLDER}"
        + (", which is what is there" if wrong else "")
        + f". The way out: unpack {RIGHT_FOLDER} below the root, or correct source.path or"
        " layout.films in params.yaml."
    )


def read_barcodes(table: OaiTable, layout: OaiLayout) -> dict[Knee, set[str]]:
    """Return the barcodes that the table of grades names for each knee, best reading only."""
    if layout.barcode is None:
        return {}
    best: dict[Knee, int] = {}
    found: dict[Knee, set[str]] = {}
    rows = table.rows(ID, SIDE, layout.barcode, setting="layout.barcode (null: there is none)")
    for row, rank in zip(rows, reading_ranks(table, layout), strict=True):
        knee = (row.cells[ID], SIDES.get(code(row.cells[SIDE]) or "", ""))
        barcode = code(row.cells[layout.barcode])
        if barcode is None or rank > best.get(knee, rank):
            continue
        if rank < best.get(knee, rank + 1):
            best[knee], found[knee] = rank, set()
        found[knee].add(barcode)
    return found


def choose_films(
    knees: Iterable[Knee],
    films: Films,
    barcodes: Mapping[Knee, set[str]],
    same: Callable[[str, str], bool],
) -> Chosen:
    """Choose a film for each knee.

    Parameters
    ----------
    knees
        Knees that the study asks for.
    films
        Films by patient.
    barcodes
        Barcodes by knee, as far as the table names them.
    same
        Whether two files hold the same bytes.

    """
    chosen = Chosen({}, [], [], [], set())
    for knee in sorted(knees):
        found = films.get(knee[0], [])
        if knee in barcodes:
            fitting = [film for film in found if _fits(film, barcodes[knee])]
            if found and not fitting:
                chosen.other_series.append(knee)
            found = fitting
        several, found = found, _distinct(found, same)
        chosen.copies |= {film.file for film in several} - {film.file for film in found}
        if not found:
            chosen.without.append(knee)
        elif len(found) > 1:
            chosen.unclear.append(knee)
        else:
            chosen.films[knee] = found[0].file
    return chosen


def refuse_unclear(chosen: Chosen, table: OaiTable, layout: OaiLayout) -> None:
    """Refuse knees that have several films, and tables that fit no film at all.

    Raises
    ------
    DataError
        With the lines of the table.

    """
    if chosen.unclear:
        lines = some_lines(_lines_of(table, set(chosen.unclear)))
        hint = (
            "say in layout.barcode which column names the film that was read"
            if layout.barcode is None
            else f"correct the column {layout.barcode} of {layout.grade.table}"
        )
        raise DataError(
            f"{table.name}: {counted(len(chosen.unclear), 'knee has', 'knees have')} several"
            " films to choose from, such"
            f" as those of {lines}. The way out: {hint}, or leave one film for each patient."
        )
    if not chosen.films:
        series = (
            f" For {len(chosen.other_series)} of them there are films, but of other series than"
            f" the column {layout.barcode} names; layout.barcode: null takes any."
            if chosen.other_series
            else ""
        )
        raise DataError(
            f"none of the {len(chosen.without)} knees of {table.name} has a film.{series} The way"
            " out: put tables and films of the same release together, or correct layout.films."
        )


def _lines_of(table: OaiTable, knees: set[Knee]) -> list[int]:
    rows = table.rows(ID, SIDE, setting="the table")
    return [
        row.line
        for row in rows
        if (row.cells[ID], SIDES.get(code(row.cells[SIDE]) or "", "")) in knees
    ]


def _fits(film: OaiFilm, barcodes: Iterable[str]) -> bool:
    """Tell whether a barcode ends with the film's series, as OAI's do."""
    long_enough = len(film.series) >= MIN_SERIES
    return long_enough and any(barcode.endswith(film.series) for barcode in barcodes)


def _distinct(films: list[OaiFilm], same: Callable[[str, str], bool]) -> list[OaiFilm]:
    """Leave out files that hold the same bytes as one before them."""
    kept: list[OaiFilm] = []
    for film in films:
        if not any(same(film.file, other.file) for other in kept):
            kept.append(film)
    return kept
