"""Volumes in (NumPy's .npy files), (slices, rows, columns) out; every refusal has a reason.

What a file is decides its content, as with pictures; only a name that ends like a picture's
is taken at its word, so that studies of pictures need no second look at each file. A header
is parsed and checked by itself: no pickle is ever opened, and no memory is taken for what
will be refused.
"""

import io
import math
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from radpipe.core.errors import DataError
from radpipe.imaging.read import MIN_SIDE, Array

MAGIC = b"\x93NUMPY"  # NEP 1, "Format Specification: Version 1.0"
PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
)
# A series of a knee has 17 to 61 slices, a chest in thin CT about 500. With more, the axes
# most likely stand in another order.
MAX_SLICES = 512
# As many slices in the usual matrix of CT, 512 x 512.
MAX_VOXELS = MAX_SLICES * 512 * 512
# More than the longest header that NumPy reads, bytes.
LOOK = 16_384
# All that NumPy is known to raise on broken headers; anything else is a bug of ours.
BROKEN = (
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)


@dataclass(frozen=True, slots=True)
class Volume:
    """A decoded volume.

    Attributes
    ----------
    pixels
        (slices, rows, columns), uint8 or uint16.

    """

    pixels: Array

    @property
    def mode(self) -> str:
        """How the file kept its numbers, in NumPy's words: "uint8" or "uint16"."""
        return str(self.pixels.dtype.name)

    @property
    def slices(self) -> Array:
        """The slices, (slices, rows, columns)."""
        return self.pixels


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[np.generic]
    bytes: int


def is_volume(name: str, data: bytes) -> bool:
    """Say whether a file is to be read as a volume.

    Parameters
    ----------
    name
        Its name, of which only the ending counts.
    data
        Its content, or how that begins.

    """
    return data.startswith(MAGIC) and not _named_as_picture(name)


def count_slices(file: Path) -> int:
    """Return how many slices a file will fill in the store, reading its first bytes only.

    Returns
    -------
    int
        1..`MAX_SLICES`; 1 for a picture, and for whatever will be refused when it is read.

    """
    if _named_as_picture(file.name):
        return 1
    try:
        with file.open("rb", buffering=0) as stream:
            start = stream.read(LOOK)
    except OSError:
        return 1
    if not start.startswith(MAGIC):
        return 1
    try:
        header = _header(start)
    except DataError:
        return 1
    return 1 if _wrong_type(header.dtype) else header.shape[0]


def decode_volume(data: bytes) -> Volume:
    """Decode the bytes of one `.npy` file.

    Parameters
    ----------
    data
        A whole file: three axes in C or Fortran order, uint8 or uint16 of either byte order.

    Returns
    -------
    Volume
        1 to `MAX_SLICES` slices of at least `MIN_SIDE` pixels a side, `MAX_VOXELS` in all;
        C order, perhaps a view of `data`.

    Raises
    ------
    DataError
        A short reason without a file name; it goes into `rejected.csv`.

    """
    header = _header(data)
    expected = math.prod(header.shape) * header.dtype.itemsize
    found = len(data) - header.bytes
    if found < expected:
        raise DataError(f"broken or truncated (holds {found} of {expected} bytes)")
    if found > expected:
        raise DataError(f"goes on after its last voxel ({found - expected} bytes)")
    wrong = _wrong_type(header.dtype)
    if wrong == "floating point":
        holes = np.isnan(np.frombuffer(data, header.dtype, offset=header.bytes)).any()
        detail = f"{header.dtype.name}, NaN among them" if holes else header.dtype.name
        raise DataError(f"holds floating point, expected uint8 or uint16 ({detail})")
    if wrong:
        raise DataError(f"holds {wrong}, expected uint8 or uint16")
    flat = np.frombuffer(data, header.dtype, offset=header.bytes)
    order: Literal["C", "F"] = "F" if header.fortran_order else "C"
    native = header.dtype.newbyteorder("=")
    return Volume(flat.reshape(header.shape, order=order).astype(native, order="C", copy=False))


def _named_as_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES


def _header(data: bytes) -> _Header:
    """Parse and check all but the type of the numbers."""
    stream = io.BytesIO(data)
    try:
        # What NumPy warns of, such as a file of Python 2, does not concern the numbers.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                shape, order, dtype = np.lib.format.read_array_header_1_0(stream)
            elif version == (2, 0):
                shape, order, dtype = np.lib.format.read_array_header_2_0(stream)
            else:
                # 3.0 differs in names of fields, which a volume does not have (NEP 1).
                raise DataError("is a NumPy file of a version other than 1.0 and 2.0")
    except BROKEN:
        # NumPy's own text may quote the file.
        raise DataError("broken or truncated (no header of a NumPy array)") from None
    if dtype.hasobject:
        raise DataError("holds pickled Python objects, which are never opened")
    _check_shape(tuple(int(length) for length in shape))
    return _Header(shape, order, dtype, stream.tell())


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 3:
        axes = "1 dimension" if len(shape) == 1 else f"{len(shape)} dimensions"
        raise DataError(f"has {axes}, expected slices x rows x columns")
    slices, rows, columns = shape
    if slices < 1:
        raise DataError("has no slices")
    if slices > MAX_SLICES:
        raise DataError(f"has more than {MAX_SLICES} slices ({slices})")
    if min(rows, columns) < MIN_SIDE:
        raise DataError(f"smaller than {MIN_SIDE} pixels ({columns}x{rows})")
    if slices * rows * columns > MAX_VOXELS:
        raise DataError(f"more than {MAX_VOXELS // 10**6} million voxels")


def _wrong_type(dtype: np.dtype[np.generic]) -> str:
    """Name what the numbers are if it is not what they should be."""
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return ""
    return "floating point" if dtype.kind == "f" else str(dtype.name)
