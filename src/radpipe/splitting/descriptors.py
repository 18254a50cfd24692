"""Short descriptions of pictures, alike for copies: they nominate pairs, and decide nothing.

A 64-bit perceptual hash is too blunt for films that all show the same anatomy. A description
is learned from the study itself instead: copies of some of its own pictures are made up
(turned, cropped, brightened), and of the picture's low frequencies those combinations are
kept that differ much between pictures and little between a picture and its copies.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import dct
from scipy.linalg import eigh

from radpipe.splitting.warp import Floats, shrink, warp

SIDE = 32
FREQUENCIES = 12
LENGTH = 64
# Pictures from which the description is learned, and made-up copies in all.
SAMPLE, COPIES = 2000, 4000
# What a copy may have suffered.
ROTATION_DEGREES, CROP, BRIGHTNESS = 5.0, 0.12, 0.2
# Pairs are nominated down to the likeness that all but this share of made-up copies reach
# (they suffer more than most real ones), but never outside the bounds.
MISSED, BOUNDS = 0.02, (0.3, 0.6)


@dataclass(frozen=True)
class Descriptions:
    """The learned description of every picture, in any of eight orientations.

    Attributes
    ----------
    frequencies : float32 array of shape (n, FREQUENCIES, FREQUENCIES)
        Low spatial frequencies, without the mean.
    mean, matrix
        What turns frequencies into descriptions.
    threshold
        Cosine from which two descriptions nominate a pair.

    """

    frequencies: Floats
    mean: Floats
    matrix: Floats
    threshold: float

    def oriented(self, orientation: int) -> Floats:
        """Describe all pictures as `warp.orient` would lay them: (n, length), unit vectors."""
        return _describe(_orient(self.frequencies, orientation), self.mean, self.matrix)


def describe(thumbnails: npt.NDArray[np.uint8], rng: np.random.Generator) -> Descriptions:
    """Learn a description from pictures of shape (n, side, side) and describe them all.

    References
    ----------
    Linear discriminants: Fisher, Annals of Eugenics 7, 1936; each picture is a class.

    """
    frequencies = np.concatenate(
        [_frequencies(shrink(part, SIDE)) for part in _chunks(thumbnails, 4096)]
    )
    chosen = rng.permutation(len(thumbnails))[:SAMPLE]
    source = np.resize(chosen, max(COPIES, len(chosen)))
    copies = _frequencies(_made_up(shrink(thumbnails[source], SIDE), rng))
    learn = np.arange(len(source)) % len(chosen) % 2 == 0
    mean, matrix = _discriminants(frequencies[chosen], frequencies[source[learn]], copies[learn])
    check = ~learn if len(chosen) > 1 else learn
    alike = _describe(frequencies[source[check]], mean, matrix)
    alike = (alike * _describe(copies[check], mean, matrix)).sum(axis=1)
    threshold = float(np.clip(np.quantile(alike, MISSED), *BOUNDS))
    return Descriptions(frequencies, mean, matrix, threshold)


def _frequencies(pictures: Floats) -> Floats:
    """Return the low part of the 2-D cosine transform at unit length, without the mean."""
    side = pictures.shape[-1]
    kept = min(FREQUENCIES, side)
    basis = dct(np.eye(side), axis=0, norm="ortho")[:kept].astype(np.float32)
    found = np.matmul(np.matmul(basis, pictures), basis.T)
    found[:, 0, 0] = 0
    length = np.sqrt((found * found).sum(axis=(1, 2), keepdims=True))
    return np.asarray(found / np.maximum(length, 1e-6), np.float32)


def _orient(frequencies: Floats, orientation: int) -> Floats:
    """Do to frequencies what `warp.orient` does to pictures: odd waves change their sign."""
    sign = np.where(np.arange(frequencies.shape[-1]) % 2, -1, 1).astype(np.float32)
    if orientation & 1:
        frequencies = frequencies * sign
    if orientation & 2:
        frequencies = frequencies * sign[:, None]
    if orientation & 4:
        frequencies = frequencies.transpose(0, 2, 1)
    return frequencies


def _describe(frequencies: Floats, mean: Floats, matrix: Floats) -> Floats:
    found = (frequencies.reshape(len(frequencies), -1) - mean) @ matrix
    length = np.sqrt((found * found).sum(axis=1, keepdims=True))
    return np.asarray(found / np.maximum(length, 1e-6), np.float32)


def _discriminants(pictures: Floats, sources: Floats, copies: Floats) -> tuple[Floats, Floats]:
    """Find what differs between pictures and not between a picture and its copies."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    between = (flat - mean).T @ (flat - mean) / len(flat)
    change = (copies - sources).reshape(len(copies), -1).astype(np.float64)
    within = change.T @ change / len(change)
    size = len(within)
    within += (1e-3 * np.trace(within) / size + 1e-9) * np.eye(size)
    strengths, directions = eigh(between, within, subset_by_index=(max(size - LENGTH, 0), size - 1))
    # The strongest directions alone would decide; the fourth root keeps the others heard.
    matrix = directions / np.maximum(strengths, 1e-6) ** 0.25
    return mean.astype(np.float32), matrix.astype(np.float32)


def _made_up(pictures: Floats, rng: np.random.Generator) -> Floats:
    """Make one copy of each picture: turned, cropped, brightened, some with black corners."""
    n, side, _ = pictures.shape
    angle = np.deg2rad(rng.uniform(-ROTATION_DEGREES, ROTATION_DEGREES, n))
    scale = 1 - rng.uniform(0, CROP, (n, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    maps = np.empty((n, 2, 3), np.float32)
    maps[:, :, :2] = turn.transpose(2, 0, 1) * scale[:, None, :]
    maps[:, :, 2] = rng.uniform(-1, 1, (n, 2)) * (1 - scale)
    moved, inside = warp(pictures, maps)
    black = rng.random((n, 1)) < 0.5
    moved = np.where(inside | ~black, moved, 0)
    light = rng.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS, (n, 1))
    return (moved * light).clip(0, 255).astype(np.float32).reshape(n, side, side)


def _chunks(array: npt.NDArray[np.uint8], size: int) -> list[npt.NDArray[np.uint8]]:
    return [array[start : start + size] for start in range(0, len(array), size)]
