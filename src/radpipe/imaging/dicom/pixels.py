"""From the header and Pixel Data of one frame to its displayed pixels."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.codecs import CODECS, decompress
from radpipe.imaging.dicom.grey import read_grey, read_table
from radpipe.imaging.dicom.header import DicomHeader
from radpipe.imaging.dicom.layout import PALETTE, PixelLayout
from radpipe.imaging.dicom.quiet import otherwise
from radpipe.imaging.dicom.values import FULL, Grey, grey_table, look_up
from radpipe.imaging.read import Array


def displayed(header: DicomHeader, layout: PixelLayout) -> Array:
    """Decode the one frame and bring it to full scale.

    Returns
    -------
    ndarray
        (rows, columns), uint16, 0 black and 65535 white; or (rows, columns, 3) RGB, uint8 if
        that holds all of it, else uint16.

    """
    if layout.samples == 3:
        return _colour(layout, _stored(header, layout))
    if layout.photometric == PALETTE:
        return _palette(header, layout, _stored(header, layout))
    grey = read_grey(header, layout)
    words = _stored(header, layout)
    if header.syntax in CODECS:
        # Decoders put the value into the lowest bits, whatever High Bit says.
        words, grey = _lowest_bits(words, layout, grey)
    container = words.dtype.itemsize * 8
    return look_up(grey_table(grey, container), words.view(f"u{words.dtype.itemsize}"))


def _stored(header: DicomHeader, layout: PixelLayout) -> Array:
    """Return the pixels as they were stored, colour as RGB."""
    data = header.pixel_data()
    if header.syntax in CODECS:
        return decompress(header.syntax, bytes(data), layout.options, colour=layout.samples == 3)
    if len(data) < layout.bytes:
        raise DataError(f"broken or truncated (holds {len(data)} of {layout.bytes} bytes)")
    if len(data) >= 2 * layout.bytes:
        raise DataError("holds more pixels than Rows and Columns say")
    if layout.samples == 1 and header.little_endian:
        shape = (layout.rows, layout.columns)
        kind = np.dtype(f"<u{layout.allocated // 8}")
        words: Array = np.frombuffer(data, kind, layout.rows * layout.columns).reshape(shape)
        return words
    return _unpacked(header, layout, data)


def _unpacked(header: DicomHeader, layout: PixelLayout, data: bytes | memoryview) -> Array:
    """Let pydicom order bytes and planes, and turn YBR into RGB."""
    from pydicom.pixels.decoders.base import get_decoder

    with otherwise("broken or truncated (pixels do not fit their description)"):
        pixels, _ = get_decoder(header.syntax).as_array(
            data[: layout.bytes + layout.bytes % 2],
            index=0,
            raw=layout.samples == 1,
            **layout.options | {"pixel_vr": header.pixel_vr()},
        )
    native: Array = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return native


def _lowest_bits(words: Array, layout: PixelLayout, grey: Grey) -> tuple[Array, Grey]:
    if words.dtype.itemsize * 8 < layout.stored:
        words = words.astype(np.int16 if words.dtype.kind == "i" else np.uint16)
    return words, replace(grey, high_bit=layout.stored - 1)


def _colour(layout: PixelLayout, pixels: Array) -> Array:
    """Bring RGB to full scale."""
    if layout.signed:
        raise DataError("holds signed colour")
    if pixels.dtype.itemsize * 8 == layout.stored:
        return np.ascontiguousarray(pixels)
    full = 2**layout.stored - 1
    if layout.stored <= 8:
        return _scaled(pixels, full, 255).astype(np.uint8)
    return _scaled(pixels, full, FULL).astype(np.uint16)


def _scaled(pixels: Array, full: int, shown: int) -> NDArray[np.uint32]:
    wide = np.minimum(pixels, full).astype(np.uint32)
    scaled: NDArray[np.uint32] = (wide * shown + full // 2) // full
    return scaled


def _palette(header: DicomHeader, layout: PixelLayout, words: Array) -> Array:
    """Look palette colours up (C.7.9); of their 16 bits the upper 8 are kept."""
    values = words.astype(np.uint16) & (2**layout.stored - 1)
    channels = []
    for name in ("Red", "Green", "Blue"):
        prefix = f"{name}PaletteColorLookupTable"
        table = read_table(header, signed=layout.signed, prefix=prefix)
        index = np.clip(values.astype(np.int32) - table.first, 0, len(table.entries) - 1)
        channels.append((table.entries[index] >> max(table.bits - 8, 0)).astype(np.uint8))
    return np.stack(channels, axis=-1)
