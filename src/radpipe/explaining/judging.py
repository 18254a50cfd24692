"""What the measured maps of a study come to: means with intervals, tests in pairs, and verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from radpipe.core.settings import Evaluation
from radpipe.evaluation.draws import Floats
from radpipe.evaluation.intervals import Estimate
from radpipe.evaluation.localization import Contrast, contrast, means_of
from radpipe.evaluation.paired import holm

# As in `explaining.scored`, which loads torch.
IDEAL = "ideal observer"
PLACED = ("pointing", "energy", "overlap")
CURVES = ("deletion", "insertion")
MEAN_MAP = "mean map of others"
SCORES = (
    "study",
    "part",
    "variant",
    "method",
    "label",
    "measure",
    "value",
    "low",
    "high",
    "why",
    "n_cases",
    "n_patients",
)
PAIRED = (
    "study",
    "part",
    "kind",
    "measure",
    "first",
    "second",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "why",
    "n_cases",
    "n_patients",
)
CURVE_POINTS = ("study", "part", "variant", "method", "curve", "share", "value", "low", "high")
# Of one explanation what stands beside what, and what the other is called.
BESIDE = {
    **{(m, f"{m}_average"): MEAN_MAP for m in PLACED},
    **{(m, f"{m}_chance"): "chance" for m in PLACED},
    **{(m, f"{m}_random"): "random order" for m in CURVES},
    **{(m, f"randomised_{m}"): "random network" for m in PLACED[:2]},
    **{(f"randomised_{m}", f"{m}_average"): MEAN_MAP for m in PLACED[:2]},
}
Row = dict[str, Any]
# A map: case and label.
Place = tuple[str, str]


@dataclass(frozen=True)
class Explanation:
    """What was measured of the maps of one method of one variant.

    Attributes
    ----------
    values
        Measure to map to value; NaN is left out.
    patient
        Case to patient.

    """

    variant: str
    method: str
    values: dict[str, dict[Place, float]] = field(default_factory=dict)
    patient: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Variant and method."""
        return f"{self.variant}/{self.method}"


def read_explanations(rows: Sequence[Mapping[str, Any]], part: str) -> list[Explanation]:
    """Gather the rows of `measures.parquet`, of several variants, by variant and method."""
    found: dict[tuple[str, str], Explanation] = {}
    for row in rows:
        if row["part"] != part:
            continue
        key = row["variant"], row["method"]
        one = found.setdefault(key, Explanation(*key))
        one.patient[row["case"]] = row["patient"]
        if np.isfinite(row["value"]):
            place = row["case"], row["label"]
            one.values.setdefault(row["measure"], {})[place] = row["value"]
    return list(found.values())


