#!/bin/sh
# SimpleITK turns MONOCHROME1 over, leaves tags that say otherwise, and ignores the calibration.
#
# Packages:  SimpleITK 2.5.7, pydicom 3.0.2, numpy 2.4.6
# Behaviour: Pixels of a MONOCHROME1 film come out as those of its MONOCHROME2 twin, but the image's
#            metadata still say MONOCHROME1, and window and padding value are still those of the
#            stored pixels: who follows them turns the film back, windows the wrong half and takes
#            white for padding. GetSpacing() is Imager Pixel Spacing for DX and CR, though Pixel
#            Spacing is calibrated and stands in the metadata. Signed MONOCHROME1 films are read if
#            they have 10, 14 or 16 bits, and end in an exception if they have 12.
# Expected:  Pixels and metadata that agree, the calibrated spacing (PS3.3, 10.7.1.3), and all four.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet SimpleITK==2.5.7 pydicom==3.0.2 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import sys

import numpy as np
import SimpleITK
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

DX, CR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"
ELEMENTS = {"photometric": "0028|0004", "window": "0028|1050", "padding": "0028|0120"}


def film(path, kind, bits=12, signed=False):
    """Write a MONOCHROME1 film of two rows: padding, then from bright to dark."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = generate_uid()
    film = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    film.SOPClassUID = kind
    film.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
    film.PatientName, film.PatientID = "Phantom", "1"
    film.Modality = "DX" if kind == DX else "CR"
    film.Rows, film.Columns, film.SamplesPerPixel = 2, 4, 1
    film.PhotometricInterpretation, film.PixelRepresentation = "MONOCHROME1", int(signed)
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, bits, bits - 1
    film.ImagerPixelSpacing, film.PixelSpacing = [0.2, 0.2], [0.15, 0.15]
    film.PixelSpacingCalibrationType = "FIDUCIAL"
    film.PixelSpacingCalibrationDescription = "ball"
    film.WindowCenter, film.WindowWidth = 1000, 1000
    top = 2 ** (bits - signed) - 1
    film.PixelPaddingValue = top
    film["PixelPaddingValue"].VR = "SS" if signed else "US"
    stored = np.array([[top] * 4, [-100 if signed else 100, 200, 400, top - 100]])
    film.PixelData = stored.astype("<i2").tobytes()
    film["PixelData"].VR = "OW"
    film.save_as(path, enforce_file_format=True)
    return stored


path = sys.argv[1] + "/film.dcm"
for name, kind in (("DX", DX), ("CR", CR)):
    stored = film(path, kind)
    image = SimpleITK.ReadImage(path)
    pixels = SimpleITK.GetArrayFromImage(image)[0]
    tags = {what: image.GetMetaData(key).strip() for what, key in ELEMENTS.items()}
    print(f"{name}: stored {stored[:, 0].tolist()}, read {pixels[:, 0].tolist()}, {tags}")
    print(f"  spacing {image.GetSpacing()[:2]}, Pixel Spacing {image.GetMetaData('0028|0030')}")
    assert np.array_equal(pixels, 4095 - stored)
    assert tags["photometric"] == "MONOCHROME1" and tags["padding"] == "4095"
    assert float(tags["window"]) == 1000
    assert image.GetSpacing()[:2] == (0.2, 0.2)
for bits in (10, 12, 14, 16):
    stored = film(path, CR, bits, signed=True)
    try:
        pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))[0]
    except RuntimeError as error:
        print(f"signed, {bits} bits: {str(error).splitlines()[-1]}")
        assert bits == 12
    else:
        print(f"signed, {bits} bits: stored {stored[:, 0].tolist()}, read {pixels[:, 0].tolist()}")
        assert bits != 12 and np.array_equal(pixels, -1 - stored)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder"
# Output seen:
#   DX: stored [4095, 100], read [0, 3995], {'photometric': 'MONOCHROME1', 'window': '1000.0', 'padding': '4095'}
#     spacing (0.2, 0.2), Pixel Spacing 0.15\0.15
#   CR: stored [4095, 100], read [0, 3995], {'photometric': 'MONOCHROME1', 'window': '1000.0', 'padding': '4095'}
#     spacing (0.2, 0.2), Pixel Spacing 0.15\0.15
#   signed, 10 bits: stored [511, -100], read [-512, 99]
#   signed, 12 bits: An invalid logic behavior occurredPF.GetBitsStored() != 12
#   signed, 14 bits: stored [8191, -100], read [-8192, 99]
#   signed, 16 bits: stored [32767, -100], read [-32768, 99]
