"""Answers about DICOM films as DICOM: a structured report, and a picture of where the model looked.

The report is an Enhanced SR after template TID 1500, the picture a Secondary Capture. Both belong
to the study of the film and carry on who the patient is; nothing of that goes anywhere else, into
no message and no file's name. Both say that they are for research only.
"""

import hashlib
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.coding import Code

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import atomic
from radpipe.explaining.dicom_headers import orientation_of, unfit
from radpipe.imaging.dicom.quiet import otherwise, quiet
from radpipe.prediction.description import Description
from radpipe.prediction.predictor import Answers
from radpipe.prediction.raw import RawCase

RESEARCH = "Research use only, not for diagnosis"
MAKER = "radpipe"
# Of codes that no public scheme has.
SCHEME = "99RADPIPE"
NUMBERLESS = Code("1", "UCUM", "no units")
# Longest meaning of a code, characters (PS3.3, table 8.8-1: LO).
LONGEST = 64
SIDES = {"R": Code("24028007", "SCT", "Right"), "L": Code("7771000", "SCT", "Left")}
LATERALITY = Code("272741003", "SCT", "Laterality")
PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
# What the picture was made from, and by what (PS3.16, CID 7202 and 7005).
SOURCE = Code("121322", "DCM", "Source image for image processing operation")
PROCESSING = "109102"
# What a film says of itself that is as true of pictures of it; the side is that of the case.
CARRIED = (
    *("BodyPartExamined", "BurnedInAnnotation", "RecognizableVisualFeatures"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
    *("PixelSpacingCalibrationType", "PixelSpacingCalibrationDescription"),
)
WRITTEN = {
    *("ContentDate", "ContentTime", "DateOfSecondaryCapture", "TimeOfSecondaryCapture"),
    *("InstanceCreationDate", "InstanceCreationTime", "ContributionDateTime"),
}


@dataclass(frozen=True)
class MapPicture:
    """What a Secondary Capture shows.

    Attributes
    ----------
    pixels
        uint8 (rows, columns, 3), as the film lies.
    spacing
        Distance of its rows and of its columns, mm; None if unknown.
    text
        What was drawn, as its first line says.

    """

    pixels: NDArray[np.uint8]
    spacing: tuple[float, float] | None
    text: str


def write_answers(
    folder: Path,
    what: Description,
    cases: Sequence[RawCase],
    answers: Answers,
    sources: Sequence[Dataset],
    pictures: Sequence[MapPicture | None],
    *,
    now: datetime,
) -> list[Path]:
    """Write a report for each case that has an answer, and a picture for each that has a map.

    Files are named by the number of the case and its side, `0001-R-report.dcm` and
    `0001-R-map.dcm`. UIDs follow from what is written, the model, the film and the time: each run
    is a report of its own, and no two have the same.

    Raises
    ------
    ConfigError
        The extra `dicom` is not installed.
    DataError
        A header is such that no report can be made of it; those of the other cases are there.

    """
    highdicom = import_highdicom()
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    refused: list[DataError] = []
    for k, (case, source, picture) in enumerate(zip(cases, sources, pictures, strict=True)):
        if answers.problems[k]:
            continue
        side = f"-{case.side}" if case.side else ""
        start = f"{k + 1:04d}{side}"
        try:
            with quiet(), otherwise(unfit(k + 1, len(cases))):
                made = {"report": _report(highdicom, what, case, answers, k, source, now)}
                if picture is not None:
                    made["map"] = _capture(highdicom, what, case, k, source, picture, now)
                for name, data in made.items():
                    path = folder / f"{start}-{name}.dcm"
                    with atomic(path) as temporary:
                        data.save_as(temporary, enforce_file_format=True)
                    written.append(path)
        except DataError as error:
            refused.append(error)
    if refused:
        more = f"\nSo are {len(refused) - 1} more." if refused[1:] else ""
        raise DataError(f"{refused[0]} Those of the other cases are in {folder}.{more}")
    return written


def import_highdicom() -> ModuleType:
    """Import the library of the extra `dicom`, which takes seconds."""
    try:
        importlib.import_module("highdicom.sr")
        importlib.import_module("highdicom.sc")
        return importlib.import_module("highdicom")
    except ImportError as error:
        raise ConfigError(
            f"predict --dicom needs the package highdicom ({error}). The way out: pip install"
            " 'radpipe[dicom]'; in a clone `make install` has it."
        ) from error


def uid_of(*parts: object) -> str:
    """Return a UID that follows from what it names (PS3.5, B.2: a UUID as a decimal number)."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    # The bits that make it a UUID of version 8, "custom" (RFC 9562).
    number = number & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62)
    return f"2.25.{number}"


def _uids(
    what: Description, case: RawCase, k: int, source: Dataset, now: datetime, kind: str
) -> dict[str, Any]:
    """Return the identity of a new object in a series of its own."""
    about = (what.weights.sha256, source.SOPInstanceUID, case.side, k, now.isoformat(), kind)
    return {
        "series_instance_uid": uid_of(*about, "series"),
        "series_number": {"report": 9001, "map": 9002}[kind],
        "sop_instance_uid": uid_of(*about, "instance"),
        "instance_number": 1,
        "manufacturer": MAKER,
    }


def _code(kind: str, meaning: str) -> Code:
    """Return a private code; its value follows from the meaning, so that one code has one meaning.

    At most 16 characters (PS3.5, 6.2: SH), of which `kind` has up to 7.
    """
    digest = hashlib.sha256(meaning.encode()).hexdigest()[:8]
    return Code(f"{kind}-{digest}", SCHEME, meaning[:LONGEST])


def _report(
    highdicom: Any,
    what: Description,
    case: RawCase,
    answers: Answers,
    k: int,
    source: Dataset,
    now: datetime,
) -> Dataset:
    """Return the structured report of a case."""
    sr = highdicom.sr
    device = sr.ObserverContext(
        observer_type=Code("121007", "DCM", "Device"),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=uid_of(what.weights.sha256),
            name=what.title[:LONGEST],
            manufacturer_name=MAKER,
            model_name=what.model.name,
            serial_number=what.weights.sha256[:LONGEST],
        ),
    )
    tracked = uid_of(what.weights.sha256, source.SOPInstanceUID, case.side)
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=tracked, identifier=f"case {k + 1}"),
        algorithm_id=sr.AlgorithmIdentification(
            name=what.title,
            version=f"radpipe {what.versions['radpipe']}",
            parameters=[f"weights SHA-256 {what.weights.sha256}", f"recipe {what.recipe}"],
            manufacturer=MAKER,
        ),
        measurements=[
            sr.Measurement(name=name, value=float(value), unit=NUMBERLESS)
            for name, value in _numbers(answers, k)
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=name, value=value)
            for name, value in _words(answers, k, case)
        ],
        source_images=[
            sr.SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID)
        ],
    )
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=device),
        procedure_reported=PROCEDURE,
        imaging_measurements=[group],
    )
    made: Dataset = sr.EnhancedSR(
        evidence=[source],
        content=report[0],
        is_complete=True,
        **_uids(what, case, k, source, now, "report"),
    )
    return _dated(made, what, now)


def _numbers(answers: Answers, k: int) -> Iterator[tuple[Code, float]]:
    """Yield probabilities, thresholds and the distance, each with what it is."""
    for place, name in enumerate(answers.classes):
        yield _code("chance", f"Probability of {name}"), answers.probabilities[k, place]
    for place, name in enumerate(answers.questions):
        yield _code("limit", f"Threshold of {name}"), answers.thresholds[place]
    if answers.unlike[k] is not None:
        meaning = "Distance from what the model knows, 1: threshold"
        yield _code("number", meaning), answers.distances[k]


def _words(answers: Answers, k: int, case: RawCase) -> Iterator[tuple[Code, Code]]:
    """Yield the decision, what is guaranteed, the flag, the side, and what it is for."""
    for name in answers.decisions[k] or ("none",):
        yield _code("asks", "Decision"), _code("class", name)
    for column, texts in answers.guaranteed.items():
        if texts[k]:
            yield _code("asks", column), _code("says", texts[k])
    unlike = answers.unlike[k]
    said = "not known" if unlike is None else "yes" if unlike else "no"
    yield _code("asks", "Unlike what the model learned from"), _code("says", said)
    if case.side:
        yield LATERALITY, SIDES[case.side]
    yield _code("asks", "Use"), _code("says", RESEARCH)


def _capture(
    highdicom: Any,
    what: Description,
    case: RawCase,
    k: int,
    source: Dataset,
    picture: MapPicture,
    now: datetime,
) -> Dataset:
    """Return the picture of a case; what highdicom does not take over is handed over."""
    shown = case.side or source.get("ImageLaterality") or source.get("Laterality")
    orientation = orientation_of(source)
    made: Dataset = highdicom.sc.SCImage.from_ref_dataset(
        source,
        pixel_array=picture.pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        pixel_spacing=picture.spacing,
        laterality=shown if shown in SIDES else None,
        # Which knows single letters only; the film's own come below.
        patient_orientation=("L", "F"),
        **_uids(what, case, k, source, now, "map"),
    )
    made.PatientOrientation = orientation
    for keyword in CARRIED:
        if source.get(keyword):
            setattr(made, keyword, source.get(keyword))
    if shown in ("B", "U"):
        # General Series knows R and L alone; the picture may say that it shows both, or no pair.
        made.ImageLaterality = shown
    elif shown not in SIDES:
        # Type 2C: empty where nobody has said it.
        made.Laterality = ""
    made.DerivationDescription = f"{picture.text}, drawn over what the model saw of the film"
    made.SourceImageSequence = [_reference(source)]
    made.ImageComments = RESEARCH
    return _dated(made, what, now)


def _reference(source: Dataset) -> Dataset:
    """Name the film that a picture was made from."""
    code, item = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator = SOURCE.value, SOURCE.scheme_designator
    code.CodeMeaning = SOURCE.meaning
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [code]
    return item


def _dated(made: Dataset, what: Description, now: datetime) -> Dataset:
    made.SeriesDescription = f"{what.title[:40]}: research only"
    made.SoftwareVersions = f"radpipe {what.versions['radpipe']}"
    day, moment = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.SeriesDate, made.SeriesTime = day, moment
    # Dates that highdicom has written by the clock, so that one moment gives one file. When the
    # film was taken stays as it is.
    equipment = made.get("ContributingEquipmentSequence", [])
    own = [
        item for item in equipment if item.PurposeOfReferenceCodeSequence[0].CodeValue == PROCESSING
    ]
    for element in (each for part in (made, *own) for each in part):
        if element.keyword in WRITTEN:
            element.value = {"DA": day, "TM": moment, "DT": day + moment}[element.VR]
    return made
