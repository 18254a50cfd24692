"""Batches of small square pictures: laid eight ways, shrunk, and moved by affine maps."""

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


def coordinates(side: int) -> Floats:
    """Return (2, side * side): row and column of every pixel, -1 to 1 between the outer ones."""
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return np.stack([rows.ravel(), columns.ravel()])


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
    n, side, _ = pictures.shape
    places = np.matmul(maps[:, :, :2], coordinates(side)) + maps[:, :, 2:]
    inside = (np.abs(places) <= 1 + 1 / side).all(axis=1)
    places += 1
    places *= (side - 1) / 2
    np.clip(places, 0, side - 1, out=places)
    whole = np.minimum(places.astype(np.int32), side - 2)
    places -= whole
    row, column = places[:, 0], places[:, 1]
    corner = whole[:, 0] * side + whole[:, 1]
    corner += (np.arange(n, dtype=np.int32) * (side * side))[:, None]
    flat = np.ascontiguousarray(pictures).reshape(-1)
    upper = flat[corner]
    upper += (flat[corner + 1] - upper) * column
    corner += side
    lower = flat[corner]
    lower += (flat[corner + 1] - lower) * column
    upper += (lower - upper) * row
    return upper, inside
