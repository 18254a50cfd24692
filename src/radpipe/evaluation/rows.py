"""Estimates in closed form: a number, its interval, and how much each patient moves it.

Near 0 and 1, and with few patients, draws of patients vary less than new patients would; at 0 and 1
they do not vary at all. Shares and areas therefore have intervals whose width is that of the
candidate for the true value, not of the estimate (Wilson's idea), and differences are put together
from the intervals of both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radpipe.evaluation.draws import Floats

# With fewer patients of either answer an area or a kappa has no interval: its coverage falls below
# 93 % (benchmarks/coverage.py).
FEWEST_PATIENTS = 5


@dataclass(frozen=True)
class Row:
    """One estimate.

    Attributes
    ----------
    value, low, high
        Estimate and interval, NaN where there is none.
    influence
        Shape (patients,): how much each patient moves the estimate; the sum of squares is its
        variance.
    why
        Why there is no interval; empty if there is one.

    """

    value: float
    low: float
    high: float
    influence: Floats
    why: str = ""

    @property
    def arms(self) -> tuple[float, float]:
        """How far the interval reaches below and above the value."""
        return self.value - self.low, self.high - self.value

    def without_interval(self, why: str) -> "Row":
        """Return the value alone, for a reason."""
        return Row(self.value, np.nan, np.nan, self.influence, why)


def difference_of(first: Row, second: Row, *, paired: bool) -> Row:
    """Return first minus second.

    Each arm is put together from the arms of both sides, which are honest at 0 and 1, and from
    their correlation (Zou & Donner, Stat Med 2008;27:1693; of paired ones Zou, Psychol Methods
    2007;12:399).

    Parameters
    ----------
    first, second
        Estimates.
    paired
        They are about the same patients; else of samples that are independent.

    """
    r = 0.0
    if paired:
        # That every patient so far moves both alike is no certainty: one more might not.
        most = 1 - 1 / max(1, len(first.influence))
        r = min(correlation(first.influence, second.influence), most)
    (down, up), (their_down, their_up) = first.arms, second.arms
    value = first.value - second.value
    # NumPy's maximum, because Python's takes a missing arm, NaN, for 0.
    low = value - np.sqrt(np.maximum(0.0, down**2 + their_up**2 - 2 * r * down * their_up))
    high = value + np.sqrt(np.maximum(0.0, up**2 + their_down**2 - 2 * r * up * their_down))
    influence = first.influence - second.influence if paired else np.zeros(0)
    return Row(value, float(low), float(high), influence, first.why or second.why)


def mean_of(rows: Sequence[Row], presumed: Floats | None = None) -> Row:
    """Return the mean of several estimates in 0..1 about the same patients.

    The arms are put together as those of a difference.

    Parameters
    ----------
    rows
        The estimates.
    presumed
        Shape (rows, rows): correlation of two of which one does not move, so that nothing tells
        it; 0 each if left out.

    """
    n, influences = len(rows), np.array([row.influence for row in rows])
    product = influences @ influences.T
    spread = np.sqrt(np.diag(product))
    scale = np.outer(spread, spread)
    unseen = np.zeros_like(product) if presumed is None else presumed.copy()
    related = np.divide(product, scale, out=unseen, where=scale > 0)
    np.fill_diagonal(related, 1.0)
    value = float(np.mean([row.value for row in rows]))
    down, up = (np.array(arms) for arms in zip(*(row.arms for row in rows), strict=True))
    low = value - np.sqrt(np.maximum(0.0, down @ related @ down)) / n
    high = value + np.sqrt(np.maximum(0.0, up @ related @ up)) / n
    low, high = np.clip([low, high], 0.0, 1.0)
    why = next((row.why for row in rows if row.why), "")
    return Row(value, float(low), float(high), influences.mean(axis=0), why)


def correlation(first: Floats, second: Floats) -> float:
    """Return how two estimates about the same patients are related; 0 if one never moves."""
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float(first @ second) / scale if scale > 0 else 0.0
