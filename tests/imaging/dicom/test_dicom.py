"""DICOM files as a whole: what is taken, what is refused, and how ingest takes them."""

import hashlib
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels import apply_modality_lut, apply_windowing

from radpipe.core.errors import DataError
from radpipe.core.settings import Image
from radpipe.imaging.dicom import file as dicom_file
from radpipe.imaging.dicom.quiet import quiet
from radpipe.imaging.dicom.read import DicomFilm, decode_dicom, is_dicom
from radpipe.imaging.ingest import ingest
from radpipe.imaging.resize import prepare
from radpipe.imaging.store import Store
from tests.dicom_files import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, body, film, meta, scene

FOLDER = Path(pydicom.__file__).parent / "data"
# Files that come with pydicom; nothing is ever downloaded.
FILES = sorted(
    path
    for kind in ("test_files", "charset_files", "palettes")
    for path in (FOLDER / kind).rglob("*")
    if path.is_file()
)


def read(name):
    return decode_dicom((FOLDER / "test_files" / name).read_bytes())


def outcome(path):
    """Return the film, or the reason why there is none."""
    data = path.read_bytes()
    if not is_dicom(data):
        return "no DICOM"
    try:
        return decode_dicom(data)
    except DataError as error:
        return str(error)


def test_files_of_pydicom_are_read_or_refused_with_a_reason():
    found = {path: outcome(path) for path in FILES}
    films = {path.name: film for path, film in found.items() if isinstance(film, DicomFilm)}
    reasons = [reason for reason in found.values() if isinstance(reason, str)]
    assert len(found) > 190
    assert len(films) > 80
    assert all(0 < len(reason) < 100 for reason in reasons)
    for one in films.values():
        assert one.pixels.dtype in (np.uint8, np.uint16)
        assert one.pixels.flags.c_contiguous
        assert min(one.pixels.shape[:2]) >= 8


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rtplan.dcm", "holds no pixels"),
        ("test-SR.dcm", "holds no pixels"),
        ("rtdose.dcm", "holds 15 frames, expected one"),
        ("rtdose_1frame.dcm", "holds 32-bit pixels, expected 8 or 16 bits"),
        ("liver_1frame.dcm", "holds 1-bit pixels, expected 8 or 16 bits"),
        ("examples_ybr_color.dcm", "holds 30 frames, expected one"),
        ("MR_truncated.dcm", "holds 8130 of 8192 bytes"),
        ("SC_rgb_small_odd.dcm", "smaller than 8 pixels"),
        ("JPEG2000-embedded-sequence-delimiter.dcm", "expected 256x1024x1"),
    ],
)
def test_why_some_are_refused(name, reason):
    with pytest.raises(DataError, match=reason):
        read(name)


def test_one_picture_in_many_syntaxes_is_one_picture():
    plain = read("MR_small.dcm")
    for name in ("RLE", "bigendian", "expb", "implicit", "jp2klossless", "jpeg_ls_lossless"):
        np.testing.assert_array_equal(read(f"MR_small_{name}.dcm").pixels, plain.pixels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small.dcm", "693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm", "image_dfl.dcm"],
)
def test_grey_agrees_with_a_plain_float_pipeline(name):
    """Pydicom's own functions in floating point, brought to 0..65535."""
    source = pydicom.dcmread(FOLDER / "test_files" / name)
    source.PixelRepresentation = int(source.PixelRepresentation)
    seen = apply_modality_lut(source.pixel_array, source).astype(np.float64)
    bits = source.BitsStored
    low = -(2 ** (bits - 1)) if source.PixelRepresentation else 0
    slope = float(source.get("RescaleSlope", 1))
    if "WindowWidth" not in source:
        # The detector that the values seem to come from: 12 bits of 16 in one of these files.
        low, bits = {"CT_small.dcm": (0, 12)}.get(name, (low, bits))
    ends = [v * slope + float(source.get("RescaleIntercept", 0)) for v in (low, low + 2**bits - 1)]
    # pydicom's windows go from the lowest to the highest value of the modality.
    shown = apply_windowing(seen, source) if "WindowWidth" in source else seen
    expected = (shown - ends[0]) / (ends[1] - ends[0]) * 65535
    np.testing.assert_allclose(read(name).pixels, np.clip(expected, 0, 65535), atol=1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "examples_jpeg2k.dcm"]
)
def test_colour_agrees_with_pydicom(name):
    source = pydicom.dcmread(FOLDER / "test_files" / name)
    np.testing.assert_array_equal(read(name).pixels, source.pixel_array)


