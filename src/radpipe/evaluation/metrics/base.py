"""The registry of metrics with their cards, and the sums that they share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from radpipe.core.cards import RANKED_BY, Card
from radpipe.core.registry import Registry
from radpipe.core.settings import Target
from radpipe.evaluation.sample import Floats, Sample

Function: TypeAlias = Callable[[Sample, Floats], Floats]


@dataclass(frozen=True)
class Metric:
    """A metric: its card and its function. It is called like the function.

    Of a target for which the card gives it no meaning it is NaN, shape (1, draws).
    """

    card: Card
    function: Function

    def __call__(self, sample: Sample, weights: Floats) -> Floats:
        """Return the metric for weights of shape (cases, draws)."""
        if sample.kinds.isdisjoint(self.card.targets):
            return np.full((1, weights.shape[1]), np.nan)
        return self.function(sample, weights)


METRICS: Registry[Metric] = Registry("metric")


def metric(card: Card) -> Callable[[Function], Metric]:
    """Return a decorator that files a function with its card.

    Raises
    ------
    KeyError
        A metric of this name is filed already.

    """

    def file(function: Function) -> Metric:
        return METRICS.register(card.name)(Metric(card, function))

    return file


def values(metric: Metric, sample: Sample) -> Floats:
    """Return a metric with every case counted once, shape (1,) or (1 + columns,)."""
    return np.asarray(metric(sample, np.ones((len(sample.truth), 1)))[:, 0])


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


def known_of(sample: Sample) -> NDArray[np.bool_]:
    """Tell which truths are known, shape (cases, columns)."""
    return ~np.isnan(sample.truth)


def rates(sample: Sample, flags: NDArray[np.bool_], weights: Floats) -> tuple[Floats, Floats]:
    """Return sensitivity and specificity of flags per column, shape (columns, draws)."""
    positive, negative = sample.truth == 1, sample.truth == 0
    return (
        ratio((positive & flags).T @ weights, positive.T @ weights),
        ratio((negative & ~flags).T @ weights, negative.T @ weights),
    )


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, element by element, arrays of any shapes that broadcast; by 0 it is NaN."""
    out = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def with_mean(sample: Sample, columns: list[Floats]) -> Floats:
    """Put the mean over columns on top; a single column is its own mean.

    Of labels, the mean is over those to score (`Target.score_on`) of which both answers occur; NaN
    if there is none.

    Parameters
    ----------
    sample
        The cases that were scored.
    columns
        Shape (draws,) for each column of the sample.

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
    answerable = sample.answerable
    if not answerable.any():
        return np.vstack([np.full(each.shape[1], np.nan), each])
    return np.vstack([each[answerable].mean(axis=0), each])
