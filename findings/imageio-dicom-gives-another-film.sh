#!/bin/sh
# imageio.v3.imread of one DICOM film can give the pixels of another one that lies in its folder.
#
# Packages:  imageio 2.38.1, pydicom 3.0.2, numpy 2.4.6
# Behaviour: The default plugin of imageio.v3.imread and imiter sorts the whole folder of the file
#            into series, subfolders included, and gives the one with the lowest Series Instance UID,
#            whatever file was named. In a folder of radiographs, each a series of its own, every file
#            gives the same film.
#            imageio.v2.imread, and plugin="pydicom", give the film that was named.
# Expected:  The file that was named is read.
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
from pathlib import Path

import imageio.v2
import imageio.v3
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"
FILMS = {"one.dcm": [1, 1], "two.dcm": [2, 2], "below/three.dcm": [3, 3]}


def film(path, values, rescale=True):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CR, generate_uid()
    film = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    film.SOPClassUID, film.SOPInstanceUID = CR, meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), f"2.25.{100 - values[0]}"
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


folder = Path(sys.argv[1])
for name, values in FILMS.items():
    (folder / name).parent.mkdir(exist_ok=True)
    film(str(folder / name), values)
ways = {
    "v2": imageio.v2.imread,
    "v3": imageio.v3.imread,
    "v3, plugin pydicom": lambda path: imageio.v3.imread(path, plugin="pydicom"),
}
for way, read in ways.items():
    found = {}
    for name in FILMS:
        with contextlib.redirect_stdout(io.StringIO()):
            found[name] = np.asarray(read(folder / name)).ravel().astype(int).tolist()
    print(f"{way}: {found}")
    if way == "v3":
        assert found == dict.fromkeys(FILMS, [3, 3])
    else:
        assert found == FILMS
PYTHON
mkdir "$folder/films"
"$folder/venv/bin/python" "$folder/show.py" "$folder/films"
# Output seen:
#   v2: {'one.dcm': [1, 1], 'two.dcm': [2, 2], 'below/three.dcm': [3, 3]}
#   v3: {'one.dcm': [3, 3], 'two.dcm': [3, 3], 'below/three.dcm': [3, 3]}
#   v3, plugin pydicom: {'one.dcm': [1, 1], 'two.dcm': [2, 2], 'below/three.dcm': [3, 3]}
