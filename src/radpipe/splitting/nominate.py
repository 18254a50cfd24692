"""Candidate pairs: pictures whose descriptions are close, found by looking at all pairs.

All pairs of 100,000 descriptions in eight orientations are 4e10 products of 64 numbers, about a
minute of matrix multiplication; no index is needed that could miss one.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radpipe.core.processors import n_processors
from radpipe.splitting.descriptors import Descriptions
from radpipe.splitting.warp import N_ORIENTATIONS, Floats

Ints = npt.NDArray[np.int64]
BLOCK = 1024
# A picture names at most so many partners; a small study can afford more, and needs them.
FEWEST, MOST, IN_ALL = 4, 20, 8000
# Pictures from which descriptions are learned well.
AMPLE = 2000


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures that may be copies.

    Attributes
    ----------
    first, second
        Numbers of the pictures, first < second.
    orientation
        How the second is laid to look like the first.

    """

    first: Ints
    second: Ints
    orientation: Ints

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, which: Ints | slice) -> "Pairs":
        return Pairs(self.first[which], self.second[which], self.orientation[which])


def nominate(descriptions: Descriptions, patients: Ints) -> Pairs:
    """List pairs of different patients whose descriptions are close.

    Parameters
    ----------
    descriptions
        Of n pictures.
    patients : int array of shape (n,)
        Pictures of one patient are never paired.

    """
    n = len(patients)
    most = int(np.clip(IN_ALL // max(n, 1), FEWEST, MOST))
    # Learned from few pictures, descriptions are worse, but then more pairs can be afforded.
    threshold = descriptions.threshold * min(1.0, n / AMPLE)
    laid = [descriptions.oriented(k) for k in range(N_ORIENTATIONS)]

    def rows(start: int) -> npt.NDArray[np.float64]:
        hits = list(_hits(laid, patients, start, threshold, most))
        return _closest(np.concatenate(hits), most)

    with ThreadPoolExecutor(n_processors()) as pool:
        found = list(pool.map(rows, range(0, n, BLOCK)))
    table = np.concatenate(found) if found else np.zeros((0, 4))
    first, second, orientation = table[:, :3].astype(np.int64).T
    return Pairs(first, second, orientation)


def _hits(
    laid: list[Floats], patients: Ints, start: int, threshold: float, most: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield tables of first, second, orientation, likeness for one block of rows."""
    rows = laid[0][start : start + BLOCK]
    for orientation, columns in enumerate(laid):
        for left in range(start, len(columns), BLOCK):
            alike = rows @ columns[left : left + BLOCK].T
            place = np.flatnonzero(alike.ravel() > threshold)
            first, second = np.divmod(place, alike.shape[1])
            likeness = alike.ravel()[place]
            first, second = first + start, second + left
            other = (second > first) & (patients[first] != patients[second])
            table = np.stack([first, second, np.full(len(place), orientation), likeness], axis=1)[
                other
            ]
            # A study of pictures that are all alike must not fill the memory.
            yield _closest(table, most)


def _closest(table: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.float64]:
    """Keep the `most` closest partners of every first picture, in a settled order."""
    table = table[np.lexsort((table[:, 2], table[:, 1], -table[:, 3], table[:, 0]))]
    _, starts, counts = np.unique(table[:, 0], return_index=True, return_counts=True)
    rank = np.arange(len(table)) - np.repeat(starts, counts)
    return table[rank < most]
