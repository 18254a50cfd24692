"""Whether a case is unlike those of `tune`: a distance of features, and from where on it is far.

Features are what a network hands to its last layer. Their mean and shrunk covariance on the run's
own `tune` give every new case a distance (Mahalanobis). Each case of `tune` is measured from all
others but those of its own patient, in closed form, and the threshold is the distance that a chosen
share of them exceeds. Nothing is kept of a single case.

References
----------
Lee et al., "A simple unified framework for detecting out-of-distribution samples", NeurIPS 2018
(distance of features); Chen et al., "Shrinkage algorithms for MMSE covariance estimation", IEEE
Transactions on Signal Processing 2010;58:5016, equation 23 (how much to shrink).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import betaincinv

from radpipe.learning.networks.network import read_tensors, save_weights

Floats = NDArray[np.float64]

# More features than these are added up in groups, so that the file stays small.
MOST = 1024
# Directions whose variance is this small a share of the largest are rounding.
ROUNDING = 1e-10
# Coverage of the interval of the rate of false alarms.
COVERAGE = 0.95


@dataclass(frozen=True)
class Likeness:
    """Mean and shrunk covariance of features: rest * identity + what `basis` adds.

    Attributes
    ----------
    mean
        Float64 (features,).
    basis
        Float64 (directions, features), orthonormal.
    variances
        Float64 (directions,): of the shrunk covariance along them.
    rest
        Variance along every other direction.

    """

    mean: Floats
    basis: Floats
    variances: Floats
    rest: float

    def distances(self, features: NDArray[np.float32]) -> Floats:
        """Return how far cases (n, features) are from the mean, float64 (n,), 0 or more."""
        away = grouped(features) - self.mean
        along = away @ self.basis.T
        beyond = np.maximum((away**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
        return np.asarray(np.sqrt((along**2 / self.variances).sum(axis=1) + beyond / self.rest))


@dataclass(frozen=True)
class Far:
    """From which distance on a case is unlike those of `tune`, and how often that is a false alarm.

    Attributes
    ----------
    threshold
        Of `Likeness.distances`; above is unlike.
    rate
        Share of cases as those of `tune` that are above it, on average over `tune` parts.
    low, high
        95 % interval of that share for this `tune` part.

    """

    threshold: float
    rate: float
    low: float
    high: float


def grouped(features: NDArray[np.float32]) -> Floats:
    """Return features in float64; of more than `MOST` feature k is added to k modulo `MOST`.

    With alternating signs, so that a change which features share does not add up alone (a count
    sketch: Charikar et al., Theoretical Computer Science 2004;312:3).
    """
    whole = features.astype(np.float64)
    if whole.shape[1] <= MOST:
        return whole
    n_groups = -(-whole.shape[1] // MOST)
    padded = np.pad(whole, ((0, 0), (0, n_groups * MOST - whole.shape[1])))
    signs = np.where(np.arange(n_groups) % 2, -1.0, 1.0)
    return np.asarray((padded.reshape(len(whole), n_groups, MOST) * signs[:, None]).sum(axis=1))


def calibrate(
    features: NDArray[np.float32], patients: list[str], rate: float
) -> tuple[Likeness, Far] | None:
    """Learn from the features of `tune` what is usual, and from where on a case is unlike it.

    Parameters
    ----------
    features
        (cases, features).
    patients
        Of each case; cases of one patient are left out together.
    rate
        Share of false alarms that is wanted, between 0 and 1.

    Returns
    -------
    tuple or None
        None where there are fewer patients than 1 / rate - 1, or all features are constant: no
        threshold would keep the rate.

    """
    codes = np.unique(patients, return_inverse=True)[1]
    n, n_patients = len(features), int(codes.max()) + 1
    place = int(np.ceil((1 - rate) * (n + 1)))
    if place > n or np.ceil((1 - rate) * (n_patients + 1)) > n_patients:
        return None
    whole = grouped(features)
    away = whole - whole.mean(axis=0)
    shrink, scale = shrinkage(away)
    if scale <= 0 or not shrink > 0:
        return None
    basis, scatter = _directions(away)
    likeness = Likeness(
        mean=whole.mean(axis=0),
        basis=basis,
        variances=shrink * scale + (1 - shrink) * scatter / n,
        rest=shrink * scale,
    )
    left_out = distances_left_out(away @ basis.T, scatter, codes, shrink=shrink, scale=scale)
    return likeness, _far(left_out, place, n_patients)


def _far(distances: Floats, place: int, n_patients: int) -> Far:
    """Take the distance at a place, from 1, in their order.

    The share of new cases above the k-th of n distances has a beta distribution. As cases of one
    patient are alike, n is the number of patients, which makes the interval wide enough.
    """
    rate = 1 - place / (len(distances) + 1)
    # Not of scipy.stats, which takes half a second to load before the first answer of a model.
    ends = rate * (n_patients + 1), (1 - rate) * (n_patients + 1)
    low, high = (betaincinv(*ends, (1 + sign * COVERAGE) / 2) for sign in (-1, 1))
    return Far(float(np.sort(distances)[place - 1]), rate, float(low), float(high))


def shrinkage(away: Floats) -> tuple[float, float]:
    """Return how much of a covariance to replace by the mean variance, 0..1, and that variance.

    Parameters
    ----------
    away
        Features less their mean, (cases, features).

    """
    n, d = away.shape
    trace = float((away**2).sum()) / n
    gram = away @ away.T if n <= d else away.T @ away
    squared = float((gram**2).sum()) / n**2
    below = (n + 1 - 2 / d) * (squared - trace**2 / d)
    share = 1.0 if below <= 0 else ((1 - 2 / d) * squared + trace**2) / below
    return min(share, 1.0), trace / d


def _directions(away: Floats) -> tuple[Floats, Floats]:
    """Return orthonormal directions (k, features) in which cases differ, and the scatter in each.

    Scatter is the sum of squares along a direction.
    """
    if len(away) <= away.shape[1]:
        scatter, sides = np.linalg.eigh(away @ away.T)
        kept = scatter > ROUNDING * scatter[-1]
        basis = (away.T @ sides[:, kept] / np.sqrt(scatter[kept])).T
    else:
        scatter, sides = np.linalg.eigh(away.T @ away)
        kept = scatter > ROUNDING * scatter[-1]
        basis = sides[:, kept].T
    return np.ascontiguousarray(basis), scatter[kept]


def distances_left_out(
    along: Floats, scatter: Floats, patients: NDArray[np.intp], *, shrink: float, scale: float
) -> Floats:
    """Return how far each case is from all but its own patient's, float64 (cases,).

    In closed form: leaving m cases out changes the scatter by m + 1 directions (Woodbury). How
    much is shrunk, and to which variance, stays that of all cases.

    Parameters
    ----------
    along
        Features less their mean along the directions, (cases, directions).
    scatter
        Sum of squares along each direction.
    patients
        Number of each case's patient.
    shrink, scale
        From `shrinkage`.

    """
    found = np.empty(len(along))
    for patient in range(int(patients.max()) + 1):
        own = np.flatnonzero(patients == patient)
        rest = len(along) - len(own)
        variances = shrink * scale + (1 - shrink) * scatter / rest
        products = (along[own] / variances) @ along[own].T
        # The others' mean is off by the own cases' sum / rest, and so is their scatter.
        joined = np.eye(len(own)) + 1 / rest
        less = np.eye(len(own)) - (1 - shrink) / rest * joined @ products
        inside = products @ np.linalg.inv(less)
        found[own] = np.einsum("ij,jk,ki->i", joined, inside, joined)
    return np.sqrt(np.maximum(found, 0.0))


def save_likeness(path: Path, likeness: Likeness | None) -> None:
    """Write it, or a file without tensors; the basis in float32, as features are."""
    tensors = {}
    if likeness is not None:
        tensors = {
            "mean": torch.from_numpy(likeness.mean),
            "basis": torch.from_numpy(likeness.basis.astype(np.float32)),
            "variances": torch.from_numpy(likeness.variances),
            "rest": torch.tensor([likeness.rest], dtype=torch.float64),
        }
    save_weights(path, tensors, {})


def read_likeness(path: Path) -> Likeness:
    """Read what `save_likeness` wrote of one, from a file that is known to be the right one."""
    found = {name: tensor.numpy() for name, tensor in read_tensors(path).items()}
    basis = found["basis"].astype(np.float64)
    return Likeness(found["mean"], basis, found["variances"], float(found["rest"][0]))
