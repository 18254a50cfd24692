"""The scores of one variant: every metric with its interval, for each part.

What is here becomes `metrics.json`. Ranking metrics (auc) use the mean probabilities as
they are; all others the calibrated ones, with the value before calibration beside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radpipe.core.cards import RANKED_BY, Card
from radpipe.core.settings import Evaluation, Target
from radpipe.evaluation.draws import Integers, owners
from radpipe.evaluation.ensemble import EnsembleCases, Run
from radpipe.evaluation.intervals import Estimate, Question, estimates
from radpipe.evaluation.metrics import METRICS, cards, names_for, values
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.sample import column_names, decisions, make_sample
from radpipe.evaluation.subgroups import subgroups

# Subgroups of fewer cases are listed with their size alone.
FEWEST_CASES = 10


@dataclass(frozen=True)
class Scorer:
    """Scores cases of one variant with its frozen operating point.

    Attributes
    ----------
    target
        What is predicted.
    point
        Thresholds and temperature from `tune`.
    evaluation
        Number and seed of the draws, confidence.

    """

    target: Target
    point: OperatingPoint
    evaluation: Evaluation

    def part(self, cases: EnsembleCases, runs: Mapping[Run, EnsembleCases]) -> dict[str, Any]:
        """Score one part: the pooled cases, and each run by itself for the spread.

        Parameters
        ----------
        cases
            Pooled over folds and seeds.
        runs
            The same part of every run.

        Returns
        -------
        dict
            The block of `metrics.json` below "parts", not yet rounded.

        """
        known = cases.take(cases.known)
        return {
            "n_cases": len(known.case),
            "n_patients": len(set(known.patient)),
            "n_unknown": len(cases.case) - len(known.case),
            "n_per_class": self._count(known),
            "metrics": self._metrics(known, runs),
            "ceiling": self._ceiling(known),
            "subgroups": self._subgroups(known),
        }

    @property
    def names(self) -> list[str]:
        """Metrics that have a meaning for the target."""
        return names_for(self.target)

    @property
    def cards(self) -> list[Card]:
        """Their cards, in the order of tables."""
        return cards(self.target)

    def _estimates(
        self, questions: Sequence[Question], owner: Integers
    ) -> list[dict[str, Estimate]]:
        return estimates(
            questions,
            owner,
            n_draws=self.evaluation.bootstrap,
            confidence=self.evaluation.confidence,
            # Every call starts anew: equal patients get equal draws, whatever was drawn before.
            rng=np.random.default_rng(self.evaluation.seed),
        )

    def _count(self, cases: EnsembleCases) -> list[int]:
        if self.target.kind == "multi-label":
            return [int(n) for n in (cases.truth == 1).sum(axis=0)]
        return [
            int((cases.truth[:, 0] == index).sum()) for index in range(len(self.target.classes))
        ]

    def _metrics(self, cases: EnsembleCases, runs: Mapping[Run, EnsembleCases]) -> dict[str, Any]:
        sample = self.point.sample(self.target, cases.truth, cases.scores)
        before = make_sample(self.target, cases.truth, cases.scores)
        owner = owners(cases.patient)
        (found,) = self._estimates([Question(sample, self.names)], owner)
        blocks = {name: self.block(one) for name, one in found.items()}
        for name in (card.name for card in self.cards if card.calibrated):
            blocks[name]["uncalibrated"] = values(METRICS[name], before)[0]
        (by_case,) = self._estimates([Question(sample, [RANKED_BY])], np.arange(len(owner)))
        ranked = blocks[RANKED_BY]
        ranked["case_low"], ranked["case_high"] = by_case[RANKED_BY].interval()
        for name, spread in self._spread(runs).items():
            blocks[name]["runs"] = spread
        return blocks

    def block(self, one: Estimate) -> dict[str, Any]:
        """Return a metric's value, percentile and BCa interval, and values per class."""
        low, high = one.interval()
        bca_low, bca_high = one.bca_interval()
        per_class = {}
        if len(one.value) > 1:
            for row, name in enumerate(column_names(self.target), start=1):
                ends = one.interval(row)
                per_class[name] = {"value": one.value[row], "low": ends[0], "high": ends[1]}
        return {
            "value": one.value[0],
            "low": low,
            "high": high,
            "bca_low": bca_low,
            "bca_high": bca_high,
            "per_class": per_class,
        }

    def _spread(self, runs: Mapping[Run, EnsembleCases]) -> dict[str, dict[str, Any]]:
        """Return mean and standard deviation of each metric over the single runs."""
        samples = [
            self.point.sample(self.target, cases.truth[cases.known], cases.scores[cases.known])
            for _, cases in sorted(runs.items())
        ]
        spread = {}
        for name in self.names:
            each = np.array([values(METRICS[name], sample)[0] for sample in samples])
            each = each[np.isfinite(each)]
            spread[name] = {
                "mean": each.mean() if len(each) else np.nan,
                "sd": each.std(ddof=1) if len(each) > 1 else np.nan,
                "n": len(each),
            }
        return spread

    def _ceiling(self, cases: EnsembleCases) -> dict[str, Any] | None:
        if cases.ceiling is None or not np.isfinite(cases.ceiling).all():
            return None
        sample = make_sample(self.target, cases.truth, cases.ceiling)
        known = [card.name for card in self.cards if card.ceiling]
        # The ideal observer's probabilities are true, so there is nothing to calibrate.
        (found,) = self._estimates([Question(sample, known)], owners(cases.patient))
        return {name: self.block(one) for name, one in found.items()}

    def _subgroups(self, cases: EnsembleCases) -> list[dict[str, Any]]:
        """Return the area of each subgroup with its interval; None for few cases or one class.

        Patients are drawn once, from the whole part, and a subgroup takes its own of each draw:
        its size is then as random as that of a subgroup in a new sample of patients.
        """
        sample = self.point.sample(self.target, cases.truth, cases.scores)
        rows, asked = [], []
        for covariate, column in cases.covariates.items():
            for value, mask in subgroups(column):
                inside = np.flatnonzero(mask)
                row = {
                    "covariate": covariate,
                    "value": value,
                    "n_cases": len(inside),
                    "n_patients": len(set(cases.patient[inside])),
                    "auc": None,
                }
                rows.append(row)
                if len(inside) >= FEWEST_CASES:
                    asked.append((row, Question(sample.take(inside), ("auc",), inside)))
        found = self._estimates([question for _, question in asked], owners(cases.patient))
        for (row, _), one in zip(asked, found, strict=True):
            if np.isfinite(one["auc"].value[0]):
                low, high = one["auc"].interval()
                row["auc"] = {"value": one["auc"].value[0], "low": low, "high": high}
        return rows


def confusion_rows(
    target: Target, cases: EnsembleCases, point: OperatingPoint, part: str
) -> list[dict[str, Any]]:
    """Count decisions by truth, as rows `part, true, decided, n`; zeros included.

    Labels are counted one by one, as "<label>" and "no <label>".
    """
    sample = point.sample(target, cases.truth, cases.scores)
    if target.kind == "multi-label":
        rows = []
        for column, name in enumerate(target.classes):
            truth, decided = sample.truth[:, column], sample.decided[:, column]
            rows += _counts(part, [f"no {name}", name], truth, decided)
        return rows
    truth = cases.truth[:, 0]
    return _counts(part, target.classes, truth, decisions(target, sample)[:, 0])


def _counts(
    part: str, names: list[str], truth: np.ndarray, decided: np.ndarray
) -> list[dict[str, Any]]:
    return [
        {
            "part": part,
            "true": true,
            "decided": chosen,
            "n": int(((truth == i) & (decided == j)).sum()),
        }
        for i, true in enumerate(names)
        for j, chosen in enumerate(names)
    ]
