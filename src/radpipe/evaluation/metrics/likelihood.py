"""What an answer at the frozen threshold tells about a case: NPV and likelihood ratios."""

import math

import numpy as np

from radpipe.core.cards import Card
from radpipe.evaluation.draws import Floats, Integers, Weights
from radpipe.evaluation.metrics.base import counted, metric, rates, ratio, with_mean
from radpipe.evaluation.rows import Row, difference_of
from radpipe.evaluation.sample import Sample
from radpipe.evaluation.shares import Share, rows_of


def _npv_rows(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
    left = zip(sample.negative.T, (~sample.flags & sample.known).T, strict=True)
    columns = [[Share(*column)] for column in left]
    return rows_of(columns, counted(sample), owner, confidence)


@metric(
    Card(
        name="npv",
        title="NPV",
        words="Negative predictive value: share of cases without the finding among those that were"
        " left alone. It depends on how frequent the finding is.",
        best="high",
        interval="share",
        targets=("binary", "multi-label"),
        table="decisions",
    ),
    exact=_npv_rows,
)
def npv(sample: Sample, weights: Weights) -> Floats:
    """Share of the negatives among cases below the threshold; undefined where there are none.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    alone = ~sample.flags & sample.known
    found = ratio((sample.negative & alone).T @ weights, alone.T @ weights)
    return with_mean(sample, list(found), weights)


def _positive_rows(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
    return [_ratio_row(sample, owner, confidence, flagged=True)]


def _negative_rows(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
    return [_ratio_row(sample, owner, confidence, flagged=False)]


def _ratio_row(sample: Sample, owner: Integers, confidence: float, *, flagged: bool) -> Row:
    """Return how much more frequent an answer is with the finding than without.

    The logarithm of a ratio is a difference, whose arms are put together as those of others are.
    """
    hit, n = sample.flags[:, 0] == flagged, int(owner.max(initial=-1)) + 1
    ill, well = (
        Share(hit, of).row(owner, n, confidence)
        for of in (sample.positive[:, 0], sample.negative[:, 0])
    )
    if not well.value > 0 or math.isnan(ill.value):
        why = "no such answer without the finding" if well.value == 0 else "one answer only"
        return Row(np.nan, np.nan, np.nan, np.zeros(n), why)
    if ill.value == 0:
        return Row(0.0, np.nan, np.nan, np.zeros(n), "no such answer with the finding")
    change = difference_of(_log(ill), _log(well), paired=True)
    value = math.exp(change.value)
    return Row(value, math.exp(change.low), math.exp(change.high), value * change.influence)


def _log(row: Row) -> Row:
    value, low, high = (math.log(end) for end in (row.value, row.low, row.high))
    return Row(value, low, high, row.influence / row.value)


@metric(
    Card(
        name="positive_likelihood_ratio",
        title="LR+",
        words="Positive likelihood ratio: how many times as frequent a positive decision is with"
        " the finding as without it. It does not depend on how frequent the finding is.",
        best="high",
        interval="share",
        targets=("binary",),
        table="decisions",
    ),
    exact=_positive_rows,
)
def positive_likelihood_ratio(sample: Sample, weights: Weights) -> Floats:
    """Sensitivity / (1 - specificity); undefined without a false positive.

    Deeks & Altman, BMJ 2004;329:168. Weights (cases, draws) give (1, draws).
    """
    found, passed = rates(sample, sample.flags, weights)
    return ratio(found, 1 - passed)


@metric(
    Card(
        name="negative_likelihood_ratio",
        title="LR−",
        words="Negative likelihood ratio: how many times as frequent a negative decision is with"
        " the finding as without it; 0.1 is strong evidence against it.",
        best="low",
        interval="share",
        targets=("binary",),
        table="decisions",
    ),
    exact=_negative_rows,
)
def negative_likelihood_ratio(sample: Sample, weights: Weights) -> Floats:
    """(1 - sensitivity) / specificity; undefined where every negative is flagged.

    Weights (cases, draws) give (1, draws).
    """
    found, passed = rates(sample, sample.flags, weights)
    return ratio(1 - found, passed)
