"""The films of a phantom of OAI as DICOM files that break no rule. Clauses are of PS3.3.

Names, identifiers, dates and hospital in the headers are invented and look it; they stand
there so that it can be seen what becomes of them.
"""

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from radpipe.imaging.phantom.bones import Box
from radpipe.imaging.phantom.grey_forms import FormTable, FormWindow, GreyForm
from radpipe.studies.oai.phantom_film import PLUGINS, PlannedFilm, draw, draw_grey

# (code, meaning) in SNOMED CT: CID 4031 of PS3.16 (regions) and CID 4010 (views).
KNEE = ("72696002", "Knee")
PA = ("272479007", "postero-anterior")


def write_film(out: Path, film: PlannedFilm, *, seed: int) -> list[Box]:
    """Draw a film and write it below `out`; return the boxes of its joints, pixels as stored."""
    levels, boxes = draw(film, seed=seed)
    form = draw_grey(film, seed=seed)
    data = describe(film, form, seed=seed)
    data.Rows, data.Columns = film.shape
    data.PixelData = form.store(levels).tobytes()
    if film.syntax in PLUGINS:
        data.compress(
            film.syntax, encoding_plugin=PLUGINS[film.syntax], generate_instance_uid=False
        )
    path = out / film.file
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return boxes


def describe(film: PlannedFilm, form: GreyForm, *, seed: int) -> Dataset:
    """Return all of a film but its pixels: A.2 (computed radiography) or A.26 (digital X-ray)."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _add_names(data, film, seed)
    _add_patient(data, film)
    _add_image(data, film)
    _add_grey(data, form)
    if film.computed:
        # C.7.3.1: a paired part needs a side, and a film of both knees has none to give.
        data.Laterality = film.side or ""
    else:
        _add_digital(data, film)
    return data


def _add_names(data: Dataset, film: PlannedFilm, seed: int) -> None:
    """Say of which kind the object is, and how study, series and object are called."""
    data.SOPClassUID = (
        ComputedRadiographyImageStorage if film.computed else DigitalXRayImageStorageForPresentation
    )
    data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID = (
        generate_uid(entropy_srcs=["radpipe phantom", str(seed), film.series, kind])
        for kind in ("study", "series", "instance")
    )
    data.StudyID, data.SeriesNumber, data.InstanceNumber = "1", "1", "1"
    data.Modality = "CR" if film.computed else "DX"


def _add_patient(data: Dataset, film: PlannedFilm) -> None:
    """Invent what is personal."""
    person = film.person
    data.PatientName = f"Phantom^Knee{person.number:04d}"
    data.PatientID = person.id
    data.PatientBirthDate = f"18{person.number % 60 + 20:02d}0101"
    data.PatientSex = "MF"[person.sex - 1]
    data.StudyDate = data.SeriesDate = data.ContentDate = film.date
    data.StudyTime = data.ContentTime = "120000"
    data.AccessionNumber = film.barcode
    data.InstitutionName = "Phantom Hospital"
    data.ReferringPhysicianName = "Phantom^Doctor"
    data.Manufacturer = "radpipe"


def _add_image(data: Dataset, film: PlannedFilm) -> None:
    """Say what is shown and how pixels are kept (C.7.6.1, C.7.6.3)."""
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.BodyPartExamined, data.ViewPosition = "KNEE", "PA"
    data.PatientOrientation = ["R" if film.mirrored else "L", "F"]
    data.BurnedInAnnotation, data.LossyImageCompression = "NO", "00"
    data.ImagerPixelSpacing = [film.spacing, film.spacing]
    if not film.imager_only:
        data.PixelSpacing = [film.spacing, film.spacing]


def _add_grey(data: Dataset, form: GreyForm) -> None:
    """Say what stored values mean, from their bits to what is shown."""
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME1" if form.inverted else "MONOCHROME2"
    # C.11.6: it says the same again.
    data.PresentationLUTShape = "INVERSE" if form.inverted else "IDENTITY"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, form.bits, form.bits - 1
    data.PixelRepresentation = int(form.signed)
    if form.padding is not None:
        _add_padding(data, *form.padding)
    _add_steps(data, form)


def _add_padding(data: Dataset, value: int, limit: int) -> None:
    """Name the values of pixels that no radiation reached (C.7.5.1.1.2)."""
    data.PixelPaddingValue = value
    if limit != value:
        data.PixelPaddingRangeLimit = limit


def _add_steps(data: Dataset, form: GreyForm) -> None:
    """Say what is to be done to values: modality LUT or line, then VOI LUT or window."""
    if form.modality is not None:
        data.ModalityLUTSequence = [_table(form.modality, signed=form.signed)]
        data.ModalityLUTSequence[0].ModalityLUTType = "US"
    elif (form.slope, form.intercept) != (1, 0):
        _add_line(data, form.slope, form.intercept)
    if isinstance(form.voi, FormTable):
        data.VOILUTSequence = [_table(form.voi, signed=form.signed)]
    elif form.voi is not None:
        _add_window(data, form.voi)


def _add_line(data: Dataset, slope: float, intercept: float) -> None:
    """Say how values are rescaled, to units without a name (C.11.1.1.2)."""
    data.RescaleIntercept, data.RescaleSlope = f"{intercept:.10g}", f"{slope:.10g}"
    data.RescaleType = "US"


def _add_window(data: Dataset, window: FormWindow) -> None:
    """Add a window, and behind a LINEAR one another to choose, which is harder (C.11.2.1.2)."""
    center, width = f"{window.center:.10g}", f"{window.width:.10g}"
    data.WindowCenter, data.WindowWidth = center, width
    if window.function == "LINEAR":
        data.WindowCenter, data.WindowWidth = [center] * 2, [width, f"{window.width / 2:.10g}"]
        data.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]
    data.VOILUTFunction = window.function


def _table(table: FormTable, *, signed: bool) -> Dataset:
    """Return the item of a lookup table; it takes values with a sign or without."""
    item = Dataset()
    described = [len(table.entries), table.first, table.bits]
    item.add_new("LUTDescriptor", "SS" if signed else "US", described)
    item.add_new("LUTData", "OW", table.entries.astype("<u2").tobytes())
    return item


def _add_digital(data: Dataset, film: PlannedFilm) -> None:
    """Add what digital X-ray needs (C.8.11.1 to C.8.11.5)."""
    data.PresentationIntentType = "FOR PRESENTATION"
    # C.7.3.1: Laterality is not there beside it.
    data.ImageLaterality = film.side or "B"
    data.AnatomicRegionSequence = [_code(*KNEE)]
    data.ViewCodeSequence = [_code(*PA)]
    data.ViewCodeSequence[0].ViewModifierCodeSequence = []
    data.DetectorType, data.PositionerType = "SCINTILLATOR", "COLUMN"
    data.AcquisitionContextSequence = []
    data.PixelIntensityRelationship = "LOG"
    # C.8.11.3.1.2: -1 where less radiation, as behind bone, is a higher value.
    data.PixelIntensityRelationshipSign = 1 if film.inverted else -1
    # C.8.11.3.1.3: this line and no other, because values are meant for display already.
    _add_line(data, 1, 0)


def _code(value: str, meaning: str) -> Dataset:
    """Return an item of a code sequence (8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item
