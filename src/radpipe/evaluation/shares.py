"""Shares of cases with intervals that stay honest at 0 and 1, patients being the unit.

Wilson's score interval with the effective number of cases: the number of independent cases that
would tell as much as these of patients with several. Few patients tell little of how alike a
patient's cases are, which makes it smaller. Where every case is on one side, nothing tells it, and
they are taken as entirely alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Floats, Integers
from radpipe.evaluation.quantiles import student
from radpipe.evaluation.rows import Row, mean_of


@dataclass(frozen=True)
class Share:
    """Cases of which a share is wanted.

    Attributes
    ----------
    hit, of
        Shape (cases,): those that are counted, and those of which.

    """

    hit: NDArray[np.bool_]
    of: NDArray[np.bool_]

    def row(self, owner: Integers, n_patients: int, confidence: float) -> Row:
        """Return the share with its interval; `owner` is each case's patient, shape (cases,)."""
        n = int(self.of.sum())
        if not n:
            return Row(np.nan, np.nan, np.nan, np.zeros(n_patients), "no such case")
        value = float((self.hit & self.of).sum()) / n
        excess = np.where(self.of, (self.hit - value) / n, 0.0)
        influence = np.bincount(owner, excess, n_patients).astype(np.float64)
        per_patient = np.bincount(owner, self.of, n_patients).astype(np.float64)
        cases = effective(value, influence, per_patient, confidence=confidence)
        low, high = wilson(value, cases, confidence=confidence)
        patients = int((per_patient > 0).sum())
        grown = float(np.sqrt(patients / (patients - 1))) if patients > 1 else 1.0
        return Row(value, low, high, influence * grown)


def effective(value: float, influence: Floats, per_patient: Floats, *, confidence: float) -> float:
    """Return the effective number of cases behind a share.

    Parameters
    ----------
    value
        The share.
    influence
        Shape (patients,): how much each moves it.
    per_patient
        Shape (patients,): number of cases that the share is of.
    confidence
        Coverage of the interval.

    Returns
    -------
    float
        The number of cases divided by the design effect, which is at least 1, independent cases,
        times the squared ratio of Student's quantiles of cases and of patients, because few
        patients tell little of the design effect (Korn & Graubard, Survey Methodology
        1998;24:193). It is at least what entirely alike cases of a patient are worth, of which
        nothing has to be estimated; 0, 1 and a single patient tell nothing, so that it is this
        (the limits are ours).

    """
    n, patients = float(per_patient.sum()), int((per_patient > 0).sum())
    least = n**2 / float((per_patient**2).sum())
    if value in (0, 1) or patients < 2:
        return least
    variance = float((influence**2).sum()) * patients / (patients - 1)
    design = max(variance / (value * (1 - value) / n), 1.0)
    end = (1 + confidence) / 2
    unsure = (student(end, round(n) - 1) / student(end, patients - 1)) ** 2
    return max(n / design * unsure, least)


def wilson(share: float, n: float, *, confidence: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share of n (J Am Stat Assoc 1927;22:209)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At 0 and 1 one end is the share itself, which rounding must not move.
    low = 0.0 if share == 0 else max(0.0, centre - float(half))
    return low, 1.0 if share == 1 else min(1.0, centre + float(half))


def rows_of(
    columns: Sequence[Sequence[Share]],
    counted: NDArray[np.bool_],
    owner: Integers,
    confidence: float,
    *,
    curve: Callable[[float], float] | None = None,
    slope: Callable[[float], float] | None = None,
) -> list[Row]:
    """Return the rows of a metric made of shares: their mean over columns first, if several.

    Parameters
    ----------
    columns
        Of each column the shares whose mean it is.
    counted
        Shape (columns,): which of them the mean is over.
    owner
        Shape (cases,): number of each case's patient.
    confidence
        Coverage.
    curve, slope
        A rising function that a column's share is passed through, and its derivative.

    """
    n_patients = int(owner.max(initial=-1)) + 1
    rows = []
    for shares in columns:
        each = [share.row(owner, n_patients, confidence) for share in shares]
        row = mean_of(each, overlap([share.of for share in shares]))
        if curve is not None and slope is not None:
            value, low, high = (curve(end) for end in (row.value, row.low, row.high))
            row = Row(value, low, high, row.influence * slope(row.value), row.why)
        rows.append(row)
    if len(rows) == 1:
        return rows
    wanted = [row for row, counts in zip(rows, counted, strict=True) if counts]
    nothing = Row(np.nan, np.nan, np.nan, np.zeros(n_patients), "no column has both answers")
    asked = [
        np.logical_or.reduce([share.of for share in shares])
        for shares, counts in zip(columns, counted, strict=True)
        if counts
    ]
    return [mean_of(wanted, overlap(asked)) if wanted else nothing, *rows]


def overlap(asked: Sequence[NDArray[np.bool_]]) -> Floats:
    """Return to what part shares are of the same cases: 1 all, as of labels, 0 none, as of classes.

    From masks of shape (cases,) to the cosine of each pair, shape (masks, masks). Where nothing
    tells how two shares are related, they are taken to be as far as this.
    """
    if not asked:
        return np.zeros((0, 0))
    masks = np.array(asked, dtype=np.float64)
    sizes = np.sqrt(masks.sum(axis=1))
    scale = np.outer(sizes, sizes)
    return np.divide(masks @ masks.T, scale, out=np.zeros_like(scale), where=scale > 0)
