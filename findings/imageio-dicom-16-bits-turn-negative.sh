#!/bin/sh
# imageio makes the bright half of a 16-bit DICOM film negative if its rescale changes nothing.
#
# Packages:  imageio 2.38.1, pydicom 3.0.2, numpy 2.4.6
# Behaviour: imageio.v2.imread and imageio.v3.imread give int16 for a film of 16 unsigned bits with
#            Rescale Slope 1 and Intercept 0, as every DX film has them: 40000 becomes -25536, darker
#            than black. The same film without the two elements is uint16 and right, and so is the
#            plugin of pydicom, which is installed but taken only if named.
# Expected:  A rescale by 1 and 0 changes nothing.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet imageio==2.38.1 pydicom==3.0.2 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import contextlib
import io
import sys

import imageio.v2
import imageio.v3
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"
VALUES = [0, 20000, 32767, 32768, 40000, 65535]


def film(path, values, rescale=True):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CR, generate_uid()
    film = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    film.SOPClassUID, film.SOPInstanceUID = CR, meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
    film.PatientName, film.PatientID, film.Modality = "Phantom", "1", "CR"
    film.SeriesNumber, film.InstanceNumber = 1, 1
    film.Rows, film.Columns, film.SamplesPerPixel = 1, len(values), 1
    film.PhotometricInterpretation, film.PixelRepresentation = "MONOCHROME2", 0
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 16, 15
    if rescale:
        film.RescaleSlope, film.RescaleIntercept, film.RescaleType = 1, 0, "US"
    film.PixelData = np.array(values, "<u2").tobytes()
    film["PixelData"].VR = "OW"
    film.save_as(path, enforce_file_format=True)


path = sys.argv[1] + "/film.dcm"
ways = {
    "v2": lambda: imageio.v2.imread(path),
    "v3": lambda: imageio.v3.imread(path),
    "v3, plugin pydicom": lambda: imageio.v3.imread(path, plugin="pydicom"),
}
for what, rescale in (("no rescale", False), ("rescale by 1 and 0", True)):
    film(path, VALUES, rescale)
    for name, read in ways.items():
        with contextlib.redirect_stdout(io.StringIO()):
            found = np.asarray(read()).ravel()
        print(f"{what}, {name}: {found.dtype} {found.astype(int).tolist()}")
        wrong = rescale and name in ("v2", "v3")
        expected = [0, 20000, 32767, -32768, -25536, -1] if wrong else VALUES
        assert found.astype(int).tolist() == expected
PYTHON
mkdir "$folder/film"
"$folder/venv/bin/python" "$folder/show.py" "$folder/film"
# Output seen:
#   no rescale, v2: uint16 [0, 20000, 32767, 32768, 40000, 65535]
#   no rescale, v3: uint16 [0, 20000, 32767, 32768, 40000, 65535]
#   no rescale, v3, plugin pydicom: uint16 [0, 20000, 32767, 32768, 40000, 65535]
#   rescale by 1 and 0, v2: int16 [0, 20000, 32767, -32768, -25536, -1]
#   rescale by 1 and 0, v3: int16 [0, 20000, 32767, -32768, -25536, -1]
#   rescale by 1 and 0, v3, plugin pydicom: float64 [0, 20000, 32767, 32768, 40000, 65535]
