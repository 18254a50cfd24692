"""What `radpipe check-data` says of CheXpert: what is missing or odd, and counts of all labels."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.findings import Finding, problem
from radpipe.core.plurals import counted
from radpipe.core.text_tables import some_lines
from radpipe.studies.chexpert.films import FilmFinder
from radpipe.studies.chexpert.layout import LABELS, ChexpertLayout, header_of
from radpipe.studies.chexpert.matching import (
    found_films,
    refuse_shared,
    refuse_unequal,
    told_of_lost,
)
from radpipe.studies.chexpert.rows import BLANK, NEGATIVE, POSITIVE, UNCERTAIN
from radpipe.studies.chexpert.tables import ChexpertTable, find_tables, read_films

# Films and patients of CheXpert-v1.0 and of its test release.
PUBLISHED = {"train": (223_414, 64_540), "valid": (234, 200), "test": (668, 500)}
# The release itself lacks a film; a larger share of a table is an archive half unpacked.
FEW = 0.01
N_NAMED = 5
LEFT_OUT = "step index leaves them out; if there are many, unpack the archive once more"
T = TypeVar("T")


def examine_data(raw: Path, *, files: Mapping[str, int], layout: ChexpertLayout) -> list[Finding]:
    """Tell what is missing or odd in a data set of CheXpert's layout.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Path below it to size in bytes.
    layout
        Which films the study takes.

    """
    findings: list[Finding] = []
    finder = _tried(partial(FilmFinder, files), findings)
    names = _tried(partial(find_tables, files), findings) or {}
    tables = []
    for part, name in names.items():
        table = _tried(partial(read_films, raw, name, part=part, labels=LABELS), findings)
        if table is not None:
            tables.append(table)
            findings += _of_table(table)
    _tried(partial(refuse_shared, tables), findings)
    if finder is not None:
        findings += _of_files(tables, finder, layout)
    findings.append(
        Finding("note", "films were not opened: those that cannot be read are found by step ingest")
    )
    return findings


def _tried(act: Callable[[], T], findings: list[Finding]) -> T | None:
    try:
        return act()
    except DataError as error:
        findings.append(problem(error))
        return None


def _of_table(table: ChexpertTable) -> Iterator[Finding]:
    """Tell of rows, patients, views, labels and covariates, and what is odd about them."""
    for note in table.notes:
        yield Finding("warning", note)
    per_patient = np.array(list(Counter(film.place.patient for film in table.films).values()))
    here = len(table.films), len(per_patient)
    what = f"{counted(here[0], 'film')} of {counted(here[1], 'patient')}"
    published = PUBLISHED[table.part]
    beside = "" if here == published else "; CheXpert has {:,} of {:,}".format(*published)
    yield Finding("note" if beside else "ok", f"{table.name}: {what}{beside}")
    yield Finding(
        "ok",
        f"{table.name}: {per_patient.min()} to {per_patient.max()} films a patient,"
        f" {per_patient.mean():.1f} on average",
    )
    above = sorted({film.place.above for film in table.films})
    yield Finding("ok", f"{table.name}: paths begin with {_some(map(repr, above))}")
    for name in ("sex", "view", "projection"):
        yield _of_covariate(table, name)
    yield from _of_labels(table)
    yield from _oddities(table)


def _of_covariate(table: ChexpertTable, name: str) -> Finding:
    counts = Counter(film.covariates.get(name, "") or "unknown" for film in table.films)
    listed = ", ".join(f"{value} {n:,}" for value, n in counts.most_common())
    return Finding("ok", f"{table.name}: {name}: {listed}")


def _of_labels(table: ChexpertTable) -> Iterator[Finding]:
    counts = Counter(film.answers for film in table.films)
    for index, label in enumerate(table.labels):
        said: Counter[int] = Counter()
        for answers, n in counts.items():
            said[answers[index]] += n
        share = said[POSITIVE] / len(table.films)
        yield Finding(
            "ok" if share else "warning",
            f"{table.name}: {header_of(label)}: 1 {said[POSITIVE]:,} ({share:.1%}),"
            f" 0 {said[NEGATIVE]:,}, -1 {said[UNCERTAIN]:,}, blank {said[BLANK]:,}",
        )


def _oddities(table: ChexpertTable) -> Iterator[Finding]:
    """Tell of ages that are 0, and of people whose sex is not known."""
    newborn = [film.line for film in table.films if _is_zero(film.covariates.get("age", ""))]
    if newborn:
        yield Finding(
            "warning",
            f"{table.name}: {counted(len(newborn), 'film has', 'films have')} age 0"
            f" ({some_lines(newborn)})",
            "kept as it is; CheXpert is of adults, so that 0 most likely means unknown",
        )
    unknown = [film.line for film in table.films if film.covariates.get("sex") == ""]
    if unknown:
        yield Finding(
            "note",
            f"{table.name}: of {counted(len(unknown), 'film')} the sex is not known"
            f" ({some_lines(unknown)})",
        )


def _some(texts: Iterable[str]) -> str:
    """Join the first few texts."""
    every = list(texts)
    return ", ".join(every[:N_NAMED]) + (", ..." if len(every) > N_NAMED else "")


def _is_zero(age: str) -> bool:
    return bool(age) and float(age) == 0


def _of_files(
    tables: Sequence[ChexpertTable], finder: FilmFinder, layout: ChexpertLayout
) -> list[Finding]:
    """Tell where films lie, and which are missing or not named."""
    folders = (f"{n:,} below {folder!r}" for folder, n in finder.folders.items())
    findings = [Finding("ok", f"films: {_some(folders)}")]
    n_found = 0
    for table in tables:
        outcome = _tried(partial(found_films, table, finder, layout), findings)
        found, lost = outcome or ([], [])
        n_found += len(found)
        if lost:
            n_films = len(found) + len(lost)
            few = len(lost) <= FEW * n_films
            told = told_of_lost(table, found, lost)
            findings.append(Finding("warning" if few else "problem", told, LEFT_OUT))
        if layout.unit == "study":
            _tried(partial(refuse_unequal, table, found), findings)
    if n_others := finder.n_films - n_found:
        what = counted(n_others, "film is", "films are")
        findings.append(Finding("note", f"{what} not used: of another view, or in no table"))
    return findings
