"""What headers of DICOM films say of patient, side and view, where `layout.header` asks them."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from radpipe.core.errors import DataError
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.imaging.dicom.headers import FilmHeader, read_film_headers
from radpipe.studies.base.contract import Case, unknown_patient
from radpipe.studies.base.keyed import KeyedPatient, hiding, read_key
from radpipe.studies.folders.layout import VIEW, FoldersLayout
from radpipe.studies.folders.pictures import holds_dicom

log = logging.getLogger("radpipe.index")

PUBLIC_KEY = b"radpipe adapter folders, public key 1"
# File to its header, or to why it cannot be read.
Headers = Mapping[str, FilmHeader | DataError]


@dataclass
class Seen:
    """What an examination has seen, and what it gets to know.

    Attributes
    ----------
    headers
        Of all DICOM films; None: they are read when they are needed.
    aside
        Gets the images that the layout leaves out by class or part.

    """

    headers: Headers | None = None
    aside: set[str] = field(default_factory=set)


def headers_of(raw: Path, files: Sequence[str], layout: FoldersLayout) -> Headers:
    """Read the headers of those files that are DICOM.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Pictures below it.
    layout
        Says which key hides identifiers.

    Returns
    -------
    dict
        File to header, or to why it cannot be read, which step ingest will say, too.

    Raises
    ------
    DataError
        There is no such key.

    """
    # Elsewhere, hashes only serve to compare, and are kept nowhere.
    key_file = layout.key_file if {"patient", "study"} & set(layout.header) else None
    hidden = hiding(read_key(raw, key_file, public=PUBLIC_KEY))
    films = [file for file in files if holds_dicom(raw / file)]
    paths = [raw / file for file in films]
    found = read_film_headers(paths, hidden, devices=layout.devices)
    shown = tqdm(found, "headers", len(films), unit="files", mininterval=2, delay=2)
    return dict(zip(films, shown, strict=True))


def known(headers: Headers) -> dict[str, FilmHeader]:
    """Return the headers that could be read."""
    return {file: found for file, found in headers.items() if isinstance(found, FilmHeader)}


def with_headers(
    raw: Path, cases: Sequence[Case], layout: FoldersLayout, headers: Headers | None = None
) -> list[Case]:
    """Return cases of one image each with what `layout.header` takes from headers.

    Patient and side are unknown where a header does not say, or a file has none. `headers` are
    those of the files, if they have been read before.

    Raises
    ------
    DataError
        Patient IDs are words for an unknown patient, or are probably written in several forms, and
        `layout.patient_forms` refuses that; or all films have the same. None is shown.

    """
    if not layout.header:
        return list(cases)
    if headers is None:
        headers = headers_of(raw, [case.files[VIEW] for case in cases], layout)
    films = known(headers)
    if "patient" in layout.header:
        cases = _with_patients(cases, films, layout)
    told = [_told(case, films.get(case.files[VIEW]), layout) for case in cases]
    _log_silent(told, layout)
    return told


def _told(case: Case, header: FilmHeader | None, layout: FoldersLayout) -> Case:
    """Add side, view and study."""
    if "side" in layout.header and header is not None:
        shows = header.facts.shows
        case = replace(case, side=None if shows == "B" else shows)
    if "view" in layout.header:
        view = (header.view if header is not None else None) or ""
        case = replace(case, covariates={**case.covariates, "view": view})
    if "study" in layout.header:
        study = header.study if header is not None else ""
        case = replace(case, covariates={**case.covariates, "study": study})
    return case


def _with_patients(
    cases: Sequence[Case], films: Mapping[str, FilmHeader], layout: FoldersLayout
) -> list[Case]:
    """Give every case the patient of its header, after `layout.patient_forms` was asked."""
    said = {
        case.files[VIEW]: KeyedPatient(*films[case.files[VIEW]].patient)
        for case in cases
        if case.files[VIEW] in films and films[case.files[VIEW]].patient
    }
    named = _names(said, layout)
    _refuse_alike(named)
    return [
        replace(case, patient=named.get(case.files[VIEW]) or unknown_patient(case.case))
        for case in cases
    ]


def _names(said: Mapping[str, KeyedPatient], layout: FoldersLayout) -> dict[str, str]:
    """Return film to the name of its patient, if that is known: the first of its forms."""
    if layout.patient_forms == "keep":
        return {file: patient.name for file, patient in said.items()}
    forms: dict[str, dict[str, str]] = defaultdict(dict)
    for file, patient in sorted(said.items()):
        if not patient.unknown:
            forms[patient.form].setdefault(patient.name, file)
    if layout.patient_forms == "refuse":
        _refuse_words(sorted(file for file, patient in said.items() if patient.unknown), layout)
        _refuse_forms(forms)
    return {
        file: next(iter(forms[patient.form]))
        for file, patient in said.items()
        if not patient.unknown
    }


def _refuse_words(words: Sequence[str], layout: FoldersLayout) -> None:
    if words:
        raise DataError(
            f"layout.header: patient: {counted(len(words), 'film has', 'films have')} a Patient ID"
            " that stands for an unknown patient, such as ANONYMOUS or NA:"
            f" {patterns(words)}; all of them would be one patient's. The way out:"
            f" {_without('patient', layout)}; or say layout.patient_forms: merge (each such film is"
            " taken for a patient of its own) or keep (it is a name)"
        )


def _refuse_forms(forms: Mapping[str, Mapping[str, str]]) -> None:
    several = [files for files in forms.values() if len(files) > 1]
    if several:
        raise DataError(
            f"layout.header: patient: {counted(len(several), 'Patient ID is', 'Patient IDs are')}"
            " probably written in several forms, which differ in capitals, blanks, leading zeros or"
            f" the like, such as those of {patterns(several[0].values())}; they would count as"
            " different patients, and might stand in both train and test. The way out: say in"
            " params.yaml layout.patient_forms: merge (they are one) or keep (they are not)"
        )


def _refuse_alike(named: Mapping[str, str]) -> None:
    """Refuse one Patient ID for all films: patients could not be divided."""
    if len(named) > 1 and len(set(named.values())) == 1:
        raise DataError(
            f"layout.header: patient: all {len(named):,} films have the same Patient ID, which was"
            " most likely put there when names were taken away. The way out: take patient out of"
            " layout.header, and say in path or table whose film each is"
        )


def _without(name: str, layout: FoldersLayout) -> str:
    where = "layout.path" if layout.table is None else "layout.table"
    return f"take {name} out of layout.header, and let {where} say it"


def _log_silent(told: Sequence[Case], layout: FoldersLayout) -> None:
    """Count what headers do not say."""
    for name, n in silent(told, layout):
        log.warning("headers do not say the %s of %d of %s", name, n, counted(len(told), "image"))


def silent(cases: Sequence[Case], layout: FoldersLayout) -> Iterator[tuple[str, int]]:
    """Yield side or view, and how many images there are of which headers do not say it."""
    if "side" in layout.header and (n := sum(case.side is None for case in cases)):
        yield "side", n
    if "view" in layout.header and (n := sum(not case.covariates["view"] for case in cases)):
        yield "view", n
