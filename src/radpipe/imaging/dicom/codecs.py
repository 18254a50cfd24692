"""Which package decodes which transfer syntax, whether it is there, and the decoding.

One decoder for each syntax, never "whichever works": pixels must not depend on what else is
installed. All of them give back lossless pixels exactly
(`tests/imaging/dicom/test_dicom_codecs.py`).
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.codestreams import (
    JPEG_END,
    JPEG_START,
    Frame,
    coded_picture,
    has_mapping_table,
    is_without_gaps,
    read_frame,
    says_rgb,
    tidied,
)
from radpipe.imaging.dicom.levels import JPEG_2000, MAX_COLOUR_BITS, decode_halved, levels_in
from radpipe.imaging.dicom.quiet import hushed, otherwise
from radpipe.imaging.read import Array

JPEG_BASELINE, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
RLE = "1.2.840.10008.1.2.5"
ENCAPSULATED = "1.2.840.10008.1.2.1.98"
# Kept as they are: names from PS3.6, table A-1.
PLAIN = {
    "1.2.840.10008.1.2": "Implicit VR Little Endian",
    "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
    "1.2.840.10008.1.2.1.99": "Deflated Explicit VR Little Endian",
    "1.2.840.10008.1.2.2": "Explicit VR Big Endian",
    ENCAPSULATED: "Encapsulated Uncompressed Explicit VR Little Endian",
}


@dataclass(frozen=True, slots=True)
class Codec:
    """A compressed syntax, pydicom's name for its decoder, and the package that brings it."""

    name: str
    plugin: str
    package: str


CODECS = {
    JPEG_BASELINE: Codec("JPEG Baseline", "pillow", "pillow"),
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
    RLE: Codec("RLE Lossless", "pylibjpeg", "pylibjpeg-rle"),
}
# Those that may lose something; the others hand over exactly what they were given (PS3.6, A.1).
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81, 91, 203))
# The one depth besides 8 of JPEG that loses something (ISO 10918-1, B.2.2).
DEEP_BITS = 12
NO_DEEP_JPEG = (
    "broken, or JPEG Extended of 12 bits of a kind that GDCM does not decode"
    " (DCMTK's dcmdjpeg makes an uncompressed copy)"
)
# Those in which the picture says whether its colour was transformed.
JPEG = frozenset({JPEG_BASELINE, JPEG_EXTENDED})
JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
# GDCM ends the process over fewer bits, which it hands over like others if it is told 8.
LEAST_BITS = {"gdcm": 8}
# Adobe's mark, by which a picture says that its colour was not transformed (ISO 10918-6, 6.5.3).
NOT_TRANSFORMED = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
# Bytes of padding that may stand before the end of a JPEG-LS picture.
MAX_STRAY = 8


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


def decompress(
    uid: str, value: bytes, options: dict[str, Any], *, colour: bool, halvings: int = 0
) -> tuple[Array, Frame]:
    """Decode the one frame of compressed Pixel Data; to be called inside `quiet`.

    Parameters
    ----------
    uid
        Transfer syntax, one of `CODECS`.
    value
        Pixel Data, fragments and all (PS3.5, A.4).
    options
        Elements of the Image Pixel module, under pydicom's names for them.
    colour
        Whether to turn YBR into RGB.
    halvings
        How often grey JPEG 2000 may be halved; see `radpipe.imaging.dicom.levels`.

    Returns
    -------
    words
        (rows, columns) or (rows, columns, 3), of 8 or 16 bits, whatever Bits Allocated says. What
        was halved k times has ceil(rows / 2^k) rows.
    frame
        What the picture says of itself. RLE says nothing and keeps whole words.

    Raises
    ------
    DataError
        The codec is missing or fails, or the frame is not what the header says.

    """
    codec = CODECS[uid]
    with otherwise(f"broken or truncated ({codec.name} pixels cannot be found)"):
        coded = coded_picture(value)
    if uid == RLE:
        size = options["rows"], options["columns"], options["samples_per_pixel"]
        frame = Frame(*size, options["bits_allocated"])
    else:
        frame = _checked(coded, codec, options)
        coded = _whole(coded, codec)
        if uid in JPEG and frame.samples > 1 and says_rgb(coded):
            coded = JPEG_START + NOT_TRANSFORMED + coded[len(JPEG_START) :]
    if not _is_there(uid, codec):
        raise DataError(_missing(codec))
    if uid == JPEG_EXTENDED and frame.bits > 8:
        return _deep_jpeg(coded, frame), frame
    if frame.moved:
        # pylibjpeg's OpenJPEG hands the whole grid over, Pillow's the picture. Whole, because where
        # the levels of such a picture lie is another matter.
        with hushed(), otherwise(f"broken or truncated ({codec.name} pixels cannot be decoded)"):
            return decode_halved(coded, frame, 0), frame
    if halvings and uid in JPEG_2000 and (frame.signed or not options["pixel_representation"]):
        with hushed(), suppress(OSError, ValueError, LookupError, struct.error):
            return decode_halved(coded, frame, min(halvings, levels_in(coded))), frame
    # The picture knows its precision; Bits Stored may be smaller, and Bits Allocated larger.
    said = options | {
        "bits_allocated": 8 if frame.bits <= 8 else 16,
        "bits_stored": max(frame.bits, LEAST_BITS.get(codec.plugin, 1)),
        "pixel_representation": int(frame.signed),
        "correct_unused_bits": False,
    }
    if frame.samples > 1:
        # How samples are ordered is a codec's own matter; what tags say of it is 0, or was left
        # from before (PS3.5, A.4.1 to A.4.4). RLE has planes (G.2), and pydicom knows.
        said["planar_configuration"] = 0
    with hushed(), otherwise(f"broken or truncated ({codec.name} pixels cannot be decoded)"):
        return _decoded(uid, coded, codec, said, raw=not colour), frame


