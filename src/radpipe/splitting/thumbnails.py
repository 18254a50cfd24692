"""Small grey versions of all stored pictures or middle slices, in memory at once."""

import numpy as np
import numpy.typing as npt

from radpipe.imaging.store import Store
from radpipe.splitting.warp import Floats, shrink

SIDE = 64
CHUNK = 256


def thumbnails(store: Store) -> npt.NDArray[np.uint8]:
    """Shrink every picture to at most 64 pixels a side, as (n, side, side) grey.

    100,000 pictures take 400 MB. Of a volume the middle slice is taken; 16 bits are spread
    over what each picture uses.
    """
    n, side = len(store), min(SIDE, store.size)
    found = np.empty((n, side, side), np.uint8)
    for start in range(0, n, CHUNK):
        rows = np.arange(start, min(start + CHUNK, n))
        pictures = store.middles(rows)
        small = shrink(pictures.mean(axis=3, dtype=np.float32), side)
        found[rows] = _to_bytes(small) if pictures.dtype == np.uint16 else np.rint(small)
    return found


def _to_bytes(pictures: Floats) -> Floats:
    low = pictures.min(axis=(1, 2), keepdims=True)
    high = pictures.max(axis=(1, 2), keepdims=True)
    return np.asarray(np.rint((pictures - low) * (255 / np.maximum(high - low, 1))), np.float32)
