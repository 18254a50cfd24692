"""Intervals by a bootstrap that draws patients, not cases, with percentile and BCa limits.

Images of one patient resemble each other, so drawing images would make intervals too
narrow. Each draw takes as many patients as there are, with replacement and without
stratification; all cases of a patient come along. Decisions stay frozen: thresholds and
temperature are not fitted again in a draw. A draw in which a metric is undefined is left
out; with fewer than half of the draws left, the interval is undefined too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from radpipe.evaluation.draws import Draws, Floats, Integers, draw_patients, leave_out
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.sample import Sample

NORMAL = NormalDist()


@dataclass(frozen=True)
class Question:
    """Metrics of some cases.

    Attributes
    ----------
    sample
        The cases.
    names
        Metrics, by their names in `METRICS`.
    rows
        Which of the cases that patients are drawn for they are, as row numbers; None: all.

    """

    sample: Sample
    names: Sequence[str]
    rows: Integers | None = None


def spread(sample: Sample, draws: Draws, names: Sequence[str]) -> dict[str, Floats]:
    """Compute metrics for every draw.

    Returns
    -------
    dict of ndarray
        By metric, shape (1, draws) or (1 + columns, draws).

    """
    return spreads([Question(sample, names)], draws)[0]


def spreads(questions: Sequence[Question], draws: Draws) -> list[dict[str, Floats]]:
    """Compute metrics of several questions for every draw, in one pass."""
    blocks: list[dict[str, list[Floats]]] = [{name: [] for name in one.names} for one in questions]
    for weights in draws:
        for one, kept in zip(questions, blocks, strict=True):
            own = weights if one.rows is None else weights.take(one.rows)
            for name, found in kept.items():
                found.append(METRICS[name](one.sample, own))
    return [
        {name: np.concatenate(found, axis=1) for name, found in kept.items()} for kept in blocks
    ]


def percentile(draws: Floats, *, confidence: float) -> tuple[float, float]:
    """Return the interval between two quantiles of the draws, shape (draws,).

    Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    defined = draws[np.isfinite(draws)]
    if len(defined) == 0 or len(defined) < len(draws) / 2:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def bca(
    value: float, draws: Floats, jackknife: Floats, *, confidence: float
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated interval.

    Parameters
    ----------
    value
        The metric on the whole sample.
    draws
        Shape (draws,): the metric on bootstrap draws.
    jackknife
        Shape (patients,): the metric without each patient.
    confidence
        Coverage, in 0..1.

    Returns
    -------
    low, high
        NaN where undefined: too few defined draws, or all draws on one side of `value`.

    References
    ----------
    Efron, J Am Stat Assoc 1987;82:171; Efron & Tibshirani 1993, equations 14.9 to 14.15.

    """
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(defined) == 0 or len(defined) < len(draws) / 2:
        return np.nan, np.nan
    # Draws equal to the value count half: metrics of few cases take few values.
    share = ((defined < value).mean() + (defined <= value).mean()) / 2
    if not 0 < share < 1:
        return np.nan, np.nan
    bias, skew = NORMAL.inv_cdf(float(share)), acceleration(jackknife)
    adjusted = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        end = bias + NORMAL.inv_cdf(tail)
        adjusted.append(NORMAL.cdf(bias + end / (1 - skew * end)))
    low, high = np.quantile(defined, adjusted)
    return float(low), float(high)


def acceleration(jackknife: Floats) -> float:
    """Return sum(d^3) / (6 sum(d^2)^1.5), d the mean less each left-out value; 0 if flat.

    The values are of shape (patients,), or (groups,) if these are left out; NaN does not count.
    """
    defined = jackknife[np.isfinite(jackknife)]
    if len(defined) == 0:
        return 0.0
    distance = defined.mean() - defined
    scale = float((distance**2).sum()) ** 1.5
    return float((distance**3).sum()) / (6 * scale) if scale > 0 else 0.0


@dataclass(frozen=True)
class Estimate:
    """A metric with its draws: row 0 the value, further rows one per class."""

    value: Floats
    draws: Floats
    jackknife: Floats
    confidence: float

    def interval(self, row: int = 0) -> tuple[float, float]:
        """Return the percentile interval of a row."""
        if not np.isfinite(self.value[row]):
            return np.nan, np.nan
        return percentile(self.draws[row], confidence=self.confidence)

    def bca_interval(self, row: int = 0) -> tuple[float, float]:
        """Return the BCa interval of a row."""
        return bca(
            float(self.value[row]),
            self.draws[row],
            self.jackknife[row],
            confidence=self.confidence,
        )


def estimate(
    sample: Sample,
    owner: Integers,
    names: Sequence[str],
    *,
    n_draws: int = 2000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> dict[str, Estimate]:
    """Compute metrics with patient-clustered bootstrap draws and a jackknife.

    Parameters
    ----------
    sample
        The cases.
    owner
        Shape (cases,): number of each case's patient, as from `owners`.
    names
        Metrics, by their names in `METRICS`.
    n_draws, confidence, rng
        Number of draws, coverage of the intervals, source of the draws.

    """
    asked = [Question(sample, names)]
    return estimates(asked, owner, n_draws=n_draws, confidence=confidence, rng=rng)[0]


def estimates(
    questions: Sequence[Question],
    owner: Integers,
    *,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> list[dict[str, Estimate]]:
    """Compute metrics of several questions about the same patients, with the same draws.

    Arguments as of `estimate`; `owner` is that of the cases that `Question.rows` selects from.
    """
    drawn = spreads(questions, draw_patients(owner, n_draws, rng))
    left = spreads(questions, leave_out(owner))
    return [
        {
            name: Estimate(values(METRICS[name], one.sample), some[name], without[name], confidence)
            for name in one.names
        }
        for one, some, without in zip(questions, drawn, left, strict=True)
    ]


def difference(
    first: Mapping[str, Estimate], second: Mapping[str, Estimate], name: str
) -> Estimate:
    """Return first minus second of a metric, on the same draws of the same cases."""
    a, b = first[name], second[name]
    if a.draws.shape != b.draws.shape:
        raise ValueError(
            f"{name}: draws of shapes {a.draws.shape} and {b.draws.shape} are not paired"
        )
    return Estimate(a.value - b.value, a.draws - b.draws, a.jackknife - b.jackknife, a.confidence)
