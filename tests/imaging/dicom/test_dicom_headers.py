"""The record of a header: technical facts, identifiers as hashes, and no byte of pixels."""

import hashlib
import io

import numpy as np
import pytest

from radpipe.core.errors import DataError
from radpipe.imaging.dicom import codecs, decode_dicom, headers
from radpipe.imaging.dicom.file import read_up_to_pixels
from radpipe.imaging.dicom.headers import (
    BAD_WINDOW,
    NOBODY,
    Hiding,
    read_film_header,
    read_film_headers,
)
from radpipe.imaging.dicom.quiet import quiet
from tests.dicom_files import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    body,
    compressed,
    film,
    meta,
    scene,
)
from tests.imaging.dicom.test_dicom import deflated
from tests.imaging.dicom.test_dicom_privacy import NAME, SECRETS, broken, whole

GREY = scene((24, 20))


def short(text):
    return hashlib.sha256(text.encode()).hexdigest()[:8]


HASHED = Hiding(name=short, patient=lambda text: (short(text),))


def header(tmp_path, hiding=NOBODY, data=None, devices=False, **elements):
    file = tmp_path / "film"
    file.write_bytes(film(GREY, **elements) if data is None else data)
    return read_film_header(file, hiding, devices=devices)


def test_what_a_header_says(tmp_path):
    found = header(
        tmp_path,
        HASHED,
        BitsStored=12,
        Modality="DX",
        ImageLaterality="R",
        ViewPosition="LL",
        PixelSpacing=r"0.2\0.1",
        WindowCenter=r"9\8",
        WindowWidth=r"5\4",
        PatientID="P01",
        StudyInstanceUID="1.2.3",
        Manufacturer="Maker",
        ManufacturerModelName="M\x1b1",
    )
    assert (found.rows, found.columns, found.bits, found.frames) == (24, 20, 12, 1)
    assert (found.photometric, found.syntax) == ("MONOCHROME2", "Explicit VR Little Endian")
    assert (found.display, found.view, found.stitched) == ("several windows", "lateral", False)
    assert (found.facts.shows, found.facts.spacing) == ("R", (0.2, 0.1))
    assert (found.patient, found.study, found.instance) == ((short("P01"),), short("1.2.3"), "")
    assert found.device == ""
    assert found.holds_pixels


def test_devices_are_told_if_asked_for_without_signs_that_move_the_cursor(tmp_path):
    named = {"Manufacturer": "Maker", "ManufacturerModelName": "M\x1b1" + "x" * 80}
    found = header(tmp_path, devices=True, **named)
    assert found.device == "Maker M1" + "x" * 30


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("start", ["whole", "bare"])
def test_headers_of_plain_syntaxes_with_and_without_preamble(tmp_path, syntax, start):
    data = body(GREY, syntax, SOPClassUID="1.2.3", ViewPosition="AP")
    found = header(tmp_path, data=data if start == "bare" else meta(syntax) + data)
    assert (found.rows, found.view, found.holds_pixels) == (24, "frontal", True)


def test_a_deflated_header(tmp_path):
    found = header(tmp_path, data=deflated(body(GREY, Modality="CR")))
    assert (found.rows, found.facts.modality, found.holds_pixels) == (24, "CR", True)


def test_no_byte_of_pixels_is_asked_for():
    """A stream that ends where pixels begin is enough."""
    data = film(GREY)
    cut = data.index(b"\xe0\x7f\x10\x00") + 12
    with quiet():
        found, pixels = read_up_to_pixels(io.BytesIO(data[:cut]))
    assert pixels
    assert found.integer("Rows") == 24


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "PA"}, "frontal"),
        ({"ViewPosition": "RL"}, "lateral"),
        ({"ViewPosition": "LLO"}, "oblique"),
        ({"ViewPosition": "SMITH"}, None),
        ({"ViewCodeSequence": [{"CodeValue": "272479007"}], "ViewPosition": "LL"}, "frontal"),
        ({"ViewCodeSequence": [{"CodeValue": "R-10236"}]}, "lateral"),
        ({"ViewCodeSequence": [{"CodeValue": "399061009"}]}, "axial"),
        ({"ViewCodeSequence": [{"CodeValue": "x"}], "ViewPosition": "AP"}, "frontal"),
        ({"PatientOrientation": r"A\F"}, "lateral"),
        ({"PatientOrientation": r"L\F"}, None),
        ({}, None),
    ],
)
def test_from_where_a_film_was_taken(tmp_path, elements, view):
    assert header(tmp_path, **elements).view == view


