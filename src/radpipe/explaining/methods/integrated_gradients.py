"""Integrated gradients: gradients on the way from a baseline, times the way.

Sundararajan et al., ICML 2017:3319, equation 1. The sum of a map is the answer less the baseline's
answer, as nearly as the steps take it.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from radpipe.core.settings import Count
from radpipe.explaining.gradients import slopes, turns
from radpipe.explaining.methods.base import Grey, PictureSettings, explanation
from radpipe.explaining.perturbing import copies_of, filled, per_pass
from radpipe.explaining.subject import Asked, Drawn, Maps, Member, still
from radpipe.learning.data.cases import Batch


class IntegratedGradientsSettings(PictureSettings):
    """Settings of `integrated-gradients`."""

    baseline: Grey = Field(
        default=0.0,
        description="What the way begins at: a grey from 0 to 1; mean, which the network takes off"
        " every pixel; case, the mean of the case's own view.",
    )
    steps: Count = Field(default=50, description="Points on the way.")
    rule: Literal["gauss-legendre", "middle"] = Field(
        default="gauss-legendre", description="Where they lie, and how they are weighed."
    )


@explanation("integrated-gradients", IntegratedGradientsSettings, signed=lambda _: True, alone=True)
def integrated_gradients(
    settings: IntegratedGradientsSettings, member: Member, batch: Batch, asked: Sequence[Asked], /
) -> list[Drawn]:
    """Draw the sums over channels."""
    rounds = turns(asked)
    start = [
        fill.expand_as(view)
        for fill, view in zip(filled(member, batch, settings.baseline), batch.views, strict=True)
    ]
    ways = [view - base for view, base in zip(batch.views, start, strict=True)]
    totals = [[torch.zeros_like(way, dtype=torch.float64) for way in ways] for _ in rounds]
    size = per_pass(batch, settings.batch)
    places, weights = _points(settings, size)
    with still(member):
        for first in range(0, len(places), size):
            some = places[first : first + size]
            there = _on_the_way(batch, start, ways, some)
            found, _ = slopes(member, there, [label * size for label in rounds], settings.of)
            for total, views in zip(totals, found, strict=True):
                _add(total, views, weights[first : first + size])
    return [Drawn([_times(total, ways) for total in totals])]


def _points(how: IntegratedGradientsSettings, size: int) -> tuple[NDArray[np.float64], ...]:
    """Return places from 0 to 1 and their weights, filled up to whole passes with a weight of 0."""
    if how.rule == "middle":
        places = (np.arange(how.steps) + 0.5) / how.steps
        weights = np.full(how.steps, 1 / how.steps)
    else:
        places, weights = np.polynomial.legendre.leggauss(how.steps)
        places, weights = (places + 1) / 2, weights / 2
    more = -len(places) % size
    return np.append(places, np.full(more, places[0])), np.append(weights, np.zeros(more))


def _on_the_way(
    batch: Batch, start: Sequence[Tensor], ways: Sequence[Tensor], places: NDArray[np.float64]
) -> Batch:
    views = tuple(
        torch.cat([base + float(place) * way for place in places])
        for base, way in zip(start, ways, strict=True)
    )
    copies = copies_of(batch, len(places))
    return Batch(views, copies.counts, copies.table)


def _add(total: list[Tensor], views: tuple[Tensor, ...], weights: NDArray[np.float64]) -> None:
    """Add up, in order, so that the last bits do not depend on how a sum is cut."""
    for own, view in zip(total, views, strict=True):
        for slope, weight in zip(view.chunk(len(weights)), weights, strict=True):
            own += slope.double() * float(weight)


def _times(total: list[Tensor], ways: Sequence[Tensor]) -> Maps:
    pairs = zip(total, ways, strict=True)
    return tuple((own * way.double()).sum(dim=1).float() for own, way in pairs)
