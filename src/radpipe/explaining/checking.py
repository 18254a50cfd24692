"""The scored maps of one part, checked: against random networks, moved pictures and other seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from radpipe.core.settings.explain import Checks
from radpipe.explaining.deletion import faithfulness
from radpipe.explaining.explain import CaseMap, explain
from radpipe.explaining.measures import energy_inside, pointing
from radpipe.explaining.methods import Method
from radpipe.explaining.sanity import alike, cascade, draws, moved_alike, structure_alike
from radpipe.explaining.scored import Found
from radpipe.explaining.subject import Material, Member
from radpipe.explaining.table import Measured
from radpipe.learning.data.cases import Cases, Pixels

Numbers = list[dict[str, float]]


@dataclass(frozen=True)
class Checked:
    """Some scored maps, and who drew them.

    Attributes
    ----------
    member, how, seed
        Network, method and seed.
    material
        Their cases.
    found
        The maps, case by case, label by label.
    labels
        For each case the numbers of its labels.
    numbers
        Of each map what was measured so far.

    """

    member: Member
    how: Method
    seed: int
    material: Material
    found: Sequence[Found]
    labels: Sequence[Sequence[int]]
    numbers: Numbers = field(default_factory=list)

    @property
    def maps(self) -> list[CaseMap]:
        """The maps as `explain` returned them."""
        signed = self.how.signed
        return [CaseMap(f.case, f.column, dict(f.views), signed=signed) for f in self.found]

    def again(self, member: Member, seed: int | None = None) -> list[CaseMap]:
        """Draw them of another network, or with another seed."""
        seed = self.seed if seed is None else seed
        return explain([member], self.material, how=self.how, labels=self.labels, seed=seed)

    def note(self, values: Mapping[str, Sequence[float]]) -> None:
        """Add numbers, one for each map."""
        for name, column in values.items():
            for own, value in zip(self.numbers, column, strict=True):
                own[name] = value

    def scored(self, prefix: str, maps: Sequence[CaseMap]) -> dict[str, list[float]]:
        """Return what other maps of the same findings score."""
        others = [f.with_map(m.views) for f, m in zip(self.found, maps, strict=True)]
        return {
            f"{prefix}_pointing": [pointing(f.evidence, f.near) for f in others],
            f"{prefix}_energy": [energy_inside(f.evidence, f.inside) for f in others],
        }


def chosen(
    member: Member,
    how: Method,
    store: Pixels,
    cases: Cases,
    found: Sequence[Found],
    *,
    count: int,
    seed: int,
) -> Checked:
    """Take the maps of the first so many cases.

    Parameters
    ----------
    member, how, seed
        What drew them.
    store, cases
        Pixels, and all cases of their part.
    found
        The scored maps of the part.
    count
        Cases at most.

    """
    rows = sorted({each.row for each in found})[:count]
    some = sorted((f for f in found if f.row in rows), key=lambda f: (f.row, f.column))
    labels = [[f.column for f in some if f.row == row] for row in rows]
    material = Material.of(store, cases.take(np.array(rows, dtype=np.int64)))
    return Checked(member, how, seed, material, some, labels, [{} for _ in some])


def check(what: Checked, checks: Checks, *, shuffled: Member | None = None) -> dict[str, Any]:
    """Measure everything of the maps; return what is told of the method as a whole.

    Parameters
    ----------
    what
        Its `numbers` are filled.
    checks
        How much of what.
    shuffled
        The network that has learned shuffled labels, if there is one.

    """
    own = what.maps
    facts: dict[str, Any] = {"cascade": _randomised(what, own, checks)}
    how, labels = what.how, what.labels
    asked: dict[str, Any] = {"how": how, "labels": labels, "seed": what.seed}
    what.note({"moved": moved_alike([what.member], what.material, own, **asked)})
    facts["draws"] = draws([what.member], what.material, how=how, labels=labels)
    if facts["draws"]:
        what.note({"seed": alike(own, what.again(what.member, what.seed + 1))})
    _faithful(what, own, checks.steps)
    if shuffled is not None:
        other = what.again(shuffled)
        what.note({"shuffled": alike(own, other), **what.scored("shuffled", other)})
    return facts


def rows_of(what: Checked, variant: str, method: str) -> list[Measured]:
    """Return the numbers as rows of the table."""
    pairs = zip(what.found, what.numbers, strict=True)
    return [found.row_of(variant, method, values) for found, values in pairs if values]


def _randomised(what: Checked, own: Sequence[CaseMap], checks: Checks) -> list[dict[str, Any]]:
    """Compare with maps of random networks; those of the last also point somewhere."""
    told = []
    stages = cascade(what.member, what.material, stages=checks.stages, seed=checks.seed)
    for number, stage in enumerate(stages, start=1):
        other = what.again(stage.member)
        what.note({f"randomised_{number}": alike(own, other)})
        told.append({"layers": stage.layers, "of": stage.of, "reaches": stage.reaches})
    what.note({"randomised": [row[f"randomised_{number}"] for row in what.numbers]})
    what.note({"randomised_structure": structure_alike(own, other)})
    what.note(what.scored("randomised", other))
    return told


def _faithful(what: Checked, own: Sequence[CaseMap], steps: int) -> None:
    place = {name: number for number, name in enumerate(what.material.names)}
    for map_, values in zip(own, what.numbers, strict=True):
        values |= faithfulness([what.member], what.material, place[map_.case], map_, steps=steps)
