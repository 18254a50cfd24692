"""Whose films they are: how many a patient has, ages by decade and sex."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.exploring.cases import Mask, StudyCases, groups_of
from radpipe.exploring.few import FEWEST, patients_in, told_each, without_few

# Cases a patient: first number of each bin; the last has no end.
CASES_FROM = (1, 2, 3, 4, 5, 6, 11, 21, 51)
# Ages from here on are one group, as rules of de-identification ask (45 CFR 164.514).
OLDEST = 90
DECADE = 10
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def cases_a_patient(cases: StudyCases) -> dict[str, Any]:
    """Count how many patients have one case, two, three and so on.

    Parameters
    ----------
    cases
        Of one study.

    Returns
    -------
    dict
        JSON: `n_cases`, `n_patients`, `cases` (names of bins), `patients` (counts, null for one to
        four), `median`, and `five_reach`, the number of cases that at least five patients have.

    """
    each = np.bincount(cases.patient)
    bins = np.searchsorted(CASES_FROM, each, side="right") - 1
    ranked = np.sort(each)[::-1]
    return {
        "n_cases": len(cases),
        "n_patients": len(each),
        "cases": list(_bins()),
        "patients": told_each(bins, np.arange(len(each)), len(CASES_FROM)),
        "median": float(np.median(each)),
        "five_reach": int(ranked[FEWEST - 1]) if len(ranked) >= FEWEST else None,
    }


def _bins() -> Iterable[str]:
    ends = (*(start - 1 for start in CASES_FROM[1:]), None)
    for start, end in zip(CASES_FROM, ends, strict=True):
        if end is None:
            yield f"{start} or more"
        else:
            yield str(start) if start == end else f"{start}-{end}"


def ages(cases: StudyCases) -> dict[str, Any] | None:
    """Count cases by decade of age and by sex.

    Parameters
    ----------
    cases
        Of one study.

    Returns
    -------
    dict or None
        JSON: `n_known`, `mean`, `sd` (years), `decades` (names), and `sexes`, each value's counts
        by decade (null where they are of one to four patients); `all` where no sex is known. None
        without ages.

    """
    age = cases.age
    if age is None or not np.isfinite(age).any():
        return None
    known = np.isfinite(age)
    decade = np.full(len(cases), -1)
    decade[known] = np.clip(age[known], 0, OLDEST) // DECADE
    names = [*(f"{start}-{start + 9}" for start in range(0, OLDEST, DECADE)), f"{OLDEST} or older"]
    return {
        "n_known": int(known.sum()),
        "mean": round(float(age[known].mean()), 2),
        "sd": round(float(age[known].std()), 2),
        "decades": names,
        "sexes": {
            name: told_each(np.where(mask, decade, -1), cases.patient, len(names))
            for name, mask in _by_sex(cases).items()
        },
    }


def groups(cases: StudyCases, views: Mapping[str, Mask]) -> list[dict[str, Any]]:
    """Count the cases of each view, and of each value of the covariates that have few values.

    Parameters
    ----------
    cases
        Of one study.
    views
        Which cases have each view, (n,); empty for one view alone.

    Returns
    -------
    list of dict
        JSON: `title`, such as "sex: Female", and `n`; rare values are put together.

    """
    named = {name: groups_of(values) for name, values in cases.covariates.items()}
    named = {"view": dict(views), **named} if views else named
    return [
        {"title": f"{about.replace('_', ' ')}: {value}", "n": int(mask.sum())}
        for about, masks in named.items()
        for value, mask in without_few(masks, cases).items()
    ]


def sexes(cases: StudyCases) -> dict[str, Mask]:
    """Return the cases of each sex, (n,); empty where it is not known."""
    return {} if cases.sex is None else groups_of(cases.sex)


def _by_sex(cases: StudyCases) -> dict[str, Mask]:
    return sexes(cases) or {"all": np.ones(len(cases), np.bool_)}


def age_by_answer(cases: StudyCases) -> dict[str, dict[str, list[float | None] | None]]:
    """Return quantiles of age of the cases outside test in which each label or class is present.

    Parameters
    ----------
    cases
        Of one study.

    Returns
    -------
    dict
        JSON: label to sex (or `all`) to its `QUANTILES` in years, null for too few patients, all
        or the outer ones; empty without ages.

    """
    age = cases.age
    if age is None:
        return {}
    by_sex = _by_sex(cases)
    usable = cases.outside_test & np.isfinite(age)
    return {
        name: {
            sex: _quantiles(usable & mask & (cases.present[:, k] == 1), age, cases.patient)
            for sex, mask in by_sex.items()
        }
        for k, name in enumerate(cases.answers)
    }


def _quantiles(
    mask: Mask, age: NDArray[np.float64], patient: NDArray[np.int64]
) -> list[float | None] | None:
    """Return quantiles of age; none of them with fewer than five patients on either side."""
    n = patients_in(mask, patient)
    usable = [n * min(q, 1 - q) >= FEWEST for q in QUANTILES]
    if not all(usable[1:-1]):
        return None
    found = np.quantile(age[mask], QUANTILES)
    return [round(float(v), 1) if ok else None for v, ok in zip(found, usable, strict=True)]
