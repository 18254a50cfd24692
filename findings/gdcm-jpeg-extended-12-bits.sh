#!/bin/sh
# GDCM encodes 12 bits as JPEG Extended with a frame header of 16 bits, which only GDCM reads.
#
# Packages:  python-gdcm 3.2.6, pydicom 3.0.2, pylibjpeg 2.1.0, pylibjpeg-libjpeg 2.5.0,
#            dicomsdl 0.109.4, SimpleITK 2.5.7, numpy 2.3.5
# Behaviour: ImageChangeTransferSyntax to JPEGExtendedProcess2_4 of a film of 12 bits stored succeeds
#            and writes SOF1 with a precision of 16; extended DCT knows 8 and 12 only (T.81, B.2.2).
#            GDCM and SimpleITK, which is built on it, read it back. libjpeg refuses it, and dicomsdl
#            gives every pixel 32768 too much, without a word.
# Expected:  A precision of 12, or an error.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet python-gdcm==3.2.6 pydicom==3.0.2 pylibjpeg==2.1.0 \
  pylibjpeg-libjpeg==2.5.0 dicomsdl==0.109.4 SimpleITK==2.5.7 numpy==2.3.5
cat > "$folder/show.py" <<'PYTHON'
import sys

import dicomsdl
import gdcm
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"


def film(path):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CR, generate_uid()
    film = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    film.SOPClassUID, film.SOPInstanceUID = CR, meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
    film.PatientName, film.PatientID, film.Modality = "Phantom", "1", "CR"
    film.Rows, film.Columns, film.SamplesPerPixel = 16, 16, 1
    film.PhotometricInterpretation, film.PixelRepresentation = "MONOCHROME2", 0
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    stored = np.arange(0, 4096, 16).reshape(16, 16)
    film.PixelData = stored.astype("<u2").tobytes()
    film["PixelData"].VR = "OW"
    film.save_as(path, enforce_file_format=True)
    return stored


def read(path):
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    assert reader.Read()
    return reader


def with_gdcm(path):
    reader = read(path)
    words = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(words, "<u2").reshape(16, 16)


def with_libjpeg(path):
    raw = pydicom.pixels.get_decoder("1.2.840.10008.1.2.4.51")
    return raw.as_array(pydicom.dcmread(path), decoding_plugin="pylibjpeg")[0]


plain, packed = sys.argv[1] + "/plain.dcm", sys.argv[1] + "/packed.dcm"
stored = film(plain)
reader = read(plain)
change = gdcm.ImageChangeTransferSyntax()
change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
change.SetInput(reader.GetImage())
assert change.Change()
writer = gdcm.ImageWriter()
writer.SetFileName(packed)
writer.SetFile(reader.GetFile())
writer.SetImage(change.GetOutput())
assert writer.Write()
found = pydicom.dcmread(packed)
frame = next(generate_frames(found.PixelData, number_of_frames=1))
at = frame.index(b"\xff\xc1")
print(f"{found.file_meta.TransferSyntaxUID.name}, Bits Stored {found.BitsStored}")
print(f"precision in the frame header: {frame[at + 4]}")
assert found.BitsStored == 12 and frame[at + 4] == 16
ways = {
    "GDCM": (with_gdcm, 0),
    "SimpleITK": (lambda path: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))[0], 0),
    "libjpeg": (with_libjpeg, None),
    "dicomsdl": (lambda path: dicomsdl.open(path).pixelData(), 32768),
}
for name, (decode, more) in ways.items():
    try:
        away = decode(packed).astype(int) - stored
    except RuntimeError as error:
        print(f"{name}: {str(error).rpartition(' - ')[2]}")
        assert more is None
    else:
        print(f"{name}: off by {away.min()} to {away.max()}")
        assert more is not None and abs(away - more).max() <= 2
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder"
# Output seen:
#   JPEG Extended (Process 2 and 4), Bits Stored 12
#   precision in the frame header: 16
#   GDCM: off by 0 to 0
#   SimpleITK: off by 0 to 0
#   libjpeg: frame precision in lossy mode must be 8 or 12
#   dicomsdl: off by 32768 to 32768
