"""What a single run guarantees, as numbers that a score must reach, for use outside its project."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radpipe.core.settings import Guarantee, Target
from radpipe.evaluation.conformal import conformity, learn, questions_of, set_of
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.ensemble import EnsembleCases
from radpipe.evaluation.guarantees import KINDS, place_of, texts_of, thresholds_of
from radpipe.evaluation.sample import column_names

COLUMNS = {"average": "guaranteed", "certain": "certain"}


@dataclass(frozen=True)
class Limits:
    """Guarantees of a single run: what a score must reach.

    Attributes
    ----------
    thresholds
        "average" and "certain" to the threshold of each class or label; None: too few patients.
    sets
        For each question what each answer's fit must reach to be in the set; None: too few.

    """

    thresholds: Mapping[str, list[float | None]]
    sets: list[list[float] | None]

    @classmethod
    def of(cls, target: Target, tune: EnsembleCases, asked: Guarantee) -> "Limits":
        """Learn them from a run's own `tune` part."""
        learned, miss = learn(target, {0: tune}), 1 - asked.coverage
        both = [
            thresholds_of(learned[place], answer, asked)
            for place, answer in (place_of(target, k) for k in range(len(column_names(target))))
        ]
        sets = [
            None if one.too_few(miss) else [each.threshold(miss) for each in one.folds[0]]
            for one in learned
        ]
        return cls({kind: [one[kind]["threshold"] for one in both] for kind in KINDS}, sets)

    def columns(self, target: Target, scores: Floats) -> dict[str, list[str]]:
        """Return what is guaranteed of cases, as columns of text; empty where nothing is.

        Parameters
        ----------
        target
            What is predicted.
        scores
            Shape (cases, classes): as the network gives them, float32 in float64.

        """
        fits, found = conformity(target, scores), {}
        for kind, limits in self.thresholds.items():
            for column, (name, limit) in enumerate(zip(column_names(target), limits, strict=True)):
                place, answer = place_of(target, column)
                fit = fits[place][:, answer]
                found[f"{COLUMNS[kind]}_{name}"] = [
                    "" if limit is None else "yes" if one >= limit else "no" for one in fit
                ]
        for question, fit, limits_of_set in zip(questions_of(target), fits, self.sets, strict=True):
            said = [""] * len(scores)
            if limits_of_set is not None:
                kept = set_of(question, fit >= np.array(limits_of_set), fit)
                said = texts_of(question.answers, kept).tolist()
            found[f"set_{question.name}" if question.name else "set"] = said
        return found
