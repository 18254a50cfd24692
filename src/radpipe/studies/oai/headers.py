"""What the header of a film says of it, as far as it matters to a study; pixels are not read.

Nothing that could name a person leaves this module: values that are not codes of DICOM are
counted as "other".
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

MODALITIES = ("CR", "DX", "RG", "DR")
PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2")
NEEDED = ("Rows", "Columns", "BitsStored", "PhotometricInterpretation")
# Detectors for knees have pixels of 0.1 to 0.2 mm.
SPACING_MM = (0.05, 1.0)
# All that pydicom is known to raise on broken headers.
BROKEN = (InvalidDicomError, OSError, ValueError, KeyError, AttributeError, TypeError)

Level = Literal["problem", "warning", "note"]


@dataclass(frozen=True, slots=True)
class OaiHeader:
    """What matters of one film.

    Attributes
    ----------
    kind
        Size, bits and compression, in words.
    side
        "R", "L", or "" for a film of both or one that does not say.
    mirrored
        Whether columns run to the patient's right.
    spacing
        Millimetres between rows, or None.
    oddities
        Level and wording of what is odd.

    """

    kind: str
    side: str
    mirrored: bool
    spacing: float | None
    oddities: tuple[tuple[Level, str], ...]


def read_header(path: Path) -> OaiHeader:
    """Read the header of a film.

    Raises
    ------
    ValueError
        The file is no DICOM file, or broken; the message names no value of it.

    """
    try:
        # Warnings of pydicom may quote values, and those may be names.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = dcmread(path, stop_before_pixels=True)
            return _header(data)
    except BROKEN as error:
        raise ValueError("no DICOM file, or a broken one") from error


def _header(data: Dataset) -> OaiHeader:
    syntax = UID(data.file_meta.get("TransferSyntaxUID", ""))
    name = syntax.name if syntax.is_transfer_syntax else "unknown transfer syntax"
    bits = int(data.get("BitsStored", 0) or 0)
    size = f"{int(data.get('Rows', 0) or 0)} x {int(data.get('Columns', 0) or 0)}"
    side = str(data.get("Laterality") or data.get("ImageLaterality") or "")
    spacing = data.get("PixelSpacing") or data.get("ImagerPixelSpacing")
    first = float(spacing[0]) if spacing else None
    orientation = data.get("PatientOrientation") or [""]
    return OaiHeader(
        kind=f"{size}, {bits} bits, {name}",
        side=side if side in ("R", "L") else "",
        mirrored=str(orientation[0]).startswith("R"),
        spacing=first,
        oddities=tuple(_oddities(data, syntax, first)),
    )


def _oddities(data: Dataset, syntax: UID, spacing: float | None) -> Iterator[tuple[Level, str]]:
    missing = [name for name in NEEDED if data.get(name) in (None, "")]
    if missing:
        yield "problem", f"the header lacks {', '.join(missing)}"
    if not _decodable(syntax):
        yield "problem", "compressed in a way that cannot be decoded here"
    if not missing and data.PhotometricInterpretation not in PHOTOMETRIC:
        yield "problem", "not a grey picture"
    if int(data.get("NumberOfFrames") or 1) > 1:
        yield "problem", "several pictures in one file"
    if data.get("Modality") not in MODALITIES:
        yield "warning", "the modality is not that of a radiograph"
    if spacing is None:
        yield "warning", "neither Pixel Spacing nor Imager Pixel Spacing: lengths are not known"
    elif not SPACING_MM[0] <= spacing <= SPACING_MM[1]:
        yield "warning", "pixels smaller than 0.05 mm or larger than 1 mm"
    if not data.get("PatientOrientation"):
        yield "note", "no Patient Orientation: the patient's right is taken to be on the left"


def _decodable(syntax: UID) -> bool:
    if not syntax.is_transfer_syntax:
        return False
    if not syntax.is_compressed:
        return True
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False
