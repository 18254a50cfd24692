"""The technical facts of a film: spacing, sides, burned-in text, and what is not passed on."""

import struct

import pytest

from radpipe.imaging.dicom.file import read_header
from radpipe.imaging.dicom.quiet import quiet
from radpipe.imaging.dicom.read import decode_dicom
from radpipe.imaging.dicom.tags import facts
from tests.dicom_files import film, scene

IMAGER = {"ImagerPixelSpacing": r"0.2\0.1"}
PIXEL = {"PixelSpacing": r"0.16\0.08"}
NO_FACTOR = {"EstimatedRadiographicMagnificationFactor": "0"}
BAD_FACTOR = {"EstimatedRadiographicMagnificationFactor": "nan"}
FACTOR = {"EstimatedRadiographicMagnificationFactor": "1.25"}


def known(**elements):
    with quiet():
        return facts(read_header(film(scene((8, 8)), BitsStored=12, **elements)))


@pytest.mark.parametrize(
    ("elements", "spacing", "source"),
    [
        ({}, None, None),
        (PIXEL, (0.16, 0.08), "Pixel Spacing"),
        (IMAGER, (0.2, 0.1), "Imager Pixel Spacing"),
        (IMAGER | FACTOR, (0.16, 0.08), "Imager Pixel Spacing / magnification"),
        # Equal values: nobody calibrated, so the detector's spacing is what is known.
        (IMAGER | {"PixelSpacing": r"0.20\0.10"}, (0.2, 0.1), "Imager Pixel Spacing"),
        (
            IMAGER | FACTOR | {"PixelSpacing": r"0.2\0.1"},
            (0.16, 0.08),
            "Imager Pixel Spacing / magnification",
        ),
        # Calibrated: said so, described so, or plainly another number.
        (
            IMAGER
            | FACTOR
            | {"PixelSpacing": r"0.2\0.1", "PixelSpacingCalibrationType": "GEOMETRY"},
            (0.2, 0.1),
            "Pixel Spacing",
        ),
        (
            IMAGER
            | FACTOR
            | {"PixelSpacing": r"0.2\0.1", "PixelSpacingCalibrationDescription": ""},
            (0.2, 0.1),
            "Pixel Spacing",
        ),
        (IMAGER | FACTOR | {"PixelSpacing": r"0.15\0.15"}, (0.15, 0.15), "Pixel Spacing"),
        # Scanned films: what the scanner says, if nothing better is there.
        ({"NominalScannedPixelSpacing": r"0.2\0.1"}, (0.2, 0.1), "Nominal Scanned Pixel Spacing"),
        (IMAGER | {"NominalScannedPixelSpacing": r"1\1"}, (0.2, 0.1), "Imager Pixel Spacing"),
        # What cannot be true counts as not given.
        (IMAGER | {"PixelSpacing": r"0\0"}, (0.2, 0.1), "Imager Pixel Spacing"),
        (
            IMAGER | NO_FACTOR,
            (0.2, 0.1),
            "Imager Pixel Spacing",
        ),
        (
            IMAGER | BAD_FACTOR,
            (0.2, 0.1),
            "Imager Pixel Spacing",
        ),
    ],
)
def test_which_spacing_counts(elements, spacing, source):
    found = known(**elements)
    assert found.spacing == (spacing and pytest.approx(spacing))
    assert found.spacing_source == source


@pytest.mark.parametrize(
    "value",
    [
        r"0\0",
        r"0.1\0",
        r"-0.1\-0.1",
        "0.1",
        r"0.1\0.1\0.1",
        r"nan\nan",
        r"inf\0.1",
        r"11\11",
        r"0.004\0.004",
        "wide",
        "",
        r"\ ",
        ("LO", b"WORTHINGTON "),
        ("US", struct.pack("<3H", 1, 2, 3)),
        ("FD", struct.pack("<d", float("nan"))),
        ("OB", b"\xff\xfe\xfd"),
        ("UN", b"0.1\\"),
    ],
)
@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing"])
def test_a_spacing_that_cannot_be_is_unknown(keyword, value):
    found = known(**{keyword: value})
    assert found.spacing is None
    assert found.spacing_source is None


def test_a_spacing_of_another_representation_is_read_if_it_is_plain():
    assert known(PixelSpacing=("FD", struct.pack("<2d", 0.2, 0.1))).spacing == (0.2, 0.1)
    assert known(PixelSpacing=("LO", rb"0.2\0.1 ")).spacing == (0.2, 0.1)


@pytest.mark.parametrize(
    ("elements", "side"),
    [
        ({}, None),
        ({"ImageLaterality": "R"}, "R"),
        ({"ImageLaterality": "L", "Laterality": "R"}, "L"),
        ({"ImageLaterality": "", "Laterality": "R"}, "R"),
        ({"ImageLaterality": "B"}, "B"),
        ({"ImageLaterality": "U", "Laterality": "R"}, None),
        ({"Laterality": "L"}, "L"),
        ({"Laterality": "LEFT"}, None),
        ({"Laterality": ("US", b"R ")}, None),
    ],
)
def test_which_side_is_shown(elements, side):
    assert known(**elements).shows == side


@pytest.mark.parametrize(
    ("orientation", "side"),
    [
        (r"L\F", "L"),
        (r"R\F", "R"),
        (r"LA\FP", "L"),
        (r"AL\F", None),
        (r"A\F", None),
        ("L", "L"),
        ("", None),
        (r"\F", None),
        (r"X\Y", None),
    ],
)
def test_where_columns_go(orientation, side):
    assert known(PatientOrientation=orientation).columns_go == side


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, False),
        ({"BurnedInAnnotation": "YES"}, True),
        ({"BurnedInAnnotation": "NO"}, False),
        ({"ConversionType": "DF"}, True),
        ({"ConversionType": "WSD", "BurnedInAnnotation": "NO"}, True),
        ({"Modality": "OT"}, True),
        ({"Modality": "DX"}, False),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"}, False),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1"}, False),
    ],
)
def test_whether_text_is_likely_in_the_pixels(elements, expected):
    assert known(**elements).burned_in is expected


def test_body_and_modality_only_out_of_a_list():
    found = known(BodyPartExamined="knee", Modality="DX")
    assert (found.body, found.modality) == ("KNEE", "DX")
    found = known(BodyPartExamined="KNEE OF JANE", Modality="JANE")
    assert (found.body, found.modality) == (None, None)


def test_an_enhanced_object_keeps_its_facts_in_functional_groups():
    frame = {
        "FrameAnatomySequence": [{"FrameLaterality": "R"}],
        "PixelMeasuresSequence": [{"PixelSpacing": r"0.3\0.3"}],
        "FrameVOILUTSequence": [{"WindowCenter": "100", "WindowWidth": "1"}],
    }
    shared = {
        "PixelValueTransformationSequence": [{"RescaleSlope": "1", "RescaleIntercept": "-50"}]
    }
    groups = {
        "PerFrameFunctionalGroupsSequence": [frame],
        "SharedFunctionalGroupsSequence": [shared],
    }
    found = decode_dicom(film(scene((8, 8)), BitsStored=12, NumberOfFrames="1", **groups))
    assert (found.shows, found.spacing) == ("R", (0.3, 0.3))
    stored = scene((8, 8))
    assert ((found.pixels > 0) == (stored >= 150)).all()
