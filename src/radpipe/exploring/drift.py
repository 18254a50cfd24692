"""How much tune and test differ from train: standardised differences, and grey values.

A standardised difference is a distance in standard deviations, which does not grow with the number
of cases as a test statistic does. From 0.1 on it is usually called a difference (Austin,
Communications in Statistics 2009;38:1228, doi:10.1080/03610910902859574).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.exploring.cases import Mask, StudyCases, groups_of, is_number
from radpipe.exploring.few import told, without_few

# From here on two parts are called different.
NOTABLE = 0.1


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Something that each of n cases has, to be compared between parts.

    Attributes
    ----------
    about, name
        Its kind, such as "label", and which one.
    values
        (n,) NaN unknown; 0 or 1 for a share.
    is_share
        Whether it is told as a share of cases, and not as a mean.

    """

    about: str
    name: str
    values: NDArray[np.float64]
    is_share: bool

    @property
    def title(self) -> str:
        """What it is called in tables and pictures, such as "age" or "sex: Female"."""
        about, name = self.about.replace("_", " "), self.name.replace("_", " ")
        if self.about in ("label", "pictures"):
            return name
        if self.about == "uncertain":
            return f"{name}: uncertain"
        return f"{about}: {name}" if self.is_share else about


def difference_of_means(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Return (mean of b - mean of a) / SD, whose square is the mean of both variances.

    Parameters
    ----------
    a, b
        Known values of two parts, any number of each.

    Returns
    -------
    float or None
        None without two values in each, or if neither varies although they differ.

    """
    if min(len(a), len(b)) < 2:
        return None
    return _standardised(b.mean() - a.mean(), (a.var(ddof=1) + b.var(ddof=1)) / 2)


def difference_of_shares(a: float, b: float) -> float | None:
    """Return (b - a) / SD of two shares, as for means; None if neither varies and they differ."""
    return _standardised(b - a, (a * (1 - a) + b * (1 - b)) / 2)


def _standardised(gap: float, variance: float) -> float | None:
    if gap == 0:
        return 0.0
    return float(gap / np.sqrt(variance)) if variance > 0 else None


def compare_parts(cases: StudyCases, measured: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Compare tune and test with train: answers, covariates, and what was measured of pictures.

    Parameters
    ----------
    cases
        Of one study.
    measured
        Name to (n,) a number of each case's pictures, such as their mean grey.

    Returns
    -------
    dict
        JSON: `parts` with their numbers of cases, and `rows`: `about`, `name`, `title`, `is_share`,
        `values` (part to mean or share, null for few patients), `sd` of means, and `differences`
        (tune and test from train). Of test, shares of answers are those of split.json.

    """
    parts, patient = cases.parts, cases.patient
    rows = [_row(quantity, parts, patient) for quantity in quantities(cases, measured)]
    return {"parts": {name: int(mask.sum()) for name, mask in parts.items()}, "rows": rows}


def quantities(
    cases: StudyCases, measured: Mapping[str, NDArray[np.float64]]
) -> Iterator[Quantity]:
    """Yield what can be compared; see `compare_parts` for the parameters."""
    for k, name in enumerate(cases.answers):
        yield Quantity(about="label", name=name, values=cases.present[:, k], is_share=True)
    if cases.uncertain is not None and cases.target.kind == "multi-label":
        for k, name in enumerate(cases.answers):
            doubts = cases.uncertain[:, k].astype(float)
            yield Quantity(about="uncertain", name=name, values=doubts, is_share=True)
    for name, values in cases.covariates.items():
        yield from _of_covariate(name, values, cases)
    for name, numbers in measured.items():
        yield Quantity(about="pictures", name=name, values=numbers, is_share=False)


def _of_covariate(name: str, values: NDArray[np.generic], cases: StudyCases) -> Iterator[Quantity]:
    groups = groups_of(values)
    if is_number(values) and not groups:
        yield Quantity(about=name, name="mean", values=values.astype(float), is_share=False)
    known = np.any(list(groups.values()), axis=0)
    told_groups = list(without_few(groups, cases).items())
    # Of two values one says it all.
    for value, mask in told_groups[1:] if len(told_groups) == 2 else told_groups:
        shares = np.where(known, mask, np.nan)
        yield Quantity(about=name, name=value, values=shares, is_share=True)


def _row(
    quantity: Quantity, parts: Mapping[str, Mask], patient: NDArray[np.int64]
) -> dict[str, Any]:
    known = np.isfinite(quantity.values)
    found = {name: quantity.values[mask & known] for name, mask in parts.items()}
    hidden = {name for name, mask in parts.items() if _few(quantity, mask & known, patient)}
    shown = {name: v for name, v in found.items() if len(v) and name not in hidden}
    return {
        "about": quantity.about,
        "name": quantity.name,
        "title": quantity.title,
        "is_share": quantity.is_share,
        "values": {name: _rounded(v.mean()) for name, v in shown.items()},
        "sd": {} if quantity.is_share else {n: _rounded(v.std()) for n, v in shown.items()},
        "differences": {
            name: _difference(shown.get("train"), shown.get(name), quantity.is_share)
            for name in parts
            if name != "train"
        },
    }


def _few(quantity: Quantity, here: Mask, patient: NDArray[np.int64]) -> bool:
    """Whether a mean would be that of one to four patients; shares were seen to before."""
    return not quantity.is_share and told(here, patient) is None


def _difference(
    a: NDArray[np.float64] | None, b: NDArray[np.float64] | None, is_share: bool
) -> float | None:
    if a is None or b is None:
        return None
    found = difference_of_shares(a.mean(), b.mean()) if is_share else difference_of_means(a, b)
    return None if found is None else _rounded(found)


def _rounded(value: Any) -> float:
    return round(float(value), 6)
