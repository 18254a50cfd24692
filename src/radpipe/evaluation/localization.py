"""Means over cases of what was measured of each, such as whether a map points into the finding.

Patients are the unit: they are drawn with all their cases, and swapped with all their cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Evaluation
from radpipe.evaluation.draws import Draws, Floats, Integers, draw_patients, leave_out, owners
from radpipe.evaluation.intervals import Estimate, difference
from radpipe.evaluation.metrics.base import ratio
from radpipe.evaluation.permutation import Swaps, swap_ps, swaps_for
from radpipe.evaluation.shares import Share


@dataclass(frozen=True)
class Contrast:
    """First minus second of two means over the same cases.

    Attributes
    ----------
    value, low, high
        With its interval, NaN where there is none.
    p
        Two-sided, of swapping both sides patient by patient; not corrected.
    why
        Why there is no interval; empty if there is one.

    """

    value: float
    low: float
    high: float
    p: float
    why: str


def means_of(
    values: Floats, patient: NDArray[np.object_], how: Evaluation, *, drawn: bool = False
) -> list[Estimate]:
    """Return the means of several measures of the same cases.

    Parameters
    ----------
    values
        Shape (measures, cases), without NaN.
    patient
        Shape (cases,): names.
    how
        Draws, coverage and seed of intervals.
    drawn
        All intervals come from draws; else those of measures that are 0 or 1 for every case are
        Wilson's (`shares`), which stay honest at 0 and 1.

    """
    owner, n_cases = owners(patient), values.shape[1]
    n_patients = int(owner.max(initial=-1)) + 1
    draws = _means(values, draw_patients(owner, how.bootstrap, np.random.default_rng(how.seed)))
    without = _means(values, leave_out(owner))
    every = np.ones(n_cases, np.bool_)
    found = []
    for row, each in enumerate(values):
        value = np.array([each.mean() if n_cases else np.nan])
        if not drawn and n_cases and np.isin(each, (0, 1)).all():
            share = Share(each == 1, every).row(owner, n_patients, how.confidence)
            found.append(Estimate(value, how.confidence, rows=[share]))
        else:
            both = (draws[row : row + 1], without[row : row + 1])
            found.append(Estimate(value, how.confidence, draws=both[0], jackknife=both[1]))
    return found


def contrast(
    first: Floats,
    second: Floats,
    patient: NDArray[np.object_],
    how: Evaluation,
    *,
    n_tests: int = 1,
) -> Contrast:
    """Compare two measures of the same cases.

    Parameters
    ----------
    first, second
        Shape (cases,), without NaN.
    patient
        Shape (cases,): names.
    how
        Draws, coverage and seed.
    n_tests
        How many tests the p-value will be corrected for: more swaps where there are many.

    """
    a, b = means_of(np.stack([first, second]), patient, how, drawn=True)
    apart = difference({"mean": a}, {"mean": b}, "mean")
    low, high, why = apart.judged()
    both, n_cases = np.concatenate([first, second]), max(1, len(first))

    def swapped(swaps: Swaps) -> Floats:
        ours, theirs = np.split(both @ swaps, 2)
        return np.asarray((ours - theirs) / n_cases)

    p = swap_ps(
        {"mean": swapped},
        owners(patient),
        n_draws=how.bootstrap,
        most=swaps_for(n_tests, n_draws=how.bootstrap, confidence=how.confidence),
        rng=np.random.default_rng(how.seed),
    )
    return Contrast(float(apart.value[0]), low, high, p["mean"], why)


def common(*cases: Sequence[str]) -> list[Integers]:
    """Return of several lists of cases where those stand that are in all, in one order."""
    shared = sorted(set(cases[0]).intersection(*cases[1:]))
    places = [{name: k for k, name in enumerate(each)} for each in cases]
    return [np.array([place[name] for name in shared], np.int64) for place in places]


def _means(values: Floats, draws: Draws) -> Floats:
    """Return the mean of each measure in each draw, shape (measures, draws)."""
    blocks = [ratio(values @ weights, weights.total) for weights in draws]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((len(values), 0))
