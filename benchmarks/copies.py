"""Which copies the search for near copies loses by ending pairs early, and what that saves.

python benchmarks/copies.py data/<study>/store [wanted correlation]

Copies of the study's own pictures are made up, harder than descriptions are learned from, and
compared with their originals as if all had been nominated, once to the end and once as `split`
does; then as many pairs of different pictures. The aim is that no copy is lost.
"""

import io
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from radpipe.imaging.store import Store
from radpipe.splitting.alignment import correlations
from radpipe.splitting.nominate import Pairs
from radpipe.splitting.thumbnails import thumbnails
from radpipe.splitting.warp import warp

Bytes = npt.NDArray[np.uint8]
PICTURES = 500
WANTED = 0.97


def moved(pictures: Bytes, rng: np.random.Generator, *, degrees: float, crop: float) -> Bytes:
    """Turn one way or the other, crop by a share of the side, and leave corners black."""
    n = len(pictures)
    angle = np.deg2rad(degrees) * rng.choice([-1, 1], n)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    maps = np.empty((n, 2, 3), np.float32)
    maps[:, :, :2] = turn.transpose(2, 0, 1) * (1 - crop)
    maps[:, :, 2] = rng.uniform(-crop, crop, (n, 2))
    found, inside = warp(pictures.astype(np.float32), maps)
    return np.where(inside, found, 0).reshape(pictures.shape).astype(np.uint8)


def light(pictures: Bytes, rng: np.random.Generator) -> Bytes:
    """Darken or brighten by up to 30 %; what is too bright is cut off."""
    gain = rng.uniform(0.7, 1.3, (len(pictures), 1, 1))
    return (pictures * gain).clip(0, 255).astype(np.uint8)


def jpeg(pictures: Bytes, quality: int) -> Bytes:
    """Compress and decompress."""
    found = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file)))
    return np.stack(found)


def letter(pictures: Bytes, rng: np.random.Generator) -> Bytes:
    """Burn a white square of an eighth of the side into each picture."""
    found, size = pictures.copy(), pictures.shape[1] // 8
    for picture in found:
        row, column = rng.integers(0, len(picture) - size, 2)
        picture[row : row + size, column : column + size] = 255
    return found


KINDS: dict[str, Callable[[Bytes, np.random.Generator], Bytes]] = {
    "crop 12 %": lambda p, rng: moved(p, rng, degrees=0, crop=0.12),
    "turn 5": lambda p, rng: moved(p, rng, degrees=5, crop=0),
    "turn 5, crop 12 %": lambda p, rng: moved(p, rng, degrees=5, crop=0.12),
    "light": light,
    "JPEG 30": lambda p, _: jpeg(p, 30),
    "letter, turn 3": lambda p, rng: letter(moved(p, rng, degrees=3, crop=0), rng),
    "turn 3, crop 6 %, light, JPEG 60": lambda p, rng: jpeg(
        light(moved(p, rng, degrees=3, crop=0.06), rng), 60
    ),
}


def compared(a: Bytes, b: Bytes, wanted: float) -> tuple[npt.NDArray[np.float32], float]:
    """Return correlations of pictures in order and the processor time of a pair, microseconds."""
    n = len(a)
    pairs = Pairs(np.arange(n), np.arange(n, 2 * n), np.zeros(n, np.int64))
    started = time.process_time()
    found = correlations(np.concatenate([a, b]), pairs, wanted)
    return found, (time.process_time() - started) / n * 1e6


def row(name: str, a: Bytes, b: Bytes, wanted: float) -> None:
    """Compare both ways and print."""
    (full, slow), (quick, fast) = compared(a, b, -1), compared(a, b, wanted)
    there = full >= wanted
    print(
        f"{name:<34} pairs {len(a):4d}  from {wanted} on {there.sum():4d}"
        f"  lost {(there & (quick < wanted)).sum():3d}  microseconds a pair {slow:5.0f} {fast:5.0f}"
    )


def main() -> None:
    """Make copies of every kind, compare, print."""
    wanted = float(sys.argv[2]) if len(sys.argv) > 2 else WANTED
    rng = np.random.default_rng(1)
    pictures = rng.permutation(thumbnails(Store(sys.argv[1])))[:PICTURES]
    for name, change in KINDS.items():
        row(name, pictures, change(pictures, rng), wanted)
    row("others", pictures, np.roll(pictures, 1, axis=0), wanted)


if __name__ == "__main__":
    main()
