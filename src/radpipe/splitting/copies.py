"""Pictures that stand alike: the same bytes, the same pixels, or nearly the same look."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tqdm import tqdm

from radpipe.core.processors import n_processors
from radpipe.splitting.alignment import correlations
from radpipe.splitting.descriptors import describe
from radpipe.splitting.nominate import Pairs, nominate
from radpipe.splitting.warp import Floats

Kind = Literal["patient", "bytes", "pixels", "near"]
Strings = npt.NDArray[np.str_]
# Pairs whose pictures are made ready at once: half a gigabyte if no two pairs share one.
CHUNK = 4096
# Seed of the made-up copies from which descriptions are learned; part of the method.
SEED = 20_04
# Below this side, films of different people come out nearly as alike as copies.
TRUSTED_SIDE = 48

log = logging.getLogger("radpipe.splitting")


@dataclass(frozen=True)
class Copy:
    """Two pictures of different patients that stand alike.

    Attributes
    ----------
    first, second
        Numbers of the pictures, first < second.
    kind
        bytes: the same file; pixels: the same decoded pixels; near: verified by aligned
        correlation.
    correlation
        `alignment.correlations`; 1 for the same bytes or pixels.

    """

    first: int
    second: int
    kind: Kind
    correlation: float


def find_copies(
    thumbnails: npt.NDArray[np.uint8],
    *,
    sha256: Strings,
    pixel_hash: Strings,
    patients: Strings,
    correlation: float,
) -> list[Copy]:
    """Find pictures that stand alike across patients.

    Parameters
    ----------
    thumbnails : uint8 array of shape (n, side, side)
        The stored pictures, shrunk; 64 pixels are best, below 48 different people's films
        are told apart poorly.
    sha256, pixel_hash, patients : string arrays of shape (n,)
        Hashes of the files' bytes and of their decoded pixels, and whose they are.
    correlation
        From here on an aligned pair is a copy, in (0, 1].

    Returns
    -------
    list of Copy
        Sorted by first and second; a pair is listed once, under its strongest kind. Of a
        set of identical pictures, each is paired with the first only.

    """
    found: dict[tuple[int, int], Copy] = {}
    kinds: tuple[tuple[Kind, Strings], ...] = (("bytes", sha256), ("pixels", pixel_hash))
    for kind, hashes in kinds:
        for first, second in _identical(hashes, patients):
            found.setdefault((first, second), Copy(first, second, kind, 1.0))
    if thumbnails.shape[1] < TRUSTED_SIDE:
        log.warning(
            "the store's pictures have %d pixels a side: near copies are told from other"
            " pictures reliably from %d on",
            thumbnails.shape[1],
            TRUSTED_SIDE,
        )
    for copy in _near(thumbnails, pixel_hash, patients, correlation):
        if pixel_hash[copy.first] != pixel_hash[copy.second]:
            found.setdefault((copy.first, copy.second), copy)
    return [found[pair] for pair in sorted(found)]


def verify(thumbnails: npt.NDArray[np.uint8], pairs: Pairs, correlation: float) -> Floats:
    """Return the aligned correlation of nominated pairs, in their order.

    Parameters
    ----------
    thumbnails : uint8 array of shape (n, side, side)
        The stored pictures, shrunk.
    pairs
        Which of them to compare, and how the second is laid.
    correlation
        From here on an aligned pair is a copy; values below need not be right.

    Returns
    -------
    float32 array of shape (pairs,)
        As `alignment.correlations` gives it.

    """
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    with ThreadPoolExecutor(n_processors()) as pool:
        alike = [
            correlations(thumbnails, chunk, correlation, pool.map)
            for chunk in tqdm(chunks, desc="verify copies", mininterval=10)
        ]
    return np.concatenate(alike) if alike else np.zeros(0, np.float32)


def _near(
    thumbnails: npt.NDArray[np.uint8], pixels: Strings, patients: Strings, correlation: float
) -> list[Copy]:
    """Nominate and verify; a patient's identical pictures are looked at once."""
    _, whose = np.unique(patients, return_inverse=True)
    _, what = np.unique(pixels, return_inverse=True)
    _, kept = np.unique(np.stack([whose, what], axis=1), axis=0, return_index=True)
    kept = np.sort(kept)
    if len(kept) < 2:
        return []
    small = thumbnails[kept]
    # Work is shared out by picture; BLAS threads on top of that wait for one another
    # (measured: 5 times slower).
    with threadpool_limits(1, user_api="blas"):
        descriptions = describe(small, np.random.default_rng(SEED))
        pairs = nominate(descriptions, whose[kept])
        alike = verify(small, pairs, correlation)
    log.info(
        "looked for near copies: pictures=%d nominated=%d verified=%d",
        len(kept),
        len(pairs),
        int((alike >= correlation).sum()),
    )
    best: dict[tuple[int, int], float] = {}
    for k in np.flatnonzero(alike >= correlation):
        pair = int(kept[pairs.first[k]]), int(kept[pairs.second[k]])
        best[pair] = max(float(alike[k]), best.get(pair, -1.0))
    return [Copy(*pair, "near", value) for pair, value in best.items()]


def _identical(hashes: Strings, patients: Strings) -> list[tuple[int, int]]:
    """Pair the first picture of every hash with each later one of another patient."""
    _, what = np.unique(hashes, return_inverse=True)
    order = np.argsort(what, kind="stable")
    sets = np.split(order, np.flatnonzero(np.diff(what[order])) + 1)
    return [
        (int(one[0]), int(other))
        for one in sets
        for other in one[1:]
        if patients[other] != patients[one[0]]
    ]


def agreement(correlations: Sequence[float]) -> str:
    """Return how well near copies agree, for messages: "which agree by 0.970 to 0.987"."""
    return f"which agree by {min(correlations):.3f} to {max(correlations):.3f}"
