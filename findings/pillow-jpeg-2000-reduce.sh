#!/bin/sh
# Pillow cannot decode some sizes of JPEG 2000 at a smaller size, depending on the remainder.
#
# Packages:  pillow 13.0.0, numpy 2.4.6
# Behaviour: With image.reduce = k, image.load() raises "broken data stream when reading image file"
#            if for either side the remainder of its length by 2^k is from 1 to 2^(k-1) - 1; such as
#            2500 at k = 4 (remainder 4). Pillow rounds length / 2^k to the nearest whole number, and
#            OpenJPEG rounds it up. k = 1 always works, and the picture is whole.
# Expected:  Every size is decoded: a reduced side has ceil(length / 2^k) pixels.
# Seen on:   2026-11-28
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import io

import numpy as np
from PIL import Image


def reduced(columns, rows, k):
    """Encode a ramp losslessly with 6 sizes, decode it at the one that is k halvings smaller."""
    ramp = (np.arange(rows * columns) % 251).astype("uint8").reshape(rows, columns)
    file = io.BytesIO()
    Image.fromarray(ramp).save(file, "JPEG2000", irreversible=False, num_resolutions=6)
    image = Image.open(file)
    image.reduce = k
    try:
        image.load()
    except OSError as error:
        return str(error)
    return image.size


for columns, rows, k in ((2500, 2500, 3), (2500, 2500, 4), (2504, 2500, 4), (2504, 2512, 4)):
    print(f"{columns} x {rows} at k = {k}: {reduced(columns, rows, k)}")
for k in range(1, 6):
    broken = set()
    for length in range(64, 64 + 2 ** (k + 1)):
        for columns, rows in ((length, length), (length, 64), (64, length)):
            found = reduced(columns, rows, k)
            if isinstance(found, str):
                assert found == "broken data stream when reading image file"
                broken.add(length % 2**k)
                assert 0 < length % 2**k < 2 ** (k - 1)
            else:
                assert found == (-(-columns // 2**k), -(-rows // 2**k))
                assert not 0 < length % 2**k < 2 ** (k - 1)
    print(f"k = {k}: broken at remainders {sorted(broken)} of {2**k}")
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
# Output seen:
#   2500 x 2500 at k = 3: (313, 313)
#   2500 x 2500 at k = 4: broken data stream when reading image file
#   2504 x 2500 at k = 4: broken data stream when reading image file
#   2504 x 2512 at k = 4: (157, 157)
#   k = 1: broken at remainders [] of 2
#   k = 2: broken at remainders [1] of 4
#   k = 3: broken at remainders [1, 2, 3] of 8
#   k = 4: broken at remainders [1, 2, 3, 4, 5, 6, 7] of 16
#   k = 5: broken at remainders [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] of 32
