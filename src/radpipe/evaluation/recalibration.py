"""Logistic recalibration of log odds, for many weightings of the cases at once.

A fit takes a few steps, each of which looks at every case. So that many draws cost little, cases
of nearly equal log odds are put together, at most `GROUPS` groups of a column, and draws are
fitted to what the groups weigh. What grouping does to a fit it does to that of all cases, too,
which is also made without: the difference of these two is added to every draw's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radpipe.evaluation.draws import Floats, Integers, Weights, segments_of

# Newton's method: at most this many steps, until no parameter moves further than this; what is
# then missing is of the order of its square.
STEPS, CAREFUL_STEPS = 25, 200
TOLERANCE = 1e-5
# Log odds are clipped at 16.1 either way, so no intercept lies outside.
FARTHEST = 40.0
# Columns of fewer distinct log odds are not grouped.
GROUPS = 128
# Draws that are fitted together: as many as the processor's cache can hold in all groups.
AT_ONCE = 256


@dataclass(frozen=True)
class Grouped:
    """Cases with equal log odds, or nearly.

    Attributes
    ----------
    odds
        Shape (groups,), rising.
    yes, total
        Shape (groups, draws): what positives and all cases of a group weigh.

    """

    odds: Floats
    yes: Floats
    total: Floats

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.odds)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return int(self.total.shape[1])

    def take(self, draws: NDArray[np.int64] | NDArray[np.bool_]) -> "Grouped":
        """Return some of the draws, by their numbers or a mask of all."""
        return Grouped(self.odds, self.yes[:, draws], self.total[:, draws])

    @property
    def overlap(self) -> NDArray[np.bool_]:
        """Tell per draw whether the odds of positives and negatives overlap both ways.

        Then, and only then, is there a finite maximum (Albert & Anderson, Biometrika 1984;71:1).
        """
        (low_yes, high_yes), (low_no, high_no) = map(_ends, (self.yes, self.total - self.yes))
        overlap: NDArray[np.bool_] = (low_yes < high_no) & (low_no < high_yes)
        return overlap


@dataclass(frozen=True)
class Grouping:
    """Cases of one question, sorted into groups of nearly equal log odds.

    Attributes
    ----------
    rows
        Shape (n,): cases with known truth; the negatives first, each group together.
    edges
        Shape (2 groups + 1,): where groups begin and end in `rows`.
    odds
        Shape (groups,): the mean log odds of each, rising.
    start
        Intercept and slope of the grouped fit of all cases, where draws start; 0 and 1 if there
        is none.
    offset
        How far the ungrouped fit of all cases lies from that.
    shift_start, shift_offset
        The same of the intercept at slope 1.

    """

    rows: Integers
    edges: Integers
    odds: Floats
    start: Floats
    offset: Floats
    shift_start: float
    shift_offset: float

    @classmethod
    def of(cls, truth: Floats, odds: Floats, *, groups: int | None = None) -> "Grouping":
        """Sort cases: truth 1, 0 or NaN and log odds of shape (cases,), into at most `groups`."""
        known = np.flatnonzero(~np.isnan(truth))
        truth, odds, groups = truth[known], odds[known], GROUPS if groups is None else groups
        # Rounded, so that the last bits of equal odds make no order.
        odds = np.round(odds, 9)
        levels, number = np.unique(odds, return_inverse=True)
        exact = _once(truth, levels, number)
        if len(levels) <= groups:
            grouped = exact
        else:
            width = (levels[-1] - levels[0]) / groups
            number = np.minimum((odds - levels[0]) / width, groups - 1).astype(np.int64)
            number = np.unique(number, return_inverse=True)[1]
            levels = np.bincount(number, odds) / np.bincount(number)
            grouped = _once(truth, levels, number)
        place = number + len(levels) * (truth == 1)
        order = np.argsort(place, kind="stable")
        edges = np.searchsorted(place[order], np.arange(2 * len(levels) + 1))
        start, offset = np.array([0.0, 1.0]), np.zeros(2)
        if grouped.n_groups and grouped.overlap[0]:
            found = _newton(grouped, np.zeros((2, 1)), careful=True)
            if np.isfinite(found).all():
                start = found[:, 0]
            if grouped is not exact:
                offset = _newton(exact, start[:, None], careful=True)[:, 0] - start
        # Undefined here is undefined in every draw, wherever it starts.
        shifted = float(np.nan_to_num(_shift(grouped, 0.0))[0])
        moved = 0.0
        if grouped is not exact:
            moved = float(np.nan_to_num(_shift(exact, shifted))[0]) - shifted
        return cls(known[order], edges, levels, start, np.nan_to_num(offset), shifted, moved)

    def weigh(self, weights: Weights) -> Grouped:
        """Return what the groups weigh in each draw."""
        owner = weights.owner[self.rows]
        both = segments_of(owner, self.edges, weights.n_patients) @ weights.counts
        n = len(self.odds)
        return Grouped(self.odds, both[n:], both[:n] + both[n:])

    def fit(self, cases: Grouped) -> tuple[Floats, Floats]:
        """Fit logit P(yes) = a + b odds by weighted maximum likelihood, for every draw.

        Returns
        -------
        intercept, slope
            Shape (draws,); NaN where there is no finite maximum (one class, separated
            classes, equal odds).

        """
        fit = np.full((2, cases.n_draws), np.nan)
        defined = np.flatnonzero(cases.overlap) if cases.n_groups else np.arange(0)
        # Draws lie near the whole sample's fit, so starting there saves most of the steps.
        for draws in np.split(defined, range(AT_ONCE, len(defined), AT_ONCE)):
            fit[:, draws] = _newton(cases.take(draws), self.start[:, None], careful=False)
        # With few cases a full step can jump too far; halved ones arrive, but take longer.
        lost = defined[~np.isfinite(fit[:, defined]).all(axis=0)]
        fit[:, lost] = _newton(cases.take(lost), np.zeros((2, 1)), careful=True)
        fit[~np.isfinite(fit)] = np.nan
        return fit[0] + self.offset[0], fit[1] + self.offset[1]

    def shift(self, cases: Grouped) -> Floats:
        """Fit logit P(yes) = a + odds by weighted maximum likelihood, for every draw.

        Shape (draws,); NaN with one class only.
        """
        every = np.arange(cases.n_draws)
        parts = np.split(every, range(AT_ONCE, len(every), AT_ONCE))
        found = [_shift(cases.take(draws), self.shift_start) for draws in parts]
        return np.concatenate(found) + self.shift_offset


def _once(truth: Floats, levels: Floats, number: Integers) -> Grouped:
    """Count every case once: truth and number of its group, (cases,), log odds (groups,)."""
    yes = np.bincount(number, truth, len(levels)).astype(np.float64)
    total = np.bincount(number, minlength=len(levels)).astype(np.float64)
    return Grouped(levels, yes[:, None], total[:, None])


def _shift(cases: Grouped, start: float) -> Floats:
    """Run Newton's method from one intercept for all draws; NaN where there is one class only."""
    positives, total = cases.yes.sum(axis=0), cases.total.sum(axis=0)
    defined = (positives > 0) & (positives < total)
    # One number as long as all draws stand at the same place, then one for each.
    found, low, high = np.array([[start], [-FARTHEST], [FARTHEST]])
    for _ in range(CAREFUL_STEPS):
        chance = expit(cases.odds[:, None] + found)
        expected = cases.total * chance
        excess = expected.sum(axis=0) - positives
        slope = np.einsum("cd,cd->d", expected, 1 - chance)
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
    chance: Floats = np.asarray(0.5 * odds)
    # In place: an array more for each operation takes a third longer.
    np.tanh(chance, out=chance)
    chance += 1.0
    chance *= 0.5
    return chance


