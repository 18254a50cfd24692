"""From the header and Pixel Data of one frame to its displayed pixels."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.core.settings import Dicom
from radpipe.imaging.dicom.codecs import CODECS, ENCAPSULATED, JPEG, LOSSY, RLE, decompress
from radpipe.imaging.dicom.codestreams import Frame, coded_picture
from radpipe.imaging.dicom.grey import read_grey, read_table
from radpipe.imaging.dicom.header import DicomHeader
from radpipe.imaging.dicom.layout import HALVED_COLOUR, PALETTE, YBR, PixelLayout
from radpipe.imaging.dicom.quiet import otherwise
from radpipe.imaging.dicom.remarks import unused_bits, wrong_table
from radpipe.imaging.dicom.values import (
    FULL,
    ROWS,
    grey_table,
    look_up,
    range_used,
    uses_all_bits,
)
from radpipe.imaging.read import Array

EXPLICIT = "1.2.840.10008.1.2.1"
# Bits of a channel of colour.
BYTE = 8
# What 1, Cb and Cr, less half of full scale, add to red, green and blue (C.7.6.3.1.2: YBR_FULL).
YBR_TO_RGB = np.array(
    [[1, 1, 1], [0, -0.114 * 1.772 / 0.587, 1.772], [1.402, -0.299 * 1.402 / 0.587, 0]],
    np.float32,
)


def displayed(
    header: DicomHeader, layout: PixelLayout, how: Dicom, *, halvings: int = 0
) -> tuple[Array, list[str]]:
    """Decode the one frame and bring it to full scale.

    Parameters
    ----------
    header, layout
        What the file says.
    how
        What is done about films that break the standard.
    halvings
        How often the sides may be halved; grey in JPEG 2000 without padding is.

    Returns
    -------
    pixels
        (rows, columns), uint16, 0 black and 65535 white; or (rows, columns, 3) RGB, uint8 if
        that holds all of it, else uint16.
    remarks
        What is to be said of it; see `radpipe.imaging.dicom.remarks`.

    Raises
    ------
    DataError
        The film is broken, or of a kind that is refused.

    """
    if layout.samples == 3:
        return _colour(header, layout), []
    if layout.photometric == PALETTE:
        return _palette(header, layout)
    grey, remarks = read_grey(header, layout, how)
    words, high_bit = _words(header, layout, 0 if grey.padding else halvings, grey.padding)
    grey = replace(grey, high_bit=high_bit)
    if grey.voi is None and grey.modality is None:
        if len(words) < layout.rows and not uses_all_bits(grey, words):
            # An average hides how bright the brightest pixel is, and that says what is shown.
            words, _ = _words(header, layout)
        shown = range_used(grey, words)
        if shown is not None:
            grey = replace(grey, shown=shown)
            used = (shown[1] - shown[0]).bit_length()
            remarks.append(unused_bits(layout.stored, used))
    return look_up(grey_table(grey, words.dtype.itemsize * 8), words), remarks


def _words(
    header: DicomHeader,
    layout: PixelLayout,
    halvings: int = 0,
    padding: tuple[int, int] | None = None,
) -> tuple[Array, int]:
    """Return the words of grey or of a palette, unsigned, and the highest bit of their values."""
    if header.syntax not in CODECS:
        words = _plain(header, layout)
        return words.view(f"u{words.dtype.itemsize}"), layout.high_bit
    value = bytes(header.pixel_data())
    usual = layout.high_bit == layout.stored - 1
    words, frame = decompress(
        header.syntax, value, layout.options, colour=False, halvings=halvings if usual else 0
    )
    if header.syntax == RLE or (not usual and frame.bits > layout.high_bit):
        # PS3.5, G.2 and 8.2: what was compressed are whole words, as they would lie in a file.
        return words.view(f"u{words.dtype.itemsize}"), layout.high_bit
    exact = header.syntax not in LOSSY
    return _within_bits_stored(words, frame, layout, padding, exact=exact), layout.stored - 1


def _within_bits_stored(
    words: Array,
    frame: Frame,
    layout: PixelLayout,
    padding: tuple[int, int] | None,
    *,
    exact: bool,
) -> Array:
    """Clamp what a codec has handed over beyond Bits Stored: white stays white (PS3.5, 8.2).

    The value lies in the lowest bits of what is returned, whatever High Bit says. `exact` is
    whether the codec loses nothing.
    """
    if not (layout.signed or frame.signed or frame.bits > layout.stored):
        return words
    codes = words.astype(np.int32) & (2**frame.bits - 1)
    if layout.signed:
        sign = _sign_bit(codes, frame, layout, exact=exact)
        codes = (codes ^ sign) - sign
    clamped = np.clip(codes, *layout.stored_range)
    if padding is not None and padding[0] == padding[1]:
        # Padding may lie beyond Bits Stored, where no value does, and stays a word of its own.
        clamped = np.where(codes == padding[0], codes, clamped)
    # Two's complement in 16 bits, as an uncompressed film would hold it.
    found: Array = clamped.astype(np.uint16)
    return found


def _sign_bit(codes: Array, frame: Frame, layout: PixelLayout, *, exact: bool) -> int:
    """Return the bit that is the sign of signed values: the picture's highest, as a rule.

    Unsigned words in which nothing stands above Bits Stored have their sign there, as if they
    were not compressed (PS3.5, 8.1.1). A lossy codec may have overshot to that instead.
    """
    masked = exact and not frame.signed and frame.bits > layout.stored
    if masked and int(codes.max()) < 2**layout.stored:
        return int(2 ** (layout.stored - 1))
    return int(2 ** (frame.bits - 1))


def _plain(header: DicomHeader, layout: PixelLayout) -> Array:
    """Return pixels that are not compressed, in words as they lie in the file.

    Colour of 8 bits, all of which are stored, as RGB.
    """
    data = header.pixel_data()
    if header.syntax == ENCAPSULATED or header.is_in_fragments():
        with otherwise("broken or truncated (pixels cannot be found)"):
            data = coded_picture(bytes(data))
    if layout.photometric == HALVED_COLOUR:
        layout = _with_colours_said(layout, len(data))
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


def _with_colours_said(layout: PixelLayout, held: int) -> PixelLayout:
    """Return how YBR_FULL_422 that is not compressed lies in `held` bytes (C.7.6.3.1.2).

    As YBR_FULL, if all of it is there: some writers keep the name when they undo a compression.
    """
    full = replace(layout, photometric="YBR_FULL")
    if held >= full.bytes:
        return full
    if layout.columns % 2:
        raise DataError(f"holds pairs of columns that share their colour, and {layout.columns}")
    if layout.planar:
        raise DataError("holds columns that share their colour, by planes, which they cannot")
    return layout


def _unpacked(header: DicomHeader, layout: PixelLayout, data: bytes | memoryview) -> Array:
    """Let pydicom order bytes and planes, and turn YBR of 8 bits into RGB."""
    from pydicom.pixels.decoders.base import get_decoder

    with otherwise("broken or truncated (pixels do not fit their description)"):
        syntax = EXPLICIT if header.syntax == ENCAPSULATED else header.syntax
        pixels, _ = get_decoder(syntax).as_array(
            data[: layout.bytes + layout.bytes % 2],
            index=0,
            raw=not layout.fills_bytes or layout.samples == 1,
            # It would take the lowest bits for the value, whatever High Bit says.
            **layout.options | {"pixel_vr": header.pixel_vr(), "correct_unused_bits": False},
        )
    native: Array = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return native


def _colour(header: DicomHeader, layout: PixelLayout) -> Array:
    """Return RGB at full scale."""
    if layout.signed:
        raise DataError("holds signed colour")
    stored, whole_words = layout.stored, True
    # pydicom turns YBR into RGB where a byte is a value, and alone knows of what JPEG holds.
    made_rgb = layout.fills_bytes or header.syntax in JPEG
    if header.syntax in CODECS:
        value = bytes(header.pixel_data())
        pixels, frame = decompress(header.syntax, value, layout.options, colour=made_rgb)
        made_rgb = made_rgb and not frame.moved
        usual = layout.high_bit == stored - 1
        whole_words = header.syntax == RLE or (not usual and frame.bits > layout.high_bit)
        stored = stored if whole_words else min(stored, frame.bits)
    else:
        pixels = _plain(header, layout)
    if whole_words and pixels.dtype.itemsize * 8 > stored:
        # PS3.5, 8.1.1: as of grey, the value's highest bit is High Bit; what lies beside is none.
        pixels = (pixels >> (layout.high_bit + 1 - stored)) & (2**stored - 1)
    if layout.photometric in YBR and not made_rgb:
        pixels = _rgb_of(np.minimum(pixels, 2**stored - 1), stored)
    if pixels.dtype.itemsize * 8 == stored:
        return np.ascontiguousarray(pixels)
    full = 2**stored - 1
    if stored <= BYTE:
        return _scaled(pixels, full, 255).astype(np.uint8)
    return _scaled(pixels, full, FULL).astype(np.uint16)


def _rgb_of(ybr: Array, bits: int) -> Array:
    """Turn YBR of any depth into RGB (C.7.6.3.1.2), halves rounded up as pydicom does."""
    rgb = np.empty_like(ybr)
    for row in range(0, len(ybr), ROWS):
        part = ybr[row : row + ROWS].astype(np.float32)
        # "in the case where Bits Allocated is not 8", half of full scale stands for no colour.
        part[..., 1:] -= 2 ** (bits - 1)
        rgb[row : row + ROWS] = np.clip(np.floor(part @ YBR_TO_RGB + 0.5), 0, 2**bits - 1)
    return rgb


def _scaled(pixels: Array, full: int, shown: int) -> NDArray[np.uint32]:
    wide = np.minimum(pixels, full).astype(np.uint32)
    scaled: NDArray[np.uint32] = (wide * shown + full // 2) // full
    return scaled


def _palette(header: DicomHeader, layout: PixelLayout) -> tuple[Array, list[str]]:
    """Look palette colours up (C.7.9); of their 16 bits the upper 8 are kept.

    Returns
    -------
    pixels
        (rows, columns, 3) RGB, uint8.
    remarks
        As of `displayed`.

    """
    values = _palette_values(layout, *_words(header, layout))
    names = [f"{name}PaletteColorLookupTable" for name in ("Red", "Green", "Blue")]
    if header.says(f"Segmented{names[0]}Data") and not header.says(f"{names[0]}Data"):
        # C.7.9.2
        raise DataError("a palette that is kept in segments, which are not read")
    tables = [read_table(header, signed=layout.signed, prefix=name) for name in names]
    said = max(table.bits for table in tables)
    held = max(table.bits_held for table in tables)
    # Tables that say 16 bits and hold 8 would be black, and of those that say 8 and hold 16 the
    # upper bits are meant; all three count, because one alone may be black.
    bits = BYTE if held <= BYTE else max(said, held)
    channels = []
    for table in tables:
        index = np.clip(values - table.first, 0, len(table.entries) - 1)
        channels.append((table.entries[index] >> (bits - BYTE)).astype(np.uint8))
    wrong = held <= BYTE < said or held > said
    return np.stack(channels, axis=-1), [wrong_table(said, held)] if wrong else []


def _palette_values(layout: PixelLayout, words: Array, high_bit: int) -> NDArray[np.int32]:
    """Return the stored values of a palette's pixels (C.7.6.3.1.5; PS3.5, 8.1.1)."""
    values: NDArray[np.int32] = words.astype(np.int32) >> (high_bit + 1 - layout.stored)
    values &= 2**layout.stored - 1
    if layout.signed:
        sign = 2 ** (layout.stored - 1)
        values = (values ^ sign) - sign
    return values
