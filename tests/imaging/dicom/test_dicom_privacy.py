"""Nothing personal leaves: names are planted everywhere, and looked for wherever words come out."""

import dataclasses
import io
import logging
import struct
import subprocess
import sys
import traceback
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.encaps import encapsulate

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.codecs import CODECS
from radpipe.imaging.dicom.file import ELEMENTS
from radpipe.imaging.dicom.read import decode_dicom
from tests.dicom_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    body,
    compressed,
    element,
    meta,
    scene,
)

# Invented; each is looked for in any case.
NAME = b"WORTHINGTON^QUILLFEATHER"
NUMBER = b"19531224"
SECRETS = ("WORTHINGTON", "QUILLFEATHER", "19531224", "1953-12-24")

TEXTS = [
    *("PatientName", "PatientID", "PatientAddress", "PatientTelephoneNumbers", "OtherPatientNames"),
    *("PatientMotherBirthName", "PatientComments", "AdditionalPatientHistory", "Occupation"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord"),
    *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName"),
    *("StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "StudyID"),
    *("AccessionNumber", "RequestedProcedureDescription", "DeviceSerialNumber", "MilitaryRank"),
    *("DerivationDescription", "ReasonForTheRequestedProcedure", "SpecialNeeds"),
]
DATES = [
    *("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"),
]
PRIVATE = [(0x00091001, "UN"), (0x00091002, "LO"), (0x00291010, "OB"), (0x70531001, "UT")]


def personal():
    """Forty elements with somebody in them."""
    found = dict.fromkeys(TEXTS, ("LO", NAME)) | dict.fromkeys(DATES, ("LO", NUMBER))
    found["OtherPatientIDsSequence"] = [{"PatientID": NAME, "IssuerOfPatientID": NAME}]
    found["RequestAttributesSequence"] = [{"ScheduledProcedureStepDescription": NAME}]
    found["SpecificCharacterSet"] = ("CS", b"ISO_IR 192")
    found["PixelSpacingCalibrationDescription"] = ("LO", NAME)
    return found


def whole(syntax=EXPLICIT, **changes):
    """Return a file about somebody, in group 2 and private groups, too."""
    about = {
        "SourceApplicationEntityTitle": ("AE", b"WORTHINGTON"),
        "MediaStorageSOPInstanceUID": ("UI", NUMBER),
        "PrivateInformation": ("OB", NAME),
    }
    elements = {"BitsStored": 12} | personal() | changes
    private = b"".join(element(tag, vr, NAME, syntax) for tag, vr in PRIVATE)
    return meta(syntax, **about) + private + body(scene((16, 16)), syntax, **elements)


def broken() -> Iterator[tuple[str, bytes]]:
    """Yield many files that are wrong in one place, that place holding a name."""
    for keyword in ELEMENTS:
        if keyword == "PixelData":
            continue
        for vr in {dictionary_VR(keyword).split()[0], "LO", "UN", "OB", "US", "DS", "IS", "CS"}:
            yield f"{keyword} as {vr}", whole(**{keyword: (vr, NAME)})
            yield f"{keyword} as {vr} in digits", whole(**{keyword: (vr, NUMBER)})
        if dictionary_VR(keyword) == "SQ":
            inner = {"LUTDescriptor": ("LO", NAME), "LUTData": ("LO", NAME)}
            yield f"in {keyword}", whole(**{keyword: [inner]})
    yield "character set", whole(SpecificCharacterSet=("CS", NAME))
    yield "unknown representation", whole(Rows=("ZZ", NAME))
    for uid in (*CODECS, "1.2.840.10008.1.2.4.100", NAME.decode(), f"1.2.{NUMBER.decode()}"):
        yield f"syntax {uid}", meta(uid) + body(scene((16, 16)), **personal())
        coded = body(scene((16, 16)), PixelData=None, **personal())
        head = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
        pixels = encapsulate([b"\xff\xd8\xff\xfe" + struct.pack(">H", 30) + NAME * 9])
        yield f"pixels {uid}", meta(uid) + coded + head + pixels + b"\xfe\xff\xdd\xe0\0\0\0\0"
    for syntax in (EXPLICIT, IMPLICIT, BIG_ENDIAN):
        data = whole(syntax)
        for end in range(0, len(data), 97):
            yield f"{syntax} to {end}", data[:end]
    yield "deflated", meta(DEFLATED) + zlib.compress(NAME * 99)
    yield "no pixels", whole(PixelData=None)
    yield "words as pixels", whole(PixelData=("LO", NAME))
    yield "half a header", meta(EXPLICIT) + NAME * 20
    yield "only a prefix", b"\0" * 128 + b"DICM" + NAME


def said(data):
    """Decode; return whatever could be shown of it, and the film if there is one."""
    try:
        film = decode_dicom(data)
    except DataError as error:
        lines = "".join(traceback.format_exception(error))
        hidden = error.__cause__ is None and (error.__suppress_context__ or not error.__context__)
        return f"{error} {error!r} {error.args} {lines} {'' if hidden else SECRETS}", None
    words = f"{film} {film!r} {film.mode} {film.syntax} {film.body} {film.spacing_source}"
    return words, film


@pytest.fixture
def nothing_said(caplog, capfd):
    """Check after a test that neither logs, warnings nor streams hold a secret."""
    for name in ("", "pydicom", "pylibjpeg", "openjpeg", "PIL", "jpeg_ls"):
        caplog.set_level(logging.DEBUG, logger=name)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield
    out, err = capfd.readouterr()
    text = f"{caplog.text} {[str(one.message) for one in heard]} {out} {err}".upper()
    assert not [secret for secret in SECRETS if secret in text]
    assert not [one for one in caplog.records if one.name.startswith("pydicom")]
    assert not heard


def test_a_good_film_says_nothing_personal(nothing_said):
    for syntax in (EXPLICIT, IMPLICIT, BIG_ENDIAN):
        words, film = said(whole(syntax))
        assert film is not None
        assert not [secret for secret in SECRETS if secret in words.upper()]
        # What is not among the fields cannot leave.
        assert not hasattr(film, "__dict__")
        assert {field.name for field in dataclasses.fields(film)} == {
            *("pixels", "mode", "syntax", "spacing", "spacing_source", "shows", "columns_go"),
            *("burned_in", "body", "modality", "remarks", "whole", "step", "origin", "stretch"),
        }


@pytest.fixture(scope="module")
def compressed_films():
    plain = meta(EXPLICIT) + body(scene(), BitsStored=12, **personal())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [compressed(plain, uid) for uid in CODECS if uid.endswith((".5", ".80", ".90"))]


def test_compressed_films_say_nothing_personal(compressed_films, nothing_said):
    for data in compressed_films:
        words, film = said(data)
        assert film is not None
        assert not [secret for secret in SECRETS if secret in words.upper()]


def test_broken_films_say_nothing_personal(nothing_said):
    reasons = set()
    for what, data in broken():
        words, film = said(data)
        assert not [secret for secret in SECRETS if secret in words.upper()], what
        if film is None:
            reasons.add(words.partition(" DataError")[0])
    assert len(reasons) > 20


def test_the_first_film_of_a_process_says_nothing_either(tmp_path):
    """Its log gets a level when pydicom is imported, which is at the first film."""
    (tmp_path / "film").write_bytes(whole(SpecificCharacterSet=("CS", NAME))[:-60])
    code = (
        "import pathlib, sys, logging; logging.basicConfig(level=0);"
        "from radpipe.imaging.dicom.read import decode_dicom;"
        "from radpipe.core.errors import DataError;"
        "data = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "try:\n    decode_dicom(data)\nexcept DataError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code, str(tmp_path / "film")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("broken or truncated (holds 452 of 512 bytes)")
    assert done.stderr == ""


def test_pydicoms_own_words_would_have_told(caplog):
    """The guard guards something: pydicom quotes a value in a warning."""
    data = whole(Rows=("IS", NAME))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        text = ""
        try:
            _ = pydicom.dcmread(io.BytesIO(data)).Rows
        except (ValueError, TypeError) as error:
            text = str(error)
    assert "WORTHINGTON" in text + str([str(one.message) for one in heard]) + caplog.text


def test_the_log_of_others_works_again_afterwards(caplog):
    logger = logging.getLogger("pydicom")
    before = logger.level
    said(whole(PixelData=None))
    assert logger.level == before
    logger.warning("heard")
    assert "heard" in caplog.text


def test_pixels_do_not_depend_on_who_is_on_them():
    plain = decode_dicom(meta(EXPLICIT) + body(scene((16, 16)), BitsStored=12)).pixels
    np.testing.assert_array_equal(decode_dicom(whole()).pixels, plain)
