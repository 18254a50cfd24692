"""How alike two pictures are once one is laid on the other: turns, crops and light aside.

Films of different people correlate above 0.95 as wholes. What tells a copy is that the fine
detail agrees nearly everywhere, so detail is compared patch by patch, and the median over the
patches is the answer: a likeness in some places does not make a copy, and neither black
corners nor a burnt-in letter unmake one.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from radpipe.splitting.warp import Floats, coordinates, shrink, warp

# Small enough for a batch to stay in the processor's cache.
BATCH = 64
# Side at which pictures are aligned, Gauss-Newton steps there, and the agreement below which
# a pair is not looked at any closer. Most candidates are look-alikes and end early.
STAGES = ((16, 7, -1.0), (32, 5, 0.4), (64, 2, 0.6), (64, 3, -1.0))
# Detail between these standard deviations, in pixels, is compared: finer is what compression
# and resampling change, coarser is what all patients have in common.
FINE, COARSE = 0.5, 2.0
PATCH = 8
# A copy is cropped and turned slightly; a map that strays further has lost its way.
FARTHEST = 0.35
# Pictures are aligned by detail relative to what lies around it, this many pixels wide.
SURROUNDINGS = 2.0
# Errors of so many times their mean count half; weights below 1 make steps too short, which
# the factor makes good.
TOLERANCE, BOLDNESS = 2.0, 1.5
# Share of the mean curvature added to every parameter's own, against blank pictures.
RIDGE = 1e-4


def copy_correlation(a: Floats, b: Floats) -> Floats:
    """Return how well the fine detail of aligned pictures agrees, patch by patch.

    `b` is laid on `a` by an affine map (inverse compositional Gauss-Newton on local contrast,
    with Cauchy weights). Both are band-passed, their correlation is taken in patches of 8 x 8
    pixels, and its median over the patches that show something is returned.

    Parameters
    ----------
    a, b : float32 arrays of shape (n, side, side)
        Pairs of pictures, any grey scale, side 16 to 64 or so.

    Returns
    -------
    float32 array of shape (n,)
        -1 to 1; 1 for the same picture, 0 where there is nothing to compare. Pairs that
        are plainly unlike get the value found before their alignment was finished.

    References
    ----------
    Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 56, 2004, section 3.2.

    """
    found = [
        _batch(a[start : start + BATCH], b[start : start + BATCH])
        for start in range(0, len(a), BATCH)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _batch(a: Floats, b: Floats) -> Floats:
    alike = np.zeros(len(a), np.float32)
    left = np.arange(len(a))
    maps = np.zeros((len(a), 2, 3), np.float32)
    maps[:, (0, 1), (0, 1)] = 1
    for side, steps, bar in STAGES:
        if not len(left):
            break
        small_a, small_b = shrink(a[left], side), shrink(b[left], side)
        maps = _descend(small_a, small_b, maps, steps)
        if side > STAGES[0][0]:
            alike[left] = _agreement(small_a, small_b, maps)
            going_on = alike[left] >= bar
            left, maps = left[going_on], maps[going_on]
    return alike


def _descend(a: Floats, b: Floats, maps: Floats, steps: int) -> Floats:
    """Improve the maps that lay `b` on `a`."""
    n = len(a)
    a, b = _local_contrast(a), _local_contrast(b)
    # Pixels that `b` does not show must not count as knowing where they belong.
    steepest, inverse = _steepest(a, warp(b, maps)[1])
    fixed = a.reshape(n, -1)
    weight = np.ones_like(fixed)
    limit = np.zeros((2, 3), np.float32)
    limit[(0, 1), (0, 1)] = 1
    for _ in range(steps):
        moved, inside = warp(b, maps)
        error = _error(fixed, moved, inside, weight)
        step = BOLDNESS * np.matmul(inverse, np.matmul(steepest, error[:, :, None]))
        change = _square(step.reshape(n, 2, 3))
        change[:, (0, 1), (0, 1)] += 1
        moved_on = np.matmul(_square(maps), np.linalg.inv(change))[:, :2]
        maps = np.clip(moved_on.astype(np.float32), limit - FARTHEST, limit + FARTHEST)
    return maps


def _steepest(a: Floats, inside: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return how `a` changes with each of six parameters, and the inverse Hessian."""
    n, side, _ = a.shape
    down, right = np.gradient(a, 2 / (side - 1), axis=(1, 2))
    down, right = down.reshape(n, -1), right.reshape(n, -1)
    y, x = coordinates(side)
    steepest = np.stack([down * y, down * x, down, right * y, right * x, right], axis=1)
    hessian = np.matmul(steepest * inside[:, None], steepest.transpose(0, 2, 1))
    # A blank picture has no gradient; a little on the diagonal keeps its map at rest.
    ridge = RIDGE * np.einsum("nii->n", hessian) / 6 + 1e-3
    hessian[:, range(6), range(6)] += ridge[:, None]
    return steepest, np.linalg.inv(hessian).astype(np.float32)


