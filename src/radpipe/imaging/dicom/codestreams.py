"""From Pixel Data to the one compressed picture in it: found, measured and tidied.

Codestreams are parsed from their start, so no bytes of a comment or of a picture are taken for
something else. Offset tables are not believed: a film is one frame, whatever they say.
"""

import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

# Tags of items and of what ends them, as two words in one (PS3.5, 7.5).
ITEM, ITEMS_END = 0xE000FFFE, 0xE0DDFFFE
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
J2K_START = b"\xff\x4f\xff\x51"
# The signature box of a .jp2 file (ISO 15444-1, I.5.1), and the box that holds the codestream.
JP2_START, JP2_PIXELS = b"\0\0\0\x0cjP  ", b"jp2c"
# Markers of JPEG and JPEG-LS frames (ISO 10918-1, table B.1; ISO 14495-1, C.2.2).
FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}) | {0xF7}
# Markers without a length.
LONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
END, SCAN, LINES = 0xD9, 0xDA, 0xDC
# Of JFIF and of Adobe, which say how colour was transformed (ISO 10918-5, 10.1; 10918-6, 6.5.3).
APPLICATIONS = (0xE0, 0xEE)
# LSE, and the kinds of it that hold a mapping table (ISO 14495-1, C.2.4.1).
PRESETS, MAPPINGS = 0xF8, (2, 3)
TILE_PART = 0xFF90  # SOT (ISO 15444-1, A.4.2)
# A marker that ends compressed data: any but stuffed bytes and restarts (ISO 10918-1, B.1.1.5).
# Of fill bytes before it only the last: a long run of them would be searched again from each.
MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")


@dataclass(frozen=True, slots=True)
class Frame:
    """What a compressed picture says of itself.

    Attributes
    ----------
    rows, columns, samples
        Its size, and channels of a pixel.
    bits
        Precision of a sample.
    signed
        Whether samples are signed, which only JPEG 2000 can say.
    moved
        Whether the picture does not begin where its grid does, which only JPEG 2000 can say.
    alike
        Whether its samples are of one size and one depth, as far as JPEG 2000 says.

    """

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool = False
    moved: bool = False
    alike: bool = True


def coded_picture(value: bytes) -> bytes:
    """Return the compressed picture that encapsulated Pixel Data holds (PS3.5, A.4).

    All fragments together, whatever the offset table says, and out of a .jp2 file its codestream.

    Raises
    ------
    ValueError, LookupError, struct.error
        There is none.

    """
    # The first item is the table of offsets.
    coded = b"".join(list(_items(value))[1:])
    return _unboxed(coded) if coded.startswith(JP2_START) else coded


def _items(value: bytes) -> Iterator[bytes]:
    """Yield the items of encapsulated Pixel Data, always little endian, up to what ends them."""
    at = 0
    while at + 8 <= len(value):
        tag, length = struct.unpack_from("<II", value, at)
        if tag == ITEMS_END:
            return
        at += 8 + length
        if tag != ITEM or at > len(value):
            raise ValueError("no item, or one that ends early")
        yield value[at - length : at]


def read_frame(coded: bytes) -> Frame:
    """Read the size out of a JPEG, JPEG-LS or JPEG 2000 picture.

    Raises
    ------
    ValueError, LookupError, struct.error
        It has none.

    """
    if coded.startswith(J2K_START):
        # ISO 15444-1, A.5.1: SIZ follows the start; sizes are those of a grid with an offset.
        right, bottom, left, top = struct.unpack_from(">4I", coded, 8)
        samples, bits = struct.unpack_from(">HB", coded, 40)
        size, moved = (bottom - top, right - left), bool(top or left)
        # Of each sample its depth, and how many columns and rows of the grid it stands for.
        alike = coded[42 : 42 + 3 * samples] == bytes((bits, 1, 1)) * samples
        return Frame(*size, samples, (bits & 0x7F) + 1, bits > 0x7F, moved, alike)
    marker, at = _next_segment(coded, 2 if coded.startswith(JPEG_START) else -1)
    while marker not in FRAME_MARKERS:
        marker, at = _next_segment(coded, _behind(coded, marker, at))
    bits, rows, columns, samples = struct.unpack_from(">BHHB", coded, at + 2)
    return Frame(rows, columns, samples, bits)


def has_mapping_table(coded: bytes) -> bool:
    """Say whether the values of a JPEG-LS picture are numbers of entries of a table in it.

    LSE segments of kinds 2 and 3 hold such tables (ISO 14495-1, C.2.4.1.2 and C.2.4.1.3).

    Raises
    ------
    ValueError, LookupError, struct.error
        It has no scan.

    """
    marker, at = 0, 2
    while marker != SCAN:
        marker, at = _next_segment(coded, at)
        if marker == PRESETS and coded[at + 2] in MAPPINGS:
            return True
        at = _behind(coded, marker, at)
    return False


