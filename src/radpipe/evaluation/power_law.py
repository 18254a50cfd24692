"""Learning curves: the inverse power law, score = best - b * patients ** -c, and what it foretells.

Four points cannot tell its three numbers apart well; what they agree on, the score at up to twice
the patients, is what is asked of them, with the uncertainty of the points carried through.
"""

from dataclasses import dataclass

import numpy as np

from radpipe.evaluation.draws import Floats

# Exponents that are tried: learning curves of classifiers lie between these (Hestness et al.,
# arXiv:1712.00409; of medical texts Figueroa et al., BMC Med Inform Decis Mak 2012;12:8).
EXPONENTS = np.linspace(0.05, 1.5, 30)


@dataclass(frozen=True)
class PowerLaw:
    """Fitted curves, one for each set of points.

    Attributes
    ----------
    best, factor, exponent
        Shape (sets,): best - factor * n ** -exponent; `factor` is never negative, so that more
        patients never do harm, and `best` at most 1.

    """

    best: Floats
    factor: Floats
    exponent: Floats

    def at(self, patients: Floats) -> Floats:
        """Return the scores at numbers of patients, (m,), as (m, sets)."""
        return np.asarray(self.best - self.factor * patients[:, None] ** -self.exponent)


def fit(patients: Floats, scores: Floats, weight: Floats) -> PowerLaw:
    """Fit a curve to each set of points by weighted least squares.

    Parameters
    ----------
    patients
        Shape (points,): numbers of train patients, at least two different ones.
    scores
        Shape (points, sets): scores of which 1 is the best there is, such as areas.
    weight
        Shape (points,): what each point weighs, such as 1 / variance.

    References
    ----------
    Figueroa et al. (above); Cortes et al., NIPS 1993:327. For each exponent best and factor follow
    in closed form.

    """
    found = [_linear(patients**-c, scores, weight) for c in EXPONENTS]
    errors = np.stack([error for *_, error in found])
    chosen, each = errors.argmin(axis=0), np.arange(scores.shape[1])
    best, factor = (np.stack([one[k] for one in found])[chosen, each] for k in (0, 1))
    return PowerLaw(best, factor, EXPONENTS[chosen])


def _linear(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Return best, factor and squared error of best - factor * x for each column of y."""
    w = (weight / weight.sum())[:, None]
    x = x[:, None]
    mean_x, mean_y = float((w * x).sum()), (w * y).sum(axis=0)
    factor = np.maximum(
        -(w * (x - mean_x) * (y - mean_y)).sum(axis=0) / (w * (x - mean_x) ** 2).sum(), 0.0
    )
    best = mean_y + factor * mean_x
    # Nothing scores above 1: the line is then turned around that point.
    through = (w * x * (1 - y)).sum(axis=0) / (w * x**2).sum()
    factor, best = np.where(best > 1, through, factor), np.minimum(best, 1.0)
    return best, factor, (w * (y - best + factor * x) ** 2).sum(axis=0)
