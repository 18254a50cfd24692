"""The header of a DICOM file: a fixed list of technical elements, read without a sound.

pydicom's warnings, log lines and exceptions can quote values, and values can be names: see
`dicom_quiet`. Elements that are not on the list are skipped unread.
"""

import io
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.imaging.dicom_codecs import CODECS
from radpipe.imaging.dicom_quiet import UNREADABLE, otherwise
from radpipe.imaging.read import MAX_PIXELS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF  # a length that is not told (PS3.5, 7.1.1)
DEFLATED = "1.2.840.10008.1.2.1.99"
# As many 16-bit pixels as are read at most, and a long header.
MAX_INFLATED = 2 * MAX_PIXELS + 16 * 2**20
# Everything that is ever asked of a file; the rest is skipped by its length.
ELEMENTS = (
    "SOPClassUID",
    "Modality",
    "ConversionType",
    "BodyPartExamined",
    "EstimatedRadiographicMagnificationFactor",
    "ImagerPixelSpacing",
    "PatientOrientation",
    "Laterality",
    "ImageLaterality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription",
    "BurnedInAnnotation",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    "VOILUTFunction",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "PixelData",
)
# Where an enhanced object with one frame keeps what others keep at the top (C.7.6.16.1).
GROUPS = (
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "FrameAnatomySequence",
)


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """The technical elements of one file; its representation shows none of them.

    Attributes
    ----------
    syntax
        UID of the transfer syntax.
    little_endian
        Order of bytes.

    """

    syntax: str
    little_endian: bool
    _sets: "tuple[Dataset, ...]"
    _file: bytes = b""

    def has(self, keyword: str) -> bool:
        """Say whether an element is there, empty or not."""
        return any(keyword in found for found in self._sets)

    def number(self, keyword: str) -> float | None:
        """Return the first of an element's numbers, None if it has none."""
        found = self.numbers(keyword)
        return found[0] if found else None

    def integer(self, keyword: str) -> int | None:
        """Return the first of an element's numbers if it is a whole one."""
        found = self.number(keyword)
        return int(found) if found is not None and found == int(found) else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return an element's numbers; none if one of them is no finite number."""
        value = self._value(keyword)
        if value is None:
            return ()
        if isinstance(value, bytes):
            # "US or SS" that pydicom leaves open (PS3.5, A.1).
            return tuple(float(word) for word in _words(value))
        many = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
        try:
            numbers = tuple(float(one) for one in many)
        except UNREADABLE:
            return ()
        return numbers if all(map(math.isfinite, numbers)) else ()

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return an element's texts in upper case, to be compared and never to be shown."""
        value = self._value(keyword)
        if value is None or isinstance(value, bytes):
            return ()
        many = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
        try:
            return tuple(str(one).strip(" \0").upper() for one in many)
        except UNREADABLE:
            return ()

    def word(self, keyword: str) -> str:
        """Return the first of an element's texts, or an empty one."""
        return next(iter(self.words(keyword)), "")

    def table(self, keyword: str) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return an element's table: words if it is kept as numbers, else its bytes."""
        value = self._value(keyword)
        if isinstance(value, bytes):
            order = "<" if self.little_endian else ">"
            raw = np.frombuffer(value, np.uint8)
            return raw if len(raw) % 2 else raw.view(f"{order}u2").astype(np.uint16)
        return np.array(self.numbers(keyword)).astype(np.int64).astype(np.uint16)

    def item(self, keyword: str) -> "Header | None":
        """Return the first item of a sequence, None if there is none."""
        first = _first(self._value(keyword))
        return None if first is None else Header(self.syntax, self.little_endian, (first,))

    def pixel_data(self) -> bytes | memoryview:
        """Return Pixel Data (7FE0,0010) as it stands in the file, empty if it is not there."""
        found = self._pixel_element()
        if found is None:
            return b""
        if _skipped(found):
            return memoryview(self._file)[found.value_tell :][: found.length]
        return found.value if isinstance(found.value, bytes) else b""

    def pixel_vr(self) -> str:
        """Return the value representation of Pixel Data, "OB" or "OW"."""
        found = self._pixel_element()
        return "OB" if found is not None and found.VR == "OB" else "OW"

    def _pixel_element(self) -> Any:
        try:
            return self._sets[0].get_item(PIXEL_DATA, keep_deferred=True)
        except UNREADABLE:
            return None

    def _value(self, keyword: str) -> Any:
        for found in self._sets:
            if keyword not in found:
                continue
            try:
                value = found[keyword].value
            except UNREADABLE:
                return None
            if value is not None and not (isinstance(value, str) and not value.strip(" \0")):
                return value
        return None