def _newton(cases: Grouped, start: Floats, *, careful: bool) -> Floats:
    """Run Newton's method; NaN where it does not converge.

    From `start`, shape (2, 1), to shape (2, draws): all draws start at the same place, so that the
    chances of their first step are found once. Careful steps are halved until the likelihood does
    not fall; it is concave, so they find the maximum wherever there is one.
    """
    fit, running = np.full((2, cases.n_draws), np.nan), np.arange(cases.n_draws)
    left, here = cases, start
    for _ in range(CAREFUL_STEPS if careful else STEPS):
        if not len(running):
            return fit
        step = _step(left, here)
        if careful:
            step = _halved(left, here, step)
        fit[:, running] = here = here + step
        moved = np.abs(step).max(axis=0)
        still = ~(moved < TOLERANCE) & np.isfinite(moved)
        if not still.all():
            running, here = running[still], here[:, still]
            left = left.take(still)
    fit[:, running] = np.nan
    return fit


def _step(cases: Grouped, fit: Floats) -> Floats:
    """Return Newton's step, shape (2, draws); not finite where the curvature vanishes.

    From places of shape (2, draws), or (2, 1) where all are at the same.
    """
    odds = cases.odds
    powers = np.stack([np.ones_like(odds), odds, odds**2])
    chance = expit(fit[0] + odds[:, None] * fit[1])
    expected = cases.total * chance
    rise, tilt = powers[:2] @ (cases.yes - expected)
    expected *= 1 - chance
    flat, mixed, steep = powers @ expected
    with np.errstate(all="ignore"):
        step: Floats = np.stack([steep * rise - mixed * tilt, flat * tilt - mixed * rise])
        step /= flat * steep - mixed**2
    return step


def _halved(cases: Grouped, fit: Floats, step: Floats) -> Floats:
    """Halve each draw's step until the log likelihood does not fall."""
    before = _likelihood(cases, fit)
    for _ in range(40):
        after = _likelihood(cases, fit + step)
        worse = after < before - 1e-12 * np.abs(before)
        if not worse.any():
            break
        step = np.where(worse, step / 2, step)
    return step


def _likelihood(cases: Grouped, fit: Floats) -> Floats:
    # A step can be infinite where the curvature vanishes; its draw is then given up.
    with np.errstate(invalid="ignore", over="ignore"):
        linear = fit[0] + cases.odds[:, None] * fit[1]
        terms = cases.yes * linear - cases.total * np.logaddexp(0.0, linear)
    total: Floats = terms.sum(axis=0)
    return total


def _ends(present: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last group with any weight, per draw; none: after and before all."""
    groups, there = len(present), present > 0
    some = there.any(axis=0)
    low = np.where(some, there.argmax(axis=0), groups)
    high = np.where(some, groups - 1 - there[::-1].argmax(axis=0), -1)
    return low, high
