"""How well the map of one case agrees with where its finding is: numbers of one case each.

A map is evidence for an answer: only what is above 0 counts, and what counts is where it lies. Maps
and truths are arrays of one shape, or all views of a case in one row (`joined`). A map that is 0
everywhere says nothing; it is treated as one that is equal everywhere, so that a method gains
nothing by saying nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Floats
from radpipe.evaluation.paired import midranks

T = TypeVar("T", bound=np.generic)
Mask = NDArray[np.bool_]
# Shares of the highest value from which on a map may count as marked; the best on tune is taken.
THRESHOLDS = tuple(step / 20 for step in range(1, 20))


def joined(views: Mapping[str, NDArray[T]]) -> NDArray[T]:
    """Return all views of a case, of any shapes, one after the other by name: shape (pixels,)."""
    return np.concatenate([views[name].ravel() for name in sorted(views)])


def positive(evidence: NDArray[np.floating]) -> Floats:
    """Return what speaks for the answer, in the shape given: what is below 0 becomes 0."""
    return np.maximum(np.asarray(evidence, dtype=np.float64), 0.0)


def area(truth: Mask) -> float:
    """Return the share of pixels that belong to the finding, 0..1: what chance hits."""
    return float(truth.mean())


def pointing(evidence: NDArray[np.floating], truth: Mask) -> float:
    """Tell whether the highest place of a map lies in the finding: 1 yes, 0 no.

    Of several highest places the share that does, which of a map that says nothing is `area`. Zhang
    et al., Int J Comput Vis 2018;126:1084, who also count what lies within 15 pixels of it: widen
    the truth for that (`widened`).
    """
    found = positive(evidence)
    return float(truth[found == found.max()].mean())


def energy_inside(evidence: NDArray[np.floating], truth: Mask) -> float:
    """Return the share of a map's evidence that lies in the finding, 0..1.

    Wang et al., CVPR Workshops 2020, "energy-based pointing game". `area` of a map that says
    nothing.
    """
    found = positive(evidence)
    total = float(found.sum())
    return min(float(found[truth].sum()) / total, 1.0) if total > 0 else area(truth)


def marked(evidence: NDArray[np.floating], threshold: float) -> Mask:
    """Return where a map reaches a share, above 0 and at most 1, of its highest value."""
    return marked_at(evidence, [threshold])[0]


def marked_at(evidence: NDArray[np.floating], thresholds: Sequence[float]) -> list[Mask]:
    """Return what `marked` does for each of several shares, from one look at the map."""
    found = positive(evidence)
    top = found.max()
    if top <= 0:
        return [np.zeros(found.shape, np.bool_) for _ in thresholds]
    return [np.asarray(found >= threshold * top) for threshold in thresholds]


def overlap(mask: Mask, truth: Mask) -> float:
    """Return intersection over union of two masks, 0..1; 0 if both are empty."""
    both = np.count_nonzero(mask & truth)
    union = np.count_nonzero(mask) + np.count_nonzero(truth) - both
    return both / union if union else 0.0


def best_threshold(maps: Iterable[tuple[NDArray[np.floating], Mask]]) -> float:
    """Return which of `THRESHOLDS` gives the largest mean overlap of maps with their truths.

    To be asked of `tune` alone. The lowest of equally good ones; NaN without a map.
    """
    found = [[overlap(mask, truth) for mask in marked_at(map_, THRESHOLDS)] for map_, truth in maps]
    return THRESHOLDS[int(np.argmax(np.mean(found, axis=0)))] if found else np.nan


def chance_overlap(n_marked: int, n_true: int, n_pixels: int) -> float:
    """Return the expected overlap of a truth and a mask whose pixels are drawn at random.

    The pixels they share follow the hypergeometric distribution; its mean of
    shared / (marked + true - shared).
    """
    if not n_marked + n_true:
        return 0.0
    shared = np.arange(max(0, n_marked + n_true - n_pixels), min(n_marked, n_true) + 1)
    logs = _log_factorials(n_pixels)

    def choose(n: int, k: NDArray[np.int64]) -> Floats:
        chosen: Floats = logs[n] - logs[k] - logs[n - k]
        return chosen

    weights = choose(n_true, shared) + choose(n_pixels - n_true, n_marked - shared)
    weights = np.exp(weights - weights.max())
    return float(weights @ (shared / (n_marked + n_true - shared)) / weights.sum())


@lru_cache(maxsize=2)
def _log_factorials(n: int) -> Floats:
    """Return the logarithms of the factorials of 0 to n.

    Few are kept: those of an exam's pixels are tens of megabytes.
    """
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def widened(truth: Mask, tolerance: float) -> Mask:
    """Return a truth with all that lies within some pixels of it in the same slice.

    Parameters
    ----------
    truth
        Shape (slices, rows, columns).
    tolerance
        Distance in pixels, at least 0.

    """
    reach, found = int(tolerance), truth.copy()
    rows, columns = truth.shape[1:]
    steps = range(-reach, reach + 1)
    for down, right in ((y, x) for y in steps for x in steps if x * x + y * y <= tolerance**2):
        here = (
            slice(max(down, 0), rows + min(down, 0)),
            slice(max(right, 0), columns + min(right, 0)),
        )
        there = (
            slice(max(-down, 0), rows - max(down, 0)),
            slice(max(-right, 0), columns - max(right, 0)),
        )
        found[:, here[0], here[1]] |= truth[:, there[0], there[1]]
    return found


def likeness(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Spearman's rank correlation of two maps of one shape, -1..1.

    Of maps of which one says the same everywhere it is 0, and of two such maps 1: both say nothing.
    """
    ranks = [midranks(np.ravel(each).astype(np.float64)) for each in (first, second)]
    a, b = (each - each.mean() for each in ranks)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    if scale == 0:
        return float(a @ a == b @ b)
    return float(np.clip((a @ b) / scale, -1, 1))


def under_curve(fractions: Sequence[float], scores: Sequence[float]) -> float:
    """Return the area under a curve of straight lines from 0 to 1, such as of deletion."""
    return float(np.trapezoid(scores, fractions))


def average_of(maps: Sequence[NDArray[np.floating]]) -> Floats:
    """Return the mean of maps of one shape, each with evidence that adds up to 1, or to 0."""
    total = np.zeros(maps[0].shape)
    for each in maps:
        found = positive(each)
        total += found / (found.sum() or 1.0)
    return total / len(maps)


def as_deep(volume: NDArray[np.floating], slices: int) -> NDArray[np.floating]:
    """Return a map (slices, rows, columns) with another number of slices: the nearest of each.

    Volumes of unequal depth can be put on top of each other so.
    """
    here = (np.arange(slices) + 0.5) * len(volume) / slices
    return volume[np.minimum(here.astype(np.intp), len(volume) - 1)]
