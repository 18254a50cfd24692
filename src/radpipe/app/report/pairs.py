"""Paired tests of a study's variants, as the step compare made them."""

from collections.abc import Iterable
from dataclasses import dataclass

from radpipe.app.report.estimates import ShownEstimate, number
from radpipe.app.report.results import Row, StudyResults
from radpipe.core.cards import RANKED_BY


@dataclass(frozen=True)
class Pair:
    """One row of the table of paired tests; `label` is empty for all together.

    A difference without an interval is not shown, and `why` says why; its test stands.
    """

    label: str
    first: str
    second: str
    difference: ShownEstimate | None
    delong: float | None
    permutation: float | None
    corrected: float | None
    why: str = ""


def pairs(study: StudyResults, metric: str = RANKED_BY) -> list[Pair]:
    """Return the paired tests that have an interval or a p-value, the better ranked variant first.

    Tests of all classes together come first, then label by label.
    """
    order = {label: place for place, label in enumerate(["", *study.classes])}
    rank = {variant.name: index for index, variant in enumerate(study.variants)}
    found = []
    for row in _of(study, metric):
        names = sorted((row["variant_a"], row["variant_b"]), key=rank.__getitem__)
        label = row["class"]
        difference, corrected = paired_between(study, names[0], names[1], label, metric)
        if difference is not None or corrected is not None:
            p_delong, p_permutation = number(row["p_delong"]), number(row["p_permutation"])
            tests = difference, p_delong, p_permutation, corrected
            found.append(Pair(label, names[0], names[1], *tests, ShownEstimate.why(row)))
    return sorted(found, key=lambda p: (order[p.label], rank[p.first], rank[p.second]))


def other_pairs(study: StudyResults) -> list[tuple[str, list[Pair]]]:
    """Return (title within a sentence, tests) of the headline metrics beside the ranking's."""
    cards = (c for c in study.cards.values() if c.headline and c.name != RANKED_BY)
    tables = [(card.in_text, pairs(study, card.name)) for card in cards]
    return [(title, found) for title, found in tables if found]


def paired_between(
    study: StudyResults, one: str, other: str, label: str = "", metric: str = RANKED_BY
) -> tuple[ShownEstimate | None, float | None]:
    """Return a metric of `one` minus that of `other` with its interval, and the corrected p.

    Of one label, or (empty) of all classes or labels together.
    """
    for row in _of(study, metric):
        names = (row["variant_a"], row["variant_b"])
        if row["class"] != label or names not in ((one, other), (other, one)):
            continue
        difference = ShownEstimate.of({**row, "value": row["difference"]})
        if difference and names == (other, one):
            difference = ShownEstimate(-difference.value, -difference.high, -difference.low)
        return difference, number(row["p_holm"])
    return None, None


def _of(study: StudyResults, metric: str) -> Iterable[Row]:
    return (row for row in study.paired if row["metric"] == metric)
