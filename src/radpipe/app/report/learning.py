"""Would more data help: learning curves in words, and how many test patients a difference takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from statistics import NormalDist

from radpipe.app.report.estimates import ShownEstimate, decimal, number, percent, whole
from radpipe.app.report.results import Row, StudyResults
from radpipe.core.cards import RANKED_BY

# Gains that are told from each other: less is hardly any.
WORTH = 0.01
# Differences of areas that somebody may want to show, and how surely.
ASKED = (0.01, 0.02, 0.05)
POWER = 0.8


@dataclass(frozen=True)
class Learned:
    """One learning curve.

    Attributes
    ----------
    points
        Of each variant its name, share of patients, their number, and the area.
    words
        Whether twice the patients would help.
    note
        What the interval leaves out; empty: nothing.

    """

    curve: str
    points: tuple[tuple[str, str, str, ShownEstimate | None], ...]
    words: str
    note: str


def learned(study: StudyResults) -> list[Learned]:
    """Return the study's learning curves."""
    found = []
    for curve, group in groupby(study.learning, key=lambda row: row["curve"]):
        rows = list(group)
        seen = [row for row in rows if row["kind"] == "seen"]
        points = tuple(
            (
                row["variant"],
                percent(float(row["fraction"])),
                whole(row["patients"]),
                ShownEstimate.of(row),
            )
            for row in seen
        )
        one_run = all(int(row["runs"]) < 2 for row in seen)
        note = "One run each: the chance of training is not in the interval." if one_run else ""
        gain = next(row for row in rows if row["kind"] == "gain")
        found.append(Learned(curve, points, say(gain), note))
    return found


def say(gain: Row) -> str:
    """Say what twice the patients would give."""
    estimate, patients = ShownEstimate.of(gain), whole(gain["patients"])
    if estimate is None:
        return f"What {patients} patients would give cannot be told: {gain['why']}."
    told = f"{estimate.signed} AUC ({estimate.interval})"
    if estimate.high < WORTH:
        return f"Twice the patients ({patients}) would hardly help: {told}."
    if estimate.low > WORTH / 10:
        return f"Twice the patients ({patients}) would help: {told}."
    return (
        f"Whether twice the patients ({patients}) would help cannot be told from these points:"
        f" {told}."
    )


@dataclass(frozen=True)
class Needed:
    """How many test patients it takes to show a difference in AUC."""

    difference: str
    patients: str
    times: str


def needed(study: StudyResults) -> list[Needed]:
    """Return the test sets that could show differences, from the variance of pairs that was seen.

    With a power of 80 % and a two-sided test at the level of the intervals, of the pair with the
    median standard error: n = n seen * ((z of 1 - alpha / 2 + z of power) * SE / d)^2 (Obuchowski,
    Stat Methods Med Res 1998;7:371), since the variance of a paired difference of areas falls with
    the number of patients (DeLong et al., Biometrics 1988;44:837).
    """
    spreads = sorted(_spreads(study))
    if not spreads:
        return []
    error, patients = spreads[(len(spreads) - 1) // 2]
    z = _z(study) + NormalDist().inv_cdf(POWER)
    found = []
    for difference in ASKED:
        n = patients * (z * error / difference) ** 2
        found.append(
            Needed(decimal(difference, digits=2), whole(_rounded(n)), f"{n / patients:.2g}")
        )
    return found


def _spreads(study: StudyResults) -> Iterator[tuple[float, float]]:
    """Yield the standard error of each pair's difference, and its number of patients."""
    for row in study.paired:
        low, high, n = (number(row.get(key)) for key in ("low", "high", "n_patients"))
        if row["metric"] != RANKED_BY or row["class"] or low is None or high is None or not n:
            continue
        if high > low:
            yield (high - low) / (2 * _z(study)), n


def _z(study: StudyResults) -> float:
    return NormalDist().inv_cdf((1 + study.intervals["confidence"]) / 2)


def _rounded(n: float) -> int:
    """Round up to two digits: it is a plan."""
    step: int = 10 ** max(0, len(str(int(n))) - 2)
    return ceil(n / step) * step
