"""A 64-bit perceptual hash: the signs of a picture's slowest cosine waves.

Equal pictures have equal hashes, like pictures near ones. It nominates candidates and proves
nothing: chest films of different patients are often closer than a turned copy.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radpipe.imaging.read import Array

SIDE = 32
ORIENTATIONS = 8


def perceptual_hash(pixels: Array) -> int:
    """Return 64 bits, one for the sign of each of the slowest 64 waves of a picture.

    The picture is averaged to 32 x 32 grey values, whose type-II discrete cosine transform
    is taken; the mean (wave 0, 0) is left out, so brightness and contrast do not matter.
    Bit k is set if wave k of `waves()` is positive. Unlike the usual comparison with the
    median, signs tell how a mirrored copy hashes without looking at it: see `orientations`.

    Parameters
    ----------
    pixels
        (rows, columns) or (rows, columns, 1 or 3), uint8 or uint16.

    Returns
    -------
    int
        0..2**64 - 1; 0 for a picture of a single grey.

    """
    small = small_grey(pixels, SIDE)
    transform = _cosines()
    table = transform @ (small - small.mean()) @ transform.T
    rows, columns = waves().T
    # A wave that is absent is rounding noise, whose sign would differ between machines.
    positive = table[rows, columns] > 1e-6 * max(float(np.abs(table).max()), 1e-3)
    return int(np.packbits(positive, bitorder="little").view("<u8")[0])


def orientations(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return what pictures would hash to if mirrored and turned, from their hashes alone.

    Parameters
    ----------
    hashes
        (n,) uint64.

    Returns
    -------
    ndarray
        (n, 8) uint64. Column o: bit 0 of o mirrors left and right, bit 1 top and bottom,
        bit 2 exchanges rows and columns afterwards. Exact but for waves that are absent.

    """
    table = waves()
    bits = (hashes[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    order = {(int(row), int(column)): k for k, (row, column) in enumerate(table)}
    swapped = np.array([order[int(column), int(row)] for row, column in table])
    result = np.empty((len(hashes), ORIENTATIONS), dtype=np.uint64)
    for orientation in range(ORIENTATIONS):
        # A mirrored odd wave changes its sign, an even one does not.
        odd = (orientation & 1) * table[:, 1] + (orientation >> 1 & 1) * table[:, 0]
        turned = bits ^ (odd % 2).astype(np.uint64)
        turned = turned[:, swapped] if orientation & 4 else turned
        result[:, orientation] = (turned << np.arange(64, dtype=np.uint64)).sum(
            axis=1, dtype=np.uint64
        )
    return result


def distance(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Count the bits in which hashes differ, 0..64; arrays of any shapes that broadcast."""
    bits: NDArray[np.uint8] = np.bitwise_count(a ^ b)
    return bits


@cache
def waves() -> NDArray[np.intp]:
    """List the 64 waves, (64, 2) of vertical and horizontal frequency, slowest first.

    All with a frequency sum of 1 to 10 except (5, 5), which would be the sixty-fifth; so
    the set stays the same when rows and columns are exchanged.
    """
    pairs = [(total - j, j) for total in range(1, 11) for j in range(total + 1)]
    return np.array([pair for pair in pairs if pair != (5, 5)], dtype=np.intp)


def small_grey(pixels: Array, side: int) -> NDArray[np.float32]:
    """Squash a picture to (side, side) grey values, averaging, in float32."""
    grey = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    if grey.ndim == 3:
        grey = grey.mean(axis=-1, dtype=np.float32)
    grey = np.ascontiguousarray(grey, dtype=np.float32)
    image = Image.fromarray(grey).resize((side, side), Image.Resampling.BILINEAR)
    return np.array(image, dtype=np.float32)


@cache
def _cosines() -> NDArray[np.float32]:
    """Return the 11 slowest rows of the orthonormal DCT-II matrix of order 32."""
    k, n = np.arange(11)[:, None], np.arange(SIDE)[None, :]
    table = np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE)
    table[0] /= np.sqrt(2)
    cosines: NDArray[np.float32] = table.astype(np.float32)
    return cosines
