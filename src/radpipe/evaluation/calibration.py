"""Calibration: one temperature fitted on `tune`, and how well probabilities are kept.

A temperature keeps the order of the classes of a case, and of the cases of a binary
target, so it mends over-confidence without changing what was learnt.
"""

from collections.abc import Callable

import numpy as np

from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.metrics.probabilities import ECE_BINS, bin_of
from radpipe.evaluation.sample import logits_of, make_sample, probabilities_of
from radpipe.evaluation.shares import wilson

# Beyond these a temperature says only that `tune` is separated, or that nothing was learnt.
LEAST, MOST = 0.05, 20.0


def apply_temperature(target: Target, scores: Floats, temperature: float) -> Floats:
    """Divide log odds, or log probabilities, by a temperature.

    Parameters
    ----------
    target
        What is predicted; exclusive classes are normalised to 1 again, labels are not.
    scores
        Shape (cases, classes): probabilities in 0..1.
    temperature
        Above 0; above 1 makes probabilities less extreme, 1 leaves them.

    References
    ----------
    Guo et al., On calibration of modern neural networks, ICML 2017, section 4.2.

    """
    scores = scores.astype(np.float64)
    if temperature == 1.0:
        return scores
    return probabilities_of(target, logits_of(target, scores) / temperature)


def fit_temperature(target: Target, truth: Floats, scores: Floats) -> float:
    """Return the temperature with the least log loss, in `LEAST`..`MOST`, to 6 decimals.

    Parameters
    ----------
    target
        What is predicted.
    truth
        Shape (cases, target columns), NaN unknown; cases of `tune` only.
    scores
        Shape (cases, classes): probabilities in 0..1.

    Returns
    -------
    float
        1 where no truth is known.

    """
    if np.isnan(truth).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        kept = apply_temperature(target, scores, float(np.exp(log_temperature)))
        return float(values(METRICS["log_loss"], make_sample(target, truth, kept))[0])

    return round(float(np.exp(lowest(loss, np.log(LEAST), np.log(MOST)))), 6)


def lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one minimum between two ends has it, to 1e-7.

    Golden section search (Kiefer, Proc Am Math Soc 1953;4:502). SciPy's takes half a second to
    import, which is more than it takes to score a small study.
    """
    ratio = (5**0.5 - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > 1e-7:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2


def reliability(
    truth: Floats, probabilities: Floats, *, confidence: float, bins: int = ECE_BINS
) -> list[tuple[float, float, float, float]]:
    """Compare mean probability and observed share in bins of equal width.

    Parameters
    ----------
    truth, probabilities
        Shape (cases,): 1, 0 or NaN; 0..1.
    confidence
        Coverage of the band in each bin.

    Returns
    -------
    list of (mean probability, observed share, low, high)
        Bins without cases are left out. The band is Wilson's: unlike a bootstrap it has a
        width where a small bin holds one class only; it takes cases as independent.

    """
    known = ~np.isnan(truth)
    truth, probabilities = truth[known], probabilities[known]
    number = bin_of(probabilities, bins)
    points = []
    for value in np.unique(number):
        inside = number == value
        share = float(truth[inside].mean())
        low, high = wilson(share, int(inside.sum()), confidence=confidence)
        points.append((float(probabilities[inside].mean()), share, low, high))
    return points
