"""What decides on a mean over folds, learned from cases that one fold's model predicted each.

With several folds a case of `tune` has the score of the one model that has not learned from it,
while other parts have the mean over the models of all folds. A mean varies less: a threshold
chosen on single scores finds more positives there than it should, and a temperature makes it too
hesitant. How far models of different folds disagree can be told where all of them predict the same
cases, without looking at a truth. With that, the scores of `tune` are brought to the spread that
means over folds would have had, and the operating point is chosen on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.ensemble import EnsembleCases, Run, pool
from radpipe.evaluation.operating_point import OperatingPoint, Wanted, choose
from radpipe.evaluation.sample import logits_of, probabilities_of

# Times that each case of `tune` is given a mean: what chance adds to a threshold falls with it.
TIMES = 8
SEED = 1


@dataclass(frozen=True)
class Disagreement:
    """How far models of different folds disagree about a case.

    Attributes
    ----------
    n_folds
        Number of folds.
    noise
        Shape (columns,): variance between folds of a case's logits, on average over cases.

    """

    n_folds: int
    noise: Floats

    @classmethod
    def of(cls, target: Target, runs: Mapping[Run, EnsembleCases]) -> "Disagreement":
        """Compare folds, at least two, on cases that all of them predicted."""
        folds = sorted({fold for fold, _ in runs})
        single = [pool({r: cases for r, cases in runs.items() if r[0] == f}, "") for f in folds]
        logits = np.stack([_logits(target, cases.scores) for cases in single])
        return cls(len(folds), logits.var(axis=0, ddof=1).mean(axis=0))


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
    disagreement = Disagreement.of(target, runs)
    means = as_means_of_folds(target, tune.truth, tune.scores, disagreement)
    return replace(choose(target, *means, evaluation), folds=disagreement.n_folds)


def as_means_of_folds(
    target: Target, truth: Floats, scores: Floats, between: Disagreement
) -> tuple[Floats, Floats]:
    """Give cases the scores that means over all folds would have had.

    The logits of cases with the same truth are moved towards their mean by what disagreement adds
    to their variance, which leaves what all folds agree on. To that, disagreement is added once
    for each fold, and the mean of the probabilities is taken.

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
    agreed = _without_noise(truth, _logits(target, scores), between.noise)
    rng, deviation = np.random.default_rng(SEED), np.sqrt(between.noise)
    means = []
    for _ in range(TIMES):
        noise = rng.normal(size=(between.n_folds, *agreed.shape)) * deviation
        means.append(np.mean([probabilities_of(target, agreed + one) for one in noise], axis=0))
    return np.tile(truth, (TIMES, 1)), np.concatenate(means)


def _without_noise(truth: Floats, logits: Floats, noise: Floats) -> Floats:
    """Shrink the logits of each answer to the variance that they would have without noise."""
    answers = np.broadcast_to(truth, logits.shape)
    moved = logits.copy()
    for column in range(logits.shape[1]):
        for answer in np.unique(answers[~np.isnan(answers[:, column]), column]):
            rows = answers[:, column] == answer
            own = logits[rows, column]
            variance = own.var(ddof=1) if len(own) > 1 else 0.0
            if variance > 0:
                kept = max(variance - noise[column], 0.0)
                moved[rows, column] = own.mean() + np.sqrt(kept / variance) * (own - own.mean())
    return moved


def _logits(target: Target, scores: Floats) -> Floats:
    """Return logits (cases, columns); those of exclusive classes have the mean 0 in each case."""
    logits = logits_of(target, scores)
    if target.kind in ("multi-label", "binary"):
        return logits
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))
