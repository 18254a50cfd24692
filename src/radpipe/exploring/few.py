"""Counts that may be told: a group of fewer than five patients is not."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from radpipe.exploring.cases import Mask, StudyCases

# Groups of fewer patients are told as "fewer than five", as offices of statistics do: whoever
# knows one of them could otherwise find them in the table.
FEWEST = 5


def patients_in(mask: NDArray[np.bool_], patient: NDArray[np.int64]) -> int:
    """Count the patients of some cases; `mask` and `patient` are of shape (cases,)."""
    return len(np.unique(patient[mask]))


def told(mask: NDArray[np.bool_], patient: NDArray[np.int64]) -> int | None:
    """Count cases, or return None if they are of one to four patients.

    Parameters
    ----------
    mask
        (cases,) which ones.
    patient
        (cases,) whose they are.

    """
    n = int(mask.sum())
    return n if n == 0 or patients_in(mask, patient) >= FEWEST else None


def told_each(
    group: NDArray[np.int64], patient: NDArray[np.int64], n_groups: int
) -> list[int | None]:
    """Count the cases of each group, None for those of one to four patients.

    Where that is one group alone, the smallest other one is hidden with it, because the first would
    follow from the sum.

    Parameters
    ----------
    group
        (cases,) number of the group, below `n_groups`; negative: in none.
    patient
        (cases,) numbers of patients.
    n_groups
        How many there are.

    """
    group, patient = group[group >= 0], patient[group >= 0]
    n_cases = np.bincount(group, minlength=n_groups)
    # A patient counts once in a group, however many cases of it are there.
    base = int(patient.max(initial=0)) + 1
    pairs = np.unique(group * base + patient)
    n_patients = np.bincount(pairs // base, minlength=n_groups)
    hidden = (n_patients > 0) & (n_patients < FEWEST)
    if hidden.sum() == 1 and (rest := (n_cases > 0) & ~hidden).any():
        hidden[np.where(rest, n_cases, n_cases.max() + 1).argmin()] = True
    return [None if hide else int(n) for n, hide in zip(n_cases, hidden, strict=True)]


def without_few(groups: Mapping[str, Mask], cases: StudyCases) -> dict[str, Mask]:
    """Put groups together until none is of one to four patients in some part.

    Parameters
    ----------
    groups
        Value to (n,) mask.
    cases
        Say of which patient and part each is.

    Returns
    -------
    dict
        The groups, small ones as "other"; empty if only that is left.

    """
    few = {name for name, mask in groups.items() if _is_few(mask, cases)}
    if not few:
        return dict(groups)
    # From the smallest on, because they tell the least.
    large = sorted(set(groups) - few, key=lambda name: -int(groups[name].sum()))
    other = np.any([groups[name] for name in few], axis=0)
    while large and _is_few(other, cases):
        other = other | groups[large.pop()]
    kept = {name: mask for name, mask in groups.items() if name in large}
    return {**kept, "other": other} if kept else {}


def _is_few(mask: Mask, cases: StudyCases) -> bool:
    return any(told(mask & part, cases.patient) is None for part in cases.parts.values())
