"""What `radpipe check-data` says of OAI: tables, films and how they fit, without naming anyone."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from radpipe.core.errors import DataError
from radpipe.core.files import sha256_file
from radpipe.core.findings import Finding, problem
from radpipe.core.plurals import counted
from radpipe.imaging.dicom.headers import NOBODY, FilmHeader, read_film_headers
from radpipe.studies.base.keyed import read_key
from radpipe.studies.oai.answers import OaiAnswers, read_answers
from radpipe.studies.oai.films import (
    WRONG_FOLDER,
    Chosen,
    Films,
    choose_films,
    find_films,
    read_barcodes,
    refuse_no_films,
    refuse_unclear,
)
from radpipe.studies.oai.layout import (
    GRADES,
    JOINTS,
    PUBLIC_KEY,
    RISK_FACTORS,
    OaiLayout,
    covariates,
)
from radpipe.studies.oai.oddities import Level, kind_of, oddities
from radpipe.studies.oai.tables import N_NAMED, OaiTables
from radpipe.studies.oai.truth import read_joints

# Knees with all risk factors and both visits, as published, and how many of them progressed.
PUBLISHED_KNEES, PUBLISHED_PROGRESSED = 4163, 1351
_WAY_OUT = {
    "problem": "unpack the release once more; without it the step ingest leaves these films out",
    "warning": "look at one of them in a DICOM viewer",
    "note": "",
}


def examine_data(raw: Path, *, files: Mapping[str, int], layout: OaiLayout) -> list[Finding]:
    """Tell what is missing or odd in a data set of OAI's layout.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Path below it to size in bytes.
    layout
        The study's layout.

    """
    findings = list(_key(raw, layout))
    films = find_films(files, layout)
    try:
        refuse_no_films(films, files, layout)
    except DataError as error:
        findings.append(problem(error))
    n_films = sum(map(len, films.values()))
    findings.append(
        Finding("ok", f"{counted(n_films, 'film')} of {counted(len(films), 'patient')}")
    )
    tables = OaiTables(raw, files)
    try:
        answers = read_answers(tables, layout, lambda error: findings.append(problem(error)))
    except DataError as error:
        findings.append(problem(error))
    else:
        findings += _target(answers, layout)
        findings += _covariates(answers, layout)
        findings += _knees(raw, files, tables, films, answers, layout)
    findings += _headers(raw, films)
    findings += _others(files, films)
    findings.append(Finding("note", "pixels were not read: broken films are found by step ingest"))
    return findings


def _key(raw: Path, layout: OaiLayout) -> Iterator[Finding]:
    try:
        read_key(raw, layout.key_file, public=PUBLIC_KEY)
    except DataError as error:
        yield problem(error)
    if layout.key_file is None:
        yield Finding(
            "note",
            "no layout.key_file: names of cases are hashed with a published key, so that whoever"
            " has a list of identifiers can find them out",
            "name a file with a secret of your own, if tables or names of cases leave your hands",
        )


def _target(answers: OaiAnswers, layout: OaiLayout) -> Iterator[Finding]:
    counts = Counter(value for value in answers.target.values() if not math.isnan(value))
    n_known, n = counts.total(), len(answers.target)
    if layout.question == "kl":
        listed = ", ".join(f"{grade}: {counts[grade]:,}" for grade in range(GRADES))
        yield Finding("ok", f"KL grades of {n_known:,} of {counted(n, 'knee')}: {listed}")
        absent = [str(grade) for grade in range(GRADES) if not counts[grade]]
    else:
        share = f" ({counts[1] / n_known:.1%})" if n_known else ""
        published = f"{PUBLISHED_PROGRESSED:,} of {PUBLISHED_KNEES:,}"
        yield Finding(
            "note",
            f"{counts[1]:,} of {n_known:,} knees{share} narrowed by {layout.loss:g} mm or more, and"
            f" {n - n_known:,} were not seen twice; published {published} with all risk factors",
        )
        absent = [name for name, value in (("no", 0), ("yes", 1)) if not counts[value]]
    if absent:
        yield Finding(
            "problem" if len(counts) < 2 else "warning",
            f"no knee of the classes {', '.join(absent)}",
            "take the tables from the release, or correct the columns in layout",
        )


def _covariates(answers: OaiAnswers, layout: OaiLayout) -> Iterator[Finding]:
    for note in answers.notes:
        yield Finding("note", note)
    n = len(answers.target)
    for name, values in answers.covariates.items():
        if values:
            yield Finding("ok", f"{name}: known for {len(values):,} of {counted(n, 'knee')}")
        else:
            yield Finding(
                "warning",
                f"{name}: known for no knee",
                f"correct layout.{name}, or set it to null",
            )
    left_out = [name for name in RISK_FACTORS if name not in covariates(layout)]
    if left_out:
        yield Finding("note", f"layout leaves out {', '.join(left_out)}")
    if answers.covariates:
        complete = sum(
            all(knee in values for values in answers.covariates.values())
            for knee, value in answers.target.items()
            if not math.isnan(value)
        )
        yield Finding(
            "ok", f"{counted(complete, 'knee has', 'knees have')} a target and every covariate"
        )


def _knees(
    raw: Path,
    files: Mapping[str, int],
    tables: OaiTables,
    films: Films,
    answers: OaiAnswers,
    layout: OaiLayout,
) -> Iterator[Finding]:
    """Tell how knees and films fit."""

    def same(one: str, other: str) -> bool:
        return files[one] == files[other] and sha256_file(raw / one) == sha256_file(raw / other)

    try:
        graded = tables.get(layout.grade.table, setting="layout.grade.table")
        chosen = choose_films(answers.target, films, read_barcodes(graded, layout), same)
        if films:
            refuse_unclear(chosen, answers.table, layout)
        cases = {(file, side): f"{file} {side}" for (_, side), file in chosen.films.items()}
        boxes, n_others = read_joints(raw, files=files, layout=layout, cases=cases)
    except DataError as error:
        yield problem(error)
        return
    yield from _fit(chosen, films)
    if len(boxes) or n_others:
        yield Finding("ok", f"{layout.boxes or JOINTS}: boxes of {counted(len(boxes), 'knee')}")
    if n_others:
        yield Finding(
            "note",
            f"{counted(n_others, 'box belongs', 'boxes belong')} to no case: not used",
        )


def _fit(chosen: Chosen, films: Films) -> Iterator[Finding]:
    yield Finding(
        "ok",
        f"{counted(len(chosen.films), 'knee stands', 'knees stand')} in the tables and on a film",
    )
    if chosen.without:
        yield Finding(
            "note",
            f"{counted(len(chosen.without), 'knee of the tables has', 'knees of the tables have')}"
            " no film",
        )
    if chosen.other_series:
        yield Finding(
            "note",
            f"{counted(len(chosen.other_series), 'of them has', 'of them have')} films, but of"
            " series that no table names",
        )
    if chosen.copies:
        yield Finding(
            "note",
            f"{counted(len(chosen.copies), 'film holds', 'films hold')} the same bytes as"
            " another one",
        )
    shown = set(chosen.films.values()) | chosen.copies
    unused = sum(film.file not in shown for several in films.values() for film in several)
    if unused:
        yield Finding(
            "note", f"{counted(unused, 'film shows', 'films show')} no knee of the tables"
        )


def _headers(raw: Path, films: Films) -> Iterator[Finding]:
    """Read every header, then tell of each oddity once, with a count and numbers of films."""
    odd: dict[tuple[Level, str], list[int]] = defaultdict(list)
    headers: list[FilmHeader] = []
    every = sorted(film.file for several in films.values() for film in several)
    found = read_film_headers([raw / file for file in every], NOBODY)
    for number, header in enumerate(found, start=1):
        if isinstance(header, DataError):
            odd["problem", "no DICOM file, or a broken one"].append(number)
            continue
        headers.append(header)
        for oddity in oddities(header):
            odd[oddity].append(number)
    yield from _in_common(headers)
    for (level, what), numbers in sorted(odd.items()):
        listed = (
            f"{counted(len(numbers), 'film')}: {what}; in the order of their paths {_some(numbers)}"
        )
        yield Finding(level, listed, _WAY_OUT[level])


def _in_common(headers: Sequence[FilmHeader]) -> Iterator[Finding]:
    for kind, n in Counter(map(kind_of, headers)).most_common():
        yield Finding("ok", f"{counted(n, 'film')} of {kind}")
    spacings = [mm for header in headers for mm in header.facts.spacing or ()]
    if spacings:
        yield Finding("ok", f"pixels of {min(spacings):g} to {max(spacings):g} mm")
    sides = Counter(header.facts.shows for header in headers)
    if sides["R"] or sides["L"]:
        yield Finding("note", f"films of one knee: {sides['R']:,} right, {sides['L']:,} left")
    if mirrored := sum(header.facts.columns_go == "R" for header in headers):
        yield Finding(
            "note",
            f"{counted(mirrored, 'film is', 'films are')} mirrored: columns run to the patient's"
            " right",
        )


def _others(files: Mapping[str, int], films: Films) -> Iterator[Finding]:
    known = {film.file for several in films.values() for film in several}
    others = [file for file in files if file not in known and PurePosixPath(file).suffix == ""]
    if any(WRONG_FOLDER in file for file in files):
        yield Finding("note", f"{WRONG_FOLDER} holds no knee radiographs of the baseline visit")
    if others:
        yield Finding(
            "note",
            f"{counted(len(others), 'file without suffix lies', 'files without suffix lie')}"
            " elsewhere than films",
        )


def _some(numbers: Sequence[int]) -> str:
    more = ", ..." if len(numbers) > N_NAMED else ""
    return "no. " + ", ".join(map(str, numbers[:N_NAMED])) + more
