"""What papers ask of a curve: points of it, a part of its area, average precision.

All look at every threshold, so they judge scores; none is a threshold that somebody has chosen.
"""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Floats, Integers
from radpipe.evaluation.quantiles import student
from radpipe.evaluation.sample import logit

# Specificities at which sensitivity is given, and the reverse; from which on area counts.
AT = np.array([0.9, 0.95])
FROM = np.array([0.9])
WHOLE = np.array([1.0])
# Sums over a curve near their end; percentiles of draws held the truth in 82 to 92 % of studies of
# 40 patients (benchmarks/coverage.py).
WHOLE_AREAS = ("partial-area", "average-precision")


class Points(Protocol):
    """Positives and negatives at or above falling levels; `curves.Levels` fits."""

    @property
    def points(self) -> tuple[Floats, Floats]:
        """Shape (draws, 1 + levels) each, from 0."""


def sensitivity_at(levels: Points) -> Floats:
    """Return the sensitivity at the specificities `AT`, (2, draws), linear between thresholds.

    The highest where several have the same specificity; NaN where one answer weighs nothing.
    """
    hits, alarms = _rates(levels)
    return _each(alarms, hits, 1 - AT)


def specificity_at(levels: Points) -> Floats:
    """Return the specificity at the sensitivities `AT`, (2, draws), linear between thresholds."""
    hits, alarms = _rates(levels)
    # Turned around, so that again something rises from 0 and the highest of equals is taken.
    return _each(1 - hits[:, ::-1], 1 - alarms[:, ::-1], 1 - AT)


def partial_area(levels: Points) -> Floats:
    """Return the standardised partial area at specificities of `FROM` to 1, shape (1, draws).

    McClish, Med Decis Making 1989;9:190: (1 + (area - least) / (most - least)) / 2, where the
    least is that of the diagonal; 0.5 is guessing and 1 is perfect, as of a whole area.
    """
    hits, alarms = _rates(levels)
    width = 1 - float(FROM[0])
    step, rise = np.diff(alarms, axis=1), np.diff(hits, axis=1)
    # The share of each piece that lies within the width; a vertical one has no area.
    share = np.divide(width - alarms[:, :-1], step, out=np.zeros_like(step), where=step > 0)
    share = share.clip(0, 1)
    area = (share * step * (hits[:, :-1] + share * rise / 2)).sum(axis=1)
    least, most = width**2 / 2, width
    return np.asarray((1 + (area - least) / (most - least)) / 2)[None]


def average_precision(levels: Points) -> Floats:
    """Return the mean precision over the positives, in steps, shape (1, draws).

    Sum of (recall - recall before) * precision over falling thresholds, as scikit-learn has it.
    """
    hits, alarms = levels.points
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = hits[:, 1:] / (hits[:, 1:] + alarms[:, 1:])
        found = np.nansum(np.diff(hits, axis=1) * precision, axis=1) / hits[:, -1]
    return np.asarray(found)[None]


def _rates(levels: Points) -> tuple[Floats, Floats]:
    """Return sensitivity and 1 - specificity, (draws, 1 + levels) each."""
    hits, alarms = levels.points
    with np.errstate(invalid="ignore"):
        return hits / hits[:, -1:], alarms / alarms[:, -1:]


def _each(x: Floats, y: Floats, wanted: Floats) -> Floats:
    """Return y at some x of rising curves, (wanted, draws): the highest of a vertical piece."""
    out = np.full((len(wanted), len(x)), np.nan)
    defined = np.isfinite(x[:, -1] + y[:, -1])
    x, y = x[defined], y[defined]
    places = np.tile(wanted, (len(x), 1))
    left = search(x, places + 1e-12, side="right") - 1
    right = np.minimum(left + 1, x.shape[1] - 1)
    begin, end = np.take_along_axis(x, left, 1), np.take_along_axis(x, right, 1)
    gap = end - begin
    share = np.divide(places - begin, gap, out=np.zeros_like(gap), where=gap > 0).clip(0, 1)
    low, high = np.take_along_axis(y, left, 1), np.take_along_axis(y, right, 1)
    out[:, defined] = (low + share * (high - low)).T
    return out


def search(rows: Floats, wanted: Floats, *, side: Literal["left", "right"]) -> NDArray[np.int64]:
    """Search each of some rising rows in 0..1, (rows, n), for numbers of its own, (rows, m)."""
    # Each row is lifted above the one before, so that one search does for all.
    apart = 2.0 * np.arange(len(rows))[:, None]
    place = np.searchsorted((rows + apart).ravel(), (wanted + apart).ravel(), side=side)
    before = rows.shape[1] * np.arange(len(rows))[:, None]
    return np.asarray(place.reshape(wanted.shape) - before)


def student_ends(
    value: Floats, drawn: Floats, truth: Floats, owner: Integers, confidence: float
) -> tuple[Floats, Floats]:
    """Return the interval of an area in 0..1 from draws of patients, on the scale of its logit.

    Parameters
    ----------
    value, drawn
        Shape (points,) and (points, draws).
    truth, owner
        Shape (cases,): 1 or 0, and each case's patient.
    confidence
        Coverage of the interval.

    Returns
    -------
    low, high
        Shape (points,). The value plus and minus Student's quantile, with as many patients as have
        the rarer answer, times the standard deviation of the draws' logits; an area of a draw
        is taken to be at least a quarter of a case away from 0 and 1.

    References
    ----------
    Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 12.2 and, of scales on which
    estimates are nearly normal, 12.6.

    """
    patients = min(len(np.unique(owner[truth == answer])) for answer in (0, 1))
    edge = 1 / (4 * len(truth))
    centre, each = (logit(np.clip(area, edge, 1 - edge)) for area in (value, drawn))
    half = student((1 + confidence) / 2, max(1, patients - 1)) * np.nanstd(each, axis=1)
    low, high = (1 / (1 + np.exp(-end)) for end in (centre - half, centre + half))
    return np.minimum(low, value), np.maximum(high, value)


POINTS = (
    ("sensitivity-at", sensitivity_at, AT),
    ("specificity-at", specificity_at, AT),
    ("partial-area", partial_area, FROM),
    ("average-precision", average_precision, WHOLE),
)
