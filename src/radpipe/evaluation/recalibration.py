"""Logistic recalibration of log odds, for many weightings of the cases at once."""

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.sample import Floats

# Newton's method: at most this many steps, until no parameter moves further than this.
STEPS, CAREFUL_STEPS = 25, 200
TOLERANCE = 1e-8
# Log odds are clipped at 16.1 either way, so no intercept lies outside.
FARTHEST = 40.0


def recalibrate(truth: Floats, odds: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Fit logit P(yes) = a + b odds by weighted maximum likelihood, for every draw.

    Parameters
    ----------
    truth, odds
        Shape (cases,): 1, 0 or NaN; log odds.
    weights
        Shape (cases, draws).

    Returns
    -------
    intercept, slope
        Shape (draws,); NaN where there is no finite maximum (one class, separated
        classes, equal odds).

    """
    known = ~np.isnan(truth)
    truth, odds, weights = truth[known], odds[known], weights[known]
    fit = np.full((2, weights.shape[1]), np.nan)
    defined = np.flatnonzero(_overlap(truth, odds, weights))
    # Draws lie near the whole sample's fit, so starting there saves most of the steps.
    whole = np.ones((len(truth), 1))
    start = np.array([[0.0], [1.0]])
    if _overlap(truth, odds, whole)[0]:
        start = _newton(truth, odds, whole, 0 * start, careful=True)
    fit[:, defined] = _newton(
        truth, odds, weights[:, defined], np.repeat(start, len(defined), axis=1), careful=False
    )
    # With few cases a full step can jump too far; halved ones arrive, but take longer.
    lost = defined[~np.isfinite(fit[:, defined]).all(axis=0)]
    fit[:, lost] = _newton(truth, odds, weights[:, lost], np.zeros((2, len(lost))), careful=True)
    return fit[0], fit[1]


def shift(truth: Floats, odds: Floats, weights: Floats) -> Floats:
    """Fit logit P(yes) = a + odds by weighted maximum likelihood, for every draw.

    Parameters
    ----------
    truth, odds, weights
        As for `recalibrate`.

    Returns
    -------
    ndarray of shape (draws,)
        NaN with one class only.

    """
    known = ~np.isnan(truth)
    truth, odds, weights = truth[known], odds[known], weights[known]
    positives, total = truth @ weights, weights.sum(axis=0)
    defined = (positives > 0) & (positives < total)
    found = np.zeros(weights.shape[1])
    low, high = found - FARTHEST, found + FARTHEST
    for _ in range(CAREFUL_STEPS):
        chance = expit(odds[:, None] + found)
        excess = np.einsum("cd,cd->d", weights, chance) - positives
        slope = np.einsum("cd,cd->d", weights, chance * (1 - chance))
        low, high = np.where(excess < 0, found, low), np.where(excess > 0, found, high)
        step = np.divide(-excess, slope, out=np.full_like(excess, np.inf), where=slope > 0)
        # The expected number of positives rises with the shift: never leave the bracket.
        inside = (found + step >= low) & (found + step <= high)
        step = np.where(inside, step, (low + high) / 2 - found)
        step = np.where(defined, step, 0.0)
        found = found + step
        if np.abs(step).max(initial=0.0) < TOLERANCE:
            break
    return np.where(defined, found, np.nan)


def expit(odds: Floats) -> Floats:
    """Return 1 / (1 + exp(-odds)), without overflow; log odds of any shape to 0..1."""
    chance: Floats = 0.5 * (1.0 + np.tanh(0.5 * odds))
    return chance


def _newton(
    truth: Floats, odds: Floats, weights: Floats, start: Floats, *, careful: bool
) -> Floats:
    """Run Newton's method from `start`, shape (2, draws); NaN where it does not converge.

    Careful steps are halved until the likelihood does not fall; it is concave, so they
    find the maximum wherever there is one.
    """
    fit, running = start.copy(), np.arange(start.shape[1])
    for _ in range(CAREFUL_STEPS if careful else STEPS):
        chosen = weights[:, running] if len(running) < weights.shape[1] else weights
        step = _step(truth, odds, chosen, fit[:, running])
        if careful:
            step = _halved(truth, odds, chosen, fit[:, running], step)
        fit[:, running] += step
        moved = np.abs(step).max(axis=0)
        running = running[~(moved < TOLERANCE) & np.isfinite(moved)]
        if not len(running):
            return fit
    fit[:, running] = np.nan
    return fit


def _step(truth: Floats, odds: Floats, weights: Floats, fit: Floats) -> Floats:
    """Return Newton's step, shape (2, draws); not finite where the curvature vanishes."""
    chance = expit(fit[0] + odds[:, None] * fit[1])
    design = np.stack([np.ones_like(odds), odds])
    rise, tilt = design @ (weights * (truth[:, None] - chance))
    squares = np.stack([np.ones_like(odds), odds, odds**2])
    flat, mixed, steep = squares @ (weights * chance * (1 - chance))
    with np.errstate(all="ignore"):
        step: Floats = np.stack([steep * rise - mixed * tilt, flat * tilt - mixed * rise])
        step /= flat * steep - mixed**2
    return step


def _halved(truth: Floats, odds: Floats, weights: Floats, fit: Floats, step: Floats) -> Floats:
    """Halve each draw's step until the log likelihood does not fall."""
    before = _likelihood(truth, odds, weights, fit)
    for _ in range(40):
        after = _likelihood(truth, odds, weights, fit + step)
        worse = after < before - 1e-12 * np.abs(before)
        if not worse.any():
            break
        step = np.where(worse, step / 2, step)
    return step


def _likelihood(truth: Floats, odds: Floats, weights: Floats, fit: Floats) -> Floats:
    # A step can be infinite where the curvature vanishes; its draw is then given up.
    with np.errstate(invalid="ignore", over="ignore"):
        linear = fit[0] + odds[:, None] * fit[1]
        terms = weights * (truth[:, None] * linear - np.logaddexp(0.0, linear))
    total: Floats = terms.sum(axis=0)
    return total


def _overlap(truth: Floats, odds: Floats, weights: Floats) -> NDArray[np.bool_]:
    """Tell per draw whether the odds of positives and negatives overlap both ways.

    Then, and only then, is there a finite maximum (Albert & Anderson, Biometrika 1984;71:1).
    """
    ends = []
    for answer in (1, 0):
        rows = truth == answer
        present = weights[rows] > 0
        lowest = np.where(present, odds[rows, None], np.inf).min(axis=0, initial=np.inf)
        highest = np.where(present, odds[rows, None], -np.inf).max(axis=0, initial=-np.inf)
        ends.append((lowest, highest))
    (low_yes, high_yes), (low_no, high_no) = ends
    overlap: NDArray[np.bool_] = (low_yes < high_no) & (low_no < high_yes)
    return overlap
