"""Which package decodes which transfer syntax, whether it is there, and the decoding.

One decoder for each syntax, never "whichever works": pixels must not depend on what else is
installed. All of them give back lossless pixels exactly
(`tests/imaging/dicom/test_dicom_codecs.py`).
"""

import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.quiet import otherwise
from radpipe.imaging.read import Array

JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
# Kept as they are: names from PS3.6, table A-1.
PLAIN = {
    "1.2.840.10008.1.2": "Implicit VR Little Endian",
    "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
    "1.2.840.10008.1.2.1.99": "Deflated Explicit VR Little Endian",
    "1.2.840.10008.1.2.2": "Explicit VR Big Endian",
}


@dataclass(frozen=True, slots=True)
class Codec:
    """A compressed syntax, pydicom's name for its decoder, and the package that brings it."""

    name: str
    plugin: str
    package: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What a compressed picture says of itself."""

    rows: int
    columns: int
    samples: int
    bits: int


CODECS = {
    "1.2.840.10008.1.2.4.50": Codec("JPEG Baseline", "pillow", "pillow"),
    JPEG_EXTENDED: Codec("JPEG Extended", "pillow", "pillow"),
    "1.2.840.10008.1.2.4.57": Codec("JPEG Lossless", "gdcm", "python-gdcm"),
    "1.2.840.10008.1.2.4.70": Codec("JPEG Lossless SV1", "gdcm", "python-gdcm"),
    "1.2.840.10008.1.2.4.80": Codec("JPEG-LS Lossless", "pyjpegls", "pyjpegls"),
    "1.2.840.10008.1.2.4.81": Codec("JPEG-LS Near Lossless", "pyjpegls", "pyjpegls"),
    "1.2.840.10008.1.2.4.90": Codec("JPEG 2000 Lossless", "pylibjpeg", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.91": Codec("JPEG 2000", "pylibjpeg", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.201": Codec("HTJ2K Lossless", "pylibjpeg", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.202": Codec("HTJ2K Lossless RPCL", "pylibjpeg", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.203": Codec("HTJ2K", "pylibjpeg", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.5": Codec("RLE Lossless", "pylibjpeg", "pylibjpeg-rle"),
}
# No free library but this one decodes 12-bit JPEG; its licence (GPL) is for users to accept.
DEEP_JPEG = Codec("JPEG Extended of 12 bits", "pylibjpeg", "pylibjpeg-libjpeg")
JPEG_2000_START = b"\xff\x4f\xff\x51"
JPEG_END = b"\xff\xd9"
# Markers of JPEG and JPEG-LS frames (ISO 10918-1, table B.1; ISO 14495-1, C.2.2).
FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}) | {0xF7}
# Markers without a length.
LONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})


def syntax_name(uid: str) -> str:
    """Return the name of a transfer syntax that is read.

    Raises
    ------
    DataError
        The syntax is not read; the reason names those of the standard, and no other.

    """
    if uid in PLAIN:
        return PLAIN[uid]
    if uid in CODECS:
        return CODECS[uid].name
    from pydicom.uid import UID

    known = UID(uid)
    name = f" ({known.name})" if known.type == "Transfer Syntax" else ""
    raise DataError(f"is kept in a transfer syntax that is not read{name}")


def missing_codec(uid: str) -> str:
    """Return what is missing to decode a transfer syntax, and what to do; empty if nothing."""
    codec = CODECS.get(uid)
    return "" if codec is None or _is_there(uid, codec) else _missing(codec)


def preflight() -> dict[str, list[str]]:
    """Return the packages that are missing here, each with the syntaxes it decodes."""
    missing: dict[str, list[str]] = {}
    for uid, codec in CODECS.items():
        if not _is_there(uid, codec):
            missing.setdefault(codec.package, []).append(codec.name)
    return missing


def decompress(uid: str, data: bytes, options: dict[str, Any], *, colour: bool) -> Array:
    """Decode the one frame of compressed Pixel Data; to be called inside `quiet`.

    Parameters
    ----------
    uid
        Transfer syntax, one of `CODECS`.
    data
        Value of Pixel Data, fragments and all (PS3.5, A.4).
    options
        Elements of the Image Pixel module, under pydicom's names for them.
    colour
        Whether to turn YBR into RGB.

    Returns
    -------
    ndarray
        (rows, columns) or (rows, columns, 3), of 8 or 16 bits.

    Raises
    ------
    DataError
        The codec is missing or fails, or the frame is not what the header says.

    """
    from pydicom.encaps import get_frame
    from pydicom.pixels.decoders.base import get_decoder

    codec = CODECS[uid]
    with otherwise(f"broken or truncated ({codec.name} pixels cannot be found)"):
        coded = get_frame(data, 0, number_of_frames=1)
    if codec.name != "RLE Lossless":
        frame = _checked(coded, codec, options)
        # GDCM fills up what is missing and says nothing.
        if codec.plugin == "gdcm" and JPEG_END not in coded[-64:]:
            raise DataError(f"broken or truncated ({codec.name} pixels have no end)")
        if uid == JPEG_EXTENDED and frame.bits > 8:
            codec = DEEP_JPEG
    if not _is_there(uid, codec):
        raise DataError(_missing(codec))
    with otherwise(f"broken or truncated ({codec.name} pixels cannot be decoded)"):
        decoder = get_decoder(uid)
        pixels, _ = decoder.as_array(
            data, index=0, raw=not colour, decoding_plugin=codec.plugin, **options
        )
    return pixels


def _checked(coded: bytes, codec: Codec, options: dict[str, Any]) -> Frame:
    """Refuse a frame whose own size is another than the header's: it may be of any size."""
    with otherwise(f"broken or truncated ({codec.name} pixels cannot be decoded)"):
        frame = read_frame(coded)
    said = Frame(options["rows"], options["columns"], options["samples_per_pixel"], frame.bits)
    if frame != said:
        raise DataError(
            f"holds {codec.name} pixels of {frame.columns}x{frame.rows}x{frame.samples}, "
            f"expected {said.columns}x{said.rows}x{said.samples}"
        )
    if frame.bits > 16:
        raise DataError(f"holds {codec.name} pixels of {frame.bits} bits, expected up to 16")
    return frame


