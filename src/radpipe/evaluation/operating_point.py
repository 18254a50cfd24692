"""The operating point: thresholds and temperature, chosen on `tune` and frozen.

A binary target has one threshold, for the positive class. Of several exclusive classes the
decision is the most probable class, of grades in order, too; a threshold per class against
the rest serves the per-class sensitivity and specificity only. Every label has a threshold of
its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from radpipe.core.settings import Target
from radpipe.evaluation.calibration import apply_temperature, fit_temperature
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.sample import Sample, columns_of, make_sample, questions
from radpipe.evaluation.tables import Exact

HALF = 0.5


class Wanted(Protocol):
    """How thresholds are chosen; `core.settings.Evaluation` fits."""

    @property
    def threshold(self) -> Literal["youden", "sensitivity", "half"]:
        """The rule."""

    @property
    def sensitivity(self) -> float:
        """Which the rule `sensitivity` reaches, 0..1."""


@dataclass(frozen=True)
class OperatingPoint:
    """What was chosen on `tune`; the written numbers are the applied ones.

    Attributes
    ----------
    rule
        `evaluation.threshold` of the settings.
    thresholds
        One per column of a `Sample`, for calibrated probabilities; at or above is yes.
    temperature
        Applied to the mean probabilities before the thresholds.
    folds
        Number of folds over whose mean it decides; 1: scores of single folds, as those of `tune`.
    chosen_on
        "tune"; of imported predictions also "given", by their maker, or "nothing", the middle.

    """

    rule: str
    thresholds: tuple[float, ...]
    temperature: float
    folds: int = 1
    chosen_on: str = "tune"

    @classmethod
    def from_json(cls, block: Mapping[str, Any]) -> "OperatingPoint":
        """Read what `as_json` wrote."""
        thresholds = tuple(map(float, block["thresholds"]))
        folds, chosen_on = block.get("folds", 1), block.get("chosen_on", "tune")
        return cls(block["rule"], thresholds, block["temperature"], folds, chosen_on)

    def sample(self, target: Target, truth: Floats, scores: Floats) -> Sample:
        """Apply the frozen point to cases of any part.

        Parameters
        ----------
        target
            What is predicted.
        truth
            Shape (cases, target columns), NaN unknown.
        scores
            Shape (cases, classes): mean probabilities, not yet calibrated.

        """
        probabilities = self.probabilities(target, scores)
        return make_sample(
            target, truth, scores, probabilities=probabilities, thresholds=self.thresholds
        )

    def probabilities(self, target: Target, scores: Floats) -> Floats:
        """Return the calibrated probabilities, (cases, classes), of scores of the same shape."""
        return apply_temperature(target, scores, self.temperature)

    def as_json(self) -> dict[str, Any]:
        """Return the block `operating_point` of `metrics.json`."""
        return {
            "rule": self.rule,
            "thresholds": [Exact(limit) for limit in self.thresholds],
            "temperature": self.temperature,
            "chosen_on": self.chosen_on,
            "folds": self.folds,
        }


def choose(target: Target, truth: Floats, scores: Floats, evaluation: Wanted) -> OperatingPoint:
    """Choose temperature and thresholds; pass cases of `tune` only.

    Parameters
    ----------
    target
        What is predicted.
    truth
        Shape (cases, target columns), NaN unknown: with several folds, the pooled out-of-fold
        cases.
    scores
        Shape (cases, classes): probabilities of the same cases.
    evaluation
        Rule, and the sensitivity that the rule `sensitivity` reaches.

    """
    temperature = fit_temperature(target, truth, scores)
    columns = columns_of(target, apply_temperature(target, scores, temperature))
    thresholds = tuple(
        threshold(
            answers, column, rule=evaluation.threshold, least_sensitivity=evaluation.sensitivity
        )
        for answers, column in zip(questions(target, truth).T, columns.T, strict=True)
    )
    return OperatingPoint(evaluation.threshold, thresholds, temperature)


def threshold(
    truth: Floats, probabilities: Floats, *, rule: str, least_sensitivity: float = 0.9
) -> float:
    """Choose a threshold for one column.

    Parameters
    ----------
    truth, probabilities
        Shape (cases,): 1, 0 or NaN; 0..1.
    rule
        "youden": largest sensitivity + specificity - 1 (Youden, Cancer 1950;3:32), of
        equals the largest threshold; "sensitivity": the largest threshold that reaches
        `least_sensitivity`; "half": 0.5.

    Returns
    -------
    float
        Midway between the lowest flagged probability and the next one below, to 6 decimals, or as
        many as it takes to stay between them; 0.5 where one of both answers is missing, because
        nothing can be chosen.

    """
    known = ~np.isnan(truth)
    truth, probabilities = truth[known], probabilities[known]
    positives, negatives = (truth == 1).sum(), (truth == 0).sum()
    if rule == "half" or not positives or not negatives:
        return HALF
    levels, place = np.unique(probabilities, return_inverse=True)
    levels, place = levels[::-1], len(levels) - 1 - place
    found = np.bincount(place, truth == 1, len(levels)).cumsum() / positives
    alarms = np.bincount(place, truth == 0, len(levels)).cumsum() / negatives
    if rule == "youden":
        best = int(np.argmax(np.round(found - alarms, 12)))
    else:
        best = int(np.argmax(found >= least_sensitivity - 1e-12))
    below = levels[best + 1] if best + 1 < len(levels) else 0.0
    return between(float(below), float(levels[best]))


def between(below: float, level: float) -> float:
    """Return a number with few decimals, at least 6, above one and at most another."""
    middle = (below + level) / 2
    for digits in range(6, 18):
        short = round(middle, digits)
        if below < short <= level:
            return short
    return level
