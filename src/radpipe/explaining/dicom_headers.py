"""Headers of films, made fit to be carried on into answers: whatever is odd in one is left out."""

import re
from collections.abc import Sequence

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from pydicom.valuerep import DA, TM, PersonName

from radpipe.core.errors import ConfigError, DataError
from radpipe.imaging.dicom.quiet import otherwise, quiet
from radpipe.prediction.description import Description
from radpipe.prediction.raw import RawCase

# Without these an answer would belong to no study.
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
# Must be there, and may be empty (PS3.3, C.7.1.1 and C.7.2.1: type 2).
MAY_BE_EMPTY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("AccessionNumber", "StudyID", "ReferringPhysicianName"),
)
SEXES = ("M", "F", "O")
# Up to three letters, the main direction first (PS3.3, C.7.6.1.1.1).
DIRECTION = re.compile("[APRLHF]{1,3}")
UTF8 = "ISO_IR 192"


def read_sources(what: Description, cases: Sequence[RawCase]) -> list[Dataset]:
    """Read the header of the film that each case is about, without its pixels.

    What highdicom would refuse a film for, though films have it, is made empty: a sex or date that
    is none, an orientation of no known letters. Text becomes UTF-8.

    Raises
    ------
    ConfigError
        The model takes several views, or none.
    DataError
        A case is no DICOM file, or does not say which study it belongs to.

    """
    if len(what.inputs.views) != 1 or what.inputs.volumes:
        raise ConfigError(
            f"--dicom reports on films of one picture, and {what.title} takes"
            f" {', '.join(what.inputs.views) or 'covariates'}; leave --dicom out."
        )
    found: list[Dataset] = []
    for number, case in enumerate(cases, start=1):
        (raw,) = case.views.values()
        if isinstance(raw, np.ndarray):
            raise DataError(unfit(number, len(cases)))
        with quiet(), otherwise(unfit(number, len(cases))):
            found.append(fit(dcmread(raw, stop_before_pixels=True)))
    return found


def unfit(number: int, n: int) -> str:
    """Say which case lacks what a report needs, and nothing of what its header holds."""
    return (
        f"case {number} of {n}: is no DICOM film whose header says what a report needs"
        f" ({', '.join(NEEDED)}). --dicom puts answers into the film's own study; for other"
        " pictures leave it out."
    )


def fit(source: Dataset) -> Dataset:
    """Change a header so that highdicom takes it; to be called inside `quiet`.

    Raises
    ------
    ValueError
        It does not say which object of which study it is.

    """
    if not all(UID(str(source.get(keyword, ""))).is_valid for keyword in NEEDED):
        raise ValueError("no study")
    source.decode()
    source.SpecificCharacterSet = UTF8
    for keyword in MAY_BE_EMPTY:
        value = source.get(keyword)
        text = "" if value is None else str(value)
        # Another encoding would be remembered by the name.
        setattr(source, keyword, PersonName(text) if keyword.endswith("Name") else text)
    if source.PatientSex not in SEXES:
        source.PatientSex = ""
    for keyword, kind in {"PatientBirthDate": DA, "StudyDate": DA, "StudyTime": TM}.items():
        try:
            kind(str(source.get(keyword)))
        except (ValueError, TypeError):
            setattr(source, keyword, "")
    return source


def orientation_of(source: Dataset) -> list[str]:
    """Return the directions of a film's rows and columns; empty if they are not known."""
    said = source.get("PatientOrientation") or []
    letters = [str(each) for each in ([said] if isinstance(said, str) else said)]
    known = len(letters) == 2 and all(DIRECTION.fullmatch(each) for each in letters)
    return letters if known else []
