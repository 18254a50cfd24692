"""Guarantees without assumptions about scores: conformal prediction and risk control by patient.

What is guaranteed needs one thing: that a new patient comes as those of `tune` did, so that no
order of them is more likely than another (exchangeable). Models may be as bad as they like; the
price is then paid in false alarms and in large sets. A patient with several cases counts once, with
the share of them that a threshold misses. Scores are taken as the network gives them, without the
temperature, because `tune` has chosen that.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Target
from radpipe.evaluation.draws import Floats, Integers, owners
from radpipe.evaluation.ensemble import EnsembleCases

Mask = NDArray[np.bool_]
# Sums of fractions leave rounding errors at the very level that is asked for.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Calibration:
    """Scores of cases of which one answer is true, each patient weighing 1.

    Attributes
    ----------
    level
        Shape (levels,): the scores, rising, each once.
    below
        Shape (levels + 1,): patients' worth of cases that score less than each level; all, at last.
    lot
        Shape (patients,): the score of one case of each patient, drawn by lot, rising.

    """

    level: Floats
    below: Floats
    lot: Floats

    @classmethod
    def of(cls, scores: Floats, owner: Integers, lots: Floats) -> "Calibration":
        """Build it from scores, patients and lots of cases, each of shape (cases,)."""
        _, owner, cases = np.unique(owner, return_inverse=True, return_counts=True)
        level, place = np.unique(scores, return_inverse=True)
        worth = np.bincount(place, 1 / cases[owner], len(level))
        order = np.lexsort((lots, owner))
        first = order[np.searchsorted(owner[order], np.arange(len(cases)))]
        return cls(level, np.append(0.0, np.cumsum(worth)), np.sort(scores[first]))

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.lot)

    def at_or_below(self, scores: Floats) -> Floats:
        """Return how many patients' worth of cases score as little as each score, same shape."""
        return np.asarray(self.below[np.searchsorted(self.level, scores, side="right")])

    def threshold(self, miss: float) -> float:
        """Return the largest threshold that misses at most a share of new patients' cases.

        On average over all `tune` parts that might have been drawn, and over new patients, each
        counting once. At or above is yes. NaN with fewer than `needed` patients.

        References
        ----------
        Angelopoulos et al., Conformal risk control, ICLR 2024, theorem 1: the loss is the share of
        a patient's cases that are missed. With a case per patient this is split conformal
        prediction given the class (Vovk, ACML 2012).

        """
        return self._last((1 + self.below[:-1]) / (self.n_patients + 1) <= miss + ROUNDING)

    def certain_threshold(self, miss: float, certainty: float) -> float:
        """Return the largest threshold of which the same is certain, for this `tune` part.

        With a probability of `certainty` over the drawing of `tune` it misses at most the share
        `miss`. Cases of a patient are not independent, so one is drawn by lot, and the number
        that is missed is binomial. NaN with fewer than `needed_certain` patients.

        References
        ----------
        Bates et al., J ACM 2021;68:43, with the exact binomial bound of Clopper & Pearson,
        Biometrika 1934;26:404; as a test of each threshold, Angelopoulos et al., Learn then test,
        Ann Appl Stat 2025;19:1641.

        """
        missed = most_missed(self.n_patients, miss, 1 - certainty)
        return float(self.lot[missed]) if missed >= 0 else np.nan

    def _last(self, allowed: Mask) -> float:
        return float(self.level[np.flatnonzero(allowed)[-1]]) if allowed.any() else np.nan


def most_missed(n: int, miss: float, doubt: float) -> int:
    """Return how many of n may be missed so that a rate of `miss` would be that lucky too seldom.

    The largest k for which at most k of n occur with a probability of at most `doubt`; -1: not even
    0 does.
    """
    log_term, total, k = n * math.log1p(-miss), 0.0, 0
    odds = math.log(miss) - math.log1p(-miss)
    while k <= n and (total := total + math.exp(log_term)) <= doubt:
        log_term += odds + math.log(n - k) - math.log(k + 1) if k < n else 0.0
        k += 1
    return k - 1


def least_kept(n: int, miss: float, doubt: float) -> float:
    """Return the share that a threshold kept on average may come to for the `tune` part drawn.

    On average over `tune` parts at least 1 - miss is kept; a part of n patients keeps less than
    what is returned with a probability of `doubt` only. With a case per patient the share that is
    missed has the distribution of the order statistic that is the threshold, Beta(k, n + 1 - k), k
    the whole part of (n + 1) * miss (Vovk, ACML 2012), of which this is the exact upper limit of k
    - 1 in n; several cases of a patient vary less. 0 with fewer than `needed` patients.
    """
    k = math.floor((n + 1) * miss + ROUNDING)
    low, high = 0.0, 1.0
    while k and high - low > 1e-6:
        rate = (low + high) / 2
        low, high = (rate, high) if most_missed(n, rate, doubt) < k - 1 else (low, rate)
    return 1 - high


def needed(miss: float, n_folds: int = 1) -> int:
    """Return the fewest patients with an answer for which a threshold, or a set, can be given."""
    return math.ceil((1 / miss - 1 if n_folds == 1 else n_folds * (2 / miss - 1)) - 1e-9)


def needed_certain(miss: float, certainty: float) -> int:
    """Return the fewest patients for which a threshold can be given with a certainty."""
    return math.ceil(math.log(1 - certainty) / math.log1p(-miss) - 1e-9)


