"""The few technical facts about a film that leave its file, each out of a fixed list."""

from dataclasses import dataclass
from typing import Literal

from radpipe.core.errors import DataError
from radpipe.imaging.dicom.header import DicomHeader

Spacing = tuple[float, float]
SpacingSource = Literal[
    "Pixel Spacing",
    "Imager Pixel Spacing",
    "Imager Pixel Spacing / magnification",
    "Nominal Scanned Pixel Spacing",
]

# Beyond these no radiograph was ever sampled, mm.
MIN_SPACING, MAX_SPACING = 0.005, 10.0
# Pixels of radiographs are square or nearly so; beyond this a number is a slip.
MAX_ASPECT = 5
# A focus is farther from the detector than the patient is; ten times as far is a slip.
MIN_MAGNIFICATION, MAX_MAGNIFICATION = 1.0, 10.0
# Defined terms of PS3.3, C.7.3.1.1.1 that pictures come with.
MODALITIES = frozenset(
    {"CR", "CT", "DX", "ES", "IO", "MG", "MR", "NM", "OT", "PT", "PX", "RF", "RG", "US", "XA", "XC"}
)
# Defined terms of PS3.16, annex L.
BODY_PARTS = frozenset(
    {
        "ABDOMEN",
        "ANKLE",
        "ARM",
        "BREAST",
        "CALCANEUS",
        "CHEST",
        "CLAVICLE",
        "CSPINE",
        "ELBOW",
        "EXTREMITY",
        "FINGER",
        "FOOT",
        "FOREARM",
        "HAND",
        "HEAD",
        "HIP",
        "HUMERUS",
        "JAW",
        "KNEE",
        "LEG",
        "LSPINE",
        "NECK",
        "PELVIS",
        "RIB",
        "SCAPULA",
        "SHOULDER",
        "SKULL",
        "SPINE",
        "STERNUM",
        "THIGH",
        "THUMB",
        "TOE",
        "TSPINE",
        "WRIST",
    }
)
# Digitised video, digital interface, digitised film, workstation, scanned paper or image,
# drawing (PS3.3, C.8.6.1): somebody wrote on many of these.
CONVERSIONS = frozenset({"DV", "DI", "DF", "WSD", "SD", "SI", "DRW"})
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a film besides its pixels; see `dicom.Film`."""

    spacing: Spacing | None
    spacing_source: SpacingSource | None
    shows: Literal["R", "L", "B"] | None
    columns_go: Literal["R", "L"] | None
    burned_in: bool
    body: str | None
    modality: str | None
    row_to_column: float


def facts(header: DicomHeader) -> Facts:
    """Gather what may leave a header."""
    millimetres, source = spacing(header)
    body, modality = header.word("BodyPartExamined"), header.word("Modality")
    return Facts(
        spacing=millimetres,
        spacing_source=source,
        shows=shows(header),
        columns_go=columns_go(header),
        burned_in=burned_in(header),
        body=body if body in BODY_PARTS else None,
        modality=modality if modality in MODALITIES else None,
        row_to_column=row_to_column(header, millimetres),
    )


def spacing(header: DicomHeader) -> tuple[Spacing | None, SpacingSource | None]:
    """Return the distance of rows and of columns in the patient, and where it is said.

    PS3.3, 10.7.1.1 (Pixel Spacing):

    1. Pixel Spacing (0028,0030) if it was calibrated, which is so if Calibration Type
       (0028,0A02) or Calibration Description (0028,0A04) says so or if it differs from
       Imager Pixel Spacing (0018,1164), or if there is no Imager Pixel Spacing;
    2. Imager Pixel Spacing otherwise. It is measured at the detector (C.8.11.4.1), where
       everything appears enlarged, so it is divided by Estimated Radiographic
       Magnification Factor (0018,1114) if that is given;
    3. Nominal Scanned Pixel Spacing (0018,2010) of digitised films (C.8.6.2) if neither is there.

    Rows come first (10.7.1.3). A spacing that is no pair of positive numbers between
    `MIN_SPACING` and `MAX_SPACING` counts as not given; so does a factor below 1 or above 10.

    Returns
    -------
    spacing
        (mm from row to row, mm from column to column), None if unknown.
    source
        The rule that was used, None if unknown.

    """
    pixel, imager = _pair(header, "PixelSpacing"), _pair(header, "ImagerPixelSpacing")
    calibrated = header.has("PixelSpacingCalibrationType") or header.has(
        "PixelSpacingCalibrationDescription"
    )
    if pixel is not None and (calibrated or imager is None or pixel != imager):
        return pixel, "Pixel Spacing"
    if imager is None:
        scanned = _pair(header, "NominalScannedPixelSpacing")
        return scanned, None if scanned is None else "Nominal Scanned Pixel Spacing"
    factor = header.number("EstimatedRadiographicMagnificationFactor")
    if factor is None or not MIN_MAGNIFICATION <= factor <= MAX_MAGNIFICATION:
        return imager, "Imager Pixel Spacing"
    return (imager[0] / factor, imager[1] / factor), "Imager Pixel Spacing / magnification"


def row_to_column(header: DicomHeader, millimetres: Spacing | None) -> float:
    """Return how many times as far apart rows are as columns.

    By spacing, else by Pixel Aspect Ratio (0028,0034; C.7.6.3.1.7), else 1.

    Raises
    ------
    DataError
        Pixels are more than `MAX_ASPECT` times as long as wide, or as wide as long.

    """
    found = header.numbers("PixelAspectRatio")
    said = found if len(found) == 2 and min(found) > 0 else (1.0, 1.0)
    down, across = said if millimetres is None else millimetres
    if not 1 / MAX_ASPECT <= down / across <= MAX_ASPECT:
        raise DataError(f"says that pixels are more than {MAX_ASPECT} times as long as wide")
    return down / across


def shows(header: DicomHeader) -> Literal["R", "L", "B"] | None:
    """Return the side of the body that is shown, "B" for both, None if unknown.

    Image Laterality (0020,0062; C.8.11.2), else Frame Laterality (0020,9072; C.7.6.16.2.8),
    else Laterality (0020,0060; C.7.3.1). "U", unpaired, is None.
    """
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        match header.word(keyword):
            case "R":
                return "R"
            case "L":
                return "L"
            case "B":
                return "B"
            case "U":
                return None
    return None


def columns_go(header: DicomHeader) -> Literal["R", "L"] | None:
    r"""Return the side of the patient towards which the columns run.

    The first value of Patient Orientation (0020,0020; C.7.6.1.1.1), of whose letters the
    first counts most. "L\F": columns run to the patient's left, so the left half of the
    picture shows the patient's right. None if unknown, or on films from the side.
    """
    first = header.word("PatientOrientation")[:1]
    if first == "R":
        return "R"
    return "L" if first == "L" else None


def burned_in(header: DicomHeader) -> bool:
    """Say whether text is likely to stand in the pixels.

    Burned In Annotation (0028,0301; C.7.6.1.1.5) is YES, or the object is a capture, a scan
    or a workstation's picture, whatever it says of itself: writers of these fill in NO by
    habit. What the pixels show, `lettering` is asked for when a film is taken in.
    """
    return (
        header.word("BurnedInAnnotation") == "YES"
        or header.word("ConversionType") in CONVERSIONS
        or header.word("Modality") in ("OT", "SC")
        or f"{header.word('SOPClassUID')}.".startswith(f"{SECONDARY_CAPTURE}.")
    )


def _pair(header: DicomHeader, keyword: str) -> Spacing | None:
    found = header.numbers(keyword)
    if len(found) != 2 or not all(MIN_SPACING <= mm <= MAX_SPACING for mm in found):
        return None
    return found[0], found[1]