def test_a_film_is_used_like_a_picture():
    found = decode_dicom(film(scene(), BitsStored=12))
    assert (found.mode, found.bits, found.syntax) == (
        "MONOCHROME2/12",
        16,
        "Explicit VR Little Endian",
    )
    assert found.slices.shape == (1, 48, 40)
    assert found.pixels.dtype == np.uint16


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("start", ["preamble", "meta", "data set"])
def test_files_with_and_without_a_preamble(syntax, start):
    whole = film(scene(), syntax, BitsStored=12, SOPClassUID="1.2.840.10008.5.1.4.1.1.1")
    data = {
        "preamble": whole,
        "meta": whole[132:],
        "data set": whole[len(meta(syntax)) :],
    }[start]
    assert is_dicom(data)
    found = decode_dicom(data)
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(scene(), BitsStored=12)).pixels)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x08", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"\x93NUMPY"],
)
def test_other_files_are_not_dicom(data):
    assert not is_dicom(data)
    assert not is_dicom(data + b"\0" * 200)
    assert not is_dicom(data + b" " * 200)


def deflated(plain):
    packer = zlib.compressobj(wbits=-15)
    return meta(DEFLATED) + packer.compress(plain) + packer.flush()


def test_a_deflated_file(monkeypatch):
    data = deflated(body(scene(), BitsStored=12))
    found = decode_dicom(data)
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(scene(), BitsStored=12)).pixels)
    monkeypatch.setattr(dicom_file, "MAX_INFLATED", 2000)
    with pytest.raises(DataError, match="more than 0 MB when inflated"):
        decode_dicom(data)
    monkeypatch.undo()
    with pytest.raises(DataError, match="broken or truncated"):
        decode_dicom(data[:-500])
    with pytest.raises(DataError, match="broken or truncated"):
        decode_dicom(meta(DEFLATED) + b"\xff" * 40)


def test_a_bomb_is_refused_at_its_header(monkeypatch):
    for rows, columns in ((65535, 65535), (40000, 2001)):
        with pytest.raises(DataError, match="more than 80 million pixels"):
            decode_dicom(film(scene(), Rows=rows, Columns=columns))
    with pytest.raises(DataError, match="more than 80 million pixels"):
        decode_dicom(film(np.zeros((8, 8, 3), np.uint8), Rows=30000, Columns=900))
    # Group 2 in implicit VR, which is wrong, does not hide a deflated syntax.
    monkeypatch.setattr(dicom_file, "MAX_INFLATED", 10**6)
    hidden = b"\x02\0\x10\0\x16\0\0\0" + DEFLATED.encode()
    for start in (hidden, meta(DEFLATED)[132:]):
        bomb = zlib.compressobj(wbits=-15)
        zeros = bomb.compress(bytes(10**7)) + bomb.flush()
        with pytest.raises(DataError, match="more than 1 MB when inflated"):
            decode_dicom(b"\0" * 128 + b"DICM" + start + zeros)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Rows": 0}, "Rows is missing or not valid"),
        ({"Rows": None}, "Rows is missing or not valid"),
        ({"Columns": ("LO", b"WORTHINGTON ")}, "Columns is missing or not valid"),
        ({"Columns": ("US", b"")}, "Columns is missing or not valid"),
        ({"Rows": 7}, r"smaller than 8 pixels \(40x7\)"),
        ({"Rows": 49}, "holds 3840 of 3920 bytes"),
        ({"Rows": 24}, "more pixels than Rows and Columns say"),
        ({"BitsAllocated": None}, "BitsAllocated is missing"),
        ({"BitsAllocated": 12}, "holds 12-bit pixels"),
        ({"BitsStored": 17}, "Bits Stored is 17, expected 1..16"),
        ({"SamplesPerPixel": 3}, "Samples per Pixel do not suit"),
        ({"PhotometricInterpretation": "WORTHINGTON"}, "Photometric Interpretation"),
        ({"PhotometricInterpretation": None}, "Photometric Interpretation"),
        ({"NumberOfFrames": "2"}, "holds 2 frames, expected one"),
        ({"PixelData": None}, "holds no pixels"),
        ({"PixelData": ("OW", b"")}, "holds 0 of 3840 bytes"),
    ],
)
def test_what_is_refused(elements, reason):
    with pytest.raises(DataError, match=reason):
        decode_dicom(film(scene(), **elements))


