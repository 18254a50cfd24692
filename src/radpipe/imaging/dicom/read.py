"""DICOM files in, displayed grey out, and a few technical facts; nothing personal leaves.

What is read and in which order: `docs/reference/dicom.md`. pydicom is imported when the first DICOM
file is met, so that studies of pictures start as quickly as before.
"""

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.settings import Dicom
from radpipe.imaging.dicom.remarks import HALVED, NOT_SQUARE
from radpipe.imaging.read import MAX_PIXELS, Picture, Shown, Side
from radpipe.imaging.resize import squared, with_square_pixels

if TYPE_CHECKING:
    from radpipe.imaging.dicom.levels import Wanted

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
    whole
        Rows and columns of the whole film, with square pixels: those in which regions are given.
    step, origin
        How many of these a row and a column of `pixels` stand for, and where their first row and
        column begin in `pixels`: 1 and 0, if it was not decoded at a smaller size.
    stretch
        How many rows and columns of the whole film come from one of the file's.

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
    whole: tuple[int, int] | None = None
    step: tuple[float, float] = (1.0, 1.0)
    origin: tuple[float, float] = (0.0, 0.0)
    stretch: tuple[float, float] = (1.0, 1.0)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns in which regions of it are given."""
        rows, columns = self.pixels.shape[:2]
        return self.whole or (rows, columns)

    @property
    def is_halved(self) -> bool:
        """Whether it was decoded at a smaller size."""
        return HALVED in self.remarks


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


def decode_dicom(
    data: bytes, how: Dicom | None = None, *, wanted: "Wanted | None" = None
) -> DicomFilm:
    """Decode a DICOM file of one frame as it is meant to be displayed, with square pixels.

    In this order: modality LUT or rescale, VOI LUT or window, inversion of MONOCHROME1
    (`radpipe.imaging.dicom.values`).

    Parameters
    ----------
    data
        A whole file.
    how
        What is done about films that break the standard; None: what is done by default.
    wanted
        Decode no more of JPEG 2000 than this takes; None: all pixels.

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
        whole = _squared((layout.rows, layout.columns), known.row_to_column)
        stretch = whole[0] / layout.rows, whole[1] / layout.columns
        toward = known.columns_go or "L"
        halvings = 0 if wanted is None else wanted.halvings(whole, known.shows, toward, stretch)
        pixels, remarks = displayed(header, layout, how or Dicom(), halvings=halvings)
    seen = pixels.shape[:2]
    halved = _halved((layout.rows, layout.columns), seen)
    if whole != (layout.rows, layout.columns):
        pixels = with_square_pixels(pixels, known.row_to_column)
        remarks.append(NOT_SQUARE)
    down, across = pixels.shape[0] / seen[0], pixels.shape[1] / seen[1]
    if halved > 1:
        remarks.append(HALVED)
        pixels = np.pad(pixels, ((0, math.ceil(down)), (0, math.ceil(across))), mode="edge")
    return DicomFilm(
        pixels=pixels,
        mode=layout.mode,
        syntax=syntax,
        spacing=known.spacing and (known.spacing[0] / stretch[0], known.spacing[1] / stretch[1]),
        spacing_source=known.spacing_source,
        shows=known.shows,
        columns_go=known.columns_go,
        burned_in=known.burned_in,
        body=known.body,
        modality=known.modality,
        remarks=tuple(remarks),
        whole=whole,
        step=(halved * stretch[0] / down, halved * stretch[1] / across),
        # Halved pixels lie where every second one did, not between the two (ISO 15444-1, F.4.8).
        origin=((1 - 1 / halved) / 2 * down, (1 - 1 / halved) / 2 * across),
        stretch=stretch,
    )


def _halved(shape: tuple[int, int], seen: tuple[int, ...]) -> int:
    """Return the power of two by which a film was made smaller.

    By its longer side: at each halving what is left of a side is rounded up, and a short one says
    little after many.
    """
    longer = int(np.argmax(shape))
    return int(2 ** round(math.log2(shape[longer] / seen[longer])))


def _squared(shape: tuple[int, int], ratio: float) -> tuple[int, int]:
    """Return the rows and columns of a film once its pixels are square."""
    if 1 / SQUARE <= ratio <= SQUARE:
        return shape
    rows, columns = squared(shape, ratio)
    if rows * columns > MAX_PIXELS:
        raise DataError(f"more than {MAX_PIXELS // 10**6} million pixels once they are square")
    return rows, columns


def _is_element(data: bytes, order: str) -> bool:
    """Say whether a file begins with an element of the first groups."""
    group, element, length = struct.unpack_from(f"{order}HHI", data)
    if group not in FIRST_GROUPS or element > 0x00FF:
        return False
    # Implicit VR is only ever little endian, and its first values are short.
    return data[4:6] in REPRESENTATIONS or (order == "<" and 0 < length < 1024)
