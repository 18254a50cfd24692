#!/bin/sh
# Pillow turns 8-bit TIFFs round that store white as zero, and 16-bit ones not.
#
# Packages:  pillow 13.0.0, numpy 2.4.6
# Behaviour: Film digitisers write greyscale TIFFs with PhotometricInterpretation 0 (WhiteIsZero).
#            With 8 bits Pillow inverts them, so that 0 is black as in every other picture. With 16
#            bits in little-endian order it gives the stored numbers, a negative, without a word; the
#            same file in big-endian order it cannot identify at all.
# Expected:  All three are inverted, or the 16-bit ones are refused alike.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import io
import struct

import numpy as np
from PIL import Image, UnidentifiedImageError


def tiff(bits, photometric, order):
    """Make a greyscale TIFF of 2 x 2 pixels, uncompressed, in one strip."""
    kind, values = ("u1", [0, 1, 10, 200]) if bits == 8 else ("u2", [0, 100, 1000, 4000])
    data = np.array(values, order + kind).tobytes()
    tags = [(256, 2), (257, 2), (258, bits), (259, 1), (262, photometric), (277, 1), (278, 2)]
    longs = [(273, 0), (279, len(data))]
    start = 8 + 2 + 12 * (len(tags) + len(longs)) + 4
    entries = [struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in tags]
    entries += [struct.pack(order + "HHII", t, 4, 1, start if t == 273 else v) for t, v in longs]
    entries.sort(key=lambda entry: struct.unpack(order + "H", entry[:2]))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4) + data


def read(bits, photometric, order):
    try:
        return np.asarray(Image.open(io.BytesIO(tiff(bits, photometric, order)))).ravel().tolist()
    except UnidentifiedImageError:
        return "not identified"


found = {
    f"{bits} bits, {name}, {end}": read(bits, photometric, order)
    for bits in (8, 16)
    for photometric, name in ((1, "BlackIsZero"), (0, "WhiteIsZero"))
    for order, end in (("<", "little-endian"), (">", "big-endian"))
}
for what, pixels in found.items():
    print(f"{what}: {pixels}")
assert found["8 bits, WhiteIsZero, little-endian"] == [255, 254, 245, 55]
assert found["8 bits, WhiteIsZero, big-endian"] == [255, 254, 245, 55]
assert found["16 bits, BlackIsZero, big-endian"] == [0, 100, 1000, 4000]
assert found["16 bits, WhiteIsZero, little-endian"] == [0, 100, 1000, 4000]
assert found["16 bits, WhiteIsZero, big-endian"] == "not identified"
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
# Output seen:
#   8 bits, BlackIsZero, little-endian: [0, 1, 10, 200]
#   8 bits, BlackIsZero, big-endian: [0, 1, 10, 200]
#   8 bits, WhiteIsZero, little-endian: [255, 254, 245, 55]
#   8 bits, WhiteIsZero, big-endian: [255, 254, 245, 55]
#   16 bits, BlackIsZero, little-endian: [0, 100, 1000, 4000]
#   16 bits, BlackIsZero, big-endian: [0, 100, 1000, 4000]
#   16 bits, WhiteIsZero, little-endian: [0, 100, 1000, 4000]
#   16 bits, WhiteIsZero, big-endian: not identified
