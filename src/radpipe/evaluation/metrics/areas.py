"""Areas under the ROC curve: how well scores rank cases."""

import numpy as np

from radpipe.core.cards import Card
from radpipe.evaluation.draws import Floats, Integers, Weights
from radpipe.evaluation.metrics.base import answers, counted, metric, with_mean
from radpipe.evaluation.orders import Order
from radpipe.evaluation.roc_areas import Area, rows_of
from radpipe.evaluation.rows import Row
from radpipe.evaluation.sample import Sample


def _rows(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
    n_patients = int(owner.max(initial=-1)) + 1
    areas = [
        Area.of(truth, scores, owner, n_patients, confidence)
        for truth, scores in zip(sample.truth.T, sample.scores.T, strict=True)
    ]
    return rows_of(areas, list(counted(sample)), confidence)


def _rows_at_least(sample: Sample, owner: Integers, confidence: float) -> list[Row]:
    n_patients = int(owner.max(initial=-1)) + 1
    areas = [
        Area.of(truth, chance, owner, n_patients, confidence)
        for truth, chance in zip(*_at_least(sample), strict=True)
    ]
    mean, *each = rows_of(areas, [True] * len(areas), confidence)
    # No reason, because nothing is missing: every case has at least the lowest grade.
    lowest = Row(np.nan, np.nan, np.nan, np.zeros(n_patients))
    return [mean, lowest, *(each or [mean])]


def _at_least(sample: Sample) -> tuple[Floats, Floats]:
    """Return who reaches each grade but the lowest, and the chance of it; (grades - 1, cases)."""
    reached = np.cumsum(sample.truth[:, ::-1], axis=1)[:, ::-1]
    # Rounded, so that the last bits of a sum break no tie.
    chance = np.round(np.cumsum(sample.probabilities[:, ::-1], axis=1)[:, ::-1], 12)
    return reached.T[1:], chance.T[1:]


@metric(
    Card(
        name="auc",
        title="AUC",
        words="Chance that a case of a class gets a higher score for it than a case of another"
        " class; 0.5 is guessing, 1 is perfect. With several classes: the mean over classes, each"
        " against all others; with several labels: the mean over labels.",
        best="high",
        interval="area",
        tested=True,
        headline=True,
        ceiling=True,
        gap=True,
    ),
    exact=_rows,
)
def auc(sample: Sample, weights: Weights) -> Floats:
    """Area under the ROC curve: chance that a positive outranks a negative, ties half.

    Of several classes, each against the rest and their plain mean. Hanley & McNeil,
    Radiology 1982;143:29.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    positive, negative = answers(sample, weights)
    columns = zip(sample.orders, positive, negative, strict=True)
    return with_mean(sample, [order.areas(weights, *both) for order, *both in columns], weights)


@metric(
    Card(
        name="auc_at_least",
        title="AUC, grade ≥ k",
        words="Chance that a case of grade k or more gets a higher probability of that than a case"
        " below.",
        best="high",
        interval="area",
        targets=("ordinal",),
        calibrated=True,
        ceiling=True,
        table="none",
    ),
    exact=_rows_at_least,
)
def auc_at_least(sample: Sample, weights: Weights) -> Floats:
    """Area under the ROC curve of "at least this grade", per grade but the lowest, and mean.

    Cases are ranked by the sum of the probabilities of this grade and all above: calibrated
    ones, because only probabilities can be added up. In the lowest grade's place stands NaN:
    every case has at least that.

    Weights (cases, draws) give (1 + grades, draws), the mean first.
    """
    columns = zip(*_at_least(sample), strict=True)
    each = np.vstack([area_of(truth, chance, weights) for truth, chance in columns])
    return np.vstack([each.mean(axis=0), np.full(weights.n_draws, np.nan), each])


def area_of(truth: Floats, scores: Floats, weights: Weights) -> Floats:
    """Return the area under the ROC curve of truth, 1, 0 or NaN, and scores, (cases,), by draw."""
    positive, negative = (truth == 1) @ weights, (truth == 0) @ weights
    return Order.of(truth, scores).areas(weights, positive, negative)