def lots(case: NDArray[np.object_]) -> Floats:
    """Return a number in 0..1 for each case, by its name: no seed, no order, no score."""
    digests = (hashlib.sha256(str(name).encode()).digest()[:8] for name in case)
    return np.array([int.from_bytes(each, "big") / 2**64 for each in digests])


@dataclass(frozen=True)
class Question:
    """What exclusive answers are given to: the classes, or a label that is absent or present.

    Attributes
    ----------
    name
        Of the label; empty for classes.
    answers
        Their names.
    ordered
        They have an order, so that a set has no gaps.

    """

    name: str
    answers: tuple[str, ...]
    ordered: bool = False


def questions_of(target: Target) -> list[Question]:
    """Return what is asked: one question, or one for each label."""
    if target.kind == "multi-label":
        return [Question(name, (f"no {name}", name)) for name in target.classes]
    return [Question("", tuple(target.classes), target.kind == "ordinal")]


def conformity(target: Target, scores: Floats) -> list[Floats]:
    """Return, for each question, how well each answer fits, (cases, answers), larger is better.

    From scores of shape (cases, classes).
    """
    if target.kind == "multi-label":
        return [np.column_stack([1 - column, column]) for column in scores.T]
    return [scores]


def given(target: Target, truth: Floats) -> list[Mask]:
    """Return, for each question, which answer is true: (cases, answers), none where unknown.

    From truths of shape (cases, target columns).
    """
    n = len(target.classes)
    if target.kind == "multi-label":
        return [column[:, None] == np.arange(2) for column in truth.T]
    return [truth[:, :1] == np.arange(n)]


@dataclass(frozen=True)
class Conformal:
    """What `tune` says against each answer to a question.

    Attributes
    ----------
    question
        What is asked.
    folds
        For each fold, of each answer the scores of cases of its `tune` part for which it is true.

    """

    question: Question
    folds: Mapping[int, Sequence[Calibration]]

    @property
    def n_patients(self) -> list[int]:
        """Patients of `tune` with each answer; a patient of two folds would count twice."""
        each = zip(*self.folds.values(), strict=True)
        return [sum(one.n_patients for one in answers) for answers in each]

    def p_values(self, fits: Mapping[int, Floats]) -> Floats:
        """Return how common it is that a true answer fits as badly, (cases, answers), 0..1.

        Parameters
        ----------
        fits
            Of each fold, what `conformity` says of cases, with the scores of its model.

        Returns
        -------
        ndarray
            A new patient's true answer has a value of at most a with a probability of at most a,
            whatever the answer. With one fold: the share of patients (each with the share of its
            cases), the new one among them. Models of folds have not learned from their own `tune`
            parts only, so each has such a share of its own: the value is twice their mean, which
            holds however they depend on each other (Ruschendorf, Adv Appl Probab 1982;14:623; Vovk
            & Wang, Biometrika 2020;107:791), and is how CV+ comes to 1 - 2 a (Barber et al., Ann
            Stat 2021;49:486).

        """
        first = next(iter(fits.values()))
        found = np.empty(first.shape)
        for answer, n in enumerate(self.n_patients):
            as_bad = [
                each[answer].at_or_below(fits[fold][:, answer]) for fold, each in self.folds.items()
            ]
            found[:, answer] = (len(as_bad) + np.sum(as_bad, axis=0)) / (len(as_bad) + n)
        return np.minimum(found * (1 if len(self.folds) == 1 else 2), 1.0)

    def too_few(self, miss: float) -> str:
        """Say of which answers there are too few patients; empty: of none."""
        least = needed(miss, len(self.folds))
        pairs = zip(self.question.answers, self.n_patients, strict=True)
        short = [f"{name} {n}" for name, n in pairs if n < least]
        return f"patients of tune: {', '.join(short)}; {least} are needed" if short else ""


def learn(target: Target, tune: Mapping[int, EnsembleCases]) -> list[Conformal]:
    """Return what the `tune` part of each fold, with its model's scores, says of each question."""
    found: list[dict[int, list[Calibration]]] = [{} for _ in questions_of(target)]
    for fold, cases in sorted(tune.items()):
        owner, drawn = owners(cases.patient), lots(cases.case)
        fits, truths = conformity(target, cases.scores), given(target, cases.truth)
        for place, (fit, true) in enumerate(zip(fits, truths, strict=True)):
            found[place][fold] = [
                Calibration.of(fit[true[:, k], k], owner[true[:, k]], drawn[true[:, k]])
                for k in range(fit.shape[1])
            ]
    return [Conformal(*each) for each in zip(questions_of(target), found, strict=True)]


def set_of(question: Question, kept: Mask, fits: Floats) -> Mask:
    """Return sets, bool (cases, answers), of answers that cannot be ruled out.

    No set is empty: the answer that fits best is then in it. That of answers in order has no gap.
    Both only add answers, which no guarantee minds.
    """
    kept = kept.copy()
    empty = ~kept.any(axis=1)
    kept[empty, fits[empty].argmax(axis=1)] = True
    if question.ordered:
        up = np.logical_or.accumulate(kept, axis=1)
        down = np.logical_or.accumulate(kept[:, ::-1], axis=1)[:, ::-1]
        kept = up & down
    return kept
