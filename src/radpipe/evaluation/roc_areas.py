"""Areas under the ROC curve with intervals in closed form, patients being the unit.

The interval holds every area from which the one that was seen is not too far, by the variance that
this candidate would have: Newcombe's method 5, whose variance as a function of the area is that of
Hanley & McNeil (Radiology 1982;143:29), scaled to the variance that the scores themselves tell,
clustered DeLong (Obuchowski, Biometrics 1997;53:567). With few patients of an answer the latter is
unsteady and too small near 1, so that it is drawn towards the former. That is made for independent
cases, so that the cases of patients with several count as fewer.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from radpipe.evaluation.draws import Floats, Integers
from radpipe.evaluation.paired import placements, terms_of
from radpipe.evaluation.rows import FEWEST_PATIENTS, Row

# Patients of the rarer answer at which both variances count alike (benchmarks/coverage.py).
PRIOR_PATIENTS = 10
# Patients with a case between others at which what is seen of the design effect counts as much as
# the presumption that a patient's cases are entirely alike.
TELLING_PATIENTS = 2


@dataclass(frozen=True)
class Area:
    """The area of one question.

    Attributes
    ----------
    value
        NaN with one answer only.
    influence
        Shape (patients,): how much each patient moves it; the sum of squares is its variance.
    steady
        The variance that its interval is made with, at least of the order of the former.
    worth
        Numbers of independent positives and negatives that would tell as much.
    patients
        Numbers of patients with a positive and with a negative case.
    constant
        Every case has the same score: the area is 1/2, whoever is drawn.

    """

    value: float
    influence: Floats
    steady: float
    worth: tuple[float, float]
    patients: tuple[int, int]
    constant: bool

    @classmethod
    def of(
        cls, truth: Floats, scores: Floats, owner: Integers, n_patients: int, confidence: float
    ) -> "Area":
        """Look at cases: truth 1, 0 or NaN, scores, and numbers of patients, (cases,) each."""
        known = np.flatnonzero(~np.isnan(truth))
        truth, scores, owner = truth[known], scores[known], owner[known]
        value, placed = placements(truth, scores)
        positive = truth == 1
        m, n = int(positive.sum()), int((~positive).sum())
        patients = (len(np.unique(owner[positive])), len(np.unique(owner[~positive])))
        influence = np.zeros(n_patients)
        if m and n:
            terms = terms_of(truth, placed, value)
            some = int((np.bincount(owner) > 0).sum())
            influence = np.bincount(owner, terms, n_patients) * np.sqrt(some / max(1, some - 1))
        variance = float((influence**2).sum())
        constant = bool(len(scores) and (scores == scores[0]).all())
        worth = (np.nan, np.nan)
        if m and n:
            worth = (
                worth_of(value, placed[positive], owner[positive]),
                worth_of(value, placed[~positive], owner[~positive]),
            )
        if constant:
            steady = 0.0
        elif 0 < value < 1:
            steady = (
                min(patients) * variance
                + PRIOR_PATIENTS * max(variance, hanley_mcneil(value, *worth))
            ) / (min(patients) + PRIOR_PATIENTS)
        elif m and n:
            low, high = score_interval(value, None, *worth, confidence=confidence)
            steady = ((high - low) / _z(confidence)) ** 2
        else:
            steady = np.nan
        return cls(value, influence, steady, worth, patients, constant)

    def row(self, confidence: float) -> Row:
        """Return the area with its interval, if there are patients enough."""
        row = Row(self.value, np.nan, np.nan, self.influence)
        if np.isnan(self.value):
            return row.without_interval("one answer only")
        if min(self.patients) < FEWEST_PATIENTS:
            return row.without_interval(few_patients(min(self.patients)))
        if self.constant:
            return row.without_interval("every case has the same score")
        seen = self.steady if 0 < self.value < 1 else None
        low, high = score_interval(self.value, seen, *self.worth, confidence=confidence)
        return Row(self.value, low, high, self.influence)


def rows_of(areas: Sequence[Area], counted: Sequence[bool], confidence: float) -> list[Row]:
    """Return the rows of a metric made of areas: their mean over columns first, if several.

    The mean has an interval if at least half of its areas have one. Every area adds to its
    variance what its steady variance exceeds its own by.
    """
    rows = [area.row(confidence) for area in areas]
    if len(rows) == 1:
        return rows
    wanted = [area for area, counts in zip(areas, counted, strict=True) if counts]
    if not wanted or any(np.isnan(area.value) for area in wanted):
        nothing = np.zeros_like(areas[0].influence)
        return [Row(np.nan, np.nan, np.nan, nothing, "a class has one answer only"), *rows]
    value = float(np.mean([area.value for area in wanted]))
    influence = np.mean([area.influence for area in wanted], axis=0)
    mean = Row(value, np.nan, np.nan, influence)
    short = [area for area in wanted if min(area.patients) < FEWEST_PATIENTS]
    if 2 * len(short) > len(wanted):
        fewest = min(min(area.patients) for area in short)
        return [mean.without_interval(few_patients(fewest)), *rows]
    if all(area.constant for area in wanted):
        return [mean.without_interval("every case has the same score"), *rows]
    if 0 < value < 1:
        added = sum(area.steady - float((area.influence**2).sum()) for area in wanted)
        steady = float((influence**2).sum()) + added / len(wanted) ** 2
        rarer = float(np.mean([min(area.worth) for area in wanted]))
        low, high = score_interval(value, steady, rarer, rarer, confidence=confidence)
    else:
        least = min(min(area.worth) for area in wanted)
        low, high = score_interval(value, None, least, least, confidence=confidence)
    return [Row(value, low, high, influence), *rows]


def worth_of(area: float, placed: Floats, owner: Integers) -> float:
    """Return how many independent cases of one answer would tell as much.

    Their number divided by the design effect, at least 1, independent cases, and at most what
    entirely alike cases of a patient have. What is seen of it counts the less, the fewer patients
    have a case between others: near 1 next to nothing tells it, and it is taken to be the latter.

    Parameters
    ----------
    area
        As seen.
    placed, owner
        Shape (cases,): placements of the cases with the answer, and their patients.

    """
    n, per_patient = len(placed), np.bincount(owner)
    alike = float((per_patient**2).sum()) / n
    excess = placed - area
    alone, design = float((excess**2).sum()), 1.0
    if alone > 0:
        together = float((np.bincount(owner, excess) ** 2).sum())
        design = min(max(together / alone, 1.0), alike)
    between = len(np.unique(owner[(placed > 0) & (placed < 1)]))
    return n * (between + TELLING_PATIENTS) / (between * design + TELLING_PATIENTS * alike)


def few_patients(n: int) -> str:
    """Say that there are too few patients of one answer."""
    return f"an answer of {n} patient{'s' if n != 1 else ''}, fewer than {FEWEST_PATIENTS}"


def hanley_mcneil(area: float, m: float, n: float) -> float:
    """Return the variance of an area of m positives and n negatives.

    Of negative exponential scores, with m and n in its brackets replaced by their mean (Newcombe,
    Stat Med 2006;25:559, method 5).
    """
    more = (m + n) / 2 - 1
    return area * (1 - area) / (m * n) * (1 + more * ((1 - area) / (2 - area) + area / (1 + area)))


def score_interval(
    area: float, variance: float | None, m: float, n: float, *, confidence: float
) -> tuple[float, float]:
    """Return all areas of which the one that was seen is within z standard errors.

    Parameters
    ----------
    area
        As seen, 0..1.
    variance
        Of the area as seen; the candidates' is proportional to Hanley & McNeil's. None: it is that.
    m, n
        Numbers of positives and negatives.
    confidence
        Coverage.

    """
    scale = 1.0 if variance is None else variance / hanley_mcneil(area, m, n)
    z = _z(confidence)

    def too_far(candidate: float) -> bool:
        return abs(area - candidate) > z * math.sqrt(scale * hanley_mcneil(candidate, m, n))

    return _edge(too_far, area, 0.0), _edge(too_far, area, 1.0)


def _edge(too_far: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return where `too_far` begins between an area that is not and one that may be."""
    # The end of the scale itself has no variance, so what is next to it decides.
    end = outside
    if not too_far(outside + (inside - outside) * 1e-9):
        return end
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if too_far(middle) else (middle, outside)
    return inside


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
