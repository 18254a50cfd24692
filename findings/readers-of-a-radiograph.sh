#!/bin/sh
# Readers of DICOM disagree about grey, rows and spacing of the same radiograph.
#
# Packages:  pydicom 3.0.2, highdicom 0.28.2, imageio 2.38.1, python-gdcm 3.2.6, dicomsdl 0.109.4,
#            nibabel 5.4.2, vtk 9.7.2, dcm2niix 1.0.20260724, SimpleITK 2.5.7, itk 5.4.7,
#            MedPy 0.5.2, antspyx 0.6.3, numpy 2.3.5
# Behaviour: Of one film, its MONOCHROME1 twin and a signed CR with a rescale slope, the readers on
#            ITK and highdicom give the twins alike; all others give one as a negative of the other.
#            Some apply the window, VTK and NIfTI run from the lowest row up, ITK and GDCM take the
#            spacing at the detector (0.2) for a film that is calibrated (0.15), others the
#            calibrated one. None treats padding as padding.
# Expected:  A film and its MONOCHROME1 twin look the same, and a calibrated spacing counts.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() {
  if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"
  else "$folder/venv/bin/pip" install --quiet "$@"; fi
}
install pydicom==3.0.2 highdicom==0.28.2 imageio==2.38.1 python-gdcm==3.2.6 dicomsdl==0.109.4 \
  nibabel==5.4.2 vtk==9.7.2 dcm2niix==1.0.20260724 SimpleITK==2.5.7 itk==5.4.7 medpy==0.5.2 \
  antspyx==0.6.3 numpy==2.3.5
cat > "$folder/show.py" <<'PYTHON'
import contextlib
import io
import subprocess
import sys
import warnings
from pathlib import Path

import ants
import dcm2niix
import dicomsdl
import gdcm
import highdicom
import imageio.v2
import imageio.v3
import itk
import medpy.io
import nibabel
import numpy as np
import pydicom
import SimpleITK
import vtk
from nibabel.nicom.dicomwrappers import wrapper_from_file
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from vtk.util.numpy_support import vtk_to_numpy

warnings.simplefilter("ignore")
DX, CR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"
TAGS = "in the tags alone"


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


def with_pydicom(path):
    return pydicom.dcmread(path).pixel_array, TAGS


def with_voi_lut(path):
    film = pydicom.dcmread(path)
    return pydicom.pixels.apply_voi_lut(film.pixel_array, film), TAGS


def with_highdicom(path):
    return highdicom.imread(path).get_frame(1), TAGS


def with_imageio_2(path):
    with contextlib.redirect_stdout(io.StringIO()):
        pixels = imageio.v2.imread(path)
    return pixels, pixels.meta["sampling"][0]


def with_imageio_3(path):
    spacing = imageio.v3.improps(path, plugin="pydicom").spacing[0]
    return imageio.v3.imread(path, plugin="pydicom"), spacing


def with_gdcm(path):
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    assert reader.Read()
    image = reader.GetImage()
    kind = "<i2" if "cr" in path else "<u2"
    words = np.frombuffer(image.GetBuffer().encode("utf-8", "surrogateescape"), kind)
    return words.reshape(image.GetDimensions()[::-1]), image.GetSpacing(0)


def with_dicomsdl(path):
    return dicomsdl.open(path).pixelData(), TAGS


def with_nibabel(path):
    film = wrapper_from_file(path)
    return film.get_data(), float(film.voxel_sizes[0])


def with_vtk(path):
    reader = vtk.vtkDICOMImageReader()
    reader.SetFileName(path)
    reader.Update()
    image = reader.GetOutput()
    words = vtk_to_numpy(image.GetPointData().GetScalars())
    return words.reshape(image.GetDimensions()[::-1]), round(image.GetSpacing()[0], 4)


def with_dcm2niix(path):
    folder = Path(path).parent / "nifti"
    folder.mkdir()
    command = [dcm2niix.bin, "-s", "y", "-o", folder, path]
    subprocess.run(command, check=True, capture_output=True)
    image = nibabel.load(next(folder.glob("*.nii*")))
    return np.asanyarray(image.dataobj), round(float(image.header.get_zooms()[0]), 4)


def with_simpleitk(path):
    image = SimpleITK.ReadImage(path)
    return SimpleITK.GetArrayFromImage(image), image.GetSpacing()[0]


def with_itk(path):
    image = itk.imread(path)
    return itk.array_from_image(image), image.GetSpacing()[0]


def with_medpy(path):
    pixels, header = medpy.io.load(path)
    return pixels, header.get_voxel_spacing()[0]