def _decoded(uid: str, coded: bytes, codec: Codec, options: dict[str, Any], *, raw: bool) -> Array:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    def decode(some: bytes) -> Array:
        pixels, _ = get_decoder(uid).as_array(
            encapsulate([some]), index=0, raw=raw, decoding_plugin=codec.plugin, **options
        )
        return pixels

    if uid not in JPEG_LS:
        return decode(coded)
    pixels = coded.removesuffix(JPEG_END)
    for _ in range(min(MAX_STRAY, len(pixels) - len(pixels.rstrip(b"\0")))):
        try:
            return decode(pixels + JPEG_END)
        except RuntimeError:  # CharLS takes nothing that is left over
            pixels = pixels[:-1]
    return decode(pixels + JPEG_END)


def _whole(coded: bytes, codec: Codec) -> bytes:
    """Refuse a picture without an end, which GDCM would fill up; cut off what is behind it.

    One with stray bytes between its tables is refused, too, because GDCM would end the process.
    """
    if codec.plugin == "gdcm" and not is_without_gaps(coded):
        raise DataError(f"broken or truncated ({codec.name} pixels cannot be decoded)")
    try:
        return tidied(coded)
    except (ValueError, LookupError, struct.error):
        raise DataError(f"broken or truncated ({codec.name} pixels have no end)") from None


def _deep_jpeg(coded: bytes, frame: Frame) -> Array:
    """Let GDCM decode grey JPEG of 12 bits, which pydicom does not ask of it."""
    import gdcm

    if frame.bits != DEEP_BITS or frame.samples != 1 or not is_without_gaps(coded):
        raise DataError(NO_DEEP_JPEG)

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(coded)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    pixels = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    pixels.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((frame.columns, frame.rows, 1))
    grey = gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    syntax = gdcm.TransferSyntax.JPEGExtendedProcess2_4
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, DEEP_BITS, DEEP_BITS - 1, 0))
    image.SetDataElement(pixels)
    with hushed(), otherwise(NO_DEEP_JPEG):
        # GDCM hands bytes over as text.
        words = np.frombuffer(image.GetBuffer().encode("utf-8", "surrogateescape"), "<u2")
        return words.reshape(frame.rows, frame.columns)


def _checked(coded: bytes, codec: Codec, options: dict[str, Any]) -> Frame:
    """Refuse a frame whose own size is another than the header's: it may be of any size."""
    with otherwise(f"broken or truncated ({codec.name} pixels cannot be decoded)"):
        frame = read_frame(coded)
    rows, columns = options["rows"], options["columns"]
    samples = options["samples_per_pixel"]
    if (frame.rows, frame.columns, frame.samples) != (rows, columns, samples):
        raise DataError(
            f"holds {codec.name} pixels of {frame.columns}x{frame.rows}x{frame.samples}, "
            f"expected {columns}x{rows}x{samples}"
        )
    if frame.bits > 16:
        raise DataError(f"holds {codec.name} pixels of {frame.bits} bits, expected up to 16")
    if not frame.alike:
        raise DataError(f"holds {codec.name} pixels whose samples differ in size or depth")
    if frame.samples > 1 and frame.signed:
        raise DataError("holds signed colour")
    if frame.samples > 1 and frame.moved and frame.bits > MAX_COLOUR_BITS:
        raise DataError(
            f"holds {codec.name} colour of {frame.bits} bits that does not begin where its grid"
            f" does, expected up to {MAX_COLOUR_BITS}"
        )
    if codec.plugin == "pyjpegls" and _maps(coded, codec):
        raise DataError(f"holds {codec.name} pixels with a mapping table, which is not read")
    return frame


def _maps(coded: bytes, codec: Codec) -> bool:
    with otherwise(f"broken or truncated ({codec.name} pixels cannot be decoded)"):
        return has_mapping_table(coded)


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
