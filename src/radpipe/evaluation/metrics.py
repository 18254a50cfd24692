"""Metrics: one registered function each, computed for many weightings of the cases at once.

A metric is called as `metric(sample, weights)`. `weights` has the shape (cases, draws) and
says how often each case counts in each draw: ones for the plain value, multiplicities for
bootstrap draws, zeros for what a jackknife or subgroup leaves out. A metric returns the
shape (1, draws), or (1 + columns, draws): its value in row 0, then one per class.

Undefined (no positives, nothing decided, probabilities that separate the classes) is NaN,
never 0. Over classes of which a case has exactly one, a mean needs all of them; over labels
it is taken over those that these cases can answer, so a label without positives drops out.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from radpipe.core.registry import Registry
from radpipe.evaluation.recalibration import recalibrate, shift
from radpipe.evaluation.sample import EPSILON, Floats, Sample, logit

Metric: TypeAlias = Callable[[Sample, Floats], Floats]
METRICS: Registry[Metric] = Registry("metric")
ECE_BINS = 10


def values(metric: Metric, sample: Sample) -> Floats:
    """Return a metric with every case counted once, shape (1,) or (1 + columns,)."""
    return np.asarray(metric(sample, np.ones((len(sample.truth), 1)))[:, 0])


@METRICS.register("auc")
def auc(sample: Sample, weights: Floats) -> Floats:
    """Area under the ROC curve: chance that a positive outranks a negative, ties half.

    Of several classes, each against the rest and their plain mean. Hanley & McNeil,
    Radiology 1982;143:29.
    """
    return _with_mean(
        sample,
        [
            weighted_auc(truth, scores, weights)
            for truth, scores in zip(sample.truth.T, sample.scores.T, strict=True)
        ],
    )


@METRICS.register("accuracy")
def accuracy(sample: Sample, weights: Floats) -> Floats:
    """Share of right decisions; of labels, the mean of their shares."""
    if sample.exclusive:
        known = ~np.isnan(sample.truth[:, 0])
        right = (sample.truth == sample.decided).all(axis=1)
        return _ratio((right & known) @ weights, known @ weights)[None]
    right = ((sample.truth == sample.decided) & _known(sample)).T @ weights
    return _with_mean(sample, list(_ratio(right, _known(sample).T @ weights)))


@METRICS.register("balanced_accuracy")
def balanced_accuracy(sample: Sample, weights: Floats) -> Floats:
    """Mean of the classes' shares of right decisions (of labels: mean over labels)."""
    found, passed = _rates(sample, sample.decided, weights)
    if sample.exclusive:
        return np.asarray(found.mean(axis=0)[None])
    return _with_mean(sample, list((found + passed) / 2))


@METRICS.register("sensitivity")
def sensitivity(sample: Sample, weights: Floats) -> Floats:
    """Share of the positives at or above the class's threshold."""
    return _with_mean(sample, list(_rates(sample, sample.flags, weights)[0]))


@METRICS.register("specificity")
def specificity(sample: Sample, weights: Floats) -> Floats:
    """Share of the negatives below the class's threshold."""
    return _with_mean(sample, list(_rates(sample, sample.flags, weights)[1]))


@METRICS.register("f1")
def f1(sample: Sample, weights: Floats) -> Floats:
    """2 TP / (2 TP + FP + FN) of the decisions; undefined where nothing is or was decided."""
    positive = sample.truth == 1
    negative = sample.truth == 0
    hits = (positive & sample.decided).T @ weights
    false_alarms = (negative & sample.decided).T @ weights
    misses = (positive & ~sample.decided).T @ weights
    return _with_mean(sample, list(_ratio(2 * hits, 2 * hits + false_alarms + misses)))


@METRICS.register("brier")
def brier(sample: Sample, weights: Floats) -> Floats:
    """Mean squared distance of probability and truth (Brier, 1950).

    Binary and per class: 0 to 1. Of several exclusive classes the sum over classes, as
    Brier wrote it: 0 to 2; of labels, their mean.
    """
    known = _known(sample)
    errors = np.where(known, (sample.probabilities - sample.truth) ** 2, 0.0)
    each = _ratio(errors.T @ weights, known.T @ weights)
    if sample.exclusive:
        return np.vstack([each.sum(axis=0), each])
    return _with_mean(sample, list(each))


@METRICS.register("log_loss")
def log_loss(sample: Sample, weights: Floats) -> Floats:
    """Mean of -log(probability of the truth), natural logarithm, clipped at `EPSILON`.

    Of labels, the mean of their binary losses.
    """
    known = _known(sample)
    inside = np.clip(sample.probabilities, EPSILON, 1 - EPSILON)
    if sample.exclusive:
        loss = -np.log(np.where(sample.truth == 1, inside, 1.0)).sum(axis=1)
        return _ratio(loss @ weights, known[:, 0] @ weights)[None]
    loss = np.where(known, -np.log(np.where(sample.truth == 1, inside, 1 - inside)), 0.0)
    return _with_mean(sample, list(_ratio(loss.T @ weights, known.T @ weights)))


