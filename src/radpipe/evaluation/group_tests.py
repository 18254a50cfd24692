"""Whether decisions and calibration are another for some patients: each subgroup against the rest.

A difference of a measure between a group and all others is an interaction of group and model. Many
are looked at, so their tests are corrected together.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Floats, Integers
from radpipe.evaluation.metrics.base import counted
from radpipe.evaluation.paired import holm, normal_p
from radpipe.evaluation.quantiles import normal_of, student
from radpipe.evaluation.rows import Row, difference_of, mean_of
from radpipe.evaluation.sample import Sample
from radpipe.evaluation.shares import effective, wilson
from radpipe.evaluation.subgroups import subgroups

Mask = NDArray[np.bool_]
# Fewer patients, of those whom a measure is about, on either side are not compared: the variance is
# then unsteady and finds differences that are not there (benchmarks/coverage.py).
FEWEST = 20
# Intersections of two covariates: of so many groups each at most, with so many cases at least.
MOST_GROUPS, FEWEST_CASES = 4, 50


@dataclass(frozen=True)
class Group:
    """Cases that share a covariate's value, or the values of two.

    Attributes
    ----------
    covariate, value
        Names; of an intersection both, joined by " and ".
    inside
        Shape (cases,).
    halves
        There is one other group only, so that both have the same test.

    """

    covariate: str
    value: str
    inside: Mask
    halves: bool


def groups_of(covariates: Mapping[str, NDArray[np.generic]]) -> Iterator[Group]:
    """Yield the groups of each covariate, then intersections of two with cases enough."""
    found = {name: subgroups(values) for name, values in covariates.items()}
    for name, groups in found.items():
        for value, inside in groups:
            yield Group(name, value, inside, len(groups) == 2)
    few = {name: groups for name, groups in found.items() if 1 < len(groups) <= MOST_GROUPS}
    for (one, first), (other, second) in itertools.combinations(few.items(), 2):
        for (a, mask_a), (b, mask_b) in itertools.product(first, second):
            inside = mask_a & mask_b
            if inside.sum() >= FEWEST_CASES:
                yield Group(f"{one} and {other}", f"{a} and {b}", inside, halves=False)


def compare_groups(
    sample: Sample,
    owner: Integers,
    covariates: Mapping[str, NDArray[np.generic]],
    confidence: float,
) -> list[dict[str, Any]]:
    """Compare each subgroup with the rest.

    Parameters
    ----------
    sample, owner
        Cases of a part, and each one's patient, (cases,).
    covariates
        Name to values of shape (cases,).
    confidence
        Coverage of the intervals.

    Returns
    -------
    list of dict
        `covariate`, `value`, `n_cases`, `metric` (sensitivity, specificity, and of questions
        with yes and no "observed_minus_expected": share of positives minus mean probability),
        `inside` and `difference` (group minus rest) with `value`, `low` and `high`, `p`, and
        `p_holm`, corrected over all of them; `why` says why nothing is compared. Of several
        columns the mean. p is that of the difference over its standard error, patients being
        the unit: of shares as `share_p` has it, else by Student's distribution with as many
        patients as are on the smaller side.

    """
    rows: list[dict[str, Any]] = []
    tests: dict[tuple[str, str, str], tuple[float, list[int]]] = {}
    order = np.argsort(owner, kind="stable")
    measures = [measure(name, sample.take(order), owner[order]) for name in _metrics(sample)]
    for group in groups_of(covariates):
        for each in measures:
            parts = each.sums(group.inside[order])
            inside, rest = (_row(each.share, *part, confidence) for part in parts)
            row = {
                "covariate": group.covariate,
                "value": group.value,
                "n_cases": int(group.inside.sum()),
                "metric": each.metric,
                "inside": _shown(inside),
            }
            fewest = min(_patients(of) for _, of in parts)
            if fewest < FEWEST:
                why = f"{fewest} patients, {FEWEST} are needed on both sides"
                rows.append({**row, "difference": None, "p": None, "why": why})
                continue
            change = difference_of(inside, rest, paired=True)
            p = share_p(change.value, *parts) if each.share else student_p(change, fewest - 1)
            rows.append({**row, "difference": _shown(change), "p": p, "why": ""})
            # Two halves of the cases are asked one question, not two.
            key = (each.metric, group.covariate, "" if group.halves else group.value)
            tests.setdefault(key, (p, []))[1].append(len(rows) - 1)
    corrected = holm([p for p, _ in tests.values()])
    for (_, places), p in zip(tests.values(), corrected, strict=True):
        for place in places:
            rows[place]["p_holm"] = p
    return rows


def share_p(difference: float, inside: tuple[Floats, Floats], rest: tuple[Floats, Floats]) -> float:
    """Return the two-sided p-value of a difference of shares, as a score test.

    If there is none, cases of both sides miss the share that all have together by as much, so that
    all patients tell the variance of either; a small group in which every case is a hit
    would otherwise have none (as Pearson's test of two shares, with the variance of clusters:
    Rao & Scott, Biometrics 1992;48:577). Where patients have cases on both sides, the variance is
    that of each patient's part in the difference.

    Parameters
    ----------
    difference
        Share in the group less that of the rest, the mean over columns.
    inside, rest
        Hits and cases by patient, each of shape (patients, columns).

    """
    hits, of = inside[0] + rest[0], inside[1] + rest[1]
    pooled, (n, m) = (
        hits.sum(axis=0) / of.sum(axis=0),
        (part[1].sum(axis=0) for part in (inside, rest)),
    )
    first, second = (part[0] - pooled * part[1] for part in (inside, rest))
    if ((inside[1] > 0).any(axis=1) & (rest[1] > 0).any(axis=1)).any():
        terms = first / n - second / m
    else:
        terms = (first + second) * np.sqrt((1 / n + 1 / m) / (n + m))
    patients = (of > 0).sum(axis=0)
    terms = terms * np.sqrt(patients / (patients - 1))
    return normal_p(difference, float((terms.mean(axis=1) ** 2).sum()))


def student_p(change: Row, freedom: int) -> float:
    """Return the two-sided p-value of a difference over its standard error; NaN where that is 0."""
    variance = float((change.influence**2).sum())
    p = normal_p(change.value, variance)
    if not 0 < p < 1:
        return p
    return math.erfc(abs(normal_of(change.value / math.sqrt(variance), freedom)) / math.sqrt(2))


def _metrics(sample: Sample) -> tuple[str, ...]:
    decided = ("sensitivity", "specificity")
    return decided if sample.exclusive else (*decided, "observed_minus_expected")


@dataclass(frozen=True)
class Measure:
    """What is averaged, of cases in the order of their patients.

    Attributes
    ----------
    metric, share
        Its name, and whether it is a share of cases.
    terms, of
        Shape (cases, columns): what is added up, 0 elsewhere, and 1 for cases of which.
    owner
        Shape (cases,): number of each case's patient, rising.

    """

    metric: str
    share: bool
    terms: Floats
    of: Floats
    owner: Integers

    def sums(self, inside: Mask) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Return terms and cases by patient, (patients, columns), in a group and in the rest."""
        rows = np.flatnonzero(inside)
        mine = [self._by_patient(each, rows) for each in (self.terms, self.of)]
        rest = [whole - part for whole, part in zip(self.total, mine, strict=True)]
        return (mine[0], mine[1]), (rest[0], rest[1])

    @cached_property
    def total(self) -> tuple[Floats, Floats]:
        """The same of all cases."""
        every = np.arange(len(self.owner))
        return self._by_patient(self.terms, every), self._by_patient(self.of, every)

    def _by_patient(self, values: Floats, rows: Integers) -> Floats:
        out = np.zeros((int(self.owner.max(initial=-1)) + 1, values.shape[1]))
        if len(rows):
            owner = self.owner[rows]
            starts = np.flatnonzero(np.diff(owner, prepend=-1))
            out[owner[starts]] = np.add.reduceat(values[rows], starts, axis=0)
        return out


