"""How long the search for copies takes on 100,000 pictures; the aim is 300 s on two cores.

python benchmarks/split.py [pictures]
"""

import sys
import time

import numpy as np
import numpy.typing as npt

from radpipe.splitting.copies import find_copies
from radpipe.splitting.descriptors import ROTATION_DEGREES
from radpipe.splitting.warp import orient, warp

SIDE = 64
COPIES = 0.01
AIM_SECONDS = 300


def films(n: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw pictures that share an anatomy and differ by smooth and by fine texture."""
    anatomy = _texture(1, 4, rng)[0] * 2
    found = np.empty((n, SIDE, SIDE), np.uint8)
    for start in range(0, n, 1000):
        m = min(1000, n - start)
        one = anatomy + _texture(m, 4, rng) + 0.5 * _texture(m, 12, rng)
        one += 0.1 * rng.standard_normal(one.shape)
        found[start : start + m] = (128 + 30 * one).clip(0, 255)
    return found


def copy_of(pictures: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Turn, crop and lay pictures another way."""
    n = len(pictures)
    angle = np.deg2rad(rng.uniform(-ROTATION_DEGREES, ROTATION_DEGREES, n))
    maps = np.zeros((n, 2, 3), np.float32)
    scale = rng.uniform(0.92, 1, n)
    maps[:, 0, 0] = maps[:, 1, 1] = np.cos(angle) * scale
    maps[:, 0, 1], maps[:, 1, 0] = -np.sin(angle) * scale, np.sin(angle) * scale
    moved, _ = warp(pictures.astype(np.float32), maps)
    return orient(moved.reshape(pictures.shape), int(rng.integers(8))).astype(np.uint8)


def _texture(n: int, waves: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    grid = np.arange(SIDE) * np.pi / SIDE
    basis = np.cos(np.outer(grid, np.arange(waves)))
    drawn = rng.standard_normal((n, waves, waves)) / waves
    return np.matmul(np.matmul(basis, drawn), basis.T).astype(np.float32)


def main() -> None:
    """Draw, plant copies, search, print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = np.random.default_rng(1)
    planted = int(n * COPIES)
    pictures = films(n, rng)
    for k in range(planted):
        pictures[n - 1 - k] = copy_of(pictures[k : k + 1], rng)[0]
    names = np.arange(n).astype(str)
    started = time.monotonic()
    found = find_copies(pictures, sha256=names, pixel_hash=names, patients=names, correlation=0.92)
    seconds = time.monotonic() - started
    pairs = {(copy.first, copy.second) for copy in found}
    hit = sum((k, n - 1 - k) in pairs for k in range(planted))
    print(
        f"split: pictures={n} planted={planted} found={hit} other={len(pairs) - hit}"
        f" seconds={seconds:.1f} (aim {AIM_SECONDS} for 100000)"
    )


if __name__ == "__main__":
    main()