def test_signed_colour_is_refused():
    with pytest.raises(DataError, match="signed colour"):
        decode_dicom(film(np.zeros((8, 8, 3), np.uint8), PixelRepresentation=1))


def test_padding_behind_the_last_pixel_is_no_pixel():
    pixels = scene()
    padded = film(pixels, PixelData=("OW", pixels.astype("<u2").tobytes() + b"\0" * 10))
    np.testing.assert_array_equal(decode_dicom(padded).pixels, decode_dicom(film(pixels)).pixels)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_pixels_that_are_not_compressed_stay_where_they_lie(syntax):
    pixels = scene((200, 200))
    data = film(pixels, syntax)
    with quiet():
        found = dicom_file.read_header(data).pixel_data()
    assert isinstance(found, memoryview)
    assert found.obj is data
    assert found == pixels.astype(">u2" if syntax == BIG_ENDIAN else "<u2").tobytes()


def test_an_element_larger_than_the_pixels_is_read():
    table = np.arange(4096, dtype="<u2") * 16
    sequence = [{"LUTDescriptor": [4096, 0, 16], "LUTData": ("OW", table.tobytes())}]
    pixels = scene((8, 9))
    found = decode_dicom(film(pixels, VOILUTSequence=sequence))
    np.testing.assert_array_equal(found.pixels, pixels * 16)


def test_a_number_of_a_wrong_length_is_none():
    data = film(scene(), PixelPaddingValue=("US", b"ABC"))
    odd = data.replace(b"US\x04\0ABC\0", b"US\x03\0ABC")
    assert len(odd) == len(data) - 1
    np.testing.assert_array_equal(decode_dicom(odd).pixels, decode_dicom(film(scene())).pixels)


@given(st.integers(0, 10**6), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_damage_is_survived(seed, count):
    """Any bytes changed anywhere: a film or a reason, nothing else."""
    rng = np.random.default_rng(seed)
    data = bytearray(film(scene((8, 9)), WindowCenter="9", WindowWidth="9", PixelSpacing=r"1\1"))
    for at in rng.integers(0, len(data), count):
        data[at] = rng.integers(0, 256)
    whole = bytes(data[: rng.integers(len(data) // 2, len(data) + 1)])
    try:
        found = decode_dicom(whole)
    except DataError as error:
        found = str(error)
    assert isinstance(found, DicomFilm) or 0 < len(found) < 120


def test_ingest_takes_films_in(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    files = {"a": film(scene(), BitsStored=12), "b": film(scene(), NumberOfFrames="2")}
    for name, data in files.items():
        (raw / name).write_bytes(data)
    cases = pa.table({"case": list(files), "file_image": list(files)})
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    image = Image(side=16, resize="letterbox", channels="grey", bits=16)
    done = ingest(cases, raw, image, tmp_path / "store", manifest=hashes, workers=1)
    assert done["fingerprint"]["modes"] == {"MONOCHROME2/12": 1}
    assert done["fingerprint"]["bits"] == {"16": 1}
    assert "holds 2 frames, expected one" in (tmp_path / "store" / "rejected.csv").read_text()
    expected, _ = prepare(decode_dicom(files["a"]).pixels, image)
    np.testing.assert_array_equal(Store(tmp_path / "store").pixels([0])[0], expected)


def test_pydicom_is_loaded_only_for_films():
    code = (
        "import sys, radpipe.imaging.worker as w; assert 'pydicom' not in sys.modules;"
        "from radpipe.imaging.dicom.read import is_dicom; is_dicom(b'x' * 200);"
        "assert 'pydicom' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
