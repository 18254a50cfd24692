"""All that is measured of a variant's maps, method by method, as the step `explain` writes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radpipe.core.settings import Explain
from radpipe.explaining.checking import check, chosen, rows_of
from radpipe.explaining.explain import CaseMap
from radpipe.explaining.ideal import IdealObserver
from radpipe.explaining.measures import Mask, area, energy_inside, joined
from radpipe.explaining.methods import Method
from radpipe.explaining.plan import PartPlan
from radpipe.explaining.scored import (
    IDEAL,
    Found,
    found_in,
    ideal_of,
    measured,
    thresholds_of,
)
from radpipe.explaining.subject import Member
from radpipe.explaining.table import Measured
from radpipe.explaining.truth import Truth
from radpipe.learning.data.cases import Pixels


@dataclass(frozen=True)
class Scoring:
    """What all methods of a variant have in common.

    Attributes
    ----------
    variant, how
        Its name and block.
    member, store
        The network and what it looks at.
    plans
        What was explained of each part.
    truth
        Where findings are.
    ideal
        Of a phantom, who knows more; else None.
    shuffled
        The network that has learned shuffled labels, if that was asked for.

    """

    variant: str
    how: Explain
    member: Member
    store: Pixels
    plans: Sequence[PartPlan]
    truth: Truth
    ideal: IdealObserver | None = None
    shuffled: Member | None = None

    def found(self, maps: Sequence[Sequence[CaseMap]]) -> list[Found]:
        """Return the maps of findings of known place, of all parts, given part by part."""
        names, tolerance = self.member.questions, self.how.tolerance
        return [
            each
            for plan, some in zip(self.plans, maps, strict=True)
            for each in found_in(plan, some, self.truth, names, tolerance=tolerance)
        ]


def scored_method(
    scoring: Scoring, key: str, how: Method, maps: Sequence[Sequence[CaseMap]], *, seed: int
) -> tuple[list[Measured], dict[str, Any]]:
    """Measure and check the maps of one method.

    Parameters
    ----------
    scoring
        What it has in common with others.
    key, how
        Its name in the settings, and itself.
    maps
        Part by part, in the order of the plans.
    seed
        With which they were drawn.

    Returns
    -------
    rows, facts
        For `measures.parquet` and `facts.json`.

    """
    found = scoring.found(maps)
    rows = list(measured(scoring.variant, key, found))
    rows += _on_shortcuts(scoring, key, found)
    facts: dict[str, Any] = {"thresholds": thresholds_of(found), "scored": len(found)}
    last = scoring.plans[-1].part
    mine = [each for each in found if each.part == last.name]
    if scoring.how.checks.cases and mine:
        count = scoring.how.checks.cases
        some = chosen(scoring.member, how, scoring.store, last.cases, mine, count=count, seed=seed)
        facts |= check(some, scoring.how.checks, shuffled=scoring.shuffled)
        rows += rows_of(some, scoring.variant, key)
    return rows, facts


def scored_ideal(
    scoring: Scoring, maps: Mapping[str, Sequence[Sequence[CaseMap]]]
) -> list[Measured]:
    """Measure the ideal observer's maps of the same findings; nothing where it is not known."""
    ideal = scoring.ideal
    if ideal is None:
        return []
    every = {
        (each.part, each.case, each.label): each
        for of_parts in maps.values()
        for each in scoring.found(of_parts)
    }
    found = ideal_of(every.values(), lambda each: ideal.views(each.case, each.label))
    return list(measured(scoring.variant, IDEAL, found))


def _on_shortcuts(scoring: Scoring, key: str, found: Sequence[Found]) -> Iterator[Measured]:
    """Yield which share of the evidence outside a finding lies on a shortcut, and its area's."""
    names = scoring.member.questions
    for each in found:
        values: dict[str, float] = {}
        for label in scoring.how.shortcuts:
            place = _place(scoring, each, names.index(label))
            if label == each.label or place is None:
                continue
            outside = ~each.inside
            evidence = each.evidence[outside]
            values[f"on_{label}"] = energy_inside(evidence, place[outside])
            values[f"on_{label}_chance"] = area(place[outside])
        if values:
            yield each.row_of(scoring.variant, key, values)


def _place(scoring: Scoring, each: Found, label: int) -> Mask | None:
    """Return where a label is, in one row; drawn pixel by pixel on a phantom, else its boxes."""
    masks: Mapping[str, Mask] = scoring.truth.of(each.case, label)
    if masks and scoring.ideal is not None:
        masks = scoring.ideal.seen(each.case, scoring.member.questions[label])
    whole = {v: masks.get(v, np.zeros(m.shape, np.bool_)) for v, m in each.views.items()}
    return joined(whole) if any(mask.any() for mask in whole.values()) else None
