"""What a header says of grey: modality LUT, values of interest, padding. Clauses are of PS3.3."""

import math

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.settings import Dicom
from radpipe.imaging.dicom.header import DicomHeader
from radpipe.imaging.dicom.layout import PixelLayout
from radpipe.imaging.dicom.remarks import (
    BAD_WINDOW,
    BEAM_INTENSITY,
    FOR_PROCESSING,
    INVERSE,
    NARROW_WINDOW,
    wrong_table,
)
from radpipe.imaging.dicom.values import Grey, LookUpTable, Window

# X-ray angiography, radiofluoroscopy, and biplane angiography of old (PS3.4, B.5).
BEAM = frozenset(f"1.2.840.10008.5.1.4.1.1.12.{number}" for number in (1, 2, 3))
LUT = ("LUTDescriptor", "LUTData")


def read_grey(header: DicomHeader, layout: PixelLayout, how: Dicom) -> tuple[Grey, list[str]]:
    """Gather what turns stored values into grey, and what is to be said about it.

    Raises
    ------
    DataError
        A line or a table of the file breaks the standard, or a window does and `how` refuses
        that: to show the picture without it would be a guess at its brightness. Or the film is
        of a kind that `how` refuses.

    """
    remarks = _doubts(header, layout, how)
    believed = INVERSE not in remarks
    slope, intercept, modality = _modality(header, layout, remarks)
    ends = [value * slope + intercept for value in layout.stored_range]
    if not 0 < max(ends) - min(ends) < math.inf:
        raise DataError("Rescale Slope or Rescale Intercept leaves no range of values")
    voi: LookUpTable | Window | None = None
    item = header.item("VOILUTSequence", with_any=LUT)
    if item is not None and believed:
        # C.11.2.1.1: signed if what comes out of the modality LUT can be.
        voi = read_table(item, signed=modality is None and min(ends) < 0)
    elif header.has("WindowCenter") and header.has("WindowWidth") and believed:
        voi = _window_or_none(header, abs(slope) if modality is None else 1.0, how, remarks)
    remarks += [_said_of(table) for table in (modality, voi) if _is_wrong(table)]
    grey = Grey(
        stored=layout.stored,
        high_bit=layout.high_bit,
        signed=layout.signed,
        padding=_padding(header, layout) if believed else None,
        slope=slope,
        intercept=intercept,
        modality=modality,
        voi=voi,
        inverted=layout.photometric == "MONOCHROME1",
    )
    return grey, remarks


def _doubts(header: DicomHeader, layout: PixelLayout, how: Dicom) -> list[str]:
    """Return what is to be said of a film's kind, or refuse it."""
    found = []
    if header.word("PresentationIntentType") == "FOR PROCESSING":
        if how.on_for_processing == "refuse":
            raise DataError(
                "is FOR PROCESSING: raw values of the detector, not meant for display"
                " (image.dicom.on_for_processing: read)"
            )
        found.append(FOR_PROCESSING)
    # C.8.11.3.1.2, C.11.6: INVERSE goes with MONOCHROME1.
    if layout.photometric == "MONOCHROME2" and header.word("PresentationLUTShape") == "INVERSE":
        if how.on_inverse == "refuse":
            raise DataError(
                "says MONOCHROME2 and INVERSE, of which one is wrong"
                " (image.dicom.on_inverse: read believes MONOCHROME2)"
            )
        found.append(INVERSE)
    return found


def _modality(
    header: DicomHeader, layout: PixelLayout, remarks: list[str]
) -> tuple[float, float, LookUpTable | None]:
    """Return slope, intercept and table to the modality's values (C.11.1)."""
    item = header.item("ModalityLUTSequence", with_any=LUT)
    if item is not None and _leads_to_beam_intensity(header):
        remarks.append(BEAM_INTENSITY)
    elif item is not None:
        return 1.0, 0.0, read_table(item, signed=layout.signed)
    slope = _number(header, "RescaleSlope", 1.0)
    return slope, _number(header, "RescaleIntercept", 0.0), None


def _leads_to_beam_intensity(header: DicomHeader) -> bool:
    """Say whether the modality LUT is for measuring, not for display (C.8.7.1.1.2; PS3.4, N.2.1.2).

    So it is in objects of angiography and fluoroscopy whose values are not linear.
    """
    relation = header.word("PixelIntensityRelationship")
    return header.word("SOPClassUID") in BEAM and relation in ("LOG", "DISP")


def _is_wrong(table: LookUpTable | Window | None) -> bool:
    return isinstance(table, LookUpTable) and table.is_wrong


def _said_of(table: LookUpTable | Window | None) -> str:
    if not isinstance(table, LookUpTable):
        return ""
    return wrong_table(table.bits, table.bits_held)


def read_table(header: DicomHeader, *, signed: bool, prefix: str = "LUT") -> LookUpTable:
    """Read a lookup table: its length, its first value, its bits (C.11.1.1.1)."""
    described = header.numbers(f"{prefix}Descriptor")
    if len(described) != 3:
        raise DataError("a lookup table is not valid")
    length, first, bits = (int(number) & 0xFFFF for number in described)
    length = length or 2**16  # 0 stands for 2^16
    raw = header.table(f"{prefix}Data", length)
    if not len(raw):
        raise DataError("a lookup table is not valid")
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


def _window_or_none(
    header: DicomHeader, step: float, how: Dicom, remarks: list[str]
) -> Window | None:
    """Return the window; none if it cannot be applied and that is no reason to refuse.

    `step` is the distance of two stored values in the units of the window.
    """
    if not (header.says("WindowCenter") or header.says("WindowWidth")):
        return None  # elements without a value are as good as none
    try:
        return _window(header, step, remarks)
    except DataError:
        if how.on_bad_window == "refuse":
            raise
        remarks.append(BAD_WINDOW)
        return None


def has_bad_window(header: DicomHeader) -> bool:
    """Say whether there is a window, and it cannot be applied."""
    if not (header.says("WindowCenter") or header.says("WindowWidth")):
        return False
    try:
        _window(header, abs(header.number("RescaleSlope") or 1.0), [])
    except DataError:
        return True
    return False


def windows(header: DicomHeader) -> list[tuple[float, float]]:
    """Return center and width of the windows of which both are there; NaN for what is no number."""
    both = zip(header.readings("WindowCenter"), header.readings("WindowWidth"), strict=False)
    return [(center, width) for center, width in both if center is not None and width is not None]


def _window(header: DicomHeader, step: float, remarks: list[str]) -> Window:
    """Return the first window of which both numbers are there."""
    function = header.word("VOILUTFunction")
    if function not in ("", "LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise DataError("a VOI LUT Function that is not of the standard")
    center, width = next(iter(windows(header)), (math.nan, math.nan))
    if math.isnan(center + width):
        raise DataError("a window that is no number")
    if function == "LINEAR_EXACT":
        return Window(center, width, "LINEAR_EXACT")
    if function == "SIGMOID":
        return Window(center, width, "SIGMOID")
    if 2 * step <= width < 1:
        # Small units, such as optical density: LINEAR cannot say it, and what is meant is clear.
        remarks.append(NARROW_WINDOW)
        return Window(center, width, "LINEAR_EXACT")
    return Window(center, width)


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
