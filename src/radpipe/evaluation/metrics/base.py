"""The registry of metrics, and the sums that they share."""

from collections.abc import Callable
from functools import wraps
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from radpipe.core.registry import Registry
from radpipe.core.settings import Target
from radpipe.evaluation.sample import Floats, Sample

Metric: TypeAlias = Callable[[Sample, Floats], Floats]
METRICS: Registry[Metric] = Registry("metric")
_OF_GRADES: set[str] = set()


def values(metric: Metric, sample: Sample) -> Floats:
    """Return a metric with every case counted once, shape (1,) or (1 + columns,)."""
    return np.asarray(metric(sample, np.ones((len(sample.truth), 1)))[:, 0])


def of_grades(name: str) -> Callable[[Metric], Metric]:
    """Return a decorator that files a metric which has a meaning for ordinal targets alone.

    Of other targets it is NaN, and `names_for` leaves it out.
    """

    def file(metric: Metric) -> Metric:
        @wraps(metric)
        def guarded(sample: Sample, weights: Floats) -> Floats:
            if not sample.ordinal:
                return np.full((1, weights.shape[1]), np.nan)
            return metric(sample, weights)

        _OF_GRADES.add(name)
        return METRICS.register(name)(guarded)

    return file


def names_for(target: Target) -> list[str]:
    """Name the metrics that have a meaning for a target, sorted."""
    return [name for name in METRICS if target.kind == "ordinal" or name not in _OF_GRADES]


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
    """Divide; by 0 it is NaN."""
    out = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def with_mean(sample: Sample, columns: list[Floats]) -> Floats:
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