@METRICS.register("ece")
def ece(sample: Sample, weights: Floats) -> Floats:
    """Average |mean probability - observed share| over bins, weighted by their cases.

    Expected calibration error: `ECE_BINS` bins of equal width over 0..1; per class against
    the rest, and their mean (class-wise ECE, Kull et al., NeurIPS 2019).
    """
    return _with_mean(
        sample,
        [
            _binned_error(truth, probability, weights)
            for truth, probability in zip(sample.truth.T, sample.probabilities.T, strict=True)
        ],
    )


@METRICS.register("calibration_slope")
def calibration_slope(sample: Sample, weights: Floats) -> Floats:
    """Slope b of logit P(yes) = a + b logit(probability): 1 is right, below 1 too extreme.

    Cox, Biometrika 1958;45:562. Undefined where the probabilities separate the classes.
    """
    return _with_mean(
        sample,
        [
            recalibrate(truth, logit(probability), weights)[1]
            for truth, probability in zip(sample.truth.T, sample.probabilities.T, strict=True)
        ],
    )


@METRICS.register("calibration_intercept")
def calibration_intercept(sample: Sample, weights: Floats) -> Floats:
    """Intercept a of logit P(yes) = a + logit(probability): 0 is right, above 0 too low.

    "Calibration in the large" (Van Calster et al., BMC Medicine 2019;17:230).
    """
    return _with_mean(
        sample,
        [
            shift(truth, logit(probability), weights)
            for truth, probability in zip(sample.truth.T, sample.probabilities.T, strict=True)
        ],
    )


def weighted_auc(truth: Floats, scores: Floats, weights: Floats) -> Floats:
    """Return the area under the ROC curve of weighted cases, ties counted half.

    Parameters
    ----------
    truth, scores
        Shape (cases,): 1, 0 or NaN; any real numbers.
    weights
        Shape (cases, draws), at least 0.

    Returns
    -------
    ndarray of shape (draws,)
        NaN where the positives or the negatives weigh nothing.

    """
    positive, negative = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    negative = negative[np.argsort(scores[negative], kind="stable")]
    below = np.zeros((len(negative) + 1, weights.shape[1]))
    np.cumsum(weights[negative], axis=0, out=below[1:])
    place, counts = scores[positive], weights[positive]
    less = np.searchsorted(scores[negative], place, side="left")
    equal = np.searchsorted(scores[negative], place, side="right")
    wins = np.einsum("cd,cd->d", counts, below[less])
    wins += np.einsum("cd,cd->d", counts, below[equal])
    return _ratio(wins, 2 * counts.sum(axis=0) * below[-1])


def bin_of(probabilities: Floats, bins: int = ECE_BINS) -> np.ndarray:
    """Return the number of each probability's bin of equal width; 1 falls in the last."""
    return np.clip((probabilities * bins).astype(np.int64), 0, bins - 1)


def _binned_error(truth: Floats, probabilities: Floats, weights: Floats) -> Floats:
    known = ~np.isnan(truth)
    excess = (probabilities - truth)[known]
    number = bin_of(probabilities[known])
    weights = weights[known]
    error = np.zeros(weights.shape[1])
    for value in np.unique(number):
        inside = number == value
        error += np.abs(excess[inside] @ weights[inside])
    return _ratio(error, weights.sum(axis=0))


def _known(sample: Sample) -> np.ndarray:
    return ~np.isnan(sample.truth)


def _rates(sample: Sample, flags: np.ndarray, weights: Floats) -> tuple[Floats, Floats]:
    """Return sensitivity and specificity of flags per column, shape (columns, draws)."""
    positive, negative = sample.truth == 1, sample.truth == 0
    return (
        _ratio((positive & flags).T @ weights, positive.T @ weights),
        _ratio((negative & ~flags).T @ weights, negative.T @ weights),
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; 0 / 0 is NaN."""
    out = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def _with_mean(sample: Sample, columns: list[Floats]) -> Floats:
    """Put the mean over columns on top; a single column is its own mean."""
    each = np.vstack(columns)
    if len(each) == 1:
        return each
    if sample.exclusive:
        return np.vstack([each.mean(axis=0), each])
    answerable = (sample.truth == 1).any(axis=0) & (sample.truth == 0).any(axis=0)
    if not answerable.any():
        return np.vstack([np.full(each.shape[1], np.nan), each])
    return np.vstack([each[answerable].mean(axis=0), each])
