"""Curves on fixed grids, with pointwise bands over draws of patients.

ROC and precision-recall rank by the scores; reliability and the decision curve use the
calibrated probabilities.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from radpipe.evaluation.calibration import reliability
from radpipe.evaluation.intervals import Draws
from radpipe.evaluation.sample import Floats, Sample

Row = dict[str, Any]
# A curve over a grid for weights of shape (cases, draws): shape (points, draws).
Curve: TypeAlias = Callable[[Floats, Floats, Floats], Floats]
ROC_GRID = np.linspace(0, 1, 101)
# Precision at recall 0 is undefined, and at threshold 1 so is net benefit.
PR_GRID = np.linspace(0.01, 1, 100)
DECISION_GRID = np.linspace(0.01, 0.99, 99)
# Bands are read off a plot, so they need fewer draws than a table; the first ones are used.
MOST_DRAWS = 500
COLUMNS = ("curve", "class", "part", "x", "y", "low", "high")


def roc(truth: Floats, scores: Floats, weights: Floats) -> Floats:
    """Return the sensitivity at each 1 - specificity of `ROC_GRID`.

    Parameters
    ----------
    truth, scores
        Shape (cases,): 1 or 0; any real numbers.
    weights
        Shape (cases, draws).

    Returns
    -------
    ndarray of shape (101, draws)
        Linear between operating points (ties are one point), the highest of a vertical
        piece; NaN where one class weighs nothing.

    """
    hits, alarms = _cumulative(truth, scores, weights)
    with np.errstate(invalid="ignore"):
        hits, alarms = hits / hits[:, -1:], alarms / alarms[:, -1:]
    return np.stack([_linear(ROC_GRID, x, y) for x, y in zip(alarms, hits, strict=True)], axis=1)


def precision_recall(truth: Floats, scores: Floats, weights: Floats) -> Floats:
    """Return the precision at the first operating point that reaches each recall.

    Steps, not lines, because precision is not linear between points (Davis & Goadrich,
    ICML 2006). Arguments as of `roc`; shape (100, draws) over `PR_GRID`; NaN without positives.
    """
    hits, alarms = _cumulative(truth, scores, weights)
    out = np.full((len(PR_GRID), weights.shape[1]), np.nan)
    for draw, (found, wrong) in enumerate(zip(hits, alarms, strict=True)):
        if found[-1] > 0:
            first = np.searchsorted(found, PR_GRID * found[-1] - 1e-9, side="left")
            out[:, draw] = found[first] / (found[first] + wrong[first])
    return out


def net_benefit(truth: Floats, probabilities: Floats, weights: Floats) -> Floats:
    """Return (TP - FP * t / (1 - t)) / n at each threshold t of `DECISION_GRID`.

    Vickers & Elkin, Medical Decision Making 2006;26:565. Arguments as of `roc`, with
    probabilities in 0..1 for scores; shape (99, draws).
    """
    flagged = probabilities[:, None] >= DECISION_GRID
    odds = DECISION_GRID / (1 - DECISION_GRID)
    worth = np.where(truth[:, None] == 1, 1.0, -odds)
    with np.errstate(invalid="ignore"):
        out: Floats = (flagged * worth).T @ weights / weights.sum(axis=0)
    return out


def treat_all(truth: Floats, probabilities: Floats, weights: Floats) -> Floats:
    """Return the net benefit of flagging everyone, the line to be beaten.

    Arguments and result, of shape (99, draws), as of `net_benefit`.
    """
    return net_benefit(truth, np.ones_like(probabilities), weights)


def curve_rows(
    sample: Sample, names: list[str], part: str, *, draws: Draws, confidence: float
) -> list[Row]:
    """Compute all curves of a part.

    Parameters
    ----------
    sample, names
        Cases, and the class that each column asks about.
    part
        "tune" or "test".
    draws
        Draws of the sample's patients; at most `MOST_DRAWS` are used.
    confidence
        Pointwise coverage of the bands.

    Returns
    -------
    list of dict
        Keys `COLUMNS`; `curve` is roc, pr, reliability, decision or decision-all (the net
        benefit of flagging everyone). A class with one answer only has no curve.

    """
    rows: list[Row] = []
    for column, name in enumerate(names):
        known = ~np.isnan(sample.truth[:, column])
        truth = sample.truth[known, column]
        if len(np.unique(truth)) < 2:
            continue
        scores, chances = sample.scores[known, column], sample.probabilities[known, column]
        kept = Draws(draws.counts[:, :MOST_DRAWS], draws.owner[known])
        label = {"class": name, "part": part}
        for kind, curve, grid, values in (
            ("roc", roc, ROC_GRID, scores),
            ("pr", precision_recall, PR_GRID, scores),
            ("decision", net_benefit, DECISION_GRID, chances),
            ("decision-all", treat_all, DECISION_GRID, chances),
        ):
            band = _band(curve, truth, values, kept, confidence=confidence)
            points = zip(grid, *band, strict=True)
            rows += [_row(kind, label, *point) for point in points]
        bins = reliability(truth, chances, confidence=confidence)
        rows += [_row("reliability", label, *point) for point in bins]
    return rows


def _band(
    curve: Curve, truth: Floats, values: Floats, draws: Draws, *, confidence: float
) -> tuple[Floats, Floats, Floats]:
    """Return curve, low and high, each of shape (points,)."""
    plain = curve(truth, values, np.ones((len(truth), 1)))[:, 0]
    drawn = np.concatenate([curve(truth, values, w) for w in draws.weights()], axis=1)
    drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
    if not drawn.size:
        return plain, np.full_like(plain, np.nan), np.full_like(plain, np.nan)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=1)
    return plain, low, high


def _row(kind: str, label: dict[str, str], x: float, y: float, low: float, high: float) -> Row:
    return {"curve": kind, **label, "x": x, "y": y, "low": low, "high": high}


def _cumulative(truth: Floats, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return weights of positives and negatives at or above each score, highest first.

    Shapes (draws, 1 + distinct scores), starting with 0.
    """
    levels, place = np.unique(-scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(levels)))
    sums = []
    for answer in (1, 0):
        chosen = (weights * (truth == answer)[:, None])[order]
        total = np.zeros((weights.shape[1], len(levels) + 1))
        np.cumsum(np.add.reduceat(chosen, starts, axis=0).T, axis=1, out=total[:, 1:])
        sums.append(total)
    return sums[0], sums[1]


def _linear(grid: Floats, x: Floats, y: Floats) -> Floats:
    """Interpolate at `grid`; at a vertical piece take its end (np.interp leaves it open)."""
    if not np.isfinite(x[-1] + y[-1]):
        return np.full(len(grid), np.nan)
    left = np.searchsorted(x, grid, side="right") - 1
    right = np.minimum(left + 1, len(x) - 1)
    gap = x[right] - x[left]
    share = np.divide(grid - x[left], gap, out=np.zeros(len(grid)), where=gap > 0)
    return np.asarray(y[left] + share * (y[right] - y[left]))
