"""The affine map that lays one small picture on another, improved step by step."""

import numpy as np
import numpy.typing as npt

from radpipe.splitting.detail import Level
from radpipe.splitting.warp import Floats, coordinates, sample

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
# A copy is cropped and turned slightly; a map that strays further has lost its way.
FARTHEST = np.float32(0.35)
# Errors of so many times their mean count half; weights below 1 make steps too short, which
# the factor makes good.
TOLERANCE, BOLDNESS = 2.0, 1.5
# Share of the mean curvature added to every parameter's own, against blank pictures.
RIDGE = 1e-4
# Which product of slopes, and which of coordinates, is an entry of the Hessian of six parameters.
SLOPES = np.repeat(np.repeat([[0, 1], [1, 2]], 3, axis=0), 3, axis=1)
PLACES = np.tile([[0, 1, 3], [1, 2, 4], [3, 4, 5]], (2, 2))


def descend(
    films: Level, a: Ints, b: Ints, laid: Floats, maps: Floats, *, steps: int, stride: int
) -> Floats:
    """Improve the maps that lay pictures `b` on pictures `a`.

    Parameters
    ----------
    films
        Both pictures of every pair.
    a, b : int arrays of shape (n,)
        Numbers of the pictures.
    laid, maps : float32 arrays of shape (n, 2, 3)
        How `b` was laid before anything was known, and what is known so far, as for `warp`.
    steps
        Of inverse compositional Gauss-Newton.
    stride
        Look at every `stride`-th row and column only.

    Returns
    -------
    float32 array of shape (n, 2, 3)

    References
    ----------
    Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 56, 2004, section 3.2.

    """
    places = coordinates(films.side, stride)
    fixed, slopes = _fixed(films, a, stride)
    moved, inside = sample(films.contrast, b, maps, places)
    # Pixels that `b` does not show must not count as knowing where they belong.
    inverse = _inverse(slopes, inside, places)
    weight = np.ones_like(fixed)
    for step in range(steps):
        if step:
            moved, inside = sample(films.contrast, b, maps, places)
        error = _error(fixed, moved, inside, weight)
        pull = np.matmul((slopes * error[:, None]).reshape(-1, error.shape[-1]), places.T)
        change = BOLDNESS * np.matmul(inverse, pull.reshape(-1, 6, 1))
        maps = _undo(maps, change.reshape(-1, 2, 3))
        maps = np.clip(maps, laid - FARTHEST, laid + FARTHEST)
    return maps


def _fixed(films: Level, a: Ints, stride: int) -> tuple[Floats, Floats]:
    """Return contrast (n, pixels) and its slopes down and right (n, 2, pixels)."""
    # Pairs come sorted, so that a batch has few first pictures.
    which, place = np.unique(a, return_inverse=True)
    contrast = films.contrast[which]
    down, right = np.gradient(contrast, 2 / (films.side - 1), axis=(1, 2))
    slopes: Floats = np.stack([down, right], axis=1)
    contrast, slopes = contrast[:, ::stride, ::stride], slopes[:, :, ::stride, ::stride]
    return contrast.reshape(len(which), -1)[place], slopes.reshape(len(which), 2, -1)[place]


def _inverse(slopes: Floats, inside: Mask, places: Floats) -> Floats:
    """Return the inverse Hessian of the six parameters, (n, 6, 6)."""
    down, right = slopes[:, 0], slopes[:, 1]
    y, x, one = places
    bent = np.stack([down * down, down * right, right * right], axis=1) * inside[:, None]
    products = np.stack([y * y, y * x, x * x, y, x, one], axis=1)
    sums = np.matmul(bent.reshape(-1, len(one)), products).reshape(-1, 3, 6)
    hessian = sums[:, SLOPES, PLACES]
    # A blank picture has no gradient; a little on the diagonal keeps its map at rest.
    ridge = RIDGE * np.einsum("nii->n", hessian) / 6 + 1e-3
    hessian[:, range(6), range(6)] += ridge[:, None]
    return np.linalg.inv(hessian).astype(np.float32)


def _error(fixed: Floats, moved: Floats, inside: Mask, weight: Floats) -> Floats:
    """Return moved - fixed where both are seen, after matching gain and offset.

    Changes `weight` (n, pixels), which starts as 1, to Cauchy weights of the error: the
    black corners of a turned copy agree with nothing and must not be listened to.
    """
    seen = inside * weight
    total = np.maximum(seen.sum(axis=1), 1)
    heard = moved * seen
    a, b = _dot(fixed, seen) / total, heard.sum(axis=1) / total
    power = np.maximum(_dot(moved, heard) - b * b * total, 1e-6)
    gain = (_dot(fixed, heard) - a * b * total) / power
    error: Floats = moved * gain[:, None]
    error += (a - gain * b)[:, None]
    error -= fixed
    scale = TOLERANCE * _dot(np.abs(error), seen) / total + np.float32(1e-6)
    np.divide(error, scale[:, None], out=weight)
    weight *= weight
    weight += 1
    np.reciprocal(weight, out=weight)
    error *= inside
    error *= weight
    return error


def _dot(a: Floats, b: Floats) -> Floats:
    """Return the sum of products of each row."""
    return np.asarray(np.einsum("ij,ij->i", a, b), np.float32)


def _undo(maps: Floats, change: Floats) -> Floats:
    """Return maps after the inverses of the small maps identity + `change`, all (n, 2, 3)."""
    p, q, s = change[:, 0, 0] + 1, change[:, 0, 1], change[:, 0, 2]
    r, t, u = change[:, 1, 0], change[:, 1, 1] + 1, change[:, 1, 2]
    back = np.stack([t, -q, q * u - t * s, -r, p, r * s - p * u], axis=1).reshape(-1, 2, 3)
    back /= (p * t - q * r)[:, None, None]
    found: Floats = np.matmul(maps[:, :, :2], back)
    found[:, :, 2] += maps[:, :, 2]
    return found
