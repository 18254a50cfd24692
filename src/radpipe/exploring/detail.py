"""How much detail pictures have, and how much of it a smaller or larger side would lose.

Detail is the variance of a picture's pixels. A cosine transform shares it out over frequencies, and
a picture of s pixels a side holds those below s. What is finer than the stored side cannot be seen:
it is estimated from how fast the last two octaves fall off.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from radpipe.exploring.pixels import AT_ONCE, evenly
from radpipe.imaging.fingerprint import SIZES
from radpipe.imaging.store import Store

# Pictures that are looked at.
SAMPLED = 200
# An octave has at most this share of the one before it: noise does not fall off at all, and what
# it would add without end is no detail.
SLOWEST = 0.9


def detail_lost(store: Store) -> dict[str, Any]:
    """Say of each usual side which share of the detail it would lose.

    Parameters
    ----------
    store
        Of the study; of volumes the middle slices are taken.

    Returns
    -------
    dict
        JSON: `n_pictures` looked at, the `stored` side, and `sides`, a list of {side, lost}, where
        `lost` is a share of all detail, that beyond the stored side included as estimated.

    """
    rows = evenly(np.flatnonzero(store.index["slices"].to_numpy() > 0), SAMPLED)
    above, n_pictures = spectrum(store, rows)
    sides = [{"side": side, "lost": round(lost_at(side, above), 4)} for side in SIZES]
    return {"n_pictures": n_pictures, "stored": store.size, "sides": sides}


def spectrum(store: Store, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], int]:
    """Average over pictures which share of their variance is as fine as a frequency, or finer.

    Parameters
    ----------
    store
        Of the study.
    rows
        (n,) rows of its index.

    Returns
    -------
    above : ndarray of shape (side + 1,)
        By frequency, half cycles a picture: 1 at frequencies 0 and 1, 0 at the last.
    n_pictures : int
        Pictures that show anything.

    """
    side, n_pictures = store.size, 0
    frequency = np.maximum.outer(np.arange(side), np.arange(side)).ravel()
    power = np.zeros(side)
    for start in range(0, len(rows), AT_ONCE):
        for pixels in store.middles(rows[start : start + AT_ONCE]):
            waves = dctn(pixels.mean(axis=2, dtype=np.float64), norm="ortho")
            waves[0, 0] = 0.0
            mine = np.bincount(frequency, weights=np.square(waves).ravel(), minlength=side)
            if (total := mine.sum()) > 0:
                power += mine / total
                n_pictures += 1
    above = np.append(np.cumsum(power[::-1])[::-1], 0.0)
    return above / max(n_pictures, 1), n_pictures


def lost_at(side: int, above: NDArray[np.float64]) -> float:
    """Return the share of the detail that is finer than a side holds.

    Parameters
    ----------
    side
        In pixels; may be larger than the stored one.
    above
        (stored side + 1,) as `spectrum` returns it.

    Returns
    -------
    float
        0..1; beyond the stored side, what a geometric series of octaves has left.

    """
    stored = len(above) - 1
    last = above[stored // 2]
    before = above[stored // 4] - last
    ratio = min(last / before, SLOWEST) if before > 0 else 0.0
    rest = last * ratio / (1 - ratio)
    # The second is what the first is at the stored side, and falls off from there.
    beyond = rest * ratio ** max(float(np.log2(side / stored)), 0.0)
    lost = float(above[min(side, stored)]) + beyond
    total = above[0] + rest
    return float(lost / total) if total > 0 else 0.0
