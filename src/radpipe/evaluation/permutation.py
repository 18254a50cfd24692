"""Permutation test of two variants: their answers are swapped patient by patient."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from radpipe.evaluation import draws
from radpipe.evaluation.draws import Floats, Integers, Weights
from radpipe.evaluation.metrics import METRICS
from radpipe.evaluation.paired import midranks
from radpipe.evaluation.sample import Sample

# Swaps at least as far from 0 as what was seen, after which more of them would tell little: the
# p-value is then known to a fifth of itself.
ENOUGH = 20


def permutation_ps(
    names: Sequence[str],
    first: Sample,
    second: Sample,
    owner: Integers,
    *,
    n_draws: int,
    most: int | None = None,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Test differences of metrics by swapping the two variants' answers patient by patient.

    Parameters
    ----------
    names
        Metrics, by their names in `METRICS`; values over all columns are compared.
    first, second
        The same cases, answered by two variants.
    owner
        Shape (cases,): number of each case's patient; a patient's cases swap together.
    n_draws
        Number of random swaps.
    most
        Number of swaps of metrics for which fewer than `ENOUGH` of `n_draws` are as far from 0
        as what was seen; `n_draws` if left out.
    rng
        Source of the swaps.

    Returns
    -------
    dict of float
        By metric (1 + swaps at least as far from 0) / (1 + swaps), so never 0; NaN if undefined.

    Notes
    -----
    For `auc`, scores are replaced by their ranks within the variant, so that two variants
    of different sharpness can be swapped (Bandos, Rockette & Gur, Stat Med 2005;24:2873).
    To stop early when many are as far keeps the test's level: a p-value that could still become
    smaller is never left with the first draws (Besag & Clifford, Biometrika 1991;78:301).

    """
    both = _side_by_side(first, second)
    differences = {name: partial(_difference, name, both) for name in names}
    return swap_ps(differences, owner, n_draws=n_draws, most=most, rng=rng)


def swap_ps(
    differences: Mapping[str, Callable[["Swaps"], Floats]],
    owner: Integers,
    *,
    n_draws: int,
    most: int | None = None,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Test whether differences of two sides are more than chance; see `permutation_ps`.

    Parameters
    ----------
    differences
        By name, from swaps to the difference, first minus second, in each of them, (n,).
    owner
        Shape (cases,): number of each case's patient.
    n_draws, most, rng
        As for `permutation_ps`.

    """
    patients, source = int(owner.max(initial=-1)) + 1, copy.deepcopy(rng)
    unswapped = Swaps(np.zeros((patients, 1)), owner)
    seen = {name: float(difference(unswapped)[0]) for name, difference in differences.items()}
    tallies = {name: Tally() for name in differences if np.isfinite(seen[name])}
    for swaps in _swaps(owner, patients, n_draws, source):
        for name, tally in tallies.items():
            tally.add(differences[name](swaps), seen[name])
    unsure = {name: tally for name, tally in tallies.items() if tally.far < ENOUGH}
    left = max(0, (most or n_draws) - n_draws) if unsure else 0
    for swaps in _swaps(owner, patients, left, source):
        for name, tally in unsure.items():
            tally.add(differences[name](swaps), seen[name])
    return {name: tallies[name].p if name in tallies else math.nan for name in differences}


def swaps_for(n_tests: int, *, n_draws: int, confidence: float) -> int:
    """Return how many swaps can tell a difference among so many tests, at least `n_draws`.

    The smallest of their p-values must be below (1 - confidence) / n_tests to hold after
    correction (Holm); at this limit `ENOUGH` swaps are expected to be as far as what was seen.
    """
    return max(n_draws, math.ceil(ENOUGH * n_tests / (1 - confidence)))


@dataclass
class Tally:
    """How many swaps were drawn, and how many of them are as far from 0 as what was seen."""

    far: int = 0
    drawn: int = 0

    def add(self, differences: Floats, seen: float) -> None:
        """Count more swaps."""
        defined = differences[np.isfinite(differences)]
        self.far += int((np.abs(defined) >= abs(seen) - 1e-12).sum())
        self.drawn += len(defined)

    @property
    def p(self) -> float:
        """The p-value."""
        return (1 + self.far) / (1 + self.drawn) if self.drawn else math.nan


class Swaps(Weights):
    """Weights of two variants' answers, one's cases below the other's, in 2 n draws.

    In draw i the first variant has its own answers but for the patients that swap; in draw n + i
    the second has what the first has not.

    Attributes
    ----------
    chosen
        Shape (patients, n): 1 where a patient's answers are swapped, else 0.

    """

    def __init__(self, chosen: Floats, owner: Integers) -> None:
        super().__init__(chosen, np.concatenate([owner, owner + len(chosen)]), whole=True)
        self.chosen = chosen
        # Made of `chosen` where something asks for more than sums over cases.
        del self.counts

    def __getattr__(self, name: str) -> Floats:
        """Make the counts, (2 patients, 2 n), once they are asked for."""
        if name != "counts":
            raise AttributeError(name)
        kept = 1 - self.chosen
        self.counts = np.block([[kept, self.chosen], [self.chosen, kept]])
        return self.counts

    @property
    def n_patients(self) -> int:
        """Number of patients, each twice."""
        return 2 * len(self.chosen)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return 2 * int(self.chosen.shape[1])

    def __rmatmul__(self, terms: np.ndarray) -> Floats:
        """Sum terms over cases: what a patient's swap changes is added up for those chosen."""
        columns = np.atleast_2d(np.asarray(terms))
        own, other = np.split(self.by_patient(columns), 2, axis=1)
        change = (other - own) @ self.chosen
        sums = np.hstack([own.sum(1)[:, None] + change, other.sum(1)[:, None] - change])
        return sums[0] if np.ndim(terms) == 1 else sums


def _swaps(
    owner: Integers, patients: int, n_draws: int, rng: np.random.Generator
) -> Iterator[Swaps]:
    """Yield random swaps in blocks; the same ones whatever the size of a block."""
    width, per_draw = draws.width_of(patients), 8 * -(-patients // 64)
    for done in range(0, n_draws, width):
        n = min(width, n_draws - done)
        packed = np.frombuffer(rng.bytes(per_draw * n), np.uint8).reshape(n, per_draw)
        bits = np.unpackbits(packed, axis=1, count=patients)
        yield Swaps(np.ascontiguousarray(bits.T).astype(np.float64), owner)


def _difference(name: str, both: Sample, swaps: Swaps) -> Floats:
    first, second = np.split(METRICS[name](both, swaps)[0], 2)
    return np.asarray(first - second)


def _side_by_side(first: Sample, second: Sample) -> Sample:
    """Stack two variants' answers; scores become ranks within variant and column."""

    def ranked(sample: Sample) -> Floats:
        ranks = np.full(sample.scores.shape, np.nan)
        for column in range(sample.n_columns):
            known = sample.known[:, column]
            ranks[known, column] = midranks(sample.scores[known, column])
        return ranks

    return Sample(
        np.concatenate([first.truth, second.truth]),
        np.concatenate([ranked(first), ranked(second)]),
        np.concatenate([first.probabilities, second.probabilities]),
        np.concatenate([first.flags, second.flags]),
        np.concatenate([first.decided, second.decided]),
        first.exclusive,
        first.ordinal,
        first.scored,
    )
