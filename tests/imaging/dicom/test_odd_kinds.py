"""Odd kinds of films that are shown as they are meant, or refused with the reason."""

import struct
import zlib
from pathlib import Path

import jpeg_ls
import numpy as np
import pytest
from pydicom.encaps import encapsulate

from radpipe.core.errors import DataError
from radpipe.imaging.dicom import decode_dicom
from radpipe.imaging.dicom.headers import NOBODY, read_film_header
from tests.dicom_files import DEFLATED, body, film, meta, scene, wrapped

JPEG_LS = "1.2.840.10008.1.2.4.80"


def test_a_deflated_file_with_a_head_of_zlib(tmp_path: Path):
    """PS3.5, A.5 wants none (RFC 1951); RFC 1950 puts two bytes before and a sum behind."""
    expected = decode_dicom(film(scene(), BitsStored=12)).pixels
    for level in (1, 6, 9):
        data = meta(DEFLATED) + zlib.compress(body(scene(), BitsStored=12), level)
        np.testing.assert_array_equal(decode_dicom(data).pixels, expected)
        (tmp_path / "film").write_bytes(data)
        found = read_film_header(tmp_path / "film", NOBODY)
        assert (found.rows, found.columns, found.holds_pixels) == (48, 40, True)
        with pytest.raises(DataError, match=r"broken or truncated \(holds \d+ of 3840 bytes\)"):
            decode_dicom(data[:-300])


@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("used", [0, 1])
def test_jpeg_ls_with_a_mapping_table_is_refused(kind, used):
    """Values are then numbers of entries (ISO 14495-1, C.2.4.1.2), and CharLS leaves them so."""
    pixels = scene(bits=8)
    plain = bytes(jpeg_ls.encode_array(pixels))
    scan = plain.index(b"\xff\xda")
    table = bytes(range(255, -1, -1))
    mapping = b"\xff\xf8" + struct.pack(">HBBB", 5 + len(table), kind, 1, 1) + table
    picture = bytearray(plain[:scan] + mapping + plain[scan:])
    picture[scan + len(mapping) + 6] = used
    with pytest.raises(DataError, match="with a mapping table, which is not read"):
        decode_dicom(wrapped(pixels, JPEG_LS, encapsulate([bytes(picture)])))


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_table_of_words_with_a_byte_behind_them(sequence):
    """An odd length is none of the standard (PS3.5, 7.1.1), and words do not turn into bytes."""
    pixels = np.tile(np.arange(8, dtype=np.uint16) % 3, (8, 1))
    words = np.array([0, 1000, 65535], "<u2").tobytes()
    item = {"LUTDescriptor": [3, 0, 16], "LUTData": ("OW", words + b"\x07\x63")}
    data = film(pixels, **{sequence: [item]})
    at = data.index(words)
    odd = bytearray(data[: at + 7] + data[at + 8 :])
    assert odd[at + 6] == 7
    # The lengths of the table, of its item and of the sequence.
    start = odd.rindex(b"SQ\0\0", 0, at)
    for place in (at - 4, start + 4, start + 12):
        odd[place : place + 4] = struct.pack("<I", struct.unpack_from("<I", odd, place)[0] - 1)
    expected = decode_dicom(film(pixels, **{sequence: [item | {"LUTData": ("OW", words)}]}))
    found = decode_dicom(bytes(odd))
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.pixels[0, :3].tolist() == [0, 1000, 65535]


def test_a_palette_in_segments_is_refused_with_the_reason():
    """C.7.9.2."""
    names = [f"{name}PaletteColorLookupTable" for name in ("Red", "Green", "Blue")]
    segments = ("OW", np.array([0, 2, 0, 256, 1, 4, 0xFF00], "<u2").tobytes())
    about = {f"{name}Descriptor": [6, 0, 16] for name in names}
    about |= {f"Segmented{name}Data": segments for name in names}
    with pytest.raises(DataError, match="kept in segments, which are not read"):
        decode_dicom(film(scene(bits=8), PhotometricInterpretation="PALETTE COLOR", **about))
