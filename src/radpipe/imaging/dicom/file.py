"""From a DICOM file to its header: which elements are read, and that nothing else is.

Elements that are not on the list are skipped unread; pixels that are not compressed stay where
they lie.
"""

import io
import zlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.codecs import CODECS, PLAIN
from radpipe.imaging.dicom.header import PIXEL_DATA, UNDEFINED, DicomHeader, first_item, skipped
from radpipe.imaging.dicom.quiet import otherwise
from radpipe.imaging.read import MAX_PIXELS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FRAGMENTS_END = b"\xfe\xff\xdd\xe0\0\0\0\0"  # Sequence Delimitation Item (PS3.5, A.4)
DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
ZLIB = b"\x78"  # deflate, with a window of 32 KiB
# As many 16-bit pixels as are read at most, and a long header.
MAX_INFLATED = 2 * MAX_PIXELS + 16 * 2**20
# More than the longest header, bytes.
LONG = 16 * 2**20
# Everything that is ever asked of a file; the rest is skipped by its length.
ELEMENTS = (
    "SOPClassUID",
    "Modality",
    "ConversionType",
    "BodyPartExamined",
    "EstimatedRadiographicMagnificationFactor",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PixelAspectRatio",
    "PixelIntensityRelationship",
    "PresentationIntentType",
    "PresentationLUTShape",
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
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
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


def read_header(data: bytes) -> DicomHeader:
    """Read the elements of `ELEMENTS`; to be called inside `quiet`.

    Raises
    ------
    DataError
        The file cannot be parsed, or a deflated one would grow beyond `MAX_INFLATED`.

    """
    from pydicom import dcmread
    from pydicom.filereader import read_dataset

    wanted = list(_tags(ELEMENTS))
    with otherwise("broken or truncated (no header of a DICOM file)"):
        said, end = _transfer_syntax(io.BytesIO(data))
        if said == DEFLATED:
            stream = io.BytesIO(_inflate(data[end:]))
            plain = read_dataset(stream, False, True, specific_tags=wanted)
            return DicomHeader(DEFLATED, True, _with_groups(plain))
        # Pixels that are not compressed stay where they lie: to copy them takes as long as to
        # hash them.
        large = None if said in CODECS else len(data) // 2
        found = dcmread(io.BytesIO(data), force=True, specific_tags=wanted, defer_size=large)
        if not all(map(_can_be_skipped, filter(skipped, found.values()))):
            found = dcmread(io.BytesIO(data), force=True, specific_tags=wanted)
        if PIXEL_DATA not in found and said in CODECS:
            # Fragments that nothing ends are left out; what ends them may be all that is missing.
            found = dcmread(io.BytesIO(data + FRAGMENTS_END), force=True, specific_tags=wanted)
        implicit, little = found.original_encoding
        syntax = said or _guessed(implicit, little)
        return DicomHeader(syntax, bool(little), _with_groups(found), data)


def read_up_to_pixels(stream: BinaryIO, more: Sequence[str] = ()) -> tuple[DicomHeader, bool]:
    """Read the elements of `ELEMENTS` and `more` in front of the pixels; inside `quiet`.

    The stream is then where the pixels' element begins, unless the file is deflated.

    Returns
    -------
    header
        Without Pixel Data, of which no byte is asked for.
    pixels
        Whether the file holds pixels of any kind.

    Raises
    ------
    DataError
        The file cannot be parsed.

    """
    from pydicom.filereader import read_dataset, read_partial

    wanted = _tags((*ELEMENTS, *more))
    end = _End()
    with otherwise("broken or truncated (no header of a DICOM file)"):
        said, start = _transfer_syntax(stream)
        if said == DEFLATED:
            stream.seek(start)
            stream = io.BytesIO(_inflated(stream.read(), LONG)[0])
        if said in PLAIN or said in CODECS:
            implicit, little = said == IMPLICIT, said != BIG_ENDIAN
            found = read_dataset(
                stream, implicit, little, stop_when=end, specific_tags=list(wanted)
            )
        else:
            stream.seek(0)
            found = read_partial(stream, end, force=True, specific_tags=list(wanted))
            implicit, little = found.original_encoding  # type: ignore[assignment]
        syntax = said or _guessed(implicit, little)
        return DicomHeader(syntax, bool(little), _with_groups(found)), end.at_pixels


@cache
def _tags(keywords: tuple[str, ...]) -> tuple[Any, ...]:
    from pydicom.tag import Tag

    return tuple(Tag(keyword) for keyword in keywords)


class _End:
    """Where a header ends: at group 7FE0, whose elements are pixels and lists of frames."""

    def __init__(self) -> None:
        self.at_pixels = False

    def __call__(self, tag: Any, _vr: object, _length: object) -> bool:
        self.at_pixels = int(tag) >> 16 == PIXEL_DATA >> 16
        return int(tag) >> 16 >= PIXEL_DATA >> 16


def _can_be_skipped(element: Any) -> bool:
    """Say whether the value of a skipped element can be found: Pixel Data of a known length."""
    return bool(element.tag == PIXEL_DATA and element.length != UNDEFINED)


def _transfer_syntax(stream: BinaryIO) -> tuple[str, int]:
    """Return the transfer syntax, empty if the file does not say, and where group 2 ends."""
    from pydicom.filereader import read_dataset, read_preamble

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
    """Undo the deflated syntax, but not without end."""
    plain, is_all = _inflated(deflated, MAX_INFLATED)
    if not is_all:
        raise DataError(f"more than {MAX_INFLATED // 10**6} MB when inflated")
    return plain


def _inflated(deflated: bytes, most: int) -> tuple[bytes, bool]:
    """Undo the deflated syntax (PS3.5, A.5) up to so many bytes; say whether that is all.

    The standard wants a bare stream (RFC 1951); some writers leave zlib's head before it (RFC 1950,
    2.2). A bare stream does not begin so: it would say that bytes follow that are not compressed,
    and the bits up to the next byte would not be empty (RFC 1951, 3.2.4).
    """
    has_head = deflated[:1] == ZLIB and int.from_bytes(deflated[:2], "big") % 31 == 0
    stream = zlib.decompressobj(zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)
    plain = stream.decompress(deflated, most)
    return plain, not stream.unconsumed_tail


def _with_groups(found: "Dataset") -> "tuple[Dataset, ...]":
    """Return a data set, and behind it the first frame's functional groups."""
    sets = [found]
    for keyword in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        frame = first_item(found.get(keyword))
        for group in GROUPS:
            inner = None if frame is None else first_item(frame.get(group))
            if inner is not None:
                sets.append(inner)
    return tuple(sets)
