"""Batches of small square pictures: laid eight ways, shrunk, and moved by affine maps."""

from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# The ways to lay a square on itself: mirrored or not in either axis, and transposed or not.
N_ORIENTATIONS = 8


def orient(pictures: Floats, orientation: int) -> Floats:
    """Lay pictures of shape (n, side, side) one of eight ways, 0 to 7.

    Bit 0 mirrors left and right, bit 1 top and bottom, and bit 2 then exchanges rows and
    columns; together these are all quarter turns, plain and mirrored.
    """
    if orientation & 1:
        pictures = pictures[:, :, ::-1]
    if orientation & 2:
        pictures = pictures[:, ::-1, :]
    if orientation & 4:
        pictures = pictures.transpose(0, 2, 1)
    return pictures


def laying(orientations: npt.NDArray[np.int64]) -> Floats:
    """Return maps (n, 2, 3) with which `warp` lays pictures as `orient` does."""
    flips = np.where(np.stack([orientations & 2, orientations & 1], axis=1), -1, 1)
    maps = np.zeros((len(orientations), 2, 3), np.float32)
    maps[:, :, :2] = np.where(orientations[:, None, None] & 4, np.eye(2)[::-1], np.eye(2))
    maps[:, :, :2] *= flips[:, :, None]
    return maps


def shrink(pictures: npt.NDArray[np.generic], side: int) -> Floats:
    """Shrink pictures (n, old, old) to (n, side, side) by area means.

    Every new pixel is the mean of the old ones that it covers, weighted by the share
    covered. Pictures that are no larger than `side` keep their size.
    """
    old = pictures.shape[-1]
    values = np.asarray(pictures, np.float32)
    if old <= side:
        return values
    edges = np.linspace(0, old, side + 1)
    low, high, pixel = edges[:-1, None], edges[1:, None], np.arange(old)[None]
    covered = (np.minimum(high, pixel + 1) - np.maximum(low, pixel)).clip(0)
    means = np.asarray(covered * (side / old), np.float32)
    return np.asarray(np.matmul(np.matmul(means, values), means.T), np.float32)


@cache
def coordinates(side: int, stride: int = 1) -> Floats:
    """Return (3, pixels): the places in every `stride`-th row and column, and 1.

    Rows and columns run from -1 to 1 between the outer pixels of the picture.
    """
    axis = np.linspace(-1, 1, side, dtype=np.float32)[::stride]
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return np.stack([rows.ravel(), columns.ravel(), np.ones(rows.size, np.float32)])


def warp(pictures: Floats, maps: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Move each picture by its own affine map, with bilinear interpolation.

    Parameters
    ----------
    pictures : float32 array of shape (n, side, side)
        What is looked at.
    maps : float32 array of shape (n, 2, 3)
        Where each pixel of the result comes from: `maps @ [row, column, 1]`, in the
        units of `coordinates`.

    Returns
    -------
    moved : float32 array of shape (n, side * side)
        Border pixels are repeated outside the picture.
    inside : bool array of shape (n, side * side)
        False where the result had to look outside the picture.

    """
    return sample(pictures, np.arange(len(pictures)), maps, coordinates(pictures.shape[-1]))


def sample(
    pictures: Floats, which: npt.NDArray[np.int64], maps: Floats, places: Floats
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Look at some places of some pictures, each laid by an affine map; else as `warp`.

    Parameters
    ----------
    pictures : float32 array of shape (n, side, side)
        What is looked at.
    which : int array of shape (m,)
        Numbers of the pictures.
    maps : float32 array of shape (m, 2, 3)
        As for `warp`.
    places : float32 array of shape (3, k)
        Columns of `coordinates`.

    Returns
    -------
    moved : float32 array of shape (m, k)
    inside : bool array of shape (m, k)

    """
    side = pictures.shape[-1]
    half = np.float32((side - 1) / 2)
    looked = np.matmul((maps * half).reshape(-1, 3), places).reshape(len(maps), 2, -1)
    far = np.abs(looked)
    inside = np.maximum(far[:, 0], far[:, 1]) <= half * (1 + 1 / side)
    looked += half
    # Just before the last pixel, so that the one after it exists.
    np.clip(looked, 0, np.nextafter(np.float32(side - 1), np.float32(0)), out=looked)
    whole = np.floor(looked)
    looked -= whole
    whole[:, 0] *= side
    corner = (whole[:, 0] + whole[:, 1]).astype(np.intp)
    corner += (which * (side * side))[:, None]
    flat = np.ascontiguousarray(pictures).reshape(-1)
    upper = _between(flat, corner, looked[:, 1])
    lower = _between(flat[side:], corner, looked[:, 1])
    lower -= upper
    lower *= looked[:, 0]
    upper += lower
    return upper, inside


def _between(flat: Floats, corner: npt.NDArray[np.intp], share: Floats) -> Floats:
    """Interpolate between pixels and their right neighbours."""
    left, right = np.take(flat, corner), np.take(flat[1:], corner)
    right -= left
    right *= share
    left += right
    return left
