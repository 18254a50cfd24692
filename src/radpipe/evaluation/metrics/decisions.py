"""Metrics of decisions: the most probable of exclusive classes, else the frozen thresholds."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from radpipe.core.cards import Card
from radpipe.evaluation.draws import Floats, Integers, Weights
from radpipe.evaluation.metrics.base import Exact, counted, metric, rates, ratio, with_mean
from radpipe.evaluation.rows import Row
from radpipe.evaluation.sample import Sample
from radpipe.evaluation.shares import Share, rows_of

Bools: TypeAlias = NDArray[np.bool_]
Columns: TypeAlias = list[list[Share]]


def of_shares(columns: Callable[[Sample], Columns]) -> Exact:
    """Return the intervals of a metric that is a mean of shares of cases, column by column."""

    def exact(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
        return rows_of(columns(sample), counted(sample), owner, confidence)

    return exact


def _right(sample: Sample) -> Columns:
    if sample.exclusive:
        right = (sample.truth == sample.decided).all(axis=1)
        return [[Share(right, sample.known[:, 0])]]
    return _each((sample.truth == sample.decided), sample.known)


def _both_rates(sample: Sample) -> Columns:
    found = _each(sample.decided, sample.positive)
    if sample.exclusive:
        return [[share for (share,) in found]]
    passed = _each(~sample.decided, sample.negative)
    return [[*one, *other] for one, other in zip(found, passed, strict=True)]


def _each(hit: Bools, of: Bools) -> Columns:
    """Return the share of each column of (cases, columns)."""
    return [[Share(*column)] for column in zip(hit.T, of.T, strict=True)]


def _f1_rows(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
    """Return F1 as 2 J / (1 + J), J the share of hits among hits, false alarms and misses."""
    hits = sample.positive & sample.decided
    involved = sample.positive | (sample.negative & sample.decided)
    return rows_of(
        _each(hits, involved),
        counted(sample),
        owner,
        confidence,
        curve=lambda share: 2 * share / (1 + share),
        slope=lambda share: 2 / (1 + share) ** 2,
    )


@metric(
    Card(
        name="accuracy",
        title="Accuracy",
        words="Share of cases decided correctly. It flatters a model when one class is"
        " frequent; balanced accuracy does not.",
        best="high",
        interval="share",
        tested=True,
        ceiling=True,
    ),
    exact=of_shares(_right),
)
def accuracy(sample: Sample, weights: Weights) -> Floats:
    """Share of right decisions; of labels, the mean of their shares.

    Weights (cases, draws) give (1, draws); of several labels (1 + labels, draws), the mean first.
    """
    if sample.exclusive:
        known = sample.known[:, 0]
        right = (sample.truth == sample.decided).all(axis=1)
        return ratio((right & known) @ weights, known @ weights)[None]
    right = ((sample.truth == sample.decided) & sample.known).T @ weights
    return with_mean(sample, list(ratio(right, sample.known.T @ weights)), weights)


@metric(
    Card(
        name="balanced_accuracy",
        title="Balanced accuracy",
        words="Mean of the shares decided correctly of each class; with several labels: of"
        " the cases with and without each.",
        best="high",
        interval="share",
        tested=True,
    ),
    exact=of_shares(_both_rates),
)
def balanced_accuracy(sample: Sample, weights: Weights) -> Floats:
    """Mean of the classes' shares of right decisions (of labels: mean over labels).

    Weights (cases, draws) give (1, draws); of several labels (1 + labels, draws), the mean first.
    """
    found, passed = rates(sample, sample.decided, weights)
    if sample.exclusive:
        return np.asarray(found.mean(axis=0)[None])
    return with_mean(sample, list((found + passed) / 2), weights)


@metric(
    Card(
        name="sensitivity",
        title="Sensitivity",
        words="Share of positive cases found. With several classes: each class against the"
        " rest at its own threshold, then the mean; not the decision of the confusion"
        " table, which balanced accuracy counts. It depends on the thresholds.",
        best="high",
        interval="share",
        also="recall",
    ),
    exact=of_shares(lambda s: _each(s.flags, s.positive)),
)
def sensitivity(sample: Sample, weights: Weights) -> Floats:
    """Share of the positives at or above the class's threshold.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(sample, list(rates(sample, sample.flags, weights)[0]), weights)


