"""Metrics of probabilities: how far they can be taken at their word."""

import numpy as np

from radpipe.core.cards import Card
from radpipe.evaluation.draws import Floats, Integers, Weights
from radpipe.evaluation.gaps import sum_of_sizes
from radpipe.evaluation.metrics.base import counted, metric, ratio, with_mean
from radpipe.evaluation.recalibration import Grouped, Grouping
from radpipe.evaluation.rows import Row
from radpipe.evaluation.sample import EPSILON, Sample

ECE_BINS = 10


@metric(
    Card(
        name="brier",
        title="Brier score",
        words="Mean squared error of the probabilities.",
        best="low",
        calibrated=True,
        tested=True,
        ceiling=True,
        table="calibration",
    )
)
def brier(sample: Sample, weights: Weights) -> Floats:
    """Mean squared distance of probability and truth (Brier, 1950).

    Binary and per class: 0 to 1. Of several exclusive classes the sum over classes, as
    Brier wrote it: 0 to 2; of labels, their mean.

    Weights (cases, draws) give (1 + columns, draws), that sum or mean first; of one column
    (1, draws).
    """
    known = sample.known
    errors = np.where(known, (sample.probabilities - sample.truth) ** 2, 0.0)
    each = ratio(errors.T @ weights, known.T @ weights)
    if sample.exclusive:
        return np.vstack([each.sum(axis=0), each])
    return with_mean(sample, list(each), weights)


def _ece_rows(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
    """Return the errors with intervals: their mean first, if there are several columns."""
    columns = [
        _gaps(*column, owner) for column in zip(sample.truth.T, sample.probabilities.T, strict=True)
    ]
    rows = [sum_of_sizes(*column, confidence) for column in columns]
    if len(rows) == 1:
        return rows
    wanted = [each for each, counts in zip(columns, counted(sample), strict=True) if counts]
    if not wanted:
        nothing = np.zeros(columns[0][1].shape[1])
        return [Row(np.nan, np.nan, np.nan, nothing, "no column has both answers"), *rows]
    gaps, influence = (np.concatenate(part) / len(wanted) for part in zip(*wanted, strict=True))
    return [sum_of_sizes(gaps, influence, confidence), *rows]


@metric(
    Card(
        name="ece",
        title="ECE",
        words="Expected calibration error: mean gap between predicted and observed frequency"
        " over bins of probability; 0 is perfect.",
        best="low",
        calibrated=True,
        interval="gaps",
        table="calibration",
    ),
    exact=_ece_rows,
)
def ece(sample: Sample, weights: Weights) -> Floats:
    """Average |mean probability - observed share| over bins, weighted by their cases.

    Expected calibration error: `ECE_BINS` bins of equal width over 0..1; per class against
    the rest, and their mean (class-wise ECE, Kull et al., NeurIPS 2019).

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(
        sample,
        [
            _binned_error(truth, probability, weights)
            for truth, probability in zip(sample.truth.T, sample.probabilities.T, strict=True)
        ],
        weights,
    )


@metric(
    Card(
        name="log_loss",
        title="Log loss",
        words="Mean logarithmic error of the probabilities.",
        best="low",
        calibrated=True,
        tested=True,
        ceiling=True,
        table="calibration",
    )
)
def log_loss(sample: Sample, weights: Weights) -> Floats:
    """Mean of -log(probability of the truth), natural logarithm, clipped at `EPSILON`.

    Of labels, the mean of their binary losses.

    Weights (cases, draws) give (1, draws); of several labels (1 + labels, draws), the mean first.
    """
    known = sample.known
    inside = np.clip(sample.probabilities, EPSILON, 1 - EPSILON)
    if sample.exclusive:
        loss = -np.log(np.where(sample.positive, inside, 1.0)).sum(axis=1)
        return ratio(loss @ weights, known[:, 0] @ weights)[None]
    loss = np.where(known, -np.log(np.where(sample.positive, inside, 1 - inside)), 0.0)
    return with_mean(sample, list(ratio(loss.T @ weights, known.T @ weights)), weights)


@metric(
    Card(
        name="calibration_slope",
        title="Slope",
        words="Slope of a logistic regression of the truth on the predicted logit; below 1"
        " means too sure.",
        best=1.0,
        calibrated=True,
        table="calibration",
    ),
    both_answers=True,
)
def calibration_slope(sample: Sample, weights: Weights) -> Floats:
    """Slope b of logit P(yes) = a + b logit(probability): 1 is right, below 1 too extreme.

    Cox, Biometrika 1958;45:562. Undefined where the probabilities separate the classes.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(
        sample,
        [grouping.fit(cases)[1] for grouping, cases in _grouped(sample, weights)],
        weights,
    )


@metric(
    Card(
        name="calibration_intercept",
        title="Intercept",
        words="Intercept of a logistic regression of the truth on the predicted logit whose"
        " slope is 1; above 0 means that probabilities are too low.",
        best=0.0,
        calibrated=True,
        table="calibration",
    ),
    both_answers=True,
)
def calibration_intercept(sample: Sample, weights: Weights) -> Floats:
    """Intercept a of logit P(yes) = a + logit(probability): 0 is right, above 0 too low.

    "Calibration in the large" (Van Calster et al., BMC Medicine 2019;17:230).

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(
        sample,
        [grouping.shift(cases) for grouping, cases in _grouped(sample, weights)],
        weights,
    )


def _grouped(sample: Sample, weights: Weights) -> list[tuple[Grouping, Grouped]]:
    """Return the groups of each column, and what they weigh."""
    found: list[tuple[Grouping, Grouped]] = weights.keep(
        "grouped", sample, lambda: [(one, one.weigh(weights)) for one in sample.groupings]
    )
    return found


def bin_of(probabilities: Floats, bins: int = ECE_BINS) -> np.ndarray:
    """Return the number of each probability's bin of equal width; 1 falls in the last.

    Probabilities 0..1 of any shape to int64 of this shape, 0 to bins - 1.
    """
    return np.clip((probabilities * bins).astype(np.int64), 0, bins - 1)


def _binned_error(truth: Floats, probabilities: Floats, weights: Weights) -> Floats:
    known = np.flatnonzero(~np.isnan(truth))
    inside = weights.take(known)
    excess = inside.in_groups(
        bin_of(probabilities[known]), ECE_BINS, probabilities[known] - truth[known]
    )
    return ratio(np.abs(excess).sum(axis=0), inside.total)


def _gaps(truth: Floats, probabilities: Floats, owner: Integers) -> tuple[Floats, Floats]:
    """Return the gap of each bin, times its share of the cases, and how much each patient moves it.

    From a column, (cases,), and each case's patient to shapes (bins,) and (bins, patients); the
    patients are those with a case of known truth. NaN where there is none.
    """
    known = ~np.isnan(truth)
    truth, probabilities = truth[known], probabilities[known]
    n = int(owner.max(initial=-1)) + 1
    place = bin_of(probabilities) * n + owner[known]
    excess = np.bincount(place, probabilities - truth, ECE_BINS * n).reshape(ECE_BINS, n)
    cases = np.bincount(owner[known], minlength=n).astype(np.float64)
    seen, total = int((cases > 0).sum()), len(truth)
    if not total:
        return np.full(ECE_BINS, np.nan), np.zeros((ECE_BINS, n))
    gaps = excess.sum(axis=1) / total
    grown = np.sqrt(seen / (seen - 1)) if seen > 1 else 1.0
    return gaps, grown * (excess - np.outer(gaps, cases)) / total
