#!/bin/sh
# dicomsdl's to_pil_image makes what lies below the window of an unsigned film white.
#
# Packages:  dicomsdl 0.109.4, pillow 13.0.0, pydicom 3.0.2, numpy 2.3.5
# Behaviour: Of a MONOCHROME2 film of 12 unsigned bits whose window is 1000 to 3000, stored values
#            below 1000 become 255, like those above 3000. Of the same film with signed values they
#            become 0. The background of a radiograph, which is below its window, turns white.
# Expected:  Below the window is black (PS3.3, C.11.2.1.2), signed or not.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dicomsdl==0.109.4 pillow==13.0.0 pydicom==3.0.2 numpy==2.3.5
cat > "$folder/show.py" <<'PYTHON'
import sys

import dicomsdl
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"
VALUES = [0, 500, 900, 1001, 2000, 2990, 3001, 4095]


def film(path, signed):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CR, generate_uid()
    film = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    film.SOPClassUID, film.SOPInstanceUID = CR, meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
    film.PatientName, film.PatientID, film.Modality = "Phantom", "1", "CR"
    film.Rows, film.Columns, film.SamplesPerPixel = 1, len(VALUES), 1
    film.PhotometricInterpretation, film.PixelRepresentation = "MONOCHROME2", int(signed)
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12 + signed, 11 + signed
    film.WindowCenter, film.WindowWidth = 2000, 2001
    film.PixelData = np.array(VALUES, "<i2").tobytes()
    film["PixelData"].VR = "OW"
    film.save_as(path, enforce_file_format=True)


path = sys.argv[1] + "/film.dcm"
found = {}
for name, signed in (("unsigned", False), ("signed", True)):
    film(path, signed)
    image = dicomsdl.open(path).to_pil_image()
    found[name] = np.asarray(image).ravel().tolist()
    print(f"{name}: {dict(zip(VALUES, found[name]))}")
assert found["signed"][:3] == [0, 0, 0] and found["signed"][-2:] == [255, 255]
assert found["unsigned"][:3] == [255, 255, 255]
assert found["unsigned"][3:] == found["signed"][3:]
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder"
# Output seen:
#   unsigned: {0: 255, 500: 255, 900: 255, 1001: 0, 2000: 127, 2990: 253, 3001: 255, 4095: 255}
#   signed: {0: 0, 500: 0, 900: 0, 1001: 0, 2000: 127, 2990: 253, 3001: 255, 4095: 255}