def last_part(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the part that is judged: test, or tune where test is closed to all."""
    return "test" if any(row["part"] == "test" for row in rows) else "tune"


def score_rows(study: str, part: str, found: Sequence[Explanation], how: Evaluation) -> list[Row]:
    """Return the mean of every measure: over all labels together, `label` is empty, and of each."""
    rows = []
    for one in found:
        head = {"study": study, "part": part, "variant": one.variant, "method": one.method}
        for measure, label, estimate, places in _means(one, how):
            low, high, why = estimate.judged()
            numbers = {"value": estimate.value[0], "low": low, "high": high, "why": why}
            counts = _counts(one, places)
            rows.append({**head, "label": label, "measure": measure, **numbers, **counts})
    return rows


def _means(
    one: Explanation, how: Evaluation
) -> Iterator[tuple[str, str, Estimate, Sequence[Place]]]:
    """Yield measures that are of the same maps together: their draws of patients are the same."""
    groups: dict[tuple[str, tuple[Place, ...]], list[str]] = {}
    for measure, values in one.values.items():
        groups.setdefault(("", tuple(sorted(values))), []).append(measure)
        if measure.partition("_")[0] in PLACED:
            for label in sorted({place[1] for place in values}):
                places = tuple(sorted(place for place in values if place[1] == label))
                groups.setdefault((label, places), []).append(measure)
    for (label, places), measures in groups.items():
        table = np.array([[one.values[m][place] for place in places] for m in measures])
        estimates = means_of(table, _patients(one, places), how)
        for measure, estimate in zip(measures, estimates, strict=True):
            yield measure, label, estimate, places


def curve_rows(scores: Sequence[Row]) -> list[Row]:
    """Return the points of curves among the rows of scores, such as of `deletion@0.10`."""
    rows = []
    for row in scores:
        curve, at, share = row["measure"].partition("@")
        if at:
            rows.append({**row, "curve": curve, "share": float(share)})
    names = set(CURVE_POINTS)
    return [{key: value for key, value in row.items() if key in names} for row in rows]


def pair_rows(study: str, part: str, found: Sequence[Explanation], how: Evaluation) -> list[Row]:
    """Return what was compared on the same maps, with p-values corrected over a measure (Holm)."""
    rows = []
    for measure in (*PLACED, *CURVES, *(f"randomised_{m}" for m in PLACED[:2])):
        pairs = list(_pairs(found, measure))
        tests = [
            (pair, contrast(*pair.values, pair.patients, how, n_tests=len(pairs))) for pair in pairs
        ]
        corrected = holm([test.p for _, test in tests])
        for (pair, test), p in zip(tests, corrected, strict=True):
            head = {"study": study, "part": part, "kind": pair.kind, "measure": measure}
            head |= {"first": pair.first, "second": pair.second}
            counts = _counts(pair.of, pair.places)
            rows.append({**head, **_numbers(test), "p_holm": float(p), **counts})
    return rows


@dataclass(frozen=True)
class _Pair:
    kind: str
    first: str
    second: str
    of: Explanation
    places: tuple[Place, ...]
    values: tuple[Floats, Floats]

    @property
    def patients(self) -> Any:
        return _patients(self.of, self.places)


def _pairs(found: Sequence[Explanation], measure: str) -> Iterator[_Pair]:
    for one in found:
        for (own, beside), called in BESIDE.items():
            if own == measure and one.method != IDEAL:
                yield from _pair("reference", one, one, own, beside, second=called)
    if measure.startswith("randomised"):
        return
    for one, other in combinations(found, 2):
        if one.variant == other.variant:
            yield from _pair("methods", one, other, measure, measure)
        elif one.method == other.method != IDEAL:
            yield from _pair("variants", one, other, measure, measure)


def _pair(
    kind: str, one: Explanation, other: Explanation, own: str, beside: str, *, second: str = ""
) -> Iterator[_Pair]:
    first, other_values = one.values.get(own, {}), other.values.get(beside, {})
    places = tuple(sorted(first.keys() & other_values.keys()))
    if places:
        columns = tuple(np.array([v[place] for place in places]) for v in (first, other_values))
        yield _Pair(kind, one.name, second or other.name, one, places, (columns[0], columns[1]))


def _numbers(test: Contrast) -> Row:
    return {
        "difference": test.value,
        "low": test.low,
        "high": test.high,
        "p": test.p,
        "why": test.why,
    }


def verdicts(
    scores: Sequence[Row], paired: Sequence[Row], bounds: Mapping[str, float], *, confidence: float
) -> list[Row]:
    """Say of each explanation what it fails, and what cannot be told.

    A difference counts as shown if its interval, where there is one, leaves 0 out and its p-value
    is small enough after Holm's correction, too: the page never says what the table beside it
    denies.

    Parameters
    ----------
    scores, paired
        Of one study and part.
    bounds
        Variant to `explain.<variant>.checks.bound`.
    confidence
        Coverage of the intervals; what is left of 1 is the bound of p-values.

    Returns
    -------
    list of dict
        `variant`, `method`, `verdict` (passes, unclear or fails; not checked) and `said`, a list of
        sentences. What deletion says is a remark and decides nothing: a hole may itself look like
        a finding.

    """
    found = []
    names = dict.fromkeys((row["variant"], row["method"]) for row in scores)
    for variant, method in names:
        if method == IDEAL:
            continue
        own = {
            row["measure"]: row
            for row in scores
            if (row["variant"], row["method"], row["label"]) == (variant, method, "")
        }
        beside = {
            (row["measure"], row["second"]): row
            for row in paired
            if row["first"] == f"{variant}/{method}" and row["kind"] == "reference"
        }
        said = [
            *_depends(own, bounds.get(variant, 0.5)),
            *_beats(beside.get(("pointing", MEAN_MAP)), 1 - confidence),
            *_knows(beside, 1 - confidence),
            *_deleted(beside.get(("deletion", "random order"))),
        ]
        levels = [level for level, _ in said]
        verdict = next((level for level in ("fails", "unclear") if level in levels), "passes")
        sentences = [text for _, text in said]
        if "randomised" not in own and verdict == "passes":
            verdict = "not checked"
        found.append({"variant": variant, "method": method, "verdict": verdict, "said": sentences})
    return found


def _depends(own: Mapping[str, Row], bound: float) -> Iterator[tuple[str, str]]:
    """Say whether maps depend on what was learned."""
    if random := own.get("randomised"):
        text = f"rank correlation {_span(random)}, at most {bound:g}"
        if random["low"] > bound:
            yield "fails", f"Its maps hardly change when all weights are random ({text})."
        elif not random["high"] <= bound:
            yield "unclear", f"Whether its maps change with random weights is not certain ({text})."


def _beats(average: Row | None, least: float) -> Iterator[tuple[str, str]]:
    """Say whether maps know more than the mean map of others."""
    if average is None:
        return
    text = f"pointing less that of the mean map {_tested(average)}"
    if average["difference"] <= 0:
        yield "fails", f"It points no better than the mean map of other patients ({text})."
    elif not _shown(average, least):
        yield "unclear", f"That it points better than the mean map of others is not shown ({text})."


def _knows(beside: Mapping[tuple[str, str], Row], least: float) -> Iterator[tuple[str, str]]:
    """Say where maps find more than the mean map does, although all weights are random."""
    for measure, what in (("pointing", "pointing"), ("energy", "evidence in the finding")):
        row = beside.get((f"randomised_{measure}", MEAN_MAP))
        if row and row["difference"] > 0 and _shown(row, least):
            text = f"{what} less that of the mean map {_tested(row)}"
            yield "fails", f"Without anything learned it finds more than the mean map ({text})."


def _deleted(order: Row | None) -> Iterator[tuple[str, str]]:
    if order and not order["difference"] < 0:
        text = f"area less that of a random order {_tested(order)}"
        yield "remark", f"Deleting what it marks hurts no more than deleting at random ({text})."


def _shown(row: Row, least: float) -> bool:
    """Tell whether a difference above 0 is one, after correction, too.

    The same difference of all patients has no interval; its p-value decides.
    """
    return bool(row["p_holm"] <= least and not row["low"] <= 0)


def _tested(row: Row) -> str:
    return f"{_span(row, 'difference')}, corrected p {row['p_holm']:.2g}"


def _span(row: Row, name: str = "value") -> str:
    if not np.isfinite(row["low"]):
        return f"{row[name]:.2f}, no interval"
    return f"{row[name]:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _patients(one: Explanation, places: Sequence[Place]) -> Any:
    return np.array([one.patient[case] for case, _ in places], dtype=object)


def _counts(one: Explanation, places: Sequence[Place]) -> Row:
    cases = {case for case, _ in places}
    return {"n_cases": len(cases), "n_patients": len({one.patient[case] for case in cases})}
