"""Compressed pictures found in Pixel Data and tidied: what lies around them makes no difference."""

import struct
import time

import jpeg_ls
import numpy as np
import pytest
from openjpeg.utils import encode_array
from pydicom.encaps import encapsulate

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.codestreams import (
    Frame,
    coded_picture,
    is_without_gaps,
    read_frame,
    tidied,
)
from radpipe.imaging.dicom.read import decode_dicom
from tests.dicom_files import compressed, film, scene, wrapped
from tests.imaging.dicom.coding import JPEG_LOSSLESS_SV1, coded_by_gdcm

JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"
# The start of a JPEG 2000 picture, where comments may hold any bytes.
TRAP = b"\xff\x4f\xff\x51"
COMMENT = b"\xff\xfe" + struct.pack(">H", 2 + 8) + TRAP + b"\xff\xd9ab"


def jpeg_ls_of(pixels):
    return bytes(jpeg_ls.encode_array(pixels))


def jpeg_2000_of(pixels):
    return bytes(encode_array(pixels, bits_stored=12, photometric_interpretation=2, codec_format=0))


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """One picture in three codecs."""
    return {
        JPEG_LS: jpeg_ls_of(scene()),
        JPEG_2000: jpeg_2000_of(scene()),
        JPEG_LOSSLESS_SV1: coded_by_gdcm(
            film(scene(), BitsStored=12), JPEG_LOSSLESS_SV1, tmp_path_factory.mktemp("gdcm")
        ),
    }


def check(syntax, value):
    """Compare with the uncompressed film."""
    found = decode_dicom(wrapped(scene(), syntax, value, BitsStored=12))
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(scene(), BitsStored=12)).pixels)


CODECS = [JPEG_LS, JPEG_2000, JPEG_LOSSLESS_SV1]


@pytest.mark.parametrize("syntax", CODECS)
@pytest.mark.parametrize(
    "rest", [b"", b"\0", b"\0" * 100, b"\xff\xff", b" " * 7, b"\0" * 70_000], ids=len
)
def test_padding_behind_the_end_is_no_part(syntax, rest, coded):
    check(syntax, encapsulate([coded[syntax] + rest]))


@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_LOSSLESS_SV1])
@pytest.mark.parametrize("where", ["start", "end"])
def test_comments_may_hold_any_bytes(syntax, where, coded):
    whole = coded[syntax]
    at = 2 if where == "start" else len(whole.rstrip(b"\0")) - 2
    check(syntax, encapsulate([whole[:at] + COMMENT + whole[at:]]))


def test_a_comment_before_the_end_of_jpeg_2000(coded):
    whole = coded[JPEG_2000].rstrip(b"\0")
    comment = b"\xff\x64" + struct.pack(">HH", 11, 1) + b"PADDING"
    for between in (comment, b"\0", b"\0" * 9, comment * 2):
        check(JPEG_2000, encapsulate([whole[:-2] + between + whole[-2:]]))
    # Without an end, but with all of its parts.
    check(JPEG_2000, encapsulate([whole[:-2]]))


@pytest.mark.parametrize("stray", [b"\0", b"\0" * 3, b"\xff" * 3, b"\0\xff"])
def test_stray_bytes_before_the_end_of_jpeg_ls(stray, coded):
    whole = coded[JPEG_LS]
    assert whole.endswith(b"\xff\xd9")
    check(JPEG_LS, encapsulate([whole[:-2] + stray + whole[-2:]]))


@pytest.mark.parametrize("bits", [8, 16])
def test_stray_bytes_of_other_depths(bits):
    pixels = scene(bits=bits)
    whole = jpeg_ls_of(pixels)
    value = encapsulate([whole[:-2] + b"\0" + whole[-2:]])
    found = decode_dicom(wrapped(pixels, JPEG_LS, value))
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(pixels)).pixels)


@pytest.mark.parametrize("syntax", CODECS)
@pytest.mark.parametrize("missing", [8, 4, 1])
def test_fragments_that_nothing_ends(syntax, missing, coded):
    """What ends them is missing; of pixels that are missing themselves the film is refused."""
    data = wrapped(scene(), syntax, encapsulate([coded[syntax]]), BitsStored=12)
    found = decode_dicom(data[:-missing])
    np.testing.assert_array_equal(found.pixels, decode_dicom(data).pixels)
    for cut in (9, 10, 14, 40, 500):
        with pytest.raises(DataError, match="broken or truncated"):
            decode_dicom(data[:-cut])
    assert decode_dicom(data + b"\0" * 6).pixels.shape == (48, 40)
    rle = compressed(film(scene(), BitsStored=12), RLE)
    for cut in (9, 10, 40):
        with pytest.raises(DataError, match="broken or truncated"):
            decode_dicom(rle[:-cut])
    with pytest.raises(DataError, match="holds no pixels"):
        decode_dicom(data[: data.index(b"\xe0\x7f\x10\0")])


@pytest.mark.parametrize("syntax", CODECS)
def test_offset_tables_are_not_believed(syntax, coded):
    whole = coded[syntax] + b"\0" * (len(coded[syntax]) % 2)
    middle = len(whole) // 4 * 2
    fragments = [whole[:middle], whole[middle:]]
    check(syntax, encapsulate(fragments, has_bot=True))
    check(syntax, encapsulate(fragments, has_bot=False))
    table = encapsulate([whole], has_bot=True)
    assert table[:8] == b"\xfe\xff\x00\xe0\x04\0\0\0"
    check(syntax, table[:8] + struct.pack("<I", 4096) + table[12:])