def read_header(data: bytes) -> Header:
    """Read the elements of `ELEMENTS`; to be called inside `quiet`.

    Raises
    ------
    DataError
        The file cannot be parsed, or a deflated one would grow beyond `MAX_INFLATED`.

    """
    from pydicom import dcmread
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    wanted = [Tag(keyword) for keyword in ELEMENTS]
    with otherwise("broken or truncated (no header of a DICOM file)"):
        said, end = _transfer_syntax(data)
        if said == DEFLATED:
            stream = io.BytesIO(_inflate(data[end:]))
            plain = read_dataset(stream, False, True, specific_tags=list(wanted))
            return Header(DEFLATED, True, _with_groups(plain))
        # Pixels that are not compressed stay where they lie: to copy them takes as long as to
        # hash them.
        large = None if said in CODECS else len(data) // 2
        found = dcmread(io.BytesIO(data), force=True, specific_tags=list(wanted), defer_size=large)
        if not all(map(_can_be_skipped, filter(_skipped, found.values()))):
            found = dcmread(io.BytesIO(data), force=True, specific_tags=list(wanted))
        implicit, little = found.original_encoding
        syntax = said or _guessed(implicit, little)
        return Header(syntax, bool(little), _with_groups(found), data)


def _skipped(element: Any) -> bool:
    """Say whether pydicom has left an element's value in the file."""
    return element is not None and element.value is None and getattr(element, "length", 0) > 0


def _can_be_skipped(element: Any) -> bool:
    """Say whether the value of a skipped element can be found: Pixel Data of a known length."""
    return bool(element.tag == PIXEL_DATA and element.length != UNDEFINED)


def _transfer_syntax(data: bytes) -> tuple[str, int]:
    """Return the transfer syntax, empty if the file does not say, and where group 2 ends."""
    from pydicom.filereader import read_dataset, read_preamble

    stream = io.BytesIO(data)
    read_preamble(stream, force=True)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)
    # Group 2 in implicit VR, which is wrong, fails here: pydicom would take it, and inflate.
    next(iter(meta), None)
    return str(meta.get("TransferSyntaxUID") or "").strip(" \0"), stream.tell()


def _guessed(implicit: bool | None, little: bool | None) -> str:
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


def _inflate(deflated: bytes) -> bytes:
    """Undo the deflated syntax (PS3.5, A.5), but not without end."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = stream.decompress(deflated, MAX_INFLATED)
    if stream.unconsumed_tail:
        raise DataError(f"more than {MAX_INFLATED // 10**6} MB when inflated")
    return plain


def _with_groups(found: "Dataset") -> "tuple[Dataset, ...]":
    """Return a data set, and behind it the first frame's functional groups."""
    sets = [found]
    for keyword in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        frame = _first(found.get(keyword))
        for group in GROUPS:
            inner = None if frame is None else _first(frame.get(group))
            if inner is not None:
                sets.append(inner)
    return tuple(sets)


def _first(sequence: Any) -> "Dataset | None":
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    if not isinstance(sequence, Sequence) or not sequence:
        return None
    first = sequence[0]
    return first if isinstance(first, Dataset) else None


def _words(value: bytes) -> NDArray[np.uint16]:
    return np.frombuffer(value[: len(value) // 2 * 2], "<u2")
