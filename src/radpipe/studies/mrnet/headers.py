"""What a .npy file says of itself: shape and type from its first bytes, nothing unpickled."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True, slots=True)
class MrnetHeader:
    """Shape and type of an array on disk.

    Attributes
    ----------
    shape
        Its axes, (slices, rows, columns) for a volume.
    dtype
        Type of its values; object where there are pickled Python objects.
    n_bytes
        Size that the whole file should have.

    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    n_bytes: int


def read_header(path: Path) -> MrnetHeader:
    """Read the header of a .npy file.

    Raises
    ------
    ValueError
        The file is no .npy file, or of a version that volumes do not need.

    """
    with path.open("rb") as stream, warnings.catch_warnings():
        # Files of Python 2 need a second look, which is worth a warning to NumPy and not to us.
        warnings.simplefilter("ignore", UserWarning)
        version = npy.read_magic(stream)
        if version not in READERS:
            raise ValueError(f"version {version[0]}.{version[1]} of the format")
        shape, _, dtype = READERS[version](stream)
        # Counted by Python's integers, so that no shape is too large to be told.
        n_values = 1
        for length in shape:
            n_values *= length
        return MrnetHeader(tuple(shape), dtype, stream.tell() + n_values * dtype.itemsize)
