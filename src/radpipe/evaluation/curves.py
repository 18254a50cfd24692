"""Curves on fixed grids, with pointwise bands over draws of patients.

ROC and precision-recall rank by the scores; reliability and the decision curve use the
calibrated probabilities.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from radpipe.evaluation.calibration import reliability
from radpipe.evaluation.curve_points import POINTS, WHOLE_AREAS, search, student_ends
from radpipe.evaluation.draws import Draws, Floats, Integers, Weights
from radpipe.evaluation.sample import Sample
from radpipe.evaluation.smooth_calibration import smooth_calibration

Row = dict[str, Any]
ROC_GRID = np.linspace(0, 1, 101)
# Precision at recall 0 is undefined, and at threshold 1 so is net benefit.
PR_GRID = np.linspace(0.01, 1, 100)
DECISION_GRID = np.linspace(0.01, 0.99, 99)
# Bands are read off a plot, so they need fewer draws than a table; the first ones are used.
MOST_DRAWS = 500
# Bands of more distinct scores than this are drawn through points so close that no more than
# 1 / FINE of either answer lies between neighbours.
FINE = 400
COLUMNS = ("curve", "class", "part", "x", "y", "low", "high")


@dataclass(frozen=True)
class Levels:
    """What positives and negatives weigh at falling levels of a score.

    Attributes
    ----------
    yes, no
        Shape (levels, draws).

    """

    yes: Floats
    no: Floats

    @classmethod
    def of(cls, truth: Floats, level: Integers, n_levels: int, weights: Weights) -> "Levels":
        """Sum cases, with truth 1 or 0 and the number of their level, by level."""
        both = weights.in_groups(level + n_levels * (truth == 1), 2 * n_levels)
        return cls(both[n_levels:], both[:n_levels])

    @cached_property
    def points(self) -> tuple[Floats, Floats]:
        """Positives and negatives at or above each level, shape (draws, 1 + levels), from 0."""
        sums = []
        for answer in (self.yes, self.no):
            total = np.zeros((answer.shape[1], len(answer) + 1))
            np.cumsum(answer.T, axis=1, out=total[:, 1:])
            sums.append(total)
        return sums[0], sums[1]


def levels_of(truth: Floats, scores: Floats, *, fine: int | None = None) -> tuple[Integers, int]:
    """Give the distinct scores numbers, 0 to the highest.

    Parameters
    ----------
    truth, scores
        Shape (cases,): 1 or 0; any real numbers.
    fine
        Put neighbouring scores together until about 1 / fine of the positives or of the
        negatives are; None: keep all.

    Returns
    -------
    level, n_levels
        Shape (cases,), and their number.

    """
    distinct, place = np.unique(-scores, return_inverse=True)
    if fine is None or len(distinct) <= 2 * fine:
        return place, len(distinct)
    shares = [np.bincount(place, truth == answer, len(distinct)) for answer in (1, 0)]
    steps = [np.floor(fine * np.cumsum(n) / max(1, n.sum())) for n in shares]
    # A point ends where either share has grown by a step.
    starts = np.append(0, np.diff(steps[0] + steps[1]) > 0)
    return np.cumsum(starts)[place].astype(np.int64), int(starts.sum()) + 1


def roc(levels: Levels) -> Floats:
    """Return the sensitivity at each 1 - specificity of `ROC_GRID`.

    Linear between operating points (ties are one point), the highest of a vertical piece; NaN
    where one class weighs nothing. Shape (101, draws).
    """
    hits, alarms = levels.points
    with np.errstate(invalid="ignore"):
        y, x = hits / hits[:, -1:], alarms / alarms[:, -1:]
    defined = np.isfinite(x[:, -1] + y[:, -1])
    out = np.full((len(ROC_GRID), len(x)), np.nan)
    x, y = x[defined], y[defined]
    left = search(x, np.tile(ROC_GRID, (len(x), 1)), side="right") - 1
    right = np.minimum(left + 1, x.shape[1] - 1)
    begin, end = np.take_along_axis(x, left, 1), np.take_along_axis(x, right, 1)
    gap = end - begin
    share = np.divide(ROC_GRID - begin, gap, out=np.zeros_like(gap), where=gap > 0)
    low, high = np.take_along_axis(y, left, 1), np.take_along_axis(y, right, 1)
    out[:, defined] = (low + share * (high - low)).T
    return out


def precision_recall(levels: Levels) -> Floats:
    """Return the precision at the first operating point that reaches each recall.

    Steps, not lines, because precision is not linear between points (Davis & Goadrich,
    ICML 2006). Shape (100, draws) over `PR_GRID`; NaN without positives.
    """
    hits, alarms = levels.points
    out = np.full((len(PR_GRID), len(hits)), np.nan)
    defined = hits[:, -1] > 0
    found, wrong = hits[defined], alarms[defined]
    wanted = np.tile(PR_GRID - 1e-9, (len(found), 1))
    first = search(found / found[:, -1:], wanted, side="left")
    right, false = np.take_along_axis(found, first, 1), np.take_along_axis(wrong, first, 1)
    out[:, defined] = (right / (right + false)).T
    return out


def net_benefit(levels: Levels) -> Floats:
    """Return (TP - FP * t / (1 - t)) / n at each threshold t of `DECISION_GRID`.

    Vickers & Elkin, Medical Decision Making 2006;26:565. The levels are those of
    `thresholds_passed`; shape (99, draws).
    """
    odds = (DECISION_GRID / (1 - DECISION_GRID))[:, None]
    hits, alarms = (points[:, 1:-1].T[::-1] for points in levels.points)
    return _per_case(hits - alarms * odds, levels)


def treat_all(levels: Levels) -> Floats:
    """Return the net benefit of flagging everyone, the line to be beaten.

    Arguments and result, of shape (99, draws), as of `net_benefit`.
    """
    odds = (DECISION_GRID / (1 - DECISION_GRID))[:, None]
    return _per_case(levels.yes.sum(axis=0) - levels.no.sum(axis=0) * odds, levels)


def thresholds_passed(probabilities: Floats) -> tuple[Integers, int]:
    """Give probabilities, (cases,), numbers: how many thresholds of `DECISION_GRID` they miss."""
    reached = np.searchsorted(DECISION_GRID, probabilities, side="right")
    return len(DECISION_GRID) - reached, len(DECISION_GRID) + 1


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
        Keys `COLUMNS`; `curve` is roc, pr, reliability, smooth, decision, decision-all (the net
        benefit of flagging everyone) or one of `curve_points.POINTS`. A class with one answer only
        has no curve; a curve that is the same in every draw has no band.

    """
    rows: list[Row] = []
    for column, name in enumerate(names):
        known = np.flatnonzero(~np.isnan(sample.truth[:, column]))
        truth = sample.truth[known, column]
        if len(np.unique(truth)) < 2:
            continue
        label = {"class": name, "part": part}
        scores, chances = sample.scores[known, column], sample.probabilities[known, column]
        for kind, grid, *band in _bands(truth, scores, chances, known, draws, confidence):
            rows += [_row(kind, label, *point) for point in zip(grid, *band, strict=True)]
        bins = reliability(truth, chances, confidence=confidence)
        rows += [_row("reliability", label, *point) for point in bins]
        owner = draws.owner[known]
        smooth = smooth_calibration(truth, chances, owner, confidence=confidence)
        rows += [_row("smooth", label, *point) for point in smooth]
    return rows


