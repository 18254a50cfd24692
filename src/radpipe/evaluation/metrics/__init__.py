"""Metrics: a function and its card each, computed for many weightings of the cases at once.

A metric is called as `metric(sample, weights)`. `weights` has the shape (cases, draws) and
says how often each case counts in each draw: ones for the plain value, multiplicities for
bootstrap draws, zeros for what a jackknife or subgroup leaves out. A metric returns the
shape (1, draws), or (1 + columns, draws): its value in row 0, then one per class.

Undefined (no positives, nothing decided, probabilities that separate the classes) is NaN,
never 0. Over classes of which a case has exactly one, a mean needs all of them; over labels
it is taken over those that these cases can answer, so a label without positives drops out.

Every module in this folder is imported here and files what it holds: a new file is enough.
"""

from importlib import import_module
from pkgutil import iter_modules

from radpipe.evaluation.metrics.base import METRICS, Metric, cards, names_for, values

__all__ = ["METRICS", "Metric", "cards", "file_all", "names_for", "values"]


def file_all() -> None:
    """Import every module of this folder, by name, which files the metrics in it."""
    for name in sorted(found.name for found in iter_modules(__path__)):
        import_module(f"{__name__}.{name}")


file_all()
