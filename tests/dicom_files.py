"""DICOM files for tests, written byte by byte so that they can also be wrong."""

import io
import struct
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
LONG = ("OB", "OW", "OF", "SQ", "UN", "UT", "UC", "UR", "SV", "UV", "OL", "OD")
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "US or SS": "H", "US or OW": "H"}


def element(tag: int, vr: str, value: bytes, syntax: str = EXPLICIT) -> bytes:
    """Return one element."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    value += b"\0" * (len(value) % 2)
    if syntax == IMPLICIT:
        return head + struct.pack("<I", len(value)) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack(f"{order}HI", 0, len(value)) + value
    return head + vr.encode() + struct.pack(f"{order}H", len(value)) + value


def named(keyword: str, value: Any, syntax: str = EXPLICIT) -> tuple[int, bytes]:
    """Return an element's tag and bytes; `value` may be (VR, bytes) for one that is wrong."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    if isinstance(value, tuple) and isinstance(value[-1], bytes):
        return tag, element(tag, *value, syntax)
    order = ">" if syntax == BIG_ENDIAN else "<"
    vr = dictionary_VR(tag)
    if vr == "SQ":
        items = [b"".join(named(k, v, syntax)[1] for k, v in item.items()) for item in value]
        heads = [struct.pack(f"{order}HHI", 0xFFFE, 0xE000, len(item)) for item in items]
        value = b"".join(a + b for a, b in zip(heads, items, strict=True))
    elif vr in NUMBERS:
        many = value if isinstance(value, (list, tuple)) else [value]
        code = "h" if any(one < 0 for one in many) else NUMBERS[vr]
        value = struct.pack(f"{order}{len(many)}{code}", *many)
        vr = {"h": "SS", "H": "US"}.get(code, vr)
    elif not isinstance(value, bytes):
        value = str(value).encode()
        value += b" " * (len(value) % 2)
    return tag, element(tag, vr, value, syntax)


def meta(syntax: str, **more: Any) -> bytes:
    """Return the preamble and group 2."""
    inner = named("TransferSyntaxUID", syntax.encode())[1]
    inner += b"".join(named(k, v)[1] for k, v in more.items())
    return b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(inner))) + inner


def body(pixels: np.ndarray, syntax: str = EXPLICIT, **elements: Any) -> bytes:
    """Return a data set of one frame; an element that is None is left out."""
    bits = pixels.dtype.itemsize * 8
    order = ">" if syntax == BIG_ENDIAN else "<"
    colour = pixels.ndim == 3
    basic = {
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": ("OW", pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()),
    }
    if colour:
        basic["PlanarConfiguration"] = 0
    stored = elements.get("BitsStored")
    stored = stored if isinstance(stored, int) else bits
    basic |= {"HighBit": stored - 1} | elements
    return b"".join(
        raw for _, raw in sorted(named(k, v, syntax) for k, v in basic.items() if v is not None)
    )


def film(pixels: np.ndarray, syntax: str = EXPLICIT, **elements: Any) -> bytes:
    """Return a file of one frame."""
    return meta(syntax) + body(pixels, syntax, **elements)


def compressed(data: bytes, syntax: str) -> bytes:
    """Return the same file in another transfer syntax."""
    found = dcmread(io.BytesIO(data))
    found.compress(syntax, generate_instance_uid=False)
    stream = io.BytesIO()
    found.save_as(stream, enforce_file_format=False)
    return stream.getvalue()


def scene(shape: tuple[int, int] = (48, 40), bits: int = 12, seed: int = 0) -> np.ndarray:
    """Return a smooth picture with some noise, all of `bits` bits used."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    slope = (rows + columns) / (sum(shape) - 2) * (2**bits - 1)
    noise = np.random.default_rng(seed).normal(0, 2 ** (bits - 6), shape)
    kind = np.uint8 if bits <= 8 else np.uint16
    return np.clip(np.rint(slope + noise), 0, 2**bits - 1).astype(kind)


def wrapped(pixels: np.ndarray, syntax: str, value: bytes, **elements: Any) -> bytes:
    """Return a file whose Pixel Data is `value`, fragments and all, in an encapsulated syntax."""
    about = body(pixels, PixelData=None, **elements)
    end = b"" if value.endswith(SEQUENCE_END) else SEQUENCE_END
    return meta(syntax) + about + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value + end
