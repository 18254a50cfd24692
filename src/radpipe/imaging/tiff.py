"""What a TIFF says of its pixels, for the kinds that Pillow opens as negatives or not at all.

Pillow turns grey of 8 bits whose zero is white (WhiteIsZero) the right way, leaves that of 16 bits
a negative, and opens neither that of 12 bits nor any deep one in big-endian order. Such a file is
opened as if its zero were black, and turned afterwards. TIFF 6.0, sections 2 and 8.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from radpipe.core.errors import DataError

ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
BITS, PHOTOMETRIC, SAMPLES, FORMAT = 258, 262, 277, 339
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
UNSIGNED = 1
UNSAID = "is a TIFF that does not say whether zero is black or white"
SHORT, LONG = 3, 4
# More entries than a picture's directory has.
MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class TiffKind:
    """The first picture's kind of pixels.

    Attributes
    ----------
    order
        "<" is little-endian, ">" is big-endian.
    photometric
        0 is WhiteIsZero, 1 is BlackIsZero, others are colours; None: not said.
    bits, samples
        Of a sample, and of a pixel.
    format
        1 is unsigned, 2 signed, 3 floating point.
    place
        Of the value of `photometric` in the file, bytes; 0 if it is not there.

    """

    order: str
    photometric: int | None
    bits: int
    samples: int
    format: int
    place: int

    def __str__(self) -> str:
        order = "little" if self.order == "<" else "big"
        return (
            f"{self.samples} x {self.bits} bits, format {self.format}, photometric"
            f" {self.photometric}, {order}-endian"
        )


def kind_of(data: bytes) -> TiffKind | None:
    """Return what a classic TIFF says; None for other files, and for broken directories."""
    order = ORDERS.get(data[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (n,) = struct.unpack_from(f"{order}H", data, start)
        entries = [start + 2 + 12 * k for k in range(min(n, MAX_ENTRIES))]
        places = {struct.unpack_from(f"{order}H", data, place)[0]: place for place in entries}
        return TiffKind(
            order,
            _first(data, order, places.get(PHOTOMETRIC), None),
            _first(data, order, places.get(BITS), 1) or 1,
            _first(data, order, places.get(SAMPLES), 1) or 1,
            _first(data, order, places.get(FORMAT), UNSIGNED) or UNSIGNED,
            places.get(PHOTOMETRIC, -8) + 8,
        )
    except struct.error:
        return None


def with_black_zero(data: bytes) -> tuple[bytes, int | None]:
    """Return a file that Pillow opens, and what its pixels are to be taken from.

    Parameters
    ----------
    data
        Any file.

    Returns
    -------
    data
        The same file; of grey deeper than 8 bits whose zero is white, one whose zero is black.
    white
        Its brightest value, from which each pixel is to be taken; None: pixels stay as they are.

    Raises
    ------
    DataError
        A TIFF does not say whether its zero is black or white.

    """
    kind = kind_of(data)
    if kind is None:
        return data, None
    if kind.photometric is None:
        raise DataError(UNSAID)
    grey = kind.photometric == WHITE_IS_ZERO and kind.samples == 1 and kind.format == UNSIGNED
    if not grey or not 8 < kind.bits <= 16:
        return data, None
    black = struct.pack(f"{kind.order}H", BLACK_IS_ZERO)
    return data[: kind.place] + black + data[kind.place + 2 :], 2**kind.bits - 1


def white_of(tags: Mapping[int, Any]) -> int | None:
    """Return from what to take each pixel of a deep TIFF that Pillow opened; None: from nothing.

    Parameters
    ----------
    tags
        What Pillow read; empty for other files. BigTIFFs are told by these alone.

    Raises
    ------
    DataError
        They do not say whether zero is black or white.

    """
    if not tags:
        return None
    if PHOTOMETRIC not in tags:
        raise DataError(UNSAID)
    bits = max(tags.get(BITS, (1,)))
    return 2**bits - 1 if tags[PHOTOMETRIC] == WHITE_IS_ZERO and 8 < bits <= 16 else None


def _first(data: bytes, order: str, entry: int | None, absent: int | None) -> int | None:
    """Return the first value of an entry of the directory."""
    if entry is None:
        return absent
    kind, count = struct.unpack_from(f"{order}HI", data, entry + 2)
    form, place = ("H", entry + 8) if kind == SHORT else ("I", entry + 8)
    if count * struct.calcsize(form) > 4:
        (place,) = struct.unpack_from(f"{order}I", data, place)
    value: int = struct.unpack_from(f"{order}{form}", data, place)[0]
    return value
