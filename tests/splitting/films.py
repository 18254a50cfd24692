"""Pictures for tests: one anatomy, a texture of its own each, and copies of them."""

import numpy as np
import numpy.typing as npt

from radpipe.splitting.warp import warp

Bytes = npt.NDArray[np.uint8]


def films(n: int, *, side: int = 64, seed: int = 0) -> Bytes:
    """Draw n pictures of (side, side)."""
    rng = np.random.default_rng(seed)
    grid = np.arange(side) * np.pi / side
    pictures = 25 * np.ones((n, 1, 1)) * np.cos(grid)[:, None] * np.cos(2 * grid)
    for waves, size in ((4, 20.0), (14, 12.0)):
        basis = np.cos(np.outer(grid, np.arange(waves)))
        drawn = rng.standard_normal((n, waves, waves)) * size / waves
        pictures = pictures + np.matmul(np.matmul(basis, drawn), basis.T)
    pictures += rng.standard_normal(pictures.shape)
    return (128 + pictures).clip(0, 255).astype(np.uint8)


def altered(
    pictures: Bytes, *, degrees: float = 0, crop: float = 0, shift: float = 0, light: float = 1
) -> Bytes:
    """Turn, crop by a share of the side, move by a share of the side, brighten."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    maps = np.zeros((len(pictures), 2, 3), np.float32)
    maps[:, :, :2] = turn * (1 - crop)
    maps[:, :, 2] = 2 * shift
    moved, inside = warp(pictures.astype(np.float32), maps)
    moved = np.where(inside, moved, 0) * light
    return moved.reshape(pictures.shape).clip(0, 255).astype(np.uint8)
