"""What becomes of an answer when pixels go, or come, in the order of a map.

Deletion takes the pixels of highest evidence first and puts the network's mean grey there: of a
good map the probability falls at once. Insertion begins with nothing but that grey and puts pixels
back: it rises at once. Petsiuk et al., BMVC 2018:151. The same is done in random order, in patches,
because single pixels strewn about change every picture alike.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from radpipe.explaining.explain import CaseMap, seed_of
from radpipe.explaining.measures import under_curve
from radpipe.explaining.perturbing import Change, perturbed_outputs
from radpipe.explaining.subject import Material, Member
from radpipe.learning.data.cases import Batch

# A random order goes by patches, so many along a side.
PATCHES = 8
KINDS = ("deletion", "insertion")
Ranks = dict[str, NDArray[np.int64]]


def fractions(steps: int) -> list[float]:
    """Return the shares of pixels at which an answer is asked for, from 0 to 1."""
    return [k / steps for k in range(steps + 1)]


def ranks_of(map_: CaseMap, seed: int) -> Ranks:
    """Return for each view when a pixel goes, 0 first: by falling evidence, ties at random."""
    return _ranked({view: values.astype(np.float64) for view, values in map_.views.items()}, seed)


def random_ranks(map_: CaseMap, seed: int) -> Ranks:
    """Return an order that knows nothing, for a map of the same form: patch by patch."""
    rng = np.random.default_rng(seed)
    views = {}
    for view, values in map_.views.items():
        slices, side, _ = values.shape
        place = np.arange(side) * min(PATCHES, side) // side
        drawn = rng.random((slices, PATCHES, PATCHES))
        views[view] = drawn[:, place][:, :, place]
    return _ranked(views, seed)


def _ranked(views: dict[str, NDArray[np.float64]], seed: int) -> Ranks:
    values = np.concatenate([view.ravel() for view in views.values()])
    ties = np.random.default_rng(seed).random(len(values))
    ranks = np.empty(len(values), np.int64)
    ranks[np.lexsort((ties, -values))] = np.arange(len(values))
    ends = np.cumsum([view.size for view in views.values()])[:-1]
    parts = np.split(ranks, ends)
    return {
        name: part.reshape(v.shape) for (name, v), part in zip(views.items(), parts, strict=True)
    }


def curves(
    members: Sequence[Member],
    material: Material,
    number: int,
    map_: CaseMap,
    *,
    steps: int,
    ranks: Ranks,
) -> dict[str, list[float]]:
    """Return the probability of a map's answer along both curves, steps + 1 values each.

    Parameters
    ----------
    members, material, number
        Who is asked about which case.
    map_
        Says which answer.
    steps
        Equal steps of a curve.
    ranks
        The order in which pixels go or come.

    """
    n_pixels = sum(each.size for each in ranks.values())
    counts = np.rint(np.array(fractions(steps)) * n_pixels).astype(np.int64)
    change = _changed(members[0], material, ranks, counts)
    found = perturbed_outputs(members, material, number, 2 * len(counts), change)[:, map_.label]
    return dict(zip(KINDS, (part.tolist() for part in np.split(found, 2)), strict=True))


def _changed(member: Member, material: Material, ranks: Ranks, counts: NDArray[np.int64]) -> Change:
    """Return what hides pixels: the first half of the copies is of deletion, the rest insertion."""
    sees = member.sees
    assert sees is not None  # noqa: S101 - who sees nothing has no maps
    fill = sees.mean[None]
    n, names = len(counts), material.store.views
    empty: NDArray[np.int64] = np.empty((0, 1, 1), np.int64)

    def change(copies: Batch, numbers: NDArray[np.int64]) -> Batch:
        views = []
        for name, view in zip(names, copies.views, strict=True):
            order = ranks.get(name, empty)
            gone = [order < counts[k % n] if k < n else order >= counts[k % n] for k in numbers]
            hidden = torch.from_numpy(np.concatenate(gone)).to(view.device)[:, None]
            views.append(torch.where(hidden, fill, view) if len(view) else view)
        return Batch(tuple(views), copies.counts, copies.table)

    return change


def faithfulness(
    members: Sequence[Member], material: Material, number: int, map_: CaseMap, *, steps: int
) -> dict[str, float]:
    """Return the areas under the curves of a map and of a random order, and the curves' points.

    `deletion`, `insertion`, `deletion_random`, `insertion_random`, 0 to 1, and beside each the
    probability at each share of pixels, such as `deletion@0.10`.
    """
    seed, at = seed_of(0, map_.case), fractions(steps)
    values: dict[str, float] = {}
    for suffix, ranks in (("", ranks_of(map_, seed)), ("_random", random_ranks(map_, seed))):
        found = curves(members, material, number, map_, steps=steps, ranks=ranks)
        for kind, scores in found.items():
            values[f"{kind}{suffix}"] = under_curve(at, scores)
            values |= {f"{kind}{suffix}@{x:.2f}": y for x, y in zip(at, scores, strict=True)}
    return values
