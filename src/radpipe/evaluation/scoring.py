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
from radpipe.evaluation.group_tests import compare_groups
from radpipe.evaluation.intervals import Estimate, estimate
from radpipe.evaluation.metrics import METRICS, cards, names_for, values
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.sample import Sample, column_names, decisions, make_sample
from radpipe.evaluation.shares import Share
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
        Thresholds and temperature from `tune`, for the pooled cases.
    evaluation
        Number and seed of the draws, confidence.
    single
        The same for single runs; `point` if left out.

    """

    target: Target
    point: OperatingPoint
    evaluation: Evaluation
    single: OperatingPoint | None = None

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
            "prevalence": self._prevalence(known),
            "operating_point": self.point.as_json(),
            "metrics": self._metrics(known, runs),
            "ceiling": self._ceiling(known),
            "subgroups": self._subgroups(known),
            "groups": compare_groups(
                self.point.sample(self.target, known.truth, known.scores),
                owners(known.patient),
                known.covariates,
                self.evaluation.confidence,
            ),
        }

    @property
    def names(self) -> list[str]:
        """Metrics that have a meaning for the target."""
        return names_for(self.target)

    @property
    def cards(self) -> list[Card]:
        """Their cards, in the order of tables."""
        return cards(self.target)

    def _estimate(
        self, sample: Sample, cases: EnsembleCases, names: Sequence[str]
    ) -> dict[str, Estimate]:
        return estimate(
            sample,
            owners(cases.patient),
            names,
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

    def _prevalence(self, cases: EnsembleCases) -> dict[str, Any]:
        """Return how frequent each class or label is among cases of known truth."""
        sample, owner = make_sample(self.target, cases.truth, cases.scores), owners(cases.patient)
        n_patients, found = len(set(cases.patient)), {}
        for column, name in enumerate(column_names(self.target)):
            share = Share(sample.positive[:, column], sample.known[:, column])
            row = share.row(owner, n_patients, self.evaluation.confidence)
            found[name] = {"value": row.value, "low": row.low, "high": row.high}
        return found

    def _metrics(self, cases: EnsembleCases, runs: Mapping[Run, EnsembleCases]) -> dict[str, Any]:
        sample = self.point.sample(self.target, cases.truth, cases.scores)
        before = make_sample(self.target, cases.truth, cases.scores)
        found = self._estimate(sample, cases, self.names)
        blocks = {name: self.block(one) for name, one in found.items()}
        for name in (card.name for card in self.cards if card.calibrated):
            blocks[name]["uncalibrated"] = values(METRICS[name], before)[0]
        each = np.arange(len(cases.case))
        if by_case := METRICS[RANKED_BY].rows(sample, each, self.evaluation.confidence):
            blocks[RANKED_BY] |= {"case_low": by_case[0].low, "case_high": by_case[0].high}
        for name, spread in self._spread(runs).items():
            blocks[name]["runs"] = spread
        return blocks

    def block(self, one: Estimate) -> dict[str, Any]:
        """Return a metric's value and interval, or why it has none, and the same per class."""
        names = column_names(self.target) if len(one.value) > 1 else []
        return {
            **shown(one),
            "per_class": {name: shown(one, row) for row, name in enumerate(names, start=1)},
        }

    def _spread(self, runs: Mapping[Run, EnsembleCases]) -> dict[str, dict[str, Any]]:
        """Return mean and standard deviation of each metric over the single runs."""
        samples = [
            (self.single or self.point).sample(
                self.target, cases.truth[cases.known], cases.scores[cases.known]
            )
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
        found = self._estimate(sample, cases, known)
        return {name: self.block(one) for name, one in found.items()}

    def _subgroups(self, cases: EnsembleCases) -> list[dict[str, Any]]:
        """Return the area of each subgroup; None for few cases or a missing class."""
        sample = self.point.sample(self.target, cases.truth, cases.scores)
        rows, owner = [], owners(cases.patient)
        for covariate, column in cases.covariates.items():
            for value, mask in subgroups(column):
                inside = np.flatnonzero(mask)
                row: dict[str, Any] = {
                    "covariate": covariate,
                    "value": value,
                    "n_cases": len(inside),
                    "n_patients": len(np.unique(owner[inside])),
                    "auc": None,
                }
                if len(inside) >= FEWEST_CASES:
                    row["auc"] = self._area(sample.take(inside), owner[inside])
                rows.append(row)
        return rows

    def _area(self, sample: Sample, owner: Integers) -> dict[str, Any] | None:
        rows = METRICS[RANKED_BY].rows(sample, owner, self.evaluation.confidence)
        value = values(METRICS[RANKED_BY], sample)
        if not np.isfinite(value[0]):
            return None
        return shown(Estimate(value, self.evaluation.confidence, rows=rows))


def shown(one: Estimate, row: int = 0) -> dict[str, Any]:
    """Return a row's `value`, `low` and `high`; `why` says why it has no interval."""
    low, high, why = one.judged(row)
    found = {"value": one.value[row], "low": low, "high": high}
    return {**found, "why": why} if why else found


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
