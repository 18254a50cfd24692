"""What variants decide, compared in pairs: sensitivity, specificity and predictive values."""

from dataclasses import dataclass

from radpipe.app.report.estimates import ShownEstimate, number
from radpipe.app.report.results import StudyResults


@dataclass(frozen=True)
class Decided:
    """One pair of variants and one share; `why` says why the difference has no interval."""

    metric: str
    label: str
    first: str
    second: str
    difference: ShownEstimate | None
    p: float | None
    corrected: float | None
    why: str


def decided(study: StudyResults) -> list[Decided]:
    """Return the pairs, the better ranked variant first, metric by metric."""
    rank = {variant.name: place for place, variant in enumerate(study.variants)}
    found = []
    for row in study.decided:
        names, turned = (row["variant_a"], row["variant_b"]), False
        if rank[names[0]] > rank[names[1]]:
            names, turned = names[::-1], True
        change = ShownEstimate.of({**row, "value": row["difference"]})
        if change and turned:
            change = ShownEstimate(-change.value, -change.high, -change.low)
        label = row["class"] if len(study.classes) > 2 or study.kind == "multi-label" else ""
        title = study.cards[row["metric"]].heading(study.kind)
        tests = number(row["p"]), number(row["p_holm"])
        found.append(Decided(title, label, *names, change, *tests, row["why"]))
    return found
