"""Sanity checks of a whole pipeline: what a score must be when there is nothing to learn."""

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Floats, owners


def shuffle_targets(
    truth: Floats, patient: NDArray[np.object_], rng: np.random.Generator
) -> Floats:
    """Give every patient the truths of another one, drawn at random.

    Within-patient likeness is kept, the bond between picture and truth is not, so the AUC
    of anything that was learnt is 0.5 up to chance. Shuffle each part by itself.

    Parameters
    ----------
    truth
        Shape (cases,) or (cases, columns).
    patient
        Shape (cases,): names.
    rng
        Source of the permutation.

    Returns
    -------
    ndarray, the shape of `truth`
        A patient with more cases than the other repeats the other's truths in turn; one
        with fewer takes the first of them, so shares of classes may shift a little.

    """
    owner = owners(patient)
    rows = [np.flatnonzero(owner == number) for number in range(int(owner.max(initial=-1)) + 1)]
    shuffled = truth.copy()
    for taker, giver in enumerate(rng.permutation(len(rows))):
        shuffled[rows[taker]] = truth[np.resize(rows[giver], len(rows[taker]))]
    return shuffled
