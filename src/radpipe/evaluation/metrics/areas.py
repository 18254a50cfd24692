"""Areas under the ROC curve: how well scores rank cases."""

import numpy as np

from radpipe.core.cards import Card
from radpipe.evaluation.draws import Floats, Weights
from radpipe.evaluation.metrics.base import metric, with_mean
from radpipe.evaluation.orders import Order
from radpipe.evaluation.sample import Sample


@metric(
    Card(
        name="auc",
        title="AUC",
        words="Chance that a case of a class gets a higher score for it than a case of another"
        " class; 0.5 is guessing, 1 is perfect. With several classes: the mean over classes, each"
        " against all others; with several labels: the mean over labels.",
        best="high",
        tested=True,
        headline=True,
        ceiling=True,
        gap=True,
    )
)
def auc(sample: Sample, weights: Weights) -> Floats:
    """Area under the ROC curve: chance that a positive outranks a negative, ties half.

    Of several classes, each against the rest and their plain mean. Hanley & McNeil,
    Radiology 1982;143:29.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(sample, [order.areas(weights) for order in sample.orders], weights)


@metric(
    Card(
        name="auc_at_least",
        title="AUC, grade ≥ k",
        words="Chance that a case of grade k or more gets a higher probability of that than a case"
        " below.",
        best="high",
        targets=("ordinal",),
        calibrated=True,
        ceiling=True,
        table="none",
    )
)
def auc_at_least(sample: Sample, weights: Weights) -> Floats:
    """Area under the ROC curve of "at least this grade", per grade but the lowest, and mean.

    Cases are ranked by the sum of the probabilities of this grade and all above: calibrated
    ones, because only probabilities can be added up. In the lowest grade's place stands NaN:
    every case has at least that.

    Weights (cases, draws) give (1 + grades, draws), the mean first.
    """
    reached = np.cumsum(sample.truth[:, ::-1], axis=1)[:, ::-1]
    # Rounded, so that the last bits of a sum break no tie.
    chance = np.round(np.cumsum(sample.probabilities[:, ::-1], axis=1)[:, ::-1], 12)
    each = np.vstack(
        [
            Order.of(truth, score).areas(weights)
            for truth, score in zip(reached.T[1:], chance.T[1:], strict=True)
        ]
    )
    return np.vstack([each.mean(axis=0), np.full(weights.n_draws, np.nan), each])