def test_a_picture_in_the_boxes_of_a_jp2_file(coded):
    """Boxes before the codestream may hold its first bytes, too (ISO 15444-1, I.4)."""
    whole = coded[JPEG_2000].rstrip(b"\0")
    signature = b"\0\0\0\x0cjP  \r\n\x87\n"
    trap = struct.pack(">I4s", 8 + len(TRAP) + 40, b"xml ") + TRAP + b"\xff" * 40
    for head in (
        struct.pack(">I4s", 8 + len(whole), b"jp2c"),
        struct.pack(">I4s", 0, b"jp2c"),
        struct.pack(">I4sQ", 1, b"jp2c", 16 + len(whole)),
    ):
        boxed = signature + trap + head + whole
        assert coded_picture(encapsulate([boxed])).rstrip(b"\0") == whole
        check(JPEG_2000, encapsulate([boxed]))
    for broken in (signature, signature + b"\0\0\0\x07jp2c", signature + trap):
        with pytest.raises((ValueError, struct.error)):
            coded_picture(encapsulate([broken]))


def test_two_pictures_are_not_one(coded):
    with pytest.raises(DataError, match="have no end"):
        check(JPEG_LS, encapsulate([coded[JPEG_LS] * 2]))


def test_pictures_without_an_end_are_told():
    with pytest.raises(ValueError, match="no end"):
        tidied(b"\xff\xd8\xff\xda\0\2abc\xff\0\xff\xd0")
    # Stuffed bytes and restarts are data, and the height may follow it (ISO 10918-1, B.2.5).
    scan = b"\xff\xd8\xff\xda\0\2a\xff\0b\xff\xd0c"
    height = b"\xff\xdc\0\4\0\x09"
    assert tidied(scan + b"\xff\xff\xd9") == scan + b"\xff\xd9"
    assert tidied(scan + height + b"\0\xff\xd9") == scan + height + b"\xff\xd9"
    tables = b"\xff\xc4\0\2"
    second = scan + tables + b"\xff\xda\0\2de"
    assert tidied(second + COMMENT + b"\xff\xd9\0\0") == second + b"\xff\xd9"


@pytest.mark.parametrize("rest", [b"", b"\0\0", b"\xff\0" * 9])
def test_long_runs_of_fill_bytes_take_no_time(rest):
    """As in a file whose end was never written, on a medium that is empty as 0xFF."""
    scan, fill = b"\xff\xd8\xff\xda\0\2abc", b"\xff" * 3_000_000
    start = time.process_time()
    with pytest.raises(ValueError, match="no end"):
        tidied(scan + fill + rest)
    assert tidied(scan + fill + b"\xd9" + fill) == scan + b"\xff\xd9"
    height = b"\xff\xdc\0\4\1\xff"
    assert tidied(scan + height + fill + b"\xd9") == scan + height + b"\xff\xd9"
    assert time.process_time() - start < 5


def test_segments_follow_upon_each_other():
    table, scan = b"\xff\xc4\0\4ab", b"\xff\xda\0\2data\xff\xd9"
    for between in (b"", b"\xff\xff", b"\xff\xe0\0\2"):
        assert is_without_gaps(b"\xff\xd8" + table + between + scan)
    for between in (b"\0", b"ab", b"\xff\0", b"\xff\xe0\0\1"):
        assert not is_without_gaps(b"\xff\xd8" + table + between + scan)
    assert not is_without_gaps(b"\xff\xd8" + table)


def test_parts_of_jpeg_2000_are_counted(coded):
    whole = coded[JPEG_2000].rstrip(b"\0")
    at = whole.index(b"\xff\x90")
    length = struct.unpack_from(">I", whole, at + 6)[0]
    assert whole[at + length :] == b"\xff\xd9"
    # Length 0 means up to the end (ISO 15444-1, A.4.2).
    open_end = whole[: at + 6] + bytes(4) + whole[at + 10 :]
    assert tidied(open_end + b"\0\0") == open_end
    check(JPEG_2000, encapsulate([open_end]))
    # A tile-part that is promised and missing is the decoder's to refuse.
    promised = whole[: at + 11] + b"\x02" + whole[at + 12 :]
    assert tidied(promised) == promised


@pytest.mark.parametrize("side", [24, 28])
def test_tiles_of_no_size_are_refused(side, coded):
    broken = bytearray(coded[JPEG_2000])
    broken[side : side + 4] = bytes(4)
    with pytest.raises(DataError, match="have no end"):
        check(JPEG_2000, encapsulate([bytes(broken)]))


def test_frames_say_their_size():
    siz = struct.pack(">2H2xIIII16xHB", 0xFF51, 41, 90, 70, 10, 20, 3, 0x80 | 11) + bytes((1, 1))
    for other in (bytes((0x80 | 11, 1, 1)), bytes((11, 1, 1)), bytes((0x80 | 11, 2, 1)), b""):
        alike = other[:2] == bytes((0x80 | 11, 1))
        found = read_frame(b"\xff\x4f" + siz + 2 * other)
        assert found == Frame(50, 80, 3, 12, signed=True, moved=True, alike=alike)
    jpeg = b"\xff\xd8\xff\xe0\0\4ab\xff\xff\xc4\0\2\xff\xc3\0\x0b\x0c\0\x10\0\x20\1"
    assert read_frame(jpeg) == Frame(16, 32, 1, 12)
    for broken in (b"", b"GIF89a", b"\xff\xd8", b"\xff\xd8ab", b"\xff\xd8\xff\xe0", jpeg[:-3]):
        with pytest.raises((ValueError, LookupError, struct.error)):
            read_frame(broken)
