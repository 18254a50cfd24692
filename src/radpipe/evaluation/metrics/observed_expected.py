"""Observed and expected: whether as many cases are positive as the probabilities add up to."""

import numpy as np

from radpipe.core.cards import Card
from radpipe.evaluation.draws import Floats, Weights
from radpipe.evaluation.metrics.base import metric, ratio, with_mean
from radpipe.evaluation.sample import Sample


@metric(
    Card(
        name="observed_expected",
        title="Observed : expected",
        words="Number of positive cases over the number that the probabilities add up to; above 1"
        " means that probabilities are too low on the whole.",
        best=1.0,
        targets=("binary", "multi-label"),
        calibrated=True,
        table="calibration",
        phrase="observed : expected",
    ),
    both_answers=True,
)
def observed_expected(sample: Sample, weights: Weights) -> Floats:
    """Sum of the truths over the sum of the probabilities: 1 is right (Debray, BMJ 2017;356:i6460).

    Weights (cases, draws) give (1 + columns, draws), the mean first; of one column (1, draws).
    """
    expected = np.where(sample.known, sample.probabilities, 0.0).T @ weights
    return with_mean(sample, list(ratio(sample.positive.T @ weights, expected)), weights)