@metric(
    Card(
        name="specificity",
        title="Specificity",
        words="Share of negative cases left alone, with the thresholds of sensitivity.",
        best="high",
        interval="share",
    ),
    exact=of_shares(lambda s: _each(~s.flags, s.negative)),
)
def specificity(sample: Sample, weights: Weights) -> Floats:
    """Share of the negatives below the class's threshold.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(sample, list(rates(sample, sample.flags, weights)[1]), weights)


@metric(
    Card(
        name="recall",
        title="Recall",
        words="Share of a class's cases that were decided for it. Of a yes-or-no question it"
        " is sensitivity; with several classes it follows the rows of the confusion"
        " table.",
        best="high",
        interval="share",
        table="none",
        each="Recall: share of the cases of each {word} that were decided for it.",
    ),
    exact=of_shares(lambda s: _each(s.decided, s.positive)),
)
def recall(sample: Sample, weights: Weights) -> Floats:
    """Share of a class's cases that were decided for it.

    Of a binary target and of labels the same as `sensitivity`; of exclusive classes that of
    the confusion table, and the mean is `balanced_accuracy`.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(sample, list(rates(sample, sample.decided, weights)[0]), weights)


@metric(
    Card(
        name="precision",
        title="Precision",
        words="Share of right ones among the decisions for a class; of a yes-or-no question"
        " it is the positive predictive value, with several classes it follows the"
        " columns of the confusion table. It depends on how frequent a class is, and is"
        " undefined where nothing was decided.",
        best="high",
        interval="share",
        each="Precision: share of right ones among the decisions for each {word}.",
    ),
    exact=of_shares(lambda s: _each(s.positive, s.decided & s.known)),
)
def precision(sample: Sample, weights: Weights) -> Floats:
    """Share of right ones among the decisions for a class (positive predictive value).

    Undefined where nothing was decided for it. It depends on how frequent the class is.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    hits = (sample.positive & sample.decided).T @ weights
    chosen = (sample.decided & sample.known).T @ weights
    return with_mean(sample, list(ratio(hits, chosen)), weights)


@metric(
    Card(
        name="f1",
        title="F1",
        words="Harmonic mean of precision and recall; with several classes the mean over classes.",
        best="high",
        interval="share",
        tested=True,
    ),
    exact=_f1_rows,
)
def f1(sample: Sample, weights: Weights) -> Floats:
    """2 TP / (2 TP + FP + FN) of the decisions; undefined where nothing is or was decided.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    positive, negative = sample.positive, sample.negative
    hits = (positive & sample.decided).T @ weights
    false_alarms = (negative & sample.decided).T @ weights
    misses = (positive & ~sample.decided).T @ weights
    return with_mean(sample, list(ratio(2 * hits, 2 * hits + false_alarms + misses)), weights)


@metric(
    Card(
        name="kappa",
        title="Kappa",
        words="Agreement of decision and truth beyond what independent decisions of the same"
        " frequencies would reach; 0 is chance, 1 is perfect.",
        best="high",
    ),
    both_answers=True,
)
def kappa(sample: Sample, weights: Weights) -> Floats:
    """Agreement of decision and truth beyond chance: (p - e) / (1 - e), of labels each.

    p is the accuracy, e what independent decisions of the same frequencies would reach;
    undefined where all truths and all decisions are one class. Cohen, Educational and
    Psychological Measurement 1960;20:37.

    Weights (cases, draws) give (1, draws); of several labels (1 + labels, draws), the mean first.
    """
    known = sample.known
    positive, decided = sample.positive, sample.decided & known
    total, right = known.T @ weights, (known & (positive == decided)).T @ weights
    yes, chosen = positive.T @ weights, decided.T @ weights
    # Both sides times the square of the number of cases, so that whole numbers stay exact.
    if sample.exclusive:
        n, hits = total[0], np.asarray((positive & decided).any(axis=1)) @ weights
        by_chance = (yes * chosen).sum(axis=0)
        return ratio(n * hits - by_chance, n**2 - by_chance)[None]
    by_chance = yes * chosen + (total - yes) * (total - chosen)
    return with_mean(sample, list(ratio(total * right - by_chance, total**2 - by_chance)), weights)
