"""Intervals: of shares, areas and gaps by formulas, else by a bootstrap that draws patients.

Images of one patient resemble each other, so patients are the unit of all of them; drawing images
would make intervals too narrow. Formulas: see `shares`, `roc_areas` and `gaps`. Of other metrics
BCa limits are shown, if the value lies between them. Each draw takes as many patients as there are,
with replacement and without stratification; all cases of a patient come along. Decisions stay
frozen: thresholds and temperature are not fitted again in a draw. A draw in which a metric is
undefined is left out; with fewer than half of the draws left, the interval is undefined too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radpipe.evaluation.draws import Draws, Floats, Integers, draw_patients, leave_out
from radpipe.evaluation.metrics import METRICS, values
from radpipe.evaluation.metrics.base import counted
from radpipe.evaluation.quantiles import NORMAL, student
from radpipe.evaluation.roc_areas import few_patients
from radpipe.evaluation.rows import FEWEST_PATIENTS, Row, difference_of
from radpipe.evaluation.sample import Sample

SAME, ONE = "every draw of patients gives the same value", "one patient"
ASIDE = "draws of patients lie to one side of it, so that they say nothing of its error"


def spread(sample: Sample, draws: Draws, names: Sequence[str]) -> dict[str, Floats]:
    """Compute metrics for every draw.

    Returns
    -------
    dict of ndarray
        By metric, shape (1, draws) or (1 + columns, draws).

    """
    blocks: dict[str, list[Floats]] = {name: [] for name in names}
    for weights in draws:
        for name, found in blocks.items():
            found.append(METRICS[name](sample, weights))
    return {name: np.concatenate(found, axis=1) for name, found in blocks.items()}


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
    """A metric with its intervals: row 0 the value, further rows one per class.

    Attributes
    ----------
    value
        Shape (rows,).
    confidence
        Coverage of the intervals.
    rows
        In closed form; None: the intervals come from draws.
    draws, jackknife
        Shape (rows, draws) and (rows, patients), where they come from draws.
    why
        Of each row why it has no interval although there are draws; empty if nothing forbids it.
    answers
        Digest of what was answered; empty: not known.

    """

    value: Floats
    confidence: float
    rows: Sequence[Row] | None = None
    draws: Floats | None = None
    jackknife: Floats | None = None
    why: Sequence[str] = ()
    answers: str = ""

    def interval(self, row: int = 0) -> tuple[float, float]:
        """Return the interval of a row, NaN if it has none."""
        low, high, _ = self.judged(row)
        return low, high

    def judged(self, row: int = 0) -> tuple[float, float, str]:
        """Return the interval of a row, and why there is none; empty if there is one."""
        if self.rows is not None:
            found = self.rows[row]
            undefined = "" if np.isfinite(found.low) else "undefined"
            return found.low, found.high, found.why or undefined
        if not np.isfinite(self.value[row]):
            return np.nan, np.nan, "undefined"
        if self.why and self.why[row]:
            return np.nan, np.nan, self.why[row]
        if self.jackknife is not None and self.jackknife.shape[1] < 2:
            return np.nan, np.nan, ONE
        low, high = self._of_draws(row)
        if low == high or (self.draws is not None and constant(self.draws[row])):
            return np.nan, np.nan, SAME
        if not np.isfinite(low):
            return np.nan, np.nan, "undefined in most draws of patients"
        # A metric that chance moves one way alone has no interval made of draws.
        return (low, high, "") if low <= self.value[row] <= high else (np.nan, np.nan, ASIDE)

    def _of_draws(self, row: int) -> tuple[float, float]:
        if self.draws is None:
            return np.nan, np.nan
        if self.jackknife is None:
            return percentile(self.draws[row], confidence=self.confidence)
        low, high = bca(
            float(self.value[row]),
            self.draws[row],
            self.jackknife[row],
            confidence=self.confidence,
        )
        if np.isfinite(low):
            return low, high
        return percentile(self.draws[row], confidence=self.confidence)


def estimate(
    sample: Sample,
    owner: Integers,
    names: Sequence[str],
    *,
    n_draws: int = 2000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> dict[str, Estimate]:
    """Compute metrics with intervals, in closed form where there is one, else from draws.

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
    drawn = [name for name in names if METRICS[name].exact is None]
    draws = spread(sample, draw_patients(owner, n_draws, rng), drawn) if drawn else {}
    without = spread(sample, leave_out(owner), drawn) if drawn else {}
    found, answers = {}, digest(sample)
    for name in names:
        value = values(METRICS[name], sample)
        rows = METRICS[name].rows(sample, owner, confidence)
        if rows is not None:
            found[name] = Estimate(value, confidence, rows=rows, answers=answers)
        else:
            why = _shortages(sample, owner, len(value)) if METRICS[name].both_answers else ()
            found[name] = Estimate(
                value,
                confidence,
                draws=draws[name],
                jackknife=without[name],
                why=why,
                answers=answers,
            )
    return found


