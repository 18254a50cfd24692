"""TIFFs by hand (TIFF 6.0), in the kinds that Pillow does not write."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHORT, LONG = 3, 4


def tiff(
    pixels: NDArray[Any],
    *,
    order: str = "<",
    photometric: int | None = 1,
    bits: int | None = None,
    kind: int = 1,
    packed: bool = False,
    differences: bool = False,
    big: bool = False,
) -> bytes:
    """Write one picture in one strip.

    Parameters
    ----------
    pixels
        (rows, columns) or (rows, columns, samples).
    order
        "<" for little-endian, ">" for big-endian.
    photometric
        0: zero is white, 1: zero is black, 2: RGB; None: not said.
    bits
        Of a sample, by default those of the array; 12 are packed.
    kind
        1: unsigned, 2: signed, 3: floating point.
    packed, differences
        Deflate, and the differences of neighbours in place of values.
    big
        BigTIFF, of grey only.

    """
    rows, columns, samples = (*pixels.shape, 1)[:3]
    bits = bits or pixels.dtype.itemsize * 8
    values = pixels
    if differences:
        values = np.diff(pixels, axis=1, prepend=pixels.dtype.type(0))
    data = _twelve(values) if bits == 12 else values.astype(values.dtype.newbyteorder(order))
    body = data if isinstance(data, bytes) else data.tobytes()
    body = zlib.compress(body) if packed else body
    tags: dict[int, tuple[int, list[int]]] = {
        256: (SHORT, [columns]),
        257: (SHORT, [rows]),
        258: (SHORT, [bits] * samples),
        259: (SHORT, [8 if packed else 1]),
        273: (LONG, [0]),
        277: (SHORT, [samples]),
        278: (SHORT, [rows]),
        279: (LONG, [len(body)]),
        317: (SHORT, [2 if differences else 1]),
        339: (SHORT, [kind] * samples),
    }
    if photometric is not None:
        tags[262] = (SHORT, [photometric])
    if big:
        return _big(order, tags, body)
    end = 8 + 2 + 12 * len(tags) + 4
    long = {tag: _values(order, *said) for tag, said in tags.items() if len(said[1]) > 2}
    tags[273] = (LONG, [end + sum(map(len, long.values()))])
    entries = b""
    for tag, (form, numbers) in sorted(tags.items()):
        field = _values(order, form, numbers)
        if tag in long:
            field = struct.pack(f"{order}I", end)
            end += len(long[tag])
        entries += struct.pack(f"{order}HHI", tag, form, len(numbers)) + field.ljust(4, b"\0")
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HIH", 42, 8, len(tags))
    return head + entries + struct.pack(f"{order}I", 0) + b"".join(long.values()) + body


def _big(order: str, tags: dict[int, tuple[int, list[int]]], body: bytes) -> bytes:
    """Write the same with offsets of 64 bits; every value fits into its entry."""
    tags[273] = (LONG, [16 + 8 + 20 * len(tags) + 8])
    entries = b"".join(
        struct.pack(f"{order}HHQ", tag, form, len(numbers))
        + _values(order, form, numbers).ljust(8, b"\0")
        for tag, (form, numbers) in sorted(tags.items())
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(
        f"{order}HHHQQ", 43, 8, 0, 16, len(tags)
    )
    return head + entries + struct.pack(f"{order}Q", 0) + body


def _values(order: str, form: int, numbers: list[int]) -> bytes:
    return struct.pack(f"{order}{len(numbers)}{'H' if form == SHORT else 'I'}", *numbers)


def _twelve(values: NDArray[Any]) -> bytes:
    """Pack two values of 12 bits into three bytes; rows have an even number of them."""
    pairs = values.astype(np.uint32).reshape(-1, 2)
    three = pairs[:, 0] << 12 | pairs[:, 1]
    return three.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
