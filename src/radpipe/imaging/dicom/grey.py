"""What a header says of grey: modality LUT, values of interest, padding. Clauses are of PS3.3."""

import math

import numpy as np

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.header import DicomHeader
from radpipe.imaging.dicom.layout import PixelLayout
from radpipe.imaging.dicom.values import Grey, LookUpTable, Window


def read_grey(header: DicomHeader, layout: PixelLayout) -> Grey:
    """Gather what turns stored values into grey.

    Raises
    ------
    DataError
        A window, a line or a table of the file breaks the standard: to show the picture
        without it would be a guess at its brightness.

    """
    slope, intercept, modality = 1.0, 0.0, None
    item = header.item("ModalityLUTSequence")
    if item is not None:
        modality = read_table(item, signed=layout.signed)
    elif header.has("RescaleSlope") or header.has("RescaleIntercept"):
        slope = _number(header, "RescaleSlope", 1.0)
        intercept = _number(header, "RescaleIntercept", 0.0)
    ends = [value * slope + intercept for value in layout.stored_range]
    if not 0 < max(ends) - min(ends) < math.inf:
        raise DataError("Rescale Slope or Rescale Intercept leaves no range of values")
    voi: LookUpTable | Window | None = None
    item = header.item("VOILUTSequence")
    if item is not None:
        # C.11.2.1.1: signed if what comes out of the modality LUT can be.
        voi = read_table(item, signed=modality is None and min(ends) < 0)
    elif header.has("WindowCenter") and header.has("WindowWidth"):
        voi = _window(header)
    return Grey(
        stored=layout.stored,
        high_bit=layout.high_bit,
        signed=layout.signed,
        padding=_padding(header, layout),
        slope=slope,
        intercept=intercept,
        modality=modality,
        voi=voi,
        inverted=layout.photometric == "MONOCHROME1",
    )


def read_table(header: DicomHeader, *, signed: bool, prefix: str = "LUT") -> LookUpTable:
    """Read a lookup table: its length, its first value, its bits (C.11.1.1.1)."""
    described, raw = header.numbers(f"{prefix}Descriptor"), header.table(f"{prefix}Data")
    if len(described) != 3 or not len(raw):
        raise DataError("a lookup table is not valid")
    length, first, bits = (int(number) & 0xFFFF for number in described)
    length = length or 2**16  # 0 stands for 2^16
    if signed and first >= 2**15:
        first -= 2**16
    if not 8 <= bits <= 16:
        raise DataError(f"a lookup table of {bits} bits, expected 8..16")
    if raw.dtype == np.uint16 and len(raw) < length:
        # 8-bit entries, two in a word.
        raw = raw.view(np.uint8) if bits == 8 else raw
    if len(raw) < length:
        raise DataError("a lookup table is shorter than it says")
    return LookUpTable(first, bits, raw[:length].astype(np.uint16))


def _window(header: DicomHeader) -> Window | None:
    """Return the first window; elements without a value are as good as none."""
    center, width = header.number("WindowCenter"), header.number("WindowWidth")
    if (
        center is None
        and width is None
        and not (header.words("WindowCenter") or header.words("WindowWidth"))
    ):
        return None
    if center is None or width is None:
        raise DataError("a window that is no number")
    match header.word("VOILUTFunction"):
        case "" | "LINEAR":
            return Window(center, width)
        case "LINEAR_EXACT":
            return Window(center, width, "LINEAR_EXACT")
        case "SIGMOID":
            return Window(center, width, "SIGMOID")
    raise DataError("a VOI LUT Function that is not of the standard")


def _padding(header: DicomHeader, layout: PixelLayout) -> tuple[int, int] | None:
    """Return the range of values that are padding (C.7.5.1.1.2), in the sense of the pixels."""
    value = header.integer("PixelPaddingValue")
    if value is None:
        return None
    limit = header.integer("PixelPaddingRangeLimit")
    ends = [_as_pixel(end, layout) for end in (value, value if limit is None else limit)]
    return min(ends), max(ends)


def _as_pixel(value: int, layout: PixelLayout) -> int:
    """Read a value as the pixels are: some writers mix up US and SS."""
    word = value & ((1 << layout.allocated) - 1)
    negative = layout.signed and word >> (layout.allocated - 1)
    return word - (1 << layout.allocated) if negative else word


def _number(header: DicomHeader, keyword: str, default: float) -> float:
    found = header.number(keyword)
    if found is None and header.words(keyword):
        raise DataError("Rescale Slope or Rescale Intercept is no number")
    return default if found is None else found
