"""What the header of a film says, without a byte of its pixels: a small record for adapters.

Nothing in it can name a person: technical facts come out of fixed lists, and identifiers only as
what the caller makes of them, which should be a keyed hash (`studies.base.keyed`).
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.codecs import ENCAPSULATED, PLAIN, missing_codec, syntax_name
from radpipe.imaging.dicom.file import DEFLATED, IMPLICIT, read_up_to_pixels
from radpipe.imaging.dicom.grey import LUT, has_bad_window, windows
from radpipe.imaging.dicom.header import DicomHeader
from radpipe.imaging.dicom.layout import COLOURS, GREYS, MAX_NUMBER, PALETTE, n_bytes
from radpipe.imaging.dicom.quiet import quiet
from radpipe.imaging.dicom.read import is_dicom
from radpipe.imaging.dicom.remarks import FOR_PROCESSING, INVERSE
from radpipe.imaging.dicom.tags import Facts, facts
from radpipe.imaging.dicom.views import View, is_stitched, view_of

# What is read besides the elements that pixels need.
MORE = (
    "ImageType",
    "SOPInstanceUID",
    "Manufacturer",
    "ManufacturerModelName",
    "PatientID",
    "ViewPosition",
    "ViewCodeSequence",
    "StudyInstanceUID",
)
DEVICE_LETTERS = 32
# Enough to see what a file is, bytes.
LOOK = 256
# Syntaxes in which the size of a file says whether all pixels are there.
NATIVE = PLAIN.keys() - {DEFLATED, ENCAPSULATED}
# Tag, kind and length in front of pixels, bytes (PS3.5, 7.1): implicit VR, and explicit.
SHORT_HEAD, LONG_HEAD = 8, 12
# Headers that are read before one is handed over.
AT_ONCE = 256

Display = Literal[
    "VOI LUT", "one window", "several windows", "a window that cannot be applied", "none"
]
BAD_WINDOW: Display = "a window that cannot be applied"


@dataclass(frozen=True, slots=True)
class Hiding:
    """What becomes of identifiers: functions whose results tell nothing.

    Attributes
    ----------
    name
        Of a UID: equal ones give equal texts.
    patient
        Of Patient ID; what it returns is kept as it is.

    """

    name: Callable[[str], str]
    patient: Callable[[str], tuple[str, ...]]


# For who asks for no identifiers.
NOBODY = Hiding(name=lambda _: "", patient=lambda _: ())


@dataclass(frozen=True, slots=True)
class FilmHeader:
    """What is known of a film from its header.

    Attributes
    ----------
    facts
        Spacing in mm, sides, body part, modality, and whether text is likely in the pixels.
    syntax
        Name of the transfer syntax; empty if it is not one that is read.
    undecodable
        Why pixels cannot be decoded here, empty if they can.
    photometric
        Photometric Interpretation, if it is one that is read.
    rows, columns, bits
        Size in pixels, and Bits Stored; None if missing.
    frames
        Number of pictures in the file: 1 if it does not say, 0 if what it says is no number.
    holds_pixels
        Whether there are any.
    lacking
        How many bytes of pixels the file is too short for; 0 if it is not, or if that is not known
        without decoding them.
    display
        What says which values are shown.
    view
        From where it was taken.
    stitched
        Whether it was most likely put together from several exposures.
    instance, study
        What `Hiding.name` makes of SOP and Study Instance UID; empty if missing.
    patient
        What `Hiding.patient` makes of Patient ID; empty if missing.
    doubts
        Of `imaging/dicom/remarks.py`: what step ingest refuses unless the settings say otherwise.
    device
        Maker and model, free text; empty unless asked for.

    """

    facts: Facts
    syntax: str
    undecodable: str
    photometric: str | None
    rows: int | None
    columns: int | None
    bits: int | None
    frames: int
    holds_pixels: bool
    lacking: int
    display: Display
    view: View | None
    stitched: bool
    instance: str
    study: str
    patient: tuple[str, ...]
    doubts: tuple[str, ...]
    device: str = ""


def read_film_header(path: Path, hiding: Hiding, *, devices: bool = False) -> FilmHeader:
    """Read a film's header up to its pixels.

    Parameters
    ----------
    path
        A DICOM file (PS3.10), or one without a preamble.
    hiding
        What becomes of identifiers.
    devices
        Whether to keep Manufacturer (0008,0070) and its Model Name (0008,1090). They are free text
        that sites can edit.

    Raises
    ------
    DataError
        The file cannot be opened or parsed; the reason names nothing of it.

    """
    with quiet():
        return _read(path, hiding, devices)


def read_film_headers(
    paths: Sequence[Path], hiding: Hiding, *, devices: bool = False
) -> Iterator[FilmHeader | DataError]:
    """Read many headers, in order; an error stands in the place of a file that has none.

    Parameters
    ----------
    paths, hiding, devices
        As for `read_film_header`.

    """
    for start in range(0, len(paths), AT_ONCE):
        # To enter and leave `quiet` takes a third as long as to read a header.
        with quiet():
            some = [_tried(path, hiding, devices) for path in paths[start : start + AT_ONCE]]
        yield from some


def _tried(path: Path, hiding: Hiding, devices: bool) -> FilmHeader | DataError:
    try:
        return _read(path, hiding, devices)
    except DataError as error:
        return error


def _read(path: Path, hiding: Hiding, devices: bool) -> FilmHeader:
    try:
        with path.open("rb") as stream:
            if not is_dicom(stream.peek(LOOK)):
                raise DataError("is no DICOM file")
            header, pixels = read_up_to_pixels(stream, MORE)
            lacking = _lacking(header, stream) if pixels else 0
    except OSError as error:
        raise DataError(f"cannot be opened ({error.strerror})") from None
    return _summed_up(header, pixels, lacking, hiding, devices)


def _lacking(header: DicomHeader, stream: BinaryIO) -> int:
    """Return by how many bytes a file, read up to its pixels, is too short for them."""
    if header.syntax not in NATIVE:
        return 0
    head = SHORT_HEAD if header.syntax == IMPLICIT else LONG_HEAD
    held = max(0, os.fstat(stream.fileno()).st_size - stream.tell() - head)
    return max(0, _said_bytes(header) - held)


def _said_bytes(header: DicomHeader) -> int:
    """Return how long pixels are that are not compressed; 0 if the header does not say."""
    rows, columns = _count(header, "Rows"), _count(header, "Columns")
    allocated = _count(header, "BitsAllocated")
    photometric = header.word("PhotometricInterpretation")
    samples = _count(header, "SamplesPerPixel") or (3 if photometric in COLOURS else 1)
    if not (rows and columns and allocated):
        return 0
    return n_bytes(rows * columns * samples * _frames(header), allocated, photometric)


def _summed_up(
    header: DicomHeader, pixels: bool, lacking: int, hiding: Hiding, devices: bool
) -> FilmHeader:
    known, person = facts(header), header.identifier("PatientID")
    photometric = header.word("PhotometricInterpretation")
    syntax, undecodable = _syntax(header.syntax)
    return FilmHeader(
        facts=known,
        syntax=syntax,
        undecodable=undecodable,
        photometric=photometric if photometric in (*GREYS, *COLOURS, PALETTE) else None,
        rows=_count(header, "Rows"),
        columns=_count(header, "Columns"),
        bits=_count(header, "BitsStored"),
        frames=_frames(header),
        holds_pixels=pixels,
        lacking=lacking,
        display=_display(header),
        view=view_of(header),
        stitched=is_stitched(header, known.spacing),
        instance=_hidden(header, "SOPInstanceUID", hiding),
        study=_hidden(header, "StudyInstanceUID", hiding),
        patient=hiding.patient(person) if person else (),
        doubts=tuple(_doubts(header, photometric)),
        device=_device(header) if devices else "",
    )


def _syntax(uid: str) -> tuple[str, str]:
    """Return the name of a transfer syntax, and why it cannot be decoded here."""
    try:
        return syntax_name(uid), missing_codec(uid)
    except DataError as error:
        return "", str(error)


def _count(header: DicomHeader, keyword: str) -> int | None:
    """Return a number of 16 bits, as all of these are (PS3.6); others may be a date."""
    found = header.integer(keyword)
    return found if found is not None and 0 < found <= MAX_NUMBER else None


def _frames(header: DicomHeader) -> int:
    found = header.integer("NumberOfFrames")
    return 1 if found is None else found if 0 < found <= MAX_NUMBER else 0


def _display(header: DicomHeader) -> Display:
    """Say what chooses the values that are shown (C.11.2); a lookup table comes first."""
    if header.item("VOILUTSequence", with_any=LUT) is not None:
        return "VOI LUT"
    if has_bad_window(header):
        return BAD_WINDOW
    number = sum(not math.isnan(center + width) for center, width in windows(header))
    return "none" if not number else "one window" if number == 1 else "several windows"


def _doubts(header: DicomHeader, photometric: str) -> Iterator[str]:
    if header.word("PresentationIntentType") == "FOR PROCESSING":
        yield FOR_PROCESSING
    if photometric == "MONOCHROME2" and header.word("PresentationLUTShape") == "INVERSE":
        yield INVERSE


def _hidden(header: DicomHeader, keyword: str, hiding: Hiding) -> str:
    said = header.identifier(keyword)
    return hiding.name(said) if said else ""


def _device(header: DicomHeader) -> str:
    """Return maker and model, cut short and without signs that could upset a terminal."""
    words = (header.identifier(keyword) for keyword in ("Manufacturer", "ManufacturerModelName"))
    shown = ("".join(filter(str.isprintable, word))[:DEVICE_LETTERS] for word in words)
    return " ".join(word for word in shown if word)