def digest(sample: Sample) -> str:
    """Return a short text that is the same for variants with the same answers to all cases."""
    answers = (sample.scores, sample.probabilities, sample.flags, sample.decided)
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in answers)).hexdigest()


def constant(draws: Floats) -> bool:
    """Tell whether draws, of any shape, differ by no more than rounding; NaN does not count."""
    defined = draws[np.isfinite(draws)]
    return not len(defined) or bool(np.ptp(defined) <= 1e-12 * max(1.0, np.abs(defined).max()))


def patients_of(sample: Sample, owner: Integers) -> list[int]:
    """Return how many patients the rarer answer of each column has."""
    return [
        min(len(np.unique(owner[answer])) for answer in both)
        for both in zip(sample.positive.T, sample.negative.T, strict=True)
    ]


def _shortages(sample: Sample, owner: Integers, n_rows: int) -> list[str]:
    """Say of each row of a metric whether one of its answers has too few patients."""
    fewest = patients_of(sample, owner)
    each = [few_patients(n) if n < FEWEST_PATIENTS else "" for n in fewest]
    if sample.n_columns == 1:
        return each
    wanted = [text for text, counts in zip(each, counted(sample), strict=True) if counts]
    short = [text for text in wanted if text]
    return [short[0] if 2 * len(short) > len(wanted) else "", *each][:n_rows]


def difference(
    first: Mapping[str, Estimate],
    second: Mapping[str, Estimate],
    name: str,
    *,
    paired: bool = True,
) -> Estimate:
    """Return first minus second of a metric, on the same cases, or of independent samples.

    Paired ones must be of the same patients, and of the same draws of them. Independent ones must
    not: their draws are subtracted one by one.
    """
    a, b = first[name], second[name]
    value = a.value - b.value
    if paired and a.answers and a.answers == b.answers:
        return Estimate(value, a.confidence, rows=[_no_change(a, row) for row in range(len(value))])
    if a.rows is not None and b.rows is not None:
        pairs = zip(a.rows, b.rows, strict=True)
        rows = [difference_of(*pair, paired=paired) for pair in pairs]
        return Estimate(value, a.confidence, rows=rows)
    if a.draws is None or b.draws is None or a.draws.shape != b.draws.shape:
        shapes = [None if one.draws is None else one.draws.shape for one in (a, b)]
        raise ValueError(f"{name}: draws of shapes {shapes[0]} and {shapes[1]} are not paired")
    why = [one or other for one, other in zip(a.why, b.why, strict=True)]
    apart = Estimate(value, a.confidence, draws=a.draws - b.draws, why=why)
    if not paired:
        return apart
    patients = a.jackknife.shape[1] if a.jackknife is not None else 2
    rows = [
        _paired_row(apart, row, patients)
        if np.isfinite(value[row])
        else Row(np.nan, np.nan, np.nan, np.zeros(0), "undefined")
        for row in range(len(value))
    ]
    return Estimate(value, a.confidence, rows=rows)


def _no_change(one: Estimate, row: int) -> Row:
    """Return the difference of a row from itself: none, whoever the patients are."""
    value, why, nothing = float(one.value[row]), one.judged(row)[2], np.zeros(0)
    if why:
        return Row(value - value, np.nan, np.nan, nothing, why)
    return Row(0.0, 0.0, 0.0, nothing)


def _paired_row(apart: Estimate, row: int, patients: int) -> Row:
    """Return a difference of draws of the same patients, with Student's interval.

    Differences are near normal even where both sides are skewed, and percentiles of few patients
    are too narrow (benchmarks/coverage.py).

    Parameters
    ----------
    apart
        The differences.
    row
        Which of its rows.
    patients
        Number of patients, at most that of the jackknife's groups.

    """
    nothing, value = np.zeros(0), float(apart.value[row])
    why = ONE if patients < 2 else apart.judged(row)[2]
    if why or apart.draws is None:
        return Row(value, np.nan, np.nan, nothing, why)
    spread = float(np.nanstd(apart.draws[row], ddof=1)) * np.sqrt(patients / (patients - 1))
    half = student((1 + apart.confidence) / 2, patients - 1) * spread
    return Row(value, value - half, value + half, nothing)