def with_ants(path):
    image = ants.image_read(path)
    return image.numpy(), image.spacing[0]


def upright(pixels):
    """Drop single axes, and bring columns x rows into rows x columns."""
    pixels = np.squeeze(np.asarray(pixels))
    return pixels.T if pixels.shape == (24, 16) else pixels


def judged(name, read):
    one, two, signed = (read(path) for path in paths.values())
    spacing = two[1] if len(set(map(str, (one[1], two[1], signed[1])))) == 1 else "differs"
    shape = " x ".join(map(str, np.asarray(two[0]).shape))
    kinds = "/".join(str(np.asarray(found[0]).dtype) for found in (two, signed))
    one, two, signed = (upright(found[0]).astype(float) for found in (one, two, signed))
    flipped = two[-1, -1] < two[2, 0]
    if flipped:
        one, two, signed = one[::-1], two[::-1], signed[::-1]
    turned = np.array_equal(one, two)
    assert turned or one[2, 0] > one[-1, -1]
    windowed = two[-1, -1] == two[-1, 0]
    value = stored["signed CR"]
    scaled = np.array_equal(signed, 2 * value + 100) or (windowed and signed[2, 0] == signed[0, 0])
    # No reader gives padding a value of its own: it is the darkest, as the numbers say.
    assert two[0, 0] == two.min() and signed[0, 0] == signed.min()
    assert one[0, 0] == (one.min() if turned else one.max())
    what = [
        "turned" if turned else "as stored",
        "window" if windowed else "no window",
        "rescaled" if scaled else "not rescaled",
        kinds + (" upside down" if flipped else ""),
        shape,
        f"spacing {spacing}",
    ]
    print(f"{name}: {', '.join(what)}")


paths, stored = {}, {}
for kind, name in (("MONOCHROME1", "one"), ("MONOCHROME2", "two"), ("signed CR", "cr")):
    path = Path(sys.argv[1]) / name / "film.dcm"
    path.parent.mkdir()
    stored[kind], paths[kind] = film(str(path), kind), str(path)
judged("pydicom, pixel_array", with_pydicom)
judged("pydicom, apply_voi_lut", with_voi_lut)
judged("highdicom, get_frame", with_highdicom)
judged("imageio.v2", with_imageio_2)
judged("imageio.v3, plugin pydicom", with_imageio_3)
judged("python-gdcm", with_gdcm)
judged("dicomsdl, pixelData", with_dicomsdl)
judged("nibabel, wrapper_from_file", with_nibabel)
judged("vtk, vtkDICOMImageReader", with_vtk)
judged("dcm2niix", with_dcm2niix)
judged("SimpleITK", with_simpleitk)
judged("itk", with_itk)
judged("MedPy", with_medpy)
judged("antspyx", with_ants)
PYTHON
mkdir "$folder/films"
"$folder/venv/bin/python" "$folder/show.py" "$folder/films" > "$folder/seen"
cat "$folder/seen"
diff - "$folder/seen" <<'SEEN'
pydicom, pixel_array: as stored, no window, not rescaled, uint16/int16, 16 x 24, spacing in the tags alone
pydicom, apply_voi_lut: as stored, window, not rescaled, float64/float64, 16 x 24, spacing in the tags alone
highdicom, get_frame: turned, no window, rescaled, float64/float64, 16 x 24, spacing in the tags alone
imageio.v2: as stored, no window, rescaled, int16/int16, 16 x 24, spacing 0.15
imageio.v3, plugin pydicom: as stored, window, rescaled, float64/float64, 16 x 24, spacing 0.15
python-gdcm: as stored, no window, not rescaled, uint16/int16, 16 x 24, spacing 0.2
dicomsdl, pixelData: as stored, no window, rescaled, float32/float32, 16 x 24, spacing in the tags alone
nibabel, wrapper_from_file: as stored, no window, rescaled, uint16/float64, 16 x 24, spacing 0.15
vtk, vtkDICOMImageReader: as stored, no window, rescaled, uint16/int16 upside down, 1 x 16 x 24, spacing 0.15
dcm2niix: as stored, no window, rescaled, int16/float64 upside down, 24 x 16 x 1, spacing 0.15
SimpleITK: turned, no window, rescaled, uint16/int16, 1 x 16 x 24, spacing 0.2
itk: turned, no window, rescaled, uint16/int16, 1 x 16 x 24, spacing 0.2
MedPy: turned, no window, rescaled, uint16/int16, 24 x 16 x 1, spacing 0.2
antspyx: turned, no window, rescaled, float32/float32, 24 x 16 x 1, spacing 0.2
SEEN
