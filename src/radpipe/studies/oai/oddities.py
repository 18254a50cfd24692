"""What is odd about the header of a film of knees."""

from collections.abc import Iterator
from typing import Literal

from radpipe.imaging.dicom.headers import FilmHeader
from radpipe.imaging.dicom.layout import GREYS

Level = Literal["problem", "warning", "note"]

# Defined terms of PS3.3, C.7.3.1.1.1, and the older one of digitised film.
RADIOGRAPHS = ("CR", "DX", "RG")
# Detectors for knees have pixels of 0.1 to 0.2 mm.
SPACING_MM = (0.05, 1.0)
NEEDED = {
    "Rows": "rows",
    "Columns": "columns",
    "BitsStored": "bits",
    "PhotometricInterpretation": "photometric",
}


def kind_of(header: FilmHeader) -> str:
    """Return size, bits and compression in words."""
    size = f"{header.rows or 0} x {header.columns or 0}"
    return f"{size}, {header.bits or 0} bits, {header.syntax or 'unknown transfer syntax'}"


def oddities(header: FilmHeader) -> Iterator[tuple[Level, str]]:
    """Yield level and wording of what is odd."""
    missing = [name for name, field in NEEDED.items() if getattr(header, field) is None]
    if missing:
        yield "problem", f"the header lacks {', '.join(missing)}"
    if header.undecodable:
        yield "problem", header.undecodable
    if header.photometric not in (None, *GREYS):
        yield "problem", "not a grey picture"
    if header.frames != 1:
        yield "problem", "several pictures in one file"
    known = header.facts
    if known.modality not in RADIOGRAPHS:
        yield "warning", "the modality is not that of a radiograph"
    if known.spacing is None:
        yield "warning", "neither Pixel Spacing nor Imager Pixel Spacing: lengths are not known"
    elif not all(SPACING_MM[0] <= mm <= SPACING_MM[1] for mm in known.spacing):
        yield "warning", "pixels smaller than 0.05 mm or larger than 1 mm"
    if known.columns_go is None:
        yield "note", "no Patient Orientation: the patient's right is taken to be on the left"
