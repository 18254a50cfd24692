"""Shares in which every patient counts once, however many cases it has."""

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Integers
from radpipe.evaluation.quantiles import student
from radpipe.evaluation.rows import Row
from radpipe.evaluation.shares import wilson


def patient_share(
    hit: NDArray[np.bool_], of: NDArray[np.bool_], owner: Integers, confidence: float
) -> Row:
    """Return the mean over patients of the share of their cases that are hit.

    Parameters
    ----------
    hit, of
        Shape (cases,): those that are counted, and those of which.
    owner
        Shape (cases,): number of each case's patient.
    confidence
        Coverage of the interval.

    Returns
    -------
    Row
        With Wilson's interval (J Am Stat Assoc 1927;22:209) for as many independent cases as would
        vary as the mean over patients does, at least one a patient: shares of several cases vary
        less than a case. Few patients tell little of how much less (Korn & Graubard, Survey
        Methodology 1998;24:193).

    """
    n_patients = int(owner.max(initial=-1)) + 1
    cases = np.bincount(owner[of], minlength=n_patients)
    hits = np.bincount(owner[of & hit], minlength=n_patients)
    n = int((cases > 0).sum())
    if not n:
        return Row(np.nan, np.nan, np.nan, np.zeros(n_patients), "no such case")
    share = hits[cases > 0] / cases[cases > 0]
    value, worth = float(share.mean()), float(n)
    influence = np.zeros(n_patients)
    influence[cases > 0] = (share - value) / n
    spread = float(share.var(ddof=1)) if n > 1 else 0.0
    if spread > 0 and 0 < value < 1:
        unsure = (
            student((1 + confidence) / 2, int(of.sum()) - 1 or 1)
            / student((1 + confidence) / 2, n - 1)
        ) ** 2
        worth = max(worth, min(n * value * (1 - value) / spread * unsure, float(of.sum())))
    low, high = wilson(value, worth, confidence=confidence)
    return Row(value, low, high, influence)