def says_rgb(coded: bytes) -> bool:
    """Say whether the samples of a JPEG picture are called R, G and B, and nothing else is said.

    Libraries then believe it (the names of samples are free: ISO 10918-1, B.2.2).

    Raises
    ------
    ValueError, LookupError, struct.error
        It has no frame.

    """
    marker, at = 0, 2
    while marker not in FRAME_MARKERS:
        marker, at = _next_segment(coded, at)
        if marker in APPLICATIONS:
            return False
        if marker not in FRAME_MARKERS:
            at = _behind(coded, marker, at)
    return coded[at + 8 : at + 17 : 3] == b"RGB"


def is_without_gaps(coded: bytes) -> bool:
    """Say whether the segments of a JPEG picture follow upon each other up to its first scan.

    So they must (ISO 10918-1, B.2.1); some decoders skip what lies between them.
    """
    marker, at = 0, 2
    try:
        while marker != SCAN:
            marker, at = _next_segment(coded, at)
            at = _behind(coded, marker, at)
    except (ValueError, LookupError, struct.error):
        return False
    return True


def tidied(coded: bytes) -> bytes:
    """Return a compressed picture that ends where its pixels do, with an end marker.

    Comments, fill and padding after the last of its pixels go; decoders stumble over them.

    Raises
    ------
    ValueError
        The pixels have no end, or another picture follows.
    LookupError, struct.error
        A segment is longer than what there is.

    """
    if coded.startswith(J2K_START):
        return _tidied_j2k(coded)
    return _tidied_jpeg(coded)


def _unboxed(file: bytes) -> bytes:
    """Return the codestream out of a .jp2 file's boxes (ISO 15444-1, I.4)."""
    at = 0
    while at < len(file):
        length, kind = struct.unpack_from(">I4s", file, at)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", file, at + 8)
            header = 16
        # 0: up to the end of the file.
        end = at + length if length else len(file)
        if end < at + header:
            break
        if kind == JP2_PIXELS:
            return file[at + header : end]
        at = end
    raise ValueError("no codestream")


def _next_segment(coded: bytes, at: int) -> tuple[int, int]:
    """Return the marker at a place, and where what follows it begins."""
    # ISO 10918-1, B.1.1.2: any number of 0xFF may stand before a marker.
    if at < 0 or coded[at] != 0xFF:
        raise ValueError("no marker")
    while coded[at] == 0xFF:
        at += 1
    return coded[at], at + 1


def _behind(coded: bytes, marker: int, at: int) -> int:
    """Return where a segment ends whose content begins at `at`."""
    if marker in LONE_MARKERS:
        return at
    return at + int(struct.unpack_from(">H", coded, at)[0])


def _tidied_jpeg(coded: bytes) -> bytes:
    at, end = 2, 0
    while found := MARKER.search(coded, at):
        marker = found[1][0]
        # Pixels end before the first marker behind them; the height may follow (B.2.5). Their own
        # last byte is never 0xFF, behind which a zero is stuffed.
        end = end or len(coded[: found.start()].rstrip(b"\xff"))
        if marker == END:
            _refuse_another(coded[found.end() :])
            return coded[:end] + JPEG_END
        at = _behind(coded, marker, found.end())
        if marker == SCAN:
            end = 0
        elif marker == LINES:
            end = at
    raise ValueError("no end")


def _refuse_another(rest: bytes) -> None:
    if rest.lstrip(b"\0\xff").startswith(b"\xd8"):
        raise ValueError("another picture")


def _tidied_j2k(coded: bytes) -> bytes:
    """Cut behind the last tile-part, if all are there; else leave it to the decoder to refuse."""
    at = 2
    while (marker := int(struct.unpack_from(">H", coded, at)[0])) != TILE_PART:
        at = _behind(coded, marker & 0xFF, at + 2)
    parts: Counter[int] = Counter()
    promised: dict[int, int] = {}
    while coded[at : at + 2] == TILE_PART.to_bytes(2, "big"):
        tile, length, _, many = struct.unpack_from(">HIBB", coded, at + 4)
        parts[tile] += 1
        promised[tile] = max(promised.get(tile, 0), many)
        # 0: up to the end marker (A.4.2).
        at = at + length if length else coded.rindex(JPEG_END)
        if not length:
            break
    whole = len(parts) == _tiles(coded) and all(parts[tile] >= promised[tile] for tile in parts)
    return coded[:at] + JPEG_END if whole and at <= len(coded) else coded


def _tiles(coded: bytes) -> int:
    """Return the number of tiles that SIZ says (ISO 15444-1, B.3)."""
    right, bottom, _, _, wide, high, left, top = struct.unpack_from(">8I", coded, 8)
    if not (wide and high):
        raise ValueError("tiles of no size")
    return int(-(-(right - left) // wide) * -(-(bottom - top) // high))
