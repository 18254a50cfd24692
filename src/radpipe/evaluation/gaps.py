"""Intervals of a sum of sizes of gaps, such as the expected calibration error.

The size of a gap is never below 0, so that chance makes a sum of sizes larger: of perfectly
calibrated probabilities of 150 patients it is 0.05. Draws of patients add chance once more, and an
interval made from them lies beside the truth, and now and then beside the estimate
(benchmarks/coverage.py). Here the signed gaps, which chance moves either way, say how large the
true ones may be. The method is ours.
"""

import math

import numpy as np

from radpipe.evaluation.draws import Floats
from radpipe.evaluation.quantiles import student
from radpipe.evaluation.rows import Row

# Mean size of a standard normal number.
MEAN_SIZE = math.sqrt(2 / math.pi)
HALVINGS = 40


def sum_of_sizes(gaps: Floats, influence: Floats, confidence: float) -> Row:
    """Return the sum of the sizes of gaps, at most 1, with an interval that holds it.

    What chance adds to the sum is taken from it, and the error of the signed gaps is put to either
    side. For the lower end all gaps shrink alike, for the upper one each by its own error: chance
    adds much where many true gaps are small, and little where they are large. The interval begins
    at 0 unless the gaps together are larger than those that chance makes of none.

    Parameters
    ----------
    gaps
        Shape (gaps,): signed.
    influence
        Shape (gaps, patients): how much each patient moves each gap.
    confidence
        Coverage of the interval.

    """
    sizes, patients = np.abs(gaps), influence.shape[1]
    value, together = float(sizes.sum()), np.sign(gaps) @ influence
    errors = np.sqrt((influence**2).sum(axis=1))
    if math.isnan(value):
        return Row(value, np.nan, np.nan, together, "undefined")
    if patients < 2 or not errors.any():
        why = "one patient" if patients < 2 else "leaving out any patient gives the same value"
        return Row(value, np.nan, np.nan, together, why)
    half = student((1 + confidence) / 2, patients - 1) * float(np.sqrt((together**2).sum()))
    low = max(0.0, min(value, shrunk_alike(sizes, errors) - half))
    each = math.fsum(map(shrunk, sizes.tolist(), errors.tolist()))
    high = max(value, min(1.0, each + half))
    is_chance = value <= largest_by_chance(influence, confidence)
    return Row(value, 0.0 if is_chance else low, high, together)


def mean_size(true: float, error: float) -> float:
    """Return the mean size of a number with a normal error, at least 0.

    That of a folded normal distribution (Leone et al., Technometrics 1961;3:543).
    """
    if error == 0:
        return true
    ratio = true / error
    return error * MEAN_SIZE * math.exp(-(ratio**2) / 2) + true * math.erf(ratio / 2**0.5)


def shrunk(size: float, error: float) -> float:
    """Return the gap of which the size, with its error, is this on average; 0 if there is none."""
    if size <= error * MEAN_SIZE:
        return 0.0
    low, high = 0.0, size
    for _ in range(HALVINGS if error > 0 else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_size(middle, error) < size else (low, middle)
    return high


def shrunk_alike(sizes: Floats, errors: Floats) -> float:
    """Return the sum of gaps, in proportion to sizes, whose sizes have this sum on average.

    From sizes and errors, shape (gaps,), to a sum; 0 if chance alone explains theirs.
    """
    pairs, total = list(zip(sizes.tolist(), errors.tolist(), strict=True)), float(sizes.sum())
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        share = (low + high) / 2
        found = math.fsum(mean_size(share * size, error) for size, error in pairs)
        low, high = (share, high) if found < total else (low, share)
    return low * total


def largest_by_chance(influence: Floats, confidence: float) -> float:
    """Return what the sum of sizes stays below, in `confidence` of samples, where no gap is real.

    Of sizes of correlated normal numbers mean and variance are known, and the sum is taken to be
    gamma distributed (Wilson & Hilferty, PNAS 1931;17:684). Student's quantile is in place of the
    normal one, because errors are estimated.

    Parameters
    ----------
    influence
        Shape (gaps, patients): how much each patient, of two or more, moves each gap.
    confidence
        Share of samples, in 0..1.

    """
    moved = influence[(influence**2).sum(axis=1) > 0]
    product = moved @ moved.T
    errors = np.sqrt(np.diag(product))
    scale = np.outer(errors, errors)
    r = np.clip(product / scale, -1, 1)
    both = 2 / math.pi * (np.sqrt(1 - r**2) + r * np.arcsin(r) - 1)
    mean, variance = MEAN_SIZE * float(errors.sum()), float((both * scale).sum())
    shape = mean**2 / variance
    reach = student(confidence, influence.shape[1] - 1) / (3 * math.sqrt(shape))
    return mean * max(0.0, 1 - 1 / (9 * shape) + reach) ** 3
