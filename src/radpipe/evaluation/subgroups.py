"""Subgroups: the cases that share a covariate's value."""

import itertools

import numpy as np
from numpy.typing import NDArray

# Texts with more values than this name places or devices rather than groups.
MOST_VALUES = 8


def subgroups(values: NDArray[np.generic]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Divide cases by a covariate.

    Parameters
    ----------
    values
        Shape (cases,): texts with None, or numbers with NaN, where unknown.

    Returns
    -------
    list of (value, mask of shape (cases,))
        One per distinct value if there are at most `MOST_VALUES`; for numbers with more,
        the quarters between their quartiles, named as intervals; for texts with more,
        none. Cases without a value come last, as "unknown".

    """
    number = np.issubdtype(values.dtype, np.number)
    unknown = (
        np.isnan(values.astype(np.float64))
        if number
        else np.array([value is None for value in values])
    )
    distinct = sorted(set(values[~unknown].tolist()))
    if number and len(distinct) > MOST_VALUES:
        groups = _quarters(values.astype(np.float64), unknown)
    elif len(distinct) > MOST_VALUES or not distinct:
        return []
    else:
        named = (f"{value:g}" if number else str(value) for value in distinct)
        groups = [(name, values == value) for name, value in zip(named, distinct, strict=True)]
    return [*groups, ("unknown", unknown)] if unknown.any() else groups


def _quarters(
    values: NDArray[np.float64], unknown: NDArray[np.bool_]
) -> list[tuple[str, NDArray[np.bool_]]]:
    # Ties can make two quartiles equal; their empty quarter is left out.
    edges = np.unique(np.quantile(values[~unknown], [0, 0.25, 0.5, 0.75, 1]))
    groups = []
    for left, right in itertools.pairwise(edges):
        last = right == edges[-1]
        below = values <= right if last else values < right
        name = f"[{left:g}, {right:g}{']' if last else ')'}"
        groups.append((name, ~unknown & (values >= left) & below))
    return groups
