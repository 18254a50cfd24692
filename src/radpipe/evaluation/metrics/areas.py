"""Areas under the ROC curve: how well scores rank cases."""

import numpy as np

from radpipe.core.cards import Card
from radpipe.evaluation.metrics.base import metric, ratio, with_mean
from radpipe.evaluation.sample import Floats, Sample


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
def auc(sample: Sample, weights: Floats) -> Floats:
    """Area under the ROC curve: chance that a positive outranks a negative, ties half.

    Of several classes, each against the rest and their plain mean. Hanley & McNeil,
    Radiology 1982;143:29.

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    return with_mean(
        sample,
        [
            weighted_auc(truth, scores, weights)
            for truth, scores in zip(sample.truth.T, sample.scores.T, strict=True)
        ],
    )


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
def auc_at_least(sample: Sample, weights: Floats) -> Floats:
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
            weighted_auc(truth, score, weights)
            for truth, score in zip(reached.T[1:], chance.T[1:], strict=True)
        ]
    )
    return np.vstack([each.mean(axis=0), np.full(weights.shape[1], np.nan), each])


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
    return ratio(wins, 2 * counts.sum(axis=0) * below[-1])
