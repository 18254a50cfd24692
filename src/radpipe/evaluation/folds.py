"""What decides on a mean over folds, learned from cases that one fold's model predicted each.

With several folds a case of `tune` has the score of the one model that has not learned from it,
while other parts have the mean over the models of all folds. A mean varies less: a threshold
chosen on single scores finds more positives there than it should, and a temperature makes it too
hesitant. How far models of different folds disagree, and about which cases most, can be told where
all of them predict the same cases, without looking at a truth. With that, the scores of `tune` are
brought to the spread that means over folds would have had, and the operating point is chosen on
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.ensemble import EnsembleCases, Run, pool
from radpipe.evaluation.operating_point import OperatingPoint, Wanted, choose
from radpipe.evaluation.quantiles import NORMAL
from radpipe.evaluation.sample import logits_of, probabilities_of

# Means that each case of `tune` is given, instead of what chance would add; a prime number, and one
# of its primitive roots, which gives folds and classes orders of their own.
TIMES, ROOT = 13, 6
# Cases whose disagreement is averaged, at least, and places at which it is known, at most.
TOGETHER, PLACES = 50, 30
# Places at which a spread of logits is known, and steps of finding that without noise: it is smooth
# because the steps are few (Richardson, J Opt Soc Am 1972;62:55; Lucy, Astron J 1974;79:745).
GRID, STEPS = 300, 60


@dataclass(frozen=True)
class Disagreement:
    """How far models of different folds disagree about a case, by their mean logit.

    Attributes
    ----------
    n_folds
        Number of folds.
    level, noise
        Shape (places, columns): mean logits, rising, and the variance between folds of the logits
        of cases near them.

    """

    n_folds: int
    level: Floats
    noise: Floats

    @classmethod
    def of(cls, target: Target, runs: Mapping[Run, EnsembleCases]) -> "Disagreement":
        """Compare folds, at least two, on cases that all of them predicted."""
        folds = sorted({fold for fold, _ in runs})
        single = [pool({r: cases for r, cases in runs.items() if r[0] == f}, "") for f in folds]
        logits = np.stack([_logits(target, cases.scores) for cases in single])
        means, noise = logits.mean(axis=0), logits.var(axis=0, ddof=1)
        order = means.argsort(axis=0, kind="stable")
        places = np.array_split(order, min(PLACES, max(1, len(means) // TOGETHER)))
        level, near = (
            np.stack([np.take_along_axis(values, some, 0).mean(axis=0) for some in places])
            for values in (means, noise)
        )
        return cls(len(folds), level, near)

    def at(self, logits: Floats, column: int) -> Floats:
        """Return the variance between folds at mean logits of a column, any shape."""
        return np.asarray(np.interp(logits, self.level[:, column], self.noise[:, column]))


def choose_for(
    target: Target,
    tune: EnsembleCases,
    point: OperatingPoint,
    runs: Mapping[Run, EnsembleCases],
    evaluation: Wanted,
) -> OperatingPoint:
    """Return the point that decides on the mean over the runs of another part.

    With one fold it is that of `tune`. With several it is chosen on the cases of `tune`, too, with
    the scores that means over all folds would have given them. Of the other part only
    scores are looked at, by which models of different folds are compared, and no truth.

    Parameters
    ----------
    target
        What is predicted.
    tune, point
        The pooled cases of `tune`, and what was chosen on them.
    runs
        The other part as every run predicted it.
    evaluation
        Rule, and the sensitivity that the rule `sensitivity` reaches.

    """
    if len({fold for fold, _ in runs}) < 2:
        return point
    disagreement, tune = Disagreement.of(target, runs), tune.take(tune.known)
    means = as_means_of_folds(target, tune.truth, tune.scores, disagreement)
    return replace(choose(target, *means, evaluation), folds=disagreement.n_folds)


def as_means_of_folds(
    target: Target, truth: Floats, scores: Floats, between: Disagreement
) -> tuple[Floats, Floats]:
    """Give cases the scores that means over all folds would have had.

    The logits of cases with the same truth are moved to the spread that they would have without
    disagreement, which leaves what all folds agree on. To that, disagreement is added once for
    each fold, and the mean of the probabilities is taken; what chance makes of it are quantiles.

    Parameters
    ----------
    target
        What is predicted.
    truth
        Shape (cases, target columns), NaN unknown.
    scores
        Shape (cases, classes): probabilities, of one fold's model each.
    between
        How folds disagree.

    Returns
    -------
    truth, scores
        Every case `TIMES` times.

    """
    agreed = without_noise(truth, _logits(target, scores), between)
    columns = agreed.shape[1]
    noise = np.column_stack([between.at(agreed[:, column], column) for column in range(columns)])
    if target.kind not in ("multi-label", "binary"):
        # Only what is not common to all classes moves a case, and it alone was measured.
        noise *= columns / (columns - 1)
    means = [
        np.mean([probabilities_of(target, agreed + np.sqrt(noise) * fold) for fold in time], axis=0)
        for time in deviations(between.n_folds, columns)
    ]
    return np.tile(truth, (TIMES, 1)), np.concatenate(means)


def deviations(n_folds: int, columns: int) -> Floats:
    """Return how far folds are from what they agree on, in standard deviations.

    Quantiles of the normal distribution in place of draws: the same for all cases, so that neither
    a seed nor the order of cases decides anything.

    Returns
    -------
    ndarray of shape (times, folds, columns)
        Points of a lattice (Korobov, Dokl Akad Nauk SSSR 1959;124:1207): means over folds have the
        variance 1 / folds, folds around their means 1 - 1 / folds.

    """
    times = np.arange(TIMES)
    quantiles = np.array([NORMAL.inv_cdf((i + 0.5) / TIMES) for i in times])
    orders = [pow(ROOT, fold, TIMES) * times % TIMES for fold in range(n_folds)]
    folds = np.column_stack([quantiles[(order + TIMES // 2) % TIMES] for order in orders])
    shift = folds.mean(axis=1, keepdims=True)
    around = folds - shift
    shift *= np.sqrt(1 / n_folds) / shift.std()
    around *= np.sqrt((1 - 1 / n_folds) / (around**2).mean())
    points = shift + around
    each = [points[times * (1 + column % (TIMES - 1)) % TIMES] for column in range(columns)]
    return np.stack(each, axis=2)


def without_noise(truth: Floats, logits: Floats, between: Disagreement) -> Floats:
    """Move the logits of each answer to the spread that they would have without disagreement.

    Parameters
    ----------
    truth
        Shape (cases, target columns), NaN unknown.
    logits
        Shape (cases, columns), of one fold's model each.
    between
        How folds disagree.

    """
    answers = np.broadcast_to(truth, logits.shape)
    moved = logits.copy()
    for column in range(logits.shape[1]):
        for answer in np.unique(answers[~np.isnan(answers[:, column]), column]):
            rows = answers[:, column] == answer
            moved[rows, column] = _agreed(logits[rows, column], between, column)
    return moved


def _agreed(logits: Floats, between: Disagreement, column: int) -> Floats:
    """Move logits, (cases,), in their order, to the spread of which noise makes the one seen."""
    grid = np.linspace(logits.min(), logits.max(), GRID)
    width = grid[1] - grid[0]
    if not width > 0:
        return logits
    place = (logits - grid[0]) / width
    left = np.minimum(place.astype(np.int64), GRID - 2)
    below = np.bincount(left, 1 - (place - left), GRID)
    seen = (below + np.bincount(left + 1, place - left, GRID)).astype(np.float64) / len(logits)
    # Column g: where noise takes those who agree on grid[g]; less than a step is none.
    apart = np.maximum(between.at(grid, column), (width / 4) ** 2)
    taken = np.exp(-((grid[:, None] - grid) ** 2) / (2 * apart))
    taken /= taken.sum(axis=0)
    agreed = seen + 1e-12
    for _ in range(STEPS):
        agreed = agreed * (taken.T @ (seen / np.maximum(taken @ agreed, 1e-300)))
    agreed /= agreed.sum()
    before, after = (np.cumsum(spread) - spread / 2 for spread in (seen, agreed))
    share = np.interp(logits, grid, before)
    return np.asarray(logits + np.interp(share, after, grid) - np.interp(share, before, grid))


def _logits(target: Target, scores: Floats) -> Floats:
    """Return logits (cases, columns); those of exclusive classes have the mean 0 in each case."""
    logits = logits_of(target, scores)
    if target.kind in ("multi-label", "binary"):
        return logits
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))
