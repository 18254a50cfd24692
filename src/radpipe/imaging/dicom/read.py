"""DICOM files in, displayed grey out, and a few technical facts; nothing personal leaves.

What is read and in which order: `docs/reference/dicom.md`. pydicom is imported when the first DICOM
file is met, so that studies of pictures start as quickly as before.
"""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from radpipe.core.errors import DataError
from radpipe.core.settings import Dicom
from radpipe.imaging.dicom.remarks import NOT_SQUARE
from radpipe.imaging.read import MAX_PIXELS, Array, Picture, Shown, Side
from radpipe.imaging.resize import with_square_pixels

if TYPE_CHECKING:
    from radpipe.imaging.dicom.tags import Facts

PREFIX_AT, PREFIX = 128, b"DICM"  # PS3.10, section 7.1
# Rows up to this many times as far apart as columns, or the other way round, count as as far.
SQUARE = 1.01
# The first elements of files without a preamble: group 2 (the file's own) or 8.
FIRST_GROUPS = (0x0002, 0x0008)
# Value representations that an element of these groups can have (PS3.5, table 6.2-1).
REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SQ SS ST TM UC UI UL UN UR US UT".split()
)


@dataclass(frozen=True, slots=True)
class DicomFilm(Picture):
    """A decoded DICOM picture of one frame.

    Attributes
    ----------
    pixels
        (rows, columns) uint16, displayed grey, 0 black and 65535 white; or
        (rows, columns, 3) RGB, uint8 or uint16.
    mode
        How the file kept them: Photometric Interpretation and Bits Stored, "MONOCHROME2/12".
    syntax
        Name of the transfer syntax.
    spacing
        Distance of rows and of columns, mm; None if unknown.
    spacing_source
        Which elements say so; None if unknown.
    shows
        The side of the body that is shown, "B" for both; None if unknown.
    columns_go
        The side of the patient towards which the columns run; None if unknown.
    burned_in
        Whether text is likely to stand in the pixels.
    body, modality
        If they are among the terms of `radpipe.imaging.dicom.tags`, else None.
    remarks
        What is to be said of the film; see `radpipe.imaging.dicom.remarks`.

    """

    syntax: str
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    shows: Shown | None = None
    columns_go: Side | None = None
    burned_in: bool = False
    body: str | None = None
    modality: str | None = None
    remarks: tuple[str, ...] = ()


def is_dicom(data: bytes) -> bool:
    """Say whether a file is DICOM, by its prefix or by how its first element begins.

    Parameters
    ----------
    data
        Its content, or at least 132 bytes of it.

    """
    if data[PREFIX_AT : PREFIX_AT + len(PREFIX)] == PREFIX:
        return True
    return len(data) >= 16 and (_is_element(data, "<") or _is_element(data, ">"))


def decode_dicom(data: bytes, how: Dicom | None = None) -> DicomFilm:
    """Decode a DICOM file of one frame as it is meant to be displayed, with square pixels.

    In this order: modality LUT or rescale, VOI LUT or window, inversion of MONOCHROME1
    (`radpipe.imaging.dicom.values`).

    Parameters
    ----------
    data
        A whole file.
    how
        What is done about films that break the standard; None: what is done by default.

    Returns
    -------
    DicomFilm
        Its pixels, at least `MIN_SIDE` on each side and `MAX_PIXELS` in all, and facts.

    Raises
    ------
    DataError
        A short reason without a file name and without any value of the file but sizes.

    """
    from radpipe.imaging.dicom.codecs import syntax_name
    from radpipe.imaging.dicom.file import read_header
    from radpipe.imaging.dicom.layout import read_layout
    from radpipe.imaging.dicom.pixels import displayed
    from radpipe.imaging.dicom.quiet import quiet
    from radpipe.imaging.dicom.tags import facts

    with quiet():
        header = read_header(data)
        layout = read_layout(header)
        syntax = syntax_name(header.syntax)
        known = facts(header)
        pixels, remarks = displayed(header, layout, how or Dicom())
    square, spacing = _square(pixels, known)
    return DicomFilm(
        pixels=square,
        mode=layout.mode,
        syntax=syntax,
        spacing=spacing,
        spacing_source=known.spacing_source,
        shows=known.shows,
        columns_go=known.columns_go,
        burned_in=known.burned_in,
        body=known.body,
        modality=known.modality,
        remarks=(*remarks, *([NOT_SQUARE] if square is not pixels else [])),
    )


def _square(pixels: Array, known: "Facts") -> tuple[Array, tuple[float, float] | None]:
    """Return a film with square pixels, and its spacing then."""
    ratio = known.row_to_column
    if 1 / SQUARE <= ratio <= SQUARE:
        return pixels, known.spacing
    if pixels.shape[0] * pixels.shape[1] * max(ratio, 1 / ratio) > MAX_PIXELS:
        raise DataError(f"more than {MAX_PIXELS // 10**6} million pixels once they are square")
    square = with_square_pixels(pixels, ratio)
    if known.spacing is None:
        return square, None
    down, across = known.spacing
    rows, columns = (new / old for new, old in zip(square.shape, pixels.shape[:2], strict=False))
    return square, (down / rows, across / columns)


def _is_element(data: bytes, order: str) -> bool:
    """Say whether a file begins with an element of the first groups."""
    group, element, length = struct.unpack_from(f"{order}HHI", data)
    if group not in FIRST_GROUPS or element > 0x00FF:
        return False
    # Implicit VR is only ever little endian, and its first values are short.
    return data[4:6] in REPRESENTATIONS or (order == "<" and 0 < length < 1024)
