"""How well the fine detail of aligned pictures agrees, patch by patch."""

from functools import cache

import numpy as np
import numpy.typing as npt

from radpipe.splitting.detail import Level, band
from radpipe.splitting.warp import Floats, coordinates, sample

Ints = npt.NDArray[np.int64]
PATCH = 8


def agreement(
    films: Level, a: Ints, b: Ints, maps: Floats, *, stride: int = 1, exact: bool = True
) -> Floats:
    """Return the median correlation of fine detail over patches of PATCH x PATCH pixels.

    Parameters
    ----------
    films
        Both pictures of every pair.
    a, b : int arrays of shape (n,)
        Numbers of the pictures.
    maps : float32 array of shape (n, 2, 3)
        How `b` is laid on `a`, as for `warp`.
    stride
        Look at every `stride`-th row and column of a patch only.
    exact
        Take the detail of the moved picture; else its detail is moved, which is quicker.

    Returns
    -------
    float32 array of shape (n,)
        -1 to 1; 0 where there is nothing to compare.

    """
    cut = _cut(films.side, stride)
    detail_b, seen = _moved(films, b, maps, cut, exact=exact)
    detail_a = np.take(films.detail.reshape(-1, films.side**2)[a], cut, axis=1)
    inside = seen.astype(np.float32)
    total = inside.sum(axis=2) + np.float32(1e-6)
    detail_a, detail_b = _centred(detail_a, inside, total), _centred(detail_b, inside, total)
    power_a, power_b = _dot(detail_a, detail_a), _dot(detail_b, detail_b)
    patches = _dot(detail_a, detail_b) / np.sqrt(power_a * power_b + 1e-6)
    shows = power_a > 0.1 * np.median(power_a, axis=1, keepdims=True)
    shows &= total > 0.6 * cut.shape[-1]
    return _median(np.where(shows, patches, np.inf), shows.sum(axis=1))


def _moved(
    films: Level, b: Ints, maps: Floats, cut: Ints, *, exact: bool
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the detail of `b` and where it is seen, both (n, patches, pixels)."""
    places = coordinates(films.side)
    shape = len(b), *cut.shape
    if not exact:
        moved, seen = sample(films.detail, b, maps, places[:, cut.ravel()])
        return moved.reshape(shape), seen.reshape(shape)
    moved, seen = sample(films.pictures, b, maps, places)
    moved = band(moved.reshape(-1, films.side, films.side)).reshape(len(b), -1)
    return np.take(moved, cut, axis=1), np.take(seen, cut, axis=1)


def _centred(detail: Floats, inside: Floats, total: Floats) -> Floats:
    """Take the mean off where both are seen, and put 0 elsewhere."""
    mean = _dot(detail, inside) / total
    return (detail - mean[:, :, None]) * inside


def _dot(a: Floats, b: Floats) -> Floats:
    """Return the sum of products of each patch."""
    return np.asarray(np.einsum("ijk,ijk->ij", a, b), np.float32)


def _median(values: Floats, counts: npt.NDArray[np.intp]) -> Floats:
    """Return the (lower) median of the first `counts` of each row's sorted values; 0 of none."""
    place = np.maximum(counts - 1, 0) // 2
    found = np.take_along_axis(np.sort(values, axis=1), place[:, None], axis=1)[:, 0]
    return np.where(counts > 0, found, 0).astype(np.float32)


@cache
def _cut(side: int, stride: int) -> Ints:
    """Return the numbers of the pixels of whole patches, (patches, pixels)."""
    k = side // PATCH
    whole = np.arange(side * side).reshape(side, side)[: k * PATCH, : k * PATCH]
    patches = whole.reshape(k, PATCH, k, PATCH)[:, ::stride, :, ::stride]
    return patches.transpose(0, 2, 1, 3).reshape(k * k, -1)
