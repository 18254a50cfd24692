#!/bin/sh
# MONAI's default reader gives another picture of the same radiograph once itk is installed.
#
# Packages:  monai 1.6.1, torchio 1.2.1, torchxrayvision 1.5.7, torch 2.15.0, pydicom 3.0.2,
#            numpy 2.4.6; itk 5.4.7 in the second part
# Behaviour: With pydicom alone, LoadImage gives a MONOCHROME1 film as stored, in 2 dimensions, with
#            a spacing of 1, since radiographs have no Image Orientation (Patient). With itk beside it
#            the same call gives the film turned, in 3 dimensions, with the spacing at the detector
#            (0.2), although the film is calibrated (0.15); so does TorchIO. TorchXRayVision's
#            read_xray_dcm leaves out the rescale and gives a signed CR values far below the -1024
#            that it promises.
# Expected:  The same call on the same file gives the same grey, rank and calibrated spacing, and
#            values lie between -1024 and 1024.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() {
  if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"
  else "$folder/venv/bin/pip" install --quiet "$@"; fi
}
install monai==1.6.1 torchio==1.2.1 torchxrayvision==1.5.7 torch==2.15.0 pydicom==3.0.2 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torchio
import torchxrayvision
from monai.transforms import LoadImage
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

warnings.simplefilter("ignore")
DX, CR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"