def read_frame(coded: bytes) -> Frame:
    """Read the size out of a JPEG, JPEG-LS or JPEG 2000 picture.

    Raises
    ------
    ValueError, LookupError, struct.error
        It has none.

    """
    # Some writers put the whole of a .jp2 file around it.
    start = coded.find(JPEG_2000_START)
    if start >= 0:
        # ISO 15444-1, A.5.1: SIZ follows the start; sizes are those of a grid with an offset.
        right, bottom, left, top = struct.unpack_from(">4I", coded, start + 8)
        samples, bits = struct.unpack_from(">HB", coded, start + 40)
        return Frame(bottom - top, right - left, samples, (bits & 0x7F) + 1)
    if coded[:2] != b"\xff\xd8":
        raise ValueError("no picture")
    at = 2
    while True:
        # ISO 10918-1, B.1.1.2: any number of 0xFF may stand before a marker.
        if coded[at] != 0xFF:
            raise ValueError("no marker")
        marker = coded[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in FRAME_MARKERS:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", coded, at + 4)
            return Frame(rows, columns, samples, bits)
        elif marker in LONE_MARKERS:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", coded, at + 2)[0]


@cache
def _is_there(uid: str, codec: Codec) -> bool:
    from pydicom.pixels.decoders.base import get_decoder

    if codec.plugin == "gdcm":
        _hush_gdcm()
    return codec.plugin in get_decoder(uid).available_plugins


def _missing(codec: Codec) -> str:
    return f"{codec.name} needs a codec that is missing (pip install {codec.package})"


def _hush_gdcm() -> None:
    """Stop GDCM from writing to standard error, which Python cannot silence."""
    try:
        import gdcm
    except ImportError:
        return
    gdcm.Trace.DebugOff()
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