def measure(metric: str, sample: Sample, owner: Integers) -> Measure:
    """Return what a metric averages, of cases in the order of their patients."""
    columns = np.flatnonzero(counted(sample))
    yes, no = sample.positive[:, columns], sample.negative[:, columns]
    flags, chances = sample.flags[:, columns], sample.probabilities[:, columns]
    if metric == "observed_minus_expected":
        of, terms = yes | no, yes - chances
    elif metric == "sensitivity":
        of, terms = yes, flags.astype(np.float64)
    else:
        of, terms = no, (~flags).astype(np.float64)
    share = metric != "observed_minus_expected"
    return Measure(metric, share, np.where(of, terms, 0.0), of.astype(np.float64), owner)


def _patients(of: Floats) -> int:
    """Return the smallest number of patients of a column, from cases, (patients, columns)."""
    return min((of > 0).sum(axis=0).tolist(), default=0)


def _row(share: bool, terms: Floats, of: Floats, confidence: float) -> Row:
    """Return the mean over columns, from sums by patient; shares have Wilson's interval."""
    n, patients = of.sum(axis=0), (of > 0).sum(axis=0)
    if not len(n) or patients.min() < 2:
        return Row(np.nan, np.nan, np.nan, np.zeros(len(of)), "no such case")
    values = terms.sum(axis=0) / n
    raw = (terms - values * of) / n
    grown = raw * np.sqrt(patients / (patients - 1))
    if not share:
        influence = np.asarray(grown.mean(axis=1))
        half = student((1 + confidence) / 2, int(patients.min()) - 1) * float(
            np.sqrt((influence**2).sum())
        )
        value = float(values.mean())
        return Row(value, value - half, value + half, influence)
    rows = []
    for column, value in enumerate(values.tolist()):
        cases = effective(value, raw[:, column], of[:, column], confidence=confidence)
        rows.append(Row(value, *wilson(value, cases, confidence=confidence), grown[:, column]))
    return rows[0] if len(rows) == 1 else mean_of(rows)


def _shown(row: Row) -> dict[str, float]:
    return {"value": row.value, "low": row.low, "high": row.high}
