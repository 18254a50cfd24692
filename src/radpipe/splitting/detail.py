"""What is compared of a small picture, made once for all pairs that show it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from radpipe.splitting.warp import Floats, shrink

Ints = npt.NDArray[np.int64]
# Runs a function on every slice: `map`, or that of a pool of threads.
Each = Callable[[Callable[[slice], None], Iterable[slice]], Iterable[None]]
# Pixels of a batch: few enough to stay in the processor's cache, many enough to be worth a call.
BATCH = 2**15
# Detail between these standard deviations, in pixels, is compared: finer is what compression
# and resampling change, coarser is what all patients have in common.
FINE, COARSE = 0.5, 2.0


@dataclass(frozen=True)
class Level:
    """Pictures at one size: float32 arrays of shape (n, side, side).

    Attributes
    ----------
    pictures
        Grey levels.
    detail
        Between FINE and COARSE.
    contrast
        Detail relative to its surroundings, so that no bright or black place prevails.

    """

    pictures: Floats
    detail: Floats
    contrast: Floats

    @property
    def side(self) -> int:
        """Return the side of the pictures, pixels."""
        return int(self.pictures.shape[-1])


def level(pictures: npt.NDArray[np.generic], which: Ints, side: int, each: Each = map) -> Level:
    """Shrink some of the pictures of shape (n, old, old) to `side` and take their detail."""
    side = min(side, pictures.shape[-1])
    made = Level(*np.empty((3, len(which), side, side), np.float32))

    def work(some: slice) -> None:
        small = shrink(pictures[which[some]], side)
        coarse = blur(small, COARSE)
        made.pictures[some] = small
        made.detail[some] = blur(small, FINE) - coarse
        spread = np.sqrt(blur((small - coarse) ** 2, COARSE))
        spread += 0.3 * spread.mean(axis=(1, 2), keepdims=True) + np.float32(1e-3)
        np.divide(made.detail[some], spread, out=made.contrast[some])

    in_batches(work, len(which), side * side, each)
    return made


def in_batches(work: Callable[[slice], None], n: int, pixels: int, each: Each) -> None:
    """Call `work` with slices of n pictures of so many pixels."""
    size = max(1, BATCH // pixels)
    for _ in each(work, [slice(start, start + size) for start in range(0, n, size)]):
        pass


def band(pictures: Floats) -> Floats:
    """Return the detail between FINE and COARSE of pictures of shape (n, side, side)."""
    return blur(pictures, FINE) - blur(pictures, COARSE)


def blur(pictures: Floats, sigma: float) -> Floats:
    """Smooth with a Gaussian of `sigma` pixels; beyond the border the picture is mirrored."""
    kernel = _gaussian(pictures.shape[-1], sigma)
    return np.asarray(np.matmul(np.matmul(kernel, pictures), kernel.T), np.float32)


@cache
def _gaussian(side: int, sigma: float) -> Floats:
    kernel = gaussian_filter1d(np.eye(side), sigma, axis=0, truncate=3, mode="reflect")
    return kernel.astype(np.float32)
