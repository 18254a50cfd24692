"""Several readers of the same cases (multi-reader multi-case), by Obuchowski and Rockette.

A figure of merit, such as the area under the ROC curve, is estimated for each reader in each
modality. Its errors correlate, because the cases are the same; covariances of these estimates are
taken from the cases (DeLong, or the jackknife, both by patient), and an analysis of variance adds
what readers differ by.

References
----------
Obuchowski & Rockette, Commun Stat Simul Comput 1995;24:285. Degrees of freedom: Hillis, Stat Med
2007;26:596. One modality, and a standalone system: Hillis, Stat Med 2014;33:330.

"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from radpipe.evaluation.draws import Floats, Integers

Readers = Literal["random", "fixed"]


@dataclass(frozen=True)
class Errors:
    """Mean variance and covariances of the estimates, modality by modality and over all.

    Attributes
    ----------
    var
        Of one reader in one modality.
    cov1
        Same reader, other modality.
    cov2
        Other reader, same modality.
    cov3
        Other reader, other modality.

    """

    var: float
    cov1: float
    cov2: float
    cov3: float

    @classmethod
    def of(cls, covariance: Floats) -> "Errors":
        """Average a covariance, shape (modalities, readers, modalities, readers).

        A mean over nothing, as of `cov1` with one modality, is 0.
        """
        t, r = covariance.shape[:2]
        same_t = np.eye(t, dtype=bool)[:, None, :, None]
        same_r = np.eye(r, dtype=bool)[None, :, None, :]

        def mean(chosen: NDArray[np.bool_]) -> float:
            cells = covariance[np.broadcast_to(chosen, covariance.shape)]
            return float(cells.mean()) if len(cells) else 0.0

        return cls(
            mean(same_t & same_r),
            mean(~same_t & same_r),
            mean(same_t & ~same_r),
            mean(~same_t & ~same_r),
        )


@dataclass(frozen=True)
class Mean:
    """An estimate averaged over readers, with its interval.

    Attributes
    ----------
    value, low, high
        The interval is not cut at 0 and 1.
    error
        Standard error.
    df
        Degrees of freedom of t; infinite for readers who are not a sample.
    p
        Two-sided, of the value 0.

    """

    value: float
    low: float
    high: float
    error: float
    df: float
    p: float

    @classmethod
    def of(cls, value: float, variance: float, df: float, confidence: float) -> "Mean":
        """Put an interval around a value; without a variance there is none (NaN)."""
        error = math.sqrt(variance) if variance > 0 else math.nan
        law = stats.norm if math.isinf(df) else stats.t(df)
        half = float(law.ppf((1 + confidence) / 2)) * error
        p = 2 * float(law.sf(abs(value) / error)) if error > 0 else math.nan
        return cls(value, value - half, value + half, error, df, p)


@dataclass(frozen=True)
class Equality:
    """The test that all modalities are equally good.

    Attributes
    ----------
    statistic
        F of random readers, chi-square of fixed ones.
    df1, df2
        Degrees of freedom; df2 is infinite for chi-square.
    p
        Its p-value.

    """

    statistic: float
    df1: float
    df2: float
    p: float


@dataclass(frozen=True)
class Compared:
    """Modalities compared by several readers.

    Attributes
    ----------
    equality
        Of all modalities.
    means
        Of each modality, from its own readings alone.
    differences
        (first, second) modality to first minus second.
    errors
        As they went in.

    """

    equality: Equality
    means: Sequence[Mean]
    differences: dict[tuple[int, int], Mean]
    errors: Errors


def compare_modalities(
    figures: Floats,
    covariance: Floats,
    *,
    readers: Readers = "random",
    confidence: float = 0.95,
) -> Compared:
    """Compare modalities in which the same readers have read the same cases.

    Parameters
    ----------
    figures
        Shape (modalities, readers), at least two of each; of fixed readers one is enough.
    covariance
        Of their errors, shape (modalities, readers, modalities, readers).
    readers
        "random": a sample, so that the result is about readers like these; "fixed": about these.
    confidence
        Coverage of the intervals.

    """
    t, r = figures.shape
    errors = Errors.of(covariance)
    by_modality, by_reader = figures.mean(axis=1), figures.mean(axis=0)
    ms_t = r * float(by_modality.var(ddof=1))
    if readers == "fixed":
        spread = errors.var - errors.cov1 + (r - 1) * max(errors.cov2 - errors.cov3, 0.0)
        df2 = math.inf
        statistic = (t - 1) * ms_t / spread if spread > 0 else math.nan
        p = float(stats.chi2.sf(statistic, t - 1))
    else:
        rest = figures - by_modality[:, None] - by_reader + figures.mean()
        freedom = (t - 1) * (r - 1)
        ms_tr = float((rest**2).sum()) / freedom
        spread = ms_tr + max(r * (errors.cov2 - errors.cov3), 0.0)
        df2 = spread**2 / (ms_tr**2 / freedom) if ms_tr > 0 else math.inf
        statistic = ms_t / spread if spread > 0 else math.nan
        p = float(stats.f.sf(statistic, t - 1, df2)) if spread > 0 else math.nan
    differences = {
        (a, b): Mean.of(float(by_modality[a] - by_modality[b]), 2 / r * spread, df2, confidence)
        for a, b in combinations(range(t), 2)
    }
    means = [
        mean_of_readers(figures[i], covariance[i, :, i], readers=readers, confidence=confidence)
        for i in range(t)
    ]
    return Compared(Equality(statistic, t - 1, df2, p), means, differences, errors)


def mean_of_readers(
    figures: Floats,
    covariance: Floats,
    *,
    readers: Readers = "random",
    confidence: float = 0.95,
) -> Mean:
    """Return the mean of a figure over readers of one modality.

    Parameters
    ----------
    figures, covariance
        Shapes (readers,) and (readers, readers).
    readers, confidence
        As in `compare_modalities`; with one reader "random" has no interval.

    """
    r = len(figures)
    errors = Errors.of(covariance[None, :, None, :])
    if readers == "fixed":
        variance = (errors.var + (r - 1) * max(errors.cov2, 0.0)) / r
        return Mean.of(float(figures.mean()), variance, math.inf, confidence)
    if r < 2:
        return Mean(float(figures.mean()), math.nan, math.nan, math.nan, math.nan, math.nan)
    ms_r = float(figures.var(ddof=1))
    spread = ms_r + max(r * errors.cov2, 0.0)
    df = spread**2 / (ms_r**2 / (r - 1)) if ms_r > 0 else math.inf
    return Mean.of(float(figures.mean()), spread / r, df, confidence)


def within_scale(mean: Mean) -> Mean:
    """Return a mean of shares or areas with the ends of its interval inside 0..1.

    Student's interval of the log odds, with the same error and degrees of freedom: near 0 and 1 the
    usual ends lie outside, and cutting them off would say that 1 may be certain. At 0 and 1 there
    is none.
    """
    value = mean.value
    if not 0 < value < 1 or not mean.error > 0:
        return replace(mean, low=math.nan, high=math.nan)
    reach = (mean.high - value) / (value * (1 - value))
    odds = math.log(value / (1 - value))
    low, high = (float(special.expit(odds + way * reach)) for way in (-1, 1))
    return replace(mean, low=low, high=high)


def system_against_readers(
    figures: Floats,
    covariance: Floats,
    *,
    readers: Readers = "random",
    confidence: float = 0.95,
) -> Mean:
    """Return a system's figure minus the mean of readers of the same cases.

    The system is always the same one, so it is no sample; its differences from the readers are
    analysed as readings of one modality.

    Parameters
    ----------
    figures, covariance
        Shapes (1 + readers,) and (1 + readers, 1 + readers), the system first.
    readers, confidence
        As in `compare_modalities`.

    """
    r = len(figures) - 1
    contrast = np.column_stack([np.ones(r), -np.eye(r)])
    return mean_of_readers(
        contrast @ figures,
        contrast @ covariance @ contrast.T,
        readers=readers,
        confidence=confidence,
    )


def jackknifed(without: Floats) -> Floats:
    """Return the covariance of estimates from those without each patient in turn.

    Parameters
    ----------
    without
        Shape (patients, estimates).

    Returns
    -------
    ndarray
        Shape (estimates, estimates); NaN where an estimate is undefined without some patient.

    """
    n = len(without)
    apart = without - without.mean(axis=0)
    return np.asarray((n - 1) / n * apart.T @ apart)


def shares(
    right: NDArray[np.bool_], counted: NDArray[np.bool_], owner: Integers
) -> tuple[Floats, Floats]:
    """Return the share of right answers of each reading, and its covariance by the jackknife.

    Parameters
    ----------
    right
        Shape (cases, readings).
    counted
        Shape (cases,): those with the answer, such as the positive ones for sensitivity.
    owner
        Shape (cases,): number of each case's patient. Those with such a case are left out in turn.

    Returns
    -------
    shares, covariance
        Shapes (readings,) and (readings, readings).

    """
    _, owner = np.unique(owner[counted], return_inverse=True)
    n = np.bincount(owner)
    hits = np.stack([np.bincount(owner, column, len(n)) for column in right[counted].T], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        without = (hits.sum(axis=0) - hits) / (n.sum() - n)[:, None]
        return hits.sum(axis=0) / n.sum(), jackknifed(without)


def pairs_of(covariance: Floats, modalities: int) -> Floats:
    """Give a covariance, (readings, readings), the shape that `compare_modalities` takes.

    Readings are ordered by modality, then by reader.
    """
    readers = len(covariance) // modalities
    return covariance.reshape(modalities, readers, modalities, readers)