def _local_contrast(pictures: Floats) -> Floats:
    """Return detail relative to its surroundings, so that no bright or black place prevails."""
    coarse = _blur(pictures, SURROUNDINGS)
    spread = np.sqrt(_blur((pictures - coarse) ** 2, SURROUNDINGS))
    typical = spread.mean(axis=(1, 2), keepdims=True)
    detail = _blur(pictures, FINE) - coarse
    return np.asarray(detail / (spread + 0.3 * typical + 1e-3), np.float32)


def _error(fixed: Floats, moved: Floats, inside: npt.NDArray[np.bool_], weight: Floats) -> Floats:
    """Return moved - fixed where both are seen, after matching gain and offset.

    Changes `weight` (n, side * side), which starts as 1, to Cauchy weights of the error: the
    black corners of a turned copy agree with nothing and must not be listened to.
    """
    seen = inside * weight
    total = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    a = fixed - (fixed * seen).sum(axis=1, keepdims=True) / total
    b = moved - (moved * seen).sum(axis=1, keepdims=True) / total
    power = np.maximum((b * b * seen).sum(axis=1, keepdims=True), 1e-6)
    error = (a * b * seen).sum(axis=1, keepdims=True) / power * b - a
    scale = TOLERANCE * (np.abs(error) * seen).sum(axis=1, keepdims=True) / total + 1e-6
    weight[:] = 1 / (1 + (error / scale) ** 2)
    return np.asarray(error * inside * weight, np.float32)


def _agreement(a: Floats, b: Floats, maps: Floats) -> Floats:
    """Return the median correlation of fine detail over patches."""
    moved, seen = warp(b, maps)
    moved = moved.reshape(a.shape)
    inside = _patches(seen.reshape(a.shape).astype(np.float32))
    detail_a = _patches(_blur(a, FINE) - _blur(a, COARSE))
    detail_b = _patches(_blur(moved, FINE) - _blur(moved, COARSE))
    total = inside.sum(axis=2, keepdims=True) + 1e-6
    detail_a = (detail_a - (detail_a * inside).sum(axis=2, keepdims=True) / total) * inside
    detail_b = (detail_b - (detail_b * inside).sum(axis=2, keepdims=True) / total) * inside
    power_a, power_b = (detail_a**2).sum(axis=2), (detail_b**2).sum(axis=2)
    patches = (detail_a * detail_b).sum(axis=2) / np.sqrt(power_a * power_b + 1e-6)
    shows = power_a > 0.1 * np.median(power_a, axis=1, keepdims=True)
    shows &= total[:, :, 0] > 0.6 * PATCH * PATCH
    return _median(np.where(shows, patches, np.inf), shows.sum(axis=1))


def _median(values: Floats, counts: npt.NDArray[np.intp]) -> Floats:
    """Return the (lower) median of the first `counts` of each row's sorted values; 0 of none."""
    place = np.maximum(counts - 1, 0) // 2
    found = np.take_along_axis(np.sort(values, axis=1), place[:, None], axis=1)[:, 0]
    return np.where(counts > 0, found, 0).astype(np.float32)


def _patches(pictures: Floats) -> Floats:
    """Cut (n, side, side) into (n, patches, PATCH * PATCH); a remainder is left out."""
    n, side, _ = pictures.shape
    k = side // PATCH
    cut = pictures[:, : k * PATCH, : k * PATCH].reshape(n, k, PATCH, k, PATCH)
    return cut.transpose(0, 1, 3, 2, 4).reshape(n, k * k, PATCH * PATCH)


def _blur(pictures: Floats, sigma: float) -> Floats:
    """Smooth with a Gaussian of `sigma` pixels; beyond the border the picture is mirrored."""
    kernel = _gaussian(pictures.shape[-1], sigma)
    return np.asarray(np.matmul(np.matmul(kernel, pictures), kernel.T), np.float32)


@cache
def _gaussian(side: int, sigma: float) -> Floats:
    kernel = gaussian_filter1d(np.eye(side), sigma, axis=0, truncate=3, mode="reflect")
    return kernel.astype(np.float32)


def _square(maps: Floats) -> Floats:
    """Add the third row to (n, 2, 3) maps."""
    whole = np.zeros((len(maps), 3, 3), np.float32)
    whole[:, :2] = maps
    whole[:, 2, 2] = 1
    return whole
