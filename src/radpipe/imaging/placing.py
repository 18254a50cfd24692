"""Where volumes lie in the shards, and who works on which: fixed before the work begins."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray


def places(slices: NDArray[np.int64], capacity: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Lay volumes one after another into shards, each volume whole in one.

    Parameters
    ----------
    slices
        (n,) slices of each volume, at least 1; a picture is a volume of one slice.
    capacity
        Slices that a shard holds. A volume that has more gets a shard of its own.

    Returns
    -------
    shard, first
        (n,) number of the shard, and of the volume's first slice in it.

    """
    shard = np.zeros(len(slices), np.int32)
    first = np.zeros(len(slices), np.int64)
    number = used = 0
    for k, count in enumerate(slices.tolist()):
        if used and used + count > capacity:
            number, used = number + 1, 0
        shard[k], first[k] = number, used
        used += count
    return shard, first


def runs(
    shard: NDArray[np.int32], slices: NDArray[np.int64], most: int
) -> Iterator[tuple[int, int]]:
    """Cut volumes into runs that lie side by side in one shard, to be worked on together.

    Parameters
    ----------
    shard, slices
        (n,) of each volume, as `places` has them.
    most
        Slices in a run; one volume makes a run even if it has more.

    Yields
    ------
    tuple
        First volume of a run, and the one after its last.

    """
    start = together = 0
    for k, count in enumerate(slices.tolist()):
        if k > start and (together + count > most or shard[k] != shard[start]):
            yield start, k
            start, together = k, 0
        together += count
    if start < len(slices):
        yield start, len(slices)


def parts(sizes: Iterable[int], most: int) -> Iterator[tuple[int, int]]:
    """Cut things in a row into parts that are not too large.

    Parameters
    ----------
    sizes
        Of each thing; one of no size is never parted from what is before it.
    most
        Size of a part; one thing makes a part even if it is larger.

    Yields
    ------
    tuple
        First thing of a part, and the one after its last.

    """
    start = end = together = 0
    for size in sizes:
        if end > start and size and together + size > most:
            yield start, end
            start, together = end, 0
        end += 1
        together += size
    if end > start:
        yield start, end