@pytest.mark.parametrize(
    ("elements", "stitched"),
    [
        ({"ImageType": r"DERIVED\PRIMARY\STITCHED"}, True),
        ({"ImageType": r"ORIGINAL\PRIMARY"}, False),
        ({"ImagerPixelSpacing": r"9.0\9.0", "Rows": 100}, True),
        ({"ImagerPixelSpacing": r"9.0\9.0", "Rows": 100, "Modality": "CT"}, False),
        ({"ImagerPixelSpacing": r"0.2\0.2"}, False),
    ],
)
def test_whether_a_film_was_put_together(tmp_path, elements, stitched):
    assert header(tmp_path, **elements).stitched is stitched


def test_frames_pixels_and_tables(tmp_path):
    assert header(tmp_path, NumberOfFrames=3).frames == 3
    assert not header(tmp_path, PixelData=None).holds_pixels
    assert header(tmp_path, VOILUTSequence=[{"LUTDescriptor": (1, 0, 8)}]).display == "VOI LUT"
    assert header(tmp_path).display == "none"


@pytest.mark.parametrize(
    ("center", "width", "display"),
    [
        ("40", "400", "one window"),
        ("40\\", "400\\", "one window"),
        ("40\\", "400", "one window"),
        ("\\40", "\\400", "one window"),
        ("40\\50\\", "400\\300", "several windows"),
        ("", "", "none"),
        ("40\\", "\\400", BAD_WINDOW),
        ("40", "", BAD_WINDOW),
        ("x", "y", BAD_WINDOW),
        ("40", "0", BAD_WINDOW),
        ("40", "-400", BAD_WINDOW),
    ],
)
def test_windows_that_count_are_those_that_are_decoded_with(tmp_path, center, width, display):
    window = {"WindowCenter": center, "WindowWidth": width}
    assert header(tmp_path, **window).display == display
    shown = decode_dicom(film(GREY, **window)).pixels
    same = np.array_equal(shown, decode_dicom(film(GREY)).pixels)
    assert same == (display in ("none", BAD_WINDOW))


def test_syntaxes_that_are_not_read(tmp_path):
    found = header(tmp_path, data=meta("1.2.840.10008.1.2.4.100") + body(GREY))
    assert found.syntax == ""
    assert "transfer syntax that is not read (MPEG2" in found.undecodable


def test_files_that_have_no_header_stand_in_their_place(tmp_path):
    for name, data in (("a", film(GREY)), ("b", b"no film"), ("c", film(GREY))):
        (tmp_path / name).write_bytes(data)
    found = list(read_film_headers([tmp_path / name for name in "abcd"], NOBODY))
    assert [isinstance(one, DataError) for one in found] == [False, True, False, True]
    assert str(found[1]) == "is no DICOM file"
    assert str(found[3]) == "cannot be opened (No such file or directory)"


def test_many_are_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(headers, "AT_ONCE", 2)
    (tmp_path / "a").write_bytes(film(GREY))
    assert len(list(read_film_headers([tmp_path / "a"] * 5, NOBODY))) == 5


def test_nothing_personal_is_in_a_record(tmp_path):
    """Forty elements with a name, whole and broken in many ways; devices are not asked for."""
    for _, data in [("whole", whole()), *broken()]:
        try:
            said = repr(header(tmp_path, HASHED, data=data))
        except DataError as error:
            said = f"{error!r} {error.__cause__!r}"
        assert not [secret for secret in SECRETS if secret in said.upper()]
    assert NAME  # what is planted stands in test_dicom_privacy


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_files_too_short_for_their_pixels(tmp_path, syntax):
    data = film(GREY, syntax)
    assert header(tmp_path, data=data).lacking == 0
    assert header(tmp_path, data=data[:-1]).lacking == 1
    assert header(tmp_path, data=data[: -GREY.nbytes]).lacking == GREY.nbytes


def test_frames_and_samples_count_for_the_length_of_pixels(tmp_path):
    assert header(tmp_path, NumberOfFrames="3").lacking == 2 * GREY.nbytes
    colour = np.zeros((24, 20, 3), np.uint8)
    assert header(tmp_path, data=film(colour)[:-2]).lacking == 2
    shared = film(colour[..., :2], PhotometricInterpretation="YBR_FULL_422", SamplesPerPixel=3)
    assert header(tmp_path, data=shared).lacking == 0


def test_the_size_of_a_file_says_nothing_of_pixels_that_are_packed(tmp_path):
    assert header(tmp_path, data=deflated(body(GREY))).lacking == 0
    packed = compressed(film(np.zeros((24, 20), np.uint8)), codecs.RLE)
    assert len(packed) < len(film(GREY))
    assert header(tmp_path, data=packed).lacking == 0
    assert header(tmp_path, Rows=None, PixelData=("OW", b"")).lacking == 0
