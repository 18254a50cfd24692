"""A smooth calibration curve: how frequent positives are at each predicted probability.

Bins throw away where in a bin a case lies. Here the truth is regressed on a restricted cubic
spline of the predicted logit, and the band is that of the fit, patients being the unit.
"""

import numpy as np

from radpipe.evaluation.draws import Floats, Integers
from radpipe.evaluation.quantiles import student
from radpipe.evaluation.rows import FEWEST_PATIENTS
from radpipe.evaluation.sample import logit

# Quantiles at which the pieces of the spline meet (Harrell, Regression Modeling Strategies, 2015,
# table 2.3).
KNOTS = (0.05, 0.35, 0.65, 0.95)
# Where the curve is given: between these quantiles of the probabilities, at so many points.
ENDS, POINTS = (0.01, 0.99), 40
STEPS, ENOUGH, TINY, LARGE = 50, 1e-4, 1e-8, 1e12


def smooth_calibration(
    truth: Floats, probabilities: Floats, owner: Integers, *, confidence: float
) -> list[tuple[float, float, float, float]]:
    """Return the curve with its pointwise band.

    Parameters
    ----------
    truth, probabilities
        Shape (cases,): 1 or 0; 0..1.
    owner
        Shape (cases,): number of each case's patient.
    confidence
        Pointwise coverage.

    Returns
    -------
    list of (probability, observed share, low, high)
        Empty with fewer than `FEWEST_PATIENTS` patients of an answer, or where the fit has no
        end: too few different probabilities, or probabilities that separate the answers.

    References
    ----------
    Austin & Steyerberg, Stat Med 2014;33:517; variance by clusters: Liang & Zeger, Biometrika
    1986;73:13.

    """
    patients = [len(np.unique(owner[truth == answer])) for answer in (0, 1)]
    x = logit(probabilities)
    knots = np.quantile(x, KNOTS)
    if min(patients) < FEWEST_PATIENTS or len(np.unique(knots)) < len(KNOTS):
        return []
    design = spline(x, knots)
    found = _fit(design, truth)
    if found is None:
        return []
    beta, bread = found
    rest = truth - _chance(design @ beta)
    scores = np.stack([np.bincount(owner, column * rest) for column in design.T], axis=1)
    n = int((np.bincount(owner) > 0).sum())
    covariance = bread @ (scores.T @ scores) @ bread * n / (n - 1)
    first, last = np.quantile(probabilities, ENDS)
    grid = logit(np.linspace(first, last, POINTS))
    at = spline(grid, knots)
    half = student((1 + confidence) / 2, n - 1) * np.sqrt(((at @ covariance) * at).sum(axis=1))
    centre = at @ beta
    ends = (_chance(each) for each in (grid, centre, centre - half, centre + half))
    return [(float(p), float(y), float(a), float(b)) for p, y, a, b in zip(*ends, strict=True)]


def spline(x: Floats, knots: Floats) -> Floats:
    """Return the basis of a restricted cubic spline: 1, x, and k - 2 pieces, straight outside.

    From numbers (n,) and k rising knots to (n, k); Devlin & Weeks, SUGI 1986, as Harrell has it.
    """
    last, before = knots[-1], knots[-2]

    def cubed(place: float) -> Floats:
        return np.asarray(np.maximum(x - place, 0.0) ** 3)

    pieces = [
        cubed(knot)
        - cubed(before) * (last - knot) / (last - before)
        + cubed(last) * (before - knot) / (last - before)
        for knot in knots[:-2]
    ]
    scale = (last - knots[0]) ** 2
    return np.column_stack([np.ones_like(x), x, *(piece / scale for piece in pieces)])


def _fit(design: Floats, truth: Floats) -> tuple[Floats, Floats] | None:
    """Fit a logistic regression by Newton's method with halved steps; None where it has no end."""
    beta = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = _chance(design @ beta)
        weight = np.maximum(chance * (1 - chance), TINY)
        information = np.asarray(design.T @ (design * weight[:, None]), dtype=np.float64)
        if np.linalg.cond(information) > LARGE:
            return None
        step = np.linalg.solve(information, design.T @ (truth - chance))
        likelihood = _likelihood(design @ beta, truth)
        while _likelihood(design @ (beta + step), truth) < likelihood - TINY:
            step = step / 2
        beta = beta + step
        if np.abs(design @ step).max() < ENOUGH:
            return beta, np.asarray(np.linalg.inv(information), dtype=np.float64)
    return None


def _likelihood(odds: Floats, truth: Floats) -> float:
    return float((truth * odds - np.logaddexp(0.0, odds)).sum())


def _chance(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))))
