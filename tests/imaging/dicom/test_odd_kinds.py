"""Odd kinds of films that are shown as they are meant, or refused with the reason."""

import struct

import jpeg_ls
import pytest
from pydicom.encaps import encapsulate

from radpipe.core.errors import DataError
from radpipe.imaging.dicom import decode_dicom
from tests.dicom_files import scene, wrapped

JPEG_LS = "1.2.840.10008.1.2.4.80"


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
