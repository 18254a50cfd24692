"""Paired comparison of two variants on the same cases: DeLong, clustered, permutation, Holm."""

import math
from collections.abc import Sequence

import numpy as np

from radpipe.evaluation.draws import Floats, Integers
from radpipe.evaluation.sample import Sample


def midranks(values: Floats) -> Floats:
    """Return ranks from 1, equal values sharing the mean of their ranks; shape (n,)."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (count.cumsum() - (count - 1) / 2)[place]
    return ranks


def placements(truth: Floats, scores: Floats) -> tuple[float, Floats]:
    """Return the area and each case's placement among the other class.

    Parameters
    ----------
    truth, scores
        Shape (cases,): 1 or 0; any real numbers.

    Returns
    -------
    area
        Area under the ROC curve, NaN with one class only.
    placements
        Shape (cases,): of a positive the share of negatives below it (V10), of a negative
        the share of positives above it (V01), ties half.

    References
    ----------
    DeLong et al., Biometrics 1988;44:837; midranks: Sun & Xu, IEEE Signal Processing
    Letters 2014;21:1389.

    """
    positive = truth == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return np.nan, np.full(len(truth), np.nan)
    every = midranks(scores)
    placed = np.empty(len(truth))
    placed[positive] = (every[positive] - midranks(scores[positive])) / n
    placed[~positive] = 1 - (every[~positive] - midranks(scores[~positive])) / m
    return float(placed[positive].mean()), placed


def terms_of(truth: Floats, placed: Floats, area: float) -> Floats:
    """Return how much each case moves an area, (cases,): the terms that DeLong's variance sums.

    (V10 - area) / positives and (V01 - area) / negatives, from truths, 1 or 0, and placements.
    """
    positive = truth == 1
    terms: Floats = (placed - area) / np.where(positive, positive.sum(), (~positive).sum())
    return terms


def delong(truth: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Return the areas of several scores of the same independent cases, and covariance.

    Parameters
    ----------
    truth
        Shape (cases,): 1 or 0.
    scores
        Shape (cases, variants).

    Returns
    -------
    areas, covariance
        Shapes (variants,) and (variants, variants). With one case of a class, NaN.

    """
    return clustered_delong(truth, scores, np.arange(len(truth)))


def clustered_delong(truth: Floats, scores: Floats, owner: Integers) -> tuple[Floats, Floats]:
    """Return the areas of several scores, and their covariance when patients are drawn.

    Parameters
    ----------
    truth, scores
        Shapes (cases,), 1 or 0, and (cases, variants).
    owner
        Shape (cases,): number of each case's patient. A patient per case gives DeLong.

    References
    ----------
    Obuchowski, Biometrics 1997;53:567, section 2.

    """
    positive = truth == 1
    m, n = int(positive.sum()), int((~positive).sum())
    areas, placed = zip(*(placements(truth, column) for column in scores.T), strict=True)
    excess = np.array(placed) - np.array(areas)[:, None]
    yes = _sum_by(owner, np.where(positive, excess, 0.0))
    no = _sum_by(owner, np.where(positive, 0.0, excess))
    patients = len(np.unique(owner))
    with_yes = len(np.unique(owner[positive]))
    with_no = len(np.unique(owner[~positive]))
    if min(with_yes, with_no) < 2:
        return np.array(areas), np.full((len(areas), len(areas)), np.nan)
    cross = patients / (patients - 1) * yes @ no.T
    covariance = (
        with_yes / (with_yes - 1) * yes @ yes.T / m**2
        + with_no / (with_no - 1) * no @ no.T / n**2
        + (cross + cross.T) / (m * n)
    )
    return np.array(areas), covariance


def area_influence(sample: Sample) -> tuple[float, Floats]:
    """Return the (macro) area and each case's influence on it.

    The mean over columns of `terms_of`, so that sums per patient carry Obuchowski's form to
    a mean of one-vs-rest areas, in which a case is positive once and negative elsewhere.

    Returns
    -------
    area, influence
        A number and shape (cases,); both NaN where the area is undefined.

    """
    areas, terms = [], []
    counts = np.ones(sample.n_columns, dtype=np.bool_) if sample.exclusive else sample.answerable
    for column in np.flatnonzero(counts):  # the labels that count in the metric `auc`
        truth, scores = sample.truth[:, column], sample.scores[:, column]
        known = ~np.isnan(truth)
        area, placed = placements(truth[known], scores[known])
        term = np.zeros(len(truth))
        term[known] = terms_of(truth[known], placed, area)
        areas.append(area)
        terms.append(term)
    if not areas:
        return np.nan, np.full(len(sample.truth), np.nan)
    return float(np.mean(areas)), np.mean(terms, axis=0)


def area_test(first: Sample, second: Sample, owner: Integers) -> tuple[float, float]:
    """Test whether two variants have the same area, patients being drawn.

    Binary: Obuchowski's clustered DeLong. Several columns: the same for their mean.

    Returns
    -------
    difference, p
        First minus second, and the two-sided p-value of the normal approximation: 1 for
        equal scores, NaN where the variance is 0 but the difference is not.

    """
    if first.n_columns == 1:
        known = ~np.isnan(first.truth[:, 0])
        scores = np.column_stack([first.scores[known, 0], second.scores[known, 0]])
        areas, covariance = clustered_delong(first.truth[known, 0], scores, owner[known])
        difference = float(areas[0] - areas[1])
        return difference, normal_p(difference, _contrast(covariance))
    (area_a, influence_a), (area_b, influence_b) = map(area_influence, (first, second))
    patients = len(np.unique(owner))
    if patients < 2:
        return area_a - area_b, np.nan
    sums = _sum_by(owner, (influence_a - influence_b)[None])
    variance = patients / (patients - 1) * float((sums**2).sum())
    return area_a - area_b, normal_p(area_a - area_b, variance)


def normal_p(difference: float, variance: float) -> float:
    """Return the two-sided p-value of difference / sqrt(variance)."""
    # Placements are sums of fractions: equal scores leave rounding errors, not zeros.
    if np.isfinite(difference) and abs(difference) < 1e-12 and variance < 1e-20:
        return 1.0
    if not variance > 1e-20:
        return np.nan
    return math.erfc(abs(difference) / math.sqrt(2 * variance))


def holm(p_values: Sequence[float]) -> Floats:
    """Correct p-values for their number (Holm, Scand J Stat 1979;6:65).

    The i-th smallest of n is multiplied by n - i + 1, kept at least as large as the one
    before, and at most 1. NaN stays NaN and does not count. Shape (n,), in the order given.
    """
    p = np.asarray(p_values, dtype=np.float64)
    out = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return out


def _contrast(covariance: Floats) -> float:
    return float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


def _sum_by(owner: Integers, terms: Floats) -> Floats:
    """Sum columns of (variants, cases) by patient."""
    return np.stack([np.bincount(owner, row) for row in terms])
