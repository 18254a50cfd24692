"""Test beside tune: whether what was chosen on tune still holds, and what to warn of."""

from collections.abc import Iterator, Mapping
from typing import Any

from radpipe.app.report.estimates import Scale
from radpipe.app.report.external import ExternalLine, Measure
from radpipe.app.report.results import StudyResults, VariantResults
from radpipe.app.report.story import Caution

# Metric to the change from which a warning names it, if the interval does not hold 0.
WARNED = {
    "sensitivity": 0.1,
    "specificity": 0.1,
    "calibration_slope": 0.2,
    "calibration_intercept": 0.3,
}
PREVALENCE = 0.05
PARTS = ("tune", "test")
DECIDED = ("sensitivity", "specificity")


def measures(study: StudyResults) -> list[Measure]:
    """Return what is set beside each other: metrics of all variants, then how frequent classes are.

    Empty while test is closed.
    """
    if not study.opened:
        return []
    first = _with_tune(study)
    if first is None:
        return []
    found = []
    for name in first.metrics["drift"]["metrics"]:
        card = study.cards[name]
        lines = tuple(_line(variant, name) for variant in study.variants)
        shown = [each for line in lines for each in (line.home, line.away)]
        if any(line.home and line.away for line in lines):
            title = card.heading(study.kind)
            found.append(Measure(title, Scale.around(shown, card.goal), lines, card.goal))
    return found


def prevalence(study: StudyResults) -> list[Measure]:
    """Return how frequent each class is among the first variant's cases; empty without test."""
    if not study.opened:
        return []
    first = _with_tune(study)
    if first is None:
        return []
    parts, found = first.metrics["parts"], []
    for label, change in first.metrics["drift"]["prevalence"].items():
        tune, test = (parts[part]["prevalence"][label] for part in ("tune", "test"))
        line = ExternalLine.of(first.name, tune, test, change)
        found.append(Measure(label, Scale.around([line.home, line.away]), (line,)))
    return found


def _with_tune(study: StudyResults) -> VariantResults | None:
    """Return the first variant that was scored on both parts; imported ones may not be."""
    return next((one for one in study.variants if one.metrics.get("drift")), None)


def drift_cautions(study: StudyResults) -> Iterator[Caution]:
    """Warn of an operating point, a calibration or a prevalence that is another one on test."""
    found: dict[bool, list[str]] = {True: [], False: []}
    for variant in study.variants if study.opened else ():
        for name, limit in WARNED.items():
            line = _line(variant, name)
            if said := _moved(line, limit):
                title = study.cards[name].title
                found[name in DECIDED].append(f"{title} of {variant.name}: {said}")
    if found[True]:
        yield Caution(
            "serious",
            "The operating point does on test not do what it did on tune",
            f"{_few_of(found[True])}. Thresholds were chosen on tune, so a small fall is expected;"
            " this is more. Ask how the patients of test differ.",
        )
    if found[False]:
        yield Caution(
            "serious",
            "Calibration on test is not what it was on tune",
            f"{_few_of(found[False])}. One temperature, fitted on tune, does not fit test: do not"
            " read probabilities as risks there.",
        )
    moved = [
        f"{measure.title}: {said}"
        for measure in prevalence(study)
        if (said := _moved(measure.lines[0], PREVALENCE))
    ]
    if moved:
        yield Caution(
            "note",
            "Classes are not as frequent on test as on tune",
            f"{_few_of(moved)}. Precision, accuracy, F1, kappa and calibration depend on it.",
        )


def _line(variant: VariantResults, name: str) -> ExternalLine:
    parts: Mapping[str, Any] = variant.metrics["parts"]
    changes: Mapping[str, Any] = (variant.metrics.get("drift") or {}).get("metrics", {})
    tune, test = (parts.get(part, {}).get("metrics", {}).get(name) for part in PARTS)
    return ExternalLine.of(variant.name, tune, test, changes.get(name))


def _moved(line: ExternalLine, limit: float) -> str:
    """Say by how much, if it is more than chance and at least `limit`; else nothing."""
    change = line.difference
    if not (line.home and line.away and change) or change.low <= 0 <= change.high:
        return ""
    if abs(change.value) < limit:
        return ""
    return (
        f"{line.home.text} on tune, {line.away.text} on test ({change.signed}, {change.interval})"
    )


def _few_of(texts: list[str], most: int = 4) -> str:
    shown = "; ".join(texts[:most])
    return f"{shown}; and {len(texts) - most} more" if len(texts) > most else shown