def film(path, kind):
    """Write a film of 16 x 24 pixels whose two upper rows are padding; return what is stored."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CR if kind == "signed CR" else DX
    meta.MediaStorageSOPInstanceUID = generate_uid()
    film = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    film.SOPClassUID = meta.MediaStorageSOPClassUID
    film.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
    film.PatientName, film.PatientID, film.PatientBirthDate, film.PatientSex = "Phantom", "1", "", ""
    film.StudyDate = film.SeriesDate = film.AcquisitionDate = film.ContentDate = "20260101"
    film.StudyTime = film.SeriesTime = film.AcquisitionTime = film.ContentTime = "120000"
    film.StudyID, film.AccessionNumber, film.ReferringPhysicianName = "1", "", ""
    film.SeriesNumber, film.InstanceNumber, film.Manufacturer = 1, 1, ""
    film.Modality = "CR" if kind == "signed CR" else "DX"
    film.ImageType, film.PatientOrientation = ["ORIGINAL", "PRIMARY"], ["L", "F"]
    film.BodyPartExamined, film.ViewPosition, film.ImageLaterality = "KNEE", "AP", "R"
    film.Rows, film.Columns, film.SamplesPerPixel = 16, 24, 1
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    film.ImagerPixelSpacing, film.PixelSpacing = [0.2, 0.2], [0.15, 0.15]
    film.PixelSpacingCalibrationType = "FIDUCIAL"
    film.PixelSpacingCalibrationDescription = "ball"
    bright = np.linspace(200, 3800, 16 * 24).round().astype(int).reshape(16, 24)
    bright[:2] = 0
    film.RescaleSlope, film.RescaleIntercept, film.RescaleType = 1, 0, "US"
    film.PixelRepresentation, film.PhotometricInterpretation = 0, "MONOCHROME2"
    film.PresentationIntentType, film.PresentationLUTShape = "FOR PRESENTATION", "IDENTITY"
    film.PixelIntensityRelationship, film.PixelIntensityRelationshipSign = "LOG", 1
    film.BurnedInAnnotation, film.LossyImageCompression = "NO", "00"
    stored, padding, film.WindowCenter, film.WindowWidth = bright, 0, 2000, 2001
    if kind == "MONOCHROME1":
        film.PhotometricInterpretation, film.PresentationLUTShape = "MONOCHROME1", "INVERSE"
        film.PixelIntensityRelationshipSign = -1
        stored, padding, film.WindowCenter = 4095 - bright, 4095, 2096
    elif kind == "signed CR":
        film.PixelRepresentation, stored, padding = 1, bright - 2048, -2048
        film.RescaleSlope, film.RescaleIntercept = 2, 100
        film.WindowCenter, film.WindowWidth = 100, 4000
    film.PixelPaddingValue = padding
    film.PixelData = stored.astype("<i2").tobytes()
    film["PixelData"].VR = "OW"
    film.save_as(path, enforce_file_format=True)
    return stored


def with_monai(path, **which):
    image = LoadImage(image_only=True, **which)(path)
    return image.numpy(), image.pixdim[0].item()


def with_torchio(path):
    image = torchio.ScalarImage(path)
    return image.data.numpy(), image.spacing[0]


def shown(name, read):
    found = {kind: read(path) for kind, path in paths.items()}
    one, two, signed = (np.squeeze(pixels) for pixels, _ in found.values())
    # Padding and all that is darker or brighter than the window keep values of their own.
    assert two.flat[0] == two.min() and len(np.unique(two)) == 14 * 24 + 1
    assert one.flat[0] == (one.min() if np.array_equal(one, two) else one.max())
    what = [
        "turned" if np.array_equal(one, two) else "as stored",
        "/".join(str(pixels.dtype) for pixels in (two, signed)),
        " x ".join(map(str, found["MONOCHROME2"][0].shape)),
        f"signed CR from {signed.min():.0f} to {signed.max():.0f}",
        f"spacing {found['MONOCHROME2'][1]}",
    ]
    print(f"{beside}{name}: {', '.join(what)}")


paths = {}
for kind in ("MONOCHROME1", "MONOCHROME2", "signed CR"):
    paths[kind] = str(Path(sys.argv[1]) / f"{kind.replace(' ', '-')}.dcm")
    film(paths[kind], kind)
beside = "with itk, " if find_spec("itk") else "without itk, "
shown("MONAI by default", with_monai)
shown("MONAI, PydicomReader", lambda path: with_monai(path, reader="PydicomReader"))
if find_spec("itk"):
    shown("MONAI, ITKReader", lambda path: with_monai(path, reader="ITKReader"))
shown("TorchIO", with_torchio)
read = torchxrayvision.utils.read_xray_dcm
shown("TorchXRayVision", lambda path: (read(path), "none"))
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder" 2>"$folder/log" | grep '^with' > "$folder/seen" ||
  { cat "$folder/log"; exit 1; }
install itk==5.4.7
"$folder/venv/bin/python" "$folder/show.py" "$folder" 2>"$folder/log" | grep '^with' >> "$folder/seen" ||
  { cat "$folder/log"; exit 1; }
cat "$folder/seen"
diff - "$folder/seen" <<'SEEN'
without itk, MONAI by default: as stored, float32/float32, 24 x 16, signed CR from -3996 to 3604, spacing 1.0
without itk, MONAI, PydicomReader: as stored, float32/float32, 24 x 16, signed CR from -3996 to 3604, spacing 1.0
without itk, TorchIO: turned, int32/int16, 1 x 24 x 16 x 1, signed CR from -3996 to 3604, spacing 0.2
without itk, TorchXRayVision: turned, float32/float32, 16 x 24, signed CR from -2048 to -148, spacing none
with itk, MONAI by default: turned, float32/float32, 24 x 16 x 1, signed CR from -3996 to 3604, spacing 0.2
with itk, MONAI, PydicomReader: as stored, float32/float32, 24 x 16, signed CR from -3996 to 3604, spacing 1.0
with itk, MONAI, ITKReader: turned, float32/float32, 24 x 16 x 1, signed CR from -3996 to 3604, spacing 0.2
with itk, TorchIO: turned, int32/int16, 1 x 24 x 16 x 1, signed CR from -3996 to 3604, spacing 0.2
with itk, TorchXRayVision: turned, float32/float32, 16 x 24, signed CR from -2048 to -148, spacing none
SEEN
