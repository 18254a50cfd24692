"""The maps of scored cases, measured against where their findings are, beside what knows less.

The references: chance, which knows nothing; the mean map of the other patients of the same part,
which knows nothing of the case; and on phantoms what an ideal observer looks at, see `ideal`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from radpipe.explaining.explain import CaseMap
from radpipe.explaining.measures import (
    Mask,
    area,
    as_deep,
    best_threshold,
    chance_overlap,
    energy_inside,
    joined,
    marked,
    overlap,
    pointing,
    positive,
    widened,
)
from radpipe.explaining.plan import PartPlan
from radpipe.explaining.table import Measured
from radpipe.explaining.truth import Truth

# What the rows of the ideal observer's maps are called, in place of a method.
IDEAL = "ideal observer"
Floats = NDArray[np.float64]
# View to (slices, side, side).
Views = Mapping[str, NDArray[np.floating]]


@dataclass(frozen=True)
class Found:
    """A map of a finding whose place is known.

    Attributes
    ----------
    views
        The map: view to (slices, side, side).
    truth
        Where the finding is, of the same views and shapes.
    case, patient, part, label
        Names.
    row, column
        Number of the case in its part, and of the label among the questions.
    tolerance
        Distance in pixels within which pointing counts as a hit.

    """

    views: Views
    truth: Mapping[str, Mask]
    case: str
    patient: str
    part: str
    label: str
    row: int
    column: int
    tolerance: float = 0

    @cached_property
    def evidence(self) -> NDArray[np.floating]:
        """The map in one row."""
        return joined(self.views)

    @cached_property
    def inside(self) -> Mask:
        """Where the finding is, in one row."""
        return joined(self.truth)

    @cached_property
    def near(self) -> Mask:
        """Where pointing hits, in one row."""
        if not self.tolerance:
            return self.inside
        return joined({view: widened(mask, self.tolerance) for view, mask in self.truth.items()})

    def with_map(self, views: Views) -> "Found":
        """Return the same finding with another map of the same form."""
        return replace(self, views=views)

    def row_of(self, variant: str, method: str, values: Mapping[str, float]) -> Measured:
        """Return numbers of it as a row of the table."""
        return Measured(self.case, self.patient, self.part, variant, method, self.label, values)


# From a map to the ideal observer's map of the same finding; None: not known.
Ideal = Callable[[Found], Views | None]


def found_in(
    plan: PartPlan,
    maps: Iterable[CaseMap],
    truth: Truth,
    names: Sequence[str],
    *,
    tolerance: float = 0,
) -> list[Found]:
    """Return those maps of a part's scored cases whose finding has a known place.

    Parameters
    ----------
    plan
        Which cases of the part are scored.
    maps
        Of one method, of the part's cases.
    truth
        Where the findings are; a map of a finding without a place is left out.
    names
        Of the labels, see `evaluation.sample.column_names`.
    tolerance
        See `Found`.

    """
    asked, found = plan.part.asked, []
    rows = {str(case): row for row, case in enumerate(asked.case.tolist())}
    for each in maps:
        row, masks = rows[each.case], truth.of(each.case, each.label)
        if each.label not in plan.scored.get(row, ()) or not masks or not each.views:
            continue
        whole = {v: masks.get(v, np.zeros(m.shape, np.bool_)) for v, m in each.views.items()}
        patient, label = str(asked.patient[row]), names[each.label]
        place = (each.case, patient, asked.part, label, row, each.label)
        found.append(Found(each.views, whole, *place, tolerance=tolerance))
    return found


def thresholds_of(found: Iterable[Found]) -> dict[str, float]:
    """Return for each label the share of a map's highest value that overlaps best on `tune`."""
    tune: dict[str, list[Found]] = {}
    for each in found:
        if each.part == "tune":
            tune.setdefault(each.label, []).append(each)
    return {
        label: best_threshold((one.evidence, one.inside) for one in those)
        for label, those in tune.items()
    }


def measured(variant: str, method: str, found: Sequence[Found]) -> Iterator[Measured]:
    """Yield the numbers of each map, and those of the mean map of others in its place.

    Overlaps are NaN for a label of which `tune` has no map.

    Parameters
    ----------
    variant, method
        What the rows are called.
    found
        The maps of all parts, `tune` among them, which alone chooses thresholds.

    """
    means = averages(found)
    there = [one for one in means if one is not None]
    own, other = thresholds_of(found), thresholds_of(there)
    for each, mean in zip(found, means, strict=True):
        values = _values(each, own.get(each.label, np.nan))
        values |= {
            "pointing_chance": area(each.near),
            "energy_chance": area(each.inside),
            "overlap_chance": _chance(each, own.get(each.label, np.nan)),
        }
        if mean is not None:
            numbers = _values(mean, other.get(each.label, np.nan))
            values |= {f"{name}_average": value for name, value in numbers.items()}
        yield each.row_of(variant, method, values)


def ideal_of(found: Iterable[Found], ideal: Ideal) -> list[Found]:
    """Return the findings with the ideal observer's maps, as far as it has some."""
    return [
        each.with_map(views)
        for each in found
        if (views := ideal(each)) is not None and any(view.any() for view in views.values())
    ]


def averages(found: Sequence[Found]) -> list[Found | None]:
    """Return in place of each map the mean of the other patients' of the same label and part.

    Each of them counts alike (`measures.average_of`), and volumes are brought to one depth. None
    where no other patient has one.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for number, each in enumerate(found):
        groups.setdefault((each.part, each.label), []).append(number)
    means: list[Found | None] = [None] * len(found)
    for numbers in groups.values():
        for number, mean in zip(numbers, _averages([found[n] for n in numbers]), strict=True):
            means[number] = mean
    return means


def _averages(group: Sequence[Found]) -> Iterator[Found | None]:
    depth: dict[str, int] = {}
    for each in group:
        for view, map_ in each.views.items():
            depth[view] = max(depth.get(view, 0), len(map_))
    whole: dict[str, Floats] = {}
    of_patient: dict[str, dict[str, Floats]] = {}
    for each in group:
        total = float(positive(each.evidence).sum()) or 1.0
        own = of_patient.setdefault(each.patient, {})
        for view, map_ in each.views.items():
            share = positive(as_deep(map_, depth[view])) / total
            own[view] = own.get(view, 0.0) + share
            whole[view] = whole.get(view, 0.0) + share
    alone = len(of_patient) < 2
    for each in group:
        own = of_patient[each.patient]
        rest = {v: np.maximum(whole[v] - own[v], 0.0) for v in each.views}
        views = {v: as_deep(rest[v], len(map_)) for v, map_ in each.views.items()}
        yield None if alone else each.with_map(views)


def _values(found: Found, threshold: float) -> dict[str, float]:
    return {
        "pointing": pointing(found.evidence, found.near),
        "energy": energy_inside(found.evidence, found.inside),
        "overlap": _overlap(found, threshold),
    }


def _overlap(found: Found, threshold: float) -> float:
    if np.isnan(threshold):
        return np.nan
    return overlap(marked(found.evidence, threshold), found.inside)


def _chance(found: Found, threshold: float) -> float:
    """Return the overlap of a random mask that is as large as the one of this map."""
    if np.isnan(threshold):
        return np.nan
    size = int(marked(found.evidence, threshold).sum())
    return chance_overlap(size, int(found.inside.sum()), found.inside.size)
