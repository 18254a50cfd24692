"""What is measured of a study's stored pictures: size and grey values, part by part.

Pixels of a few pictures are read, evenly chosen, so that a store of any size takes seconds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.exploring.cases import StudyCases
from radpipe.exploring.few import told
from radpipe.imaging.store import Store

# Pictures of a part whose pixels are read.
SAMPLED = 200
# Read at once, so that large pictures do not fill the memory.
AT_ONCE = 20
BINS = 64


def measured(store: Store, cases: StudyCases) -> dict[str, NDArray[np.float64]]:
    """Average what the index knows of each case's pictures.

    Parameters
    ----------
    store
        Of the study.
    cases
        n of its cases.

    Returns
    -------
    dict
        Name to (n,): rows and columns (pixels, original), slices where there are volumes, mean
        and SD of the stored pixels (0..1); NaN for a case that the store lacks.

    """
    index = store.index
    place = _places(store, cases)
    columns = {"rows": "rows", "columns": "columns"}
    columns |= {"slices": "slices"} if store.volumes else {}
    columns |= {"mean grey": "mean", "SD of grey": "sd"}
    counts = np.bincount(place[place >= 0], minlength=len(cases)).astype(float)
    found = {}
    for name, column in columns.items():
        values = index[column].to_numpy().astype(float)[place >= 0]
        sums = np.bincount(place[place >= 0], weights=values, minlength=len(cases))
        found[name] = np.divide(sums, counts, out=np.full(len(cases), np.nan), where=counts > 0)
    return found


def _places(store: Store, cases: StudyCases) -> NDArray[np.int64]:
    """Return the case of each row of a store, by number; -1 if it is none of them."""
    number = {name: k for k, name in enumerate(cases.case.tolist())}
    return np.array([number.get(name, -1) for name in store.index["case"].to_pylist()], np.int64)


def views_shown(store: Store, cases: StudyCases) -> dict[str, NDArray[np.bool_]]:
    """Return which cases have each view of a store, (n,); empty if it has one view alone."""
    if len(store.views) < 2:
        return {}
    place, found = _places(store, cases), {}
    view = np.array(store.index["view"].to_pylist())
    for name in store.views:
        found[name] = np.zeros(len(cases), np.bool_)
        found[name][place[(view == name) & (place >= 0)]] = True
    return found


def grey_values(store: Store, cases: StudyCases) -> dict[str, Any]:
    """Pool the grey values of some pictures of each part, and say how far apart they are.

    Parameters
    ----------
    store
        Of the study; of volumes the middle slices are taken.
    cases
        Of the study.

    Returns
    -------
    dict
        JSON: `n_pictures` a part (none of fewer than five patients), `histograms` (part to the
        shares of 64 bins from black to full scale; black itself is left out, because borders are)
        and `distances` of tune and test from train: how far grey values must move on average, as a
        share of full scale.

    """
    place = _places(store, cases)
    rows = {
        name: evenly(np.flatnonzero((place >= 0) & mask[place]), SAMPLED)
        for name, mask in cases.parts.items()
        if told(mask, cases.patient) is not None
    }
    shares = {name: _histogram(store, chosen) for name, chosen in rows.items()}
    return {
        "n_pictures": {name: len(chosen) for name, chosen in rows.items()},
        "histograms": {name: [round(float(x), 6) for x in share] for name, share in shares.items()},
        "distances": {
            name: round(moved(shares["train"], share), 6)
            for name, share in shares.items()
            if name != "train" and "train" in shares
        },
    }


def evenly(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Choose at most so many of (n,) rows, evenly spaced and the same every time."""
    if len(rows) <= most:
        return rows
    places = np.linspace(0, len(rows) - 1, most).round().astype(int)
    chosen: NDArray[np.int64] = rows[places]
    return chosen


def moved(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the earth mover's distance of two histograms of equal bins, share of their range."""
    return float(np.abs(np.cumsum(a - b)).mean())


def _histogram(store: Store, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    counts = np.zeros(BINS)
    for start in range(0, len(rows), AT_ONCE):
        pixels = store.middles(rows[start : start + AT_ONCE])
        bins = pixels[pixels > 0].astype(np.int64) * BINS >> store.bits
        counts += np.bincount(bins, minlength=BINS)
    return np.asarray(counts / max(counts.sum(), 1))