CURVES = (
    ("roc", roc, ROC_GRID),
    ("pr", precision_recall, PR_GRID),
    ("decision", net_benefit, DECISION_GRID),
    ("decision-all", treat_all, DECISION_GRID),
    *POINTS,
)


def _bands(
    truth: Floats,
    scores: Floats,
    chances: Floats,
    known: Integers,
    draws: Draws,
    confidence: float,
) -> Iterator[tuple[str, Floats, Floats, Floats, Floats]]:
    """Yield of each curve its name, grid, value, low and high."""
    exact, coarse = levels_of(truth, scores), levels_of(truth, scores, fine=FINE)
    passed, once = thresholds_passed(chances), Weights.once(len(truth))
    plain = [Levels.of(truth, *levels, once) for levels in (exact, passed)]
    drawn: dict[str, list[Floats]] = {kind: [] for kind, _, _ in CURVES}
    for block in draws.first(MOST_DRAWS):
        weights = block.take(known)
        found = [Levels.of(truth, *levels, weights) for levels in (coarse, passed)]
        for kind, curve, _ in CURVES:
            drawn[kind].append(curve(found[kind.startswith("decision")]))
    for kind, curve, grid in CURVES:
        value = curve(plain[kind.startswith("decision")])[:, 0]
        each = np.concatenate(drawn[kind], axis=1)
        low, high = _ends(each, confidence)
        if kind in WHOLE_AREAS and np.isfinite(low).all():
            low, high = student_ends(value, each, truth, draws.owner[known], confidence)
        yield kind, grid, value, low, high


def _ends(drawn: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the pointwise quantiles of curves of shape (points, draws).

    NaN where no draw has a curve, or all have the same: at an area of 1 the band would be a line,
    as if it were certain.
    """
    drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
    nothing = np.full(len(drawn), np.nan)
    if not drawn.size:
        return nothing, nothing
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=1)
    return (nothing, nothing) if np.allclose(low, high, rtol=0, atol=1e-12) else (low, high)


def _row(kind: str, label: dict[str, str], x: float, y: float, low: float, high: float) -> Row:
    return {"curve": kind, **label, "x": x, "y": y, "low": low, "high": high}


def _per_case(worth: Floats, levels: Levels) -> Floats:
    with np.errstate(invalid="ignore"):
        out: Floats = worth / (levels.yes + levels.no).sum(axis=0)
    return out
