"""Which files of a folder are pictures: by suffix, or DICOM by how they begin."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from radpipe.core.masking import IMAGE_SUFFIXES
from radpipe.imaging.dicom.read import is_dicom

# Enough for the prefix of a DICOM file, or for its first element.
LOOK = 256
# The list of a medium's files, which has this name (PS3.10, 8.6), is DICOM without a picture.
DIRECTORY = "dicomdir"


def pictures_below(raw: Path, files: Iterable[str]) -> list[str]:
    """List the files that are pictures, sorted.

    Suffixes of pictures are taken at their word. Of all other files, whatever their suffix, the
    first 256 bytes are read: DICOM films are often called by a number or a UID alone.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Paths below it.

    """
    return sorted(file for file in files if _has_suffix(file) or _is_film(raw, file))


def holds_dicom(path: Path) -> bool:
    """Tell whether a file begins as DICOM does; one that cannot be opened does not."""
    try:
        with path.open("rb", buffering=0) as stream:
            return is_dicom(stream.read(LOOK))
    except OSError:
        return False


def stem_of(file: str) -> str:
    """Return a path without the suffix of a picture; the last number of a UID is no suffix."""
    path = PurePosixPath(file)
    return str(path.with_suffix("")) if path.suffix.lower() in IMAGE_SUFFIXES else str(path)


def _has_suffix(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in IMAGE_SUFFIXES


def _is_film(raw: Path, file: str) -> bool:
    return PurePosixPath(file).name.lower() != DIRECTORY and holds_dicom(raw / file)
