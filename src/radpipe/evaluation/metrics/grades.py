"""Metrics of the distance between grades, for targets whose classes have an order.

A grade's number is its place in the order, from 0. The decision is the most probable grade,
as of other exclusive classes.
"""

import numpy as np

from radpipe.core.cards import Card
from radpipe.evaluation.draws import Floats, Weights
from radpipe.evaluation.metrics.base import metric, ratio
from radpipe.evaluation.sample import Sample


@metric(
    Card(
        name="quadratic_kappa",
        title="Quadratic kappa",
        phrase="quadratic kappa",
        words="Of classes in order: kappa in which a mistake weighs the square of its distance in"
        " grades. The decision is the most probable grade.",
        best="high",
        targets=("ordinal",),
        tested=True,
        headline=True,
    )
)
def quadratic_kappa(sample: Sample, weights: Weights) -> Floats:
    """Kappa in which a mistake weighs the square of its distance in grades.

    1 less the mean squared distance of decided and true grade, divided by that of
    independent ones of the same frequencies; undefined where the latter is 0. Cohen,
    Psychological Bulletin 1968;70:213. Weights (cases, draws) give (1, draws).
    """
    truth, decided, known = _grades(sample)
    moments = np.stack([truth, decided, truth**2, decided**2, (truth - decided) ** 2]) * known
    sum_truth, sum_decided, squares_truth, squares_decided, apart = moments @ weights
    n = known @ weights
    # The mean of (i - j)^2 over independent i and j, times the square of the number of cases.
    by_chance = n * (squares_truth + squares_decided) - 2 * sum_truth * sum_decided
    return 1 - ratio(n * apart, by_chance)[None]


@metric(
    Card(
        name="grade_error",
        title="Grade error",
        words="Of classes in order: mean distance of decided and true grade, in grades.",
        best="low",
        targets=("ordinal",),
    )
)
def grade_error(sample: Sample, weights: Weights) -> Floats:
    """Mean absolute distance of decided and true grade, in grades; smaller is better.

    Weights (cases, draws) give (1, draws).
    """
    truth, decided, known = _grades(sample)
    return ratio((np.abs(truth - decided) * known) @ weights, known @ weights)[None]


def _grades(sample: Sample) -> tuple[Floats, Floats, Floats]:
    """Return true and decided grade, and 1 where the truth is known; shape (cases,) each."""
    known = ~np.isnan(sample.truth[:, 0])
    truth = (sample.positive).argmax(axis=1)
    decided = sample.decided.argmax(axis=1)
    return truth.astype(np.float64), decided.astype(np.float64), known.astype(np.float64)
