"""The registry of metrics with their cards, and the sums that they share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from radpipe.core.cards import RANKED_BY, Card
from radpipe.core.registry import Registry
from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats, Integers, Weights
from radpipe.evaluation.rows import Row
from radpipe.evaluation.sample import Sample

Function: TypeAlias = Callable[[Sample, Weights], Floats]
# Rows of a metric in closed form, the mean first, from a sample, each case's patient (cases,), and
# the coverage of intervals.
Exact: TypeAlias = Callable[[Sample, Integers, float], list[Row]]


@dataclass(frozen=True)
class Metric:
    """A metric: its card and its function. It is called like the function.

    Of a target for which the card gives it no meaning it is NaN, shape (1, draws).

    Attributes
    ----------
    card, function
        What it is, and how it is computed.
    exact
        Its intervals in closed form; None: they come from draws of patients.
    both_answers
        Its intervals need `FEWEST_PATIENTS` patients of each answer.

    """

    card: Card
    function: Function
    exact: Exact | None = None
    both_answers: bool = False

    def __call__(self, sample: Sample, weights: Weights | Floats) -> Floats:
        """Return the metric for weights, or for an array of them, (cases, draws)."""
        weights = Weights.of(weights)
        if sample.kinds.isdisjoint(self.card.targets):
            return np.full((1, weights.n_draws), np.nan)
        return self.function(sample, weights)

    def rows(self, sample: Sample, owner: Integers, confidence: float) -> list[Row] | None:
        """Return the metric with intervals in closed form; None: they come from draws."""
        if self.exact is None:
            return None
        if sample.kinds.isdisjoint(self.card.targets) or not len(owner):
            return [Row(np.nan, np.nan, np.nan, np.zeros(0), "undefined")]
        return self.exact(sample, owner, confidence)


METRICS: Registry[Metric] = Registry("metric")


def metric(
    card: Card, *, exact: Exact | None = None, both_answers: bool = False
) -> Callable[[Function], Metric]:
    """Return a decorator that files a function with its card; arguments as in `Metric`.

    Raises
    ------
    KeyError
        A metric of this name is filed already.

    """

    def file(function: Function) -> Metric:
        return METRICS.register(card.name)(Metric(card, function, exact, both_answers))

    return file


def values(metric: Metric, sample: Sample) -> Floats:
    """Return a metric with every case counted once, shape (1,) or (1 + columns,)."""
    return np.asarray(metric(sample, Weights.once(len(sample.truth)))[:, 0])


def cards(target: Target | None = None) -> list[Card]:
    """Return the cards of the metrics that have a meaning for a target, or of all.

    The one that ranks comes first, the others as their functions stand: modules by name, in
    each from top to bottom. Tables keep this order.
    """
    found = [METRICS[name].card for name in METRICS.in_order]
    found = [card for card in found if target is None or target.kind in card.targets]
    return sorted(found, key=lambda card: card.name != RANKED_BY)


def names_for(target: Target) -> list[str]:
    """Name the metrics that have a meaning for a target, sorted."""
    return sorted(card.name for card in cards(target))


def answers(sample: Sample, weights: Weights) -> tuple[Floats, Floats]:
    """Return what positives and negatives of each column weigh, shape (columns, draws) each."""
    found: tuple[Floats, Floats] = weights.keep(
        "answers", sample, lambda: (sample.positive.T @ weights, sample.negative.T @ weights)
    )
    return found


def rates(sample: Sample, flags: NDArray[np.bool_], weights: Weights) -> tuple[Floats, Floats]:
    """Return sensitivity and specificity of flags per column, shape (columns, draws)."""
    positive, negative = answers(sample, weights)
    return (
        ratio((sample.positive & flags).T @ weights, positive),
        ratio((sample.negative & ~flags).T @ weights, negative),
    )


def counted(sample: Sample) -> NDArray[np.bool_]:
    """Tell which columns the mean is over: all classes, or the labels that can be answered."""
    return np.ones(sample.n_columns, dtype=bool) if sample.exclusive else sample.answerable


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, element by element, arrays of any shapes that broadcast; by 0 it is NaN."""
    out = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def with_mean(sample: Sample, columns: Sequence[Floats], weights: Weights) -> Floats:
    """Put the mean over columns on top; a single column is its own mean.

    Of labels, the mean of a draw is over those to score (`Target.score_on`) of which it has both
    answers: a label that it happens to have no positive of is left out of this draw. NaN if there
    is none.

    Parameters
    ----------
    sample
        The cases that were scored.
    columns
        Shape (draws,) for each column of the sample.
    weights
        How often each case counts.

    Returns
    -------
    ndarray of shape (1 + columns, draws)
        (1, draws) of a single column.

    """
    each = np.vstack(columns)
    if len(each) == 1:
        return each
    if sample.exclusive:
        return np.vstack([each.mean(axis=0), each])
    positive, negative = answers(sample, weights)
    counts = (positive > 0) & (negative > 0) & sample.wanted[:, None]
    mean = ratio(np.where(counts, each, 0.0).sum(axis=0), counts.sum(axis=0))
    return np.vstack([mean, each])
