"""Draws of patients, and the sums over cases that metrics ask of them.

A metric of decisions or probabilities needs nothing but sums over cases, and a draw says how
often each patient counts. So cases are summed by patient once, and the sums of all draws are one
product, (columns, patients) times (patients, draws): no array has a row per case and a column
per draw. Draws are made block by block, again in every pass, so that memory does not grow with
their number.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Numbers (patients x draws) of a block of draws, and the least draws in one: what a metric does
# once a block takes the longer the more cases there are, so blocks must not become more, too.
BLOCK, LEAST = 1 << 21, 512

# Numbers of what is looked at again and again within a block.
SLICE = 1 << 18
# Up to so many numbers a product with a matrix that is mostly zeros costs less than loading SciPy.
SMALL = 1 << 18
# More patients than this are left out in groups: the acceleration is the same in
# expectation (skewness falls with the group's size as its number rises), the work is not.
JACKKNIFE_GROUPS = 400


def width_of(n_patients: int) -> int:
    """Return how many draws of so many patients make a block."""
    return max(LEAST, BLOCK // max(1, n_patients))


class Weights:
    """How often each case counts in each of some draws: as often as its patient.

    `terms @ weights` sums terms of shape (cases,) or (columns, cases) over the cases of each
    draw: shape (draws,) or (columns, draws).

    Attributes
    ----------
    counts
        Shape (patients, draws), at least 0.
    owner
        Shape (cases,): the row of `counts` that a case belongs to.
    whole
        The counts are whole numbers of which sums over all cases stay below 2**24, so that sums
        in float32 are exact.

    """

    # NumPy then leaves `array @ weights` to `__rmatmul__`.
    __array_ufunc__ = None

    def __init__(self, counts: Floats, owner: Integers, *, whole: bool = False) -> None:
        self.counts, self.owner, self.whole = counts, owner, whole
        self._kept: dict[str, tuple[Any, Any]] = {}

    @classmethod
    def of(cls, weights: "Weights | Floats") -> "Weights":
        """Take an array of shape (cases, draws) for weights of patients with one case each."""
        if isinstance(weights, Weights):
            return weights
        return cls(np.asarray(weights, dtype=np.float64), np.arange(len(weights)))

    @classmethod
    def once(cls, n_cases: int) -> "Weights":
        """Count every case once, in one draw."""
        return cls(np.ones((1, 1)), np.zeros(n_cases, dtype=np.int64), whole=True)

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.counts)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return int(self.counts.shape[1])

    @property
    def total(self) -> Floats:
        """What all cases weigh together, shape (draws,)."""
        total: Floats = np.ones(len(self.owner)) @ self
        return total

    def __rmatmul__(self, terms: NDArray[Any]) -> Floats:
        """Sum terms, (cases,) or (columns, cases), over the cases of each draw."""
        columns = np.atleast_2d(np.asarray(terms))
        sums: Floats = self.by_patient(columns) @ self.counts
        return sums[0] if np.ndim(terms) == 1 else sums

    def by_patient(self, columns: NDArray[Any]) -> Floats:
        """Sum columns of shape (columns, cases) by patient: shape (columns, patients)."""
        if not columns.size:
            return np.zeros((len(columns), self.n_patients))
        return np.stack([np.bincount(self.owner, row, self.n_patients) for row in columns])

    def take(self, rows: NDArray[Any]) -> "Weights":
        """Return the weights of some cases: by mask, bool (cases,), or row number, int (n,).

        The patients are still drawn from all that there are: estimates of a part of the cases
        are those of a domain, whose size is random, too.
        """
        return Weights(self.counts, self.owner[rows], whole=self.whole)

    def in_groups(self, group: Integers, n_groups: int, terms: Floats | None = None) -> Floats:
        """Sum the cases of each group, shape (n_groups, draws).

        Parameters
        ----------
        group
            Shape (cases,): number of each case's group.
        n_groups
            Number of groups.
        terms
            Shape (cases,): what is summed; ones if left out.

        """
        patients = self.n_patients
        if n_groups * patients <= SMALL:
            place = group * patients + self.owner
            matrix = np.bincount(place, terms, n_groups * patients).reshape(n_groups, patients)
            return matrix @ self.counts
        order = np.argsort(group, kind="stable")
        edges = np.searchsorted(group[order], np.arange(n_groups + 1))
        ordered = None if terms is None else terms[order]
        return np.asarray(segments_of(self.owner[order], edges, patients, ordered) @ self.counts)

    def keep(self, name: str, about: Any, make: Callable[[], Any]) -> Any:
        """Return what was made of these weights and of `about` before, or make it."""
        if name not in self._kept or self._kept[name][0] is not about:
            self._kept[name] = (about, make())
        return self._kept[name][1]

    @cached_property
    def slices(self) -> list[NDArray[Any]]:
        """Some draws after the other: shape (patients, draws), without gaps in memory.

        float32 where sums in it are exact, else float64. As many draws as the cache can hold.
        """
        kind, width = np.float32 if self.whole else np.float64, max(64, SLICE // self.n_patients)
        return [
            np.ascontiguousarray(self.counts[:, first : first + width], dtype=kind)
            for first in range(0, self.n_draws, width)
        ]


def segments_of(
    owner: Integers,
    edges: Integers,
    n_patients: int,
    terms: Floats | None = None,
    *,
    single: bool = False,
) -> Any:
    """Return the matrix that sums what stands between neighbouring edges.

    Parameters
    ----------
    owner
        Shape (cases,): each case's patient, the cases of a segment together.
    edges
        Shape (segments + 1,): where segments begin, and where the last one ends.
    n_patients
        Number of patients.
    terms
        Shape (cases,): factor on each case; ones if left out.
    single
        float32 instead of float64.

    Returns
    -------
    matrix of shape (segments, patients), dense or sparse
        Times counts of shape (patients, draws), of the same type, it gives the sums.

    """
    shape, kind = (len(edges) - 1, n_patients), np.float32 if single else np.float64
    if shape[0] * shape[1] <= SMALL:
        row = np.repeat(np.arange(shape[0]), np.diff(edges))
        sums = np.bincount(row * n_patients + owner, terms, shape[0] * shape[1])
        return sums.reshape(shape).astype(kind)
    # A third of a second to import, which small studies save.
    from scipy.sparse import csr_array

    factors = np.ones(len(owner), kind) if terms is None else terms.astype(kind)
    return csr_array((factors, owner.astype(np.int32), edges.astype(np.int32)), shape=shape)


@dataclass(frozen=True)
class Draws:
    """Draws of patients, made anew in every pass.

    Attributes
    ----------
    owner
        Shape (cases,): number of each case's patient, from 0.
    n_draws
        Their number.
    make
        Returns a function that makes the next so many draws, as counts of shape (patients, n).

    """

    owner: Integers
    n_draws: int
    make: Callable[[], Callable[[int], Floats]]

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return int(self.owner.max(initial=-1)) + 1

    def __iter__(self) -> Iterator[Weights]:
        """Yield all draws in order, in blocks."""
        width, following = width_of(self.n_patients), self.make()
        whole = len(self.owner) < 1 << 18
        for first in range(0, self.n_draws, width):
            counts = following(min(width, self.n_draws - first))
            yield Weights(counts, self.owner, whole=whole)

    def first(self, n_draws: int) -> "Draws":
        """Return the first draws, at most so many."""
        return Draws(self.owner, min(n_draws, self.n_draws), self.make)


def owners(patient: NDArray[np.object_]) -> Integers:
    """Return each case's patient as a number from 0, in the patients' sorted order.

    From names of shape (cases,) to numbers of the same shape.
    """
    return np.unique(patient.astype(str), return_inverse=True)[1].astype(np.int64)


def draw_patients(owner: Integers, n_draws: int, rng: np.random.Generator) -> Draws:
    """Draw as many patients as there are, with replacement.

    Parameters
    ----------
    owner
        Shape (cases,): number of each case's patient, as from `owners`. With
        `np.arange(cases)` every case is its own patient: the image-level bootstrap.
    n_draws
        Number of draws.
    rng
        Source of the draws; equal seeds and equal numbers of patients give equal draws,
        which is what makes differences between variants paired.

    """
    n, source = int(owner.max(initial=-1)) + 1, rng.spawn(1)[0]

    def make() -> Callable[[int], Floats]:
        again = copy.deepcopy(source)

        def following(width: int) -> Floats:
            if not n:
                return np.zeros((0, width))
            chosen = again.integers(n, size=(width, n), dtype=np.int32).astype(np.int64)
            chosen *= width
            chosen += np.arange(width)[:, None]
            counts = np.bincount(chosen.ravel(), minlength=n * width)
            return counts.reshape(n, width).astype(np.float64)

        return following

    return Draws(owner, n_draws, make)


def leave_out(owner: Integers, groups: int = JACKKNIFE_GROUPS) -> Draws:
    """Leave out one patient, or one group of patients, per draw (the jackknife)."""
    n = int(owner.max(initial=-1)) + 1
    group = np.arange(n) % max(1, min(n, groups))

    def make() -> Callable[[int], Floats]:
        done = 0

        def following(width: int) -> Floats:
            nonlocal done
            counts: Floats = (group[:, None] != np.arange(done, done + width)).astype(np.float64)
            done += width
            return counts

        return following

    return Draws(owner, min(n, groups), make)
