"""What is explained of one part: the cases that are shown, those that are scored, both together."""

from collections.abc import Mapping
from dataclasses import dataclass

from radpipe.core.settings import Explain, Gallery, Target
from radpipe.explaining.choosing import Shown, choose, draw_scored, explained_labels
from radpipe.explaining.parts import Part
from radpipe.explaining.truth import Place


@dataclass(frozen=True)
class PartPlan:
    """What is explained of a part.

    Attributes
    ----------
    part
        Its cases and what was answered.
    shown
        Of the gallery.
    scored
        Number of a case to the labels whose maps are scored.

    """

    part: Part
    shown: tuple[Shown, ...]
    scored: Mapping[int, list[int]]

    @property
    def names(self) -> set[str]:
        """The cases that are explained."""
        rows = {*self.scored, *(one.row for one in self.shown)}
        return {str(self.part.asked.case[row]) for row in rows}

    def labels(self, *, scored: bool) -> dict[int, list[int]]:
        """Return number of a case to the labels that a method explains, cases in order.

        Parameters
        ----------
        scored
            Whether the method explains the scored cases, too.

        """
        found: dict[int, set[int]] = {}
        for one in self.shown:
            found.setdefault(one.row, set()).add(one.label)
        for row, labels in self.scored.items() if scored else ():
            found.setdefault(row, set()).update(labels)
        return {row: sorted(found[row]) for row in sorted(found)}


def plan_parts(
    target: Target, parts: list[Part], how: Explain, places: set[Place]
) -> list[PartPlan]:
    """Choose what is explained of each part.

    Parameters
    ----------
    target
        What is predicted.
    parts
        tune, and test where it may be looked at; the gallery shows the last, and of the others
        only cases that were asked for by name.
    how
        Which cases, and how many.
    places
        Of which findings the place is known.

    """
    return [_plan(target, part, how, places, last=part is parts[-1]) for part in parts]


def _plan(target: Target, part: Part, how: Explain, places: set[Place], *, last: bool) -> PartPlan:
    gallery = how.gallery
    named = Gallery(labels=gallery.labels, confident=0, nearest=0, random=0, named=gallery.named)
    among = explained_labels(target, how)
    known: dict[str, set[int]] = {}
    for case, _, label in places:
        if label in among:
            known.setdefault(case, set()).add(label)
    located = [sorted(known.get(case, ())) for case in part.asked.case.tolist()]
    return PartPlan(
        part,
        tuple(choose(target, part.asked, gallery if last else named, among)),
        draw_scored(part.asked, located, count=how.scored, seed=gallery.seed),
    )
