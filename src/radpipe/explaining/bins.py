"""What a probability has meant: the share that was right in its bin of the reliability diagram."""

from dataclasses import dataclass

import numpy as np

from radpipe.evaluation.metrics.probabilities import bin_of
from radpipe.evaluation.sample import Sample
from radpipe.evaluation.shares import wilson


@dataclass(frozen=True)
class Bin:
    """One bin of one question, on `tune`.

    Attributes
    ----------
    n_cases
        In the bin, with a known truth.
    share, low, high
        Of them, those in which it was there; 0 to 1, with Wilson's interval, which takes cases as
        independent; NaN where there is none.

    """

    n_cases: int
    share: float
    low: float
    high: float


def bin_around(tune: Sample, label: int, probability: float, *, confidence: float) -> Bin:
    """Return the bin of a probability (0..1) of one question, a column of the sample."""
    known = tune.known[:, label]
    same = bin_of(tune.probabilities[:, label]) == bin_of(np.array([probability]))[0]
    truth = tune.truth[known & same, label]
    if not len(truth):
        return Bin(0, np.nan, np.nan, np.nan)
    share = float(truth.mean())
    return Bin(len(truth), share, *wilson(share, len(truth), confidence=confidence))
