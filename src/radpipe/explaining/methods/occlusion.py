"""Occlusion: how much an answer falls when a window is hidden.

Zeiler and Fergus, ECCV 2014:818.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from radpipe.core.settings import Count
from radpipe.explaining.methods.base import Grey, PictureSettings, explanation
from radpipe.explaining.perturbing import asked_of_copies, filled, hiding
from radpipe.explaining.subject import Asked, Drawn, Maps, Member
from radpipe.learning.data.cases import Batch


class OcclusionSettings(PictureSettings):
    """Settings of `occlusion`."""

    window: Count = Field(default=16, description="Side of the window, pixels of the store.")
    stride: Count = Field(default=8, description="From window to window, pixels.")
    slices: Count | None = Field(
        default=None,
        description="Slices of a view that a window hides together, and from window to window;"
        " null: all of them.",
    )
    fill: Grey = Field(
        default=0.0,
        description="What stands in the window: a grey from 0 to 1; mean, which the network takes"
        " off every pixel; case, the mean of the case's own view.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "OcclusionSettings":
        if self.stride > self.window:
            raise ValueError(
                f"stride {self.stride} is longer than the window of {self.window} pixels, so some"
                " would never be hidden; use a shorter stride or a larger window"
            )
        return self


@explanation("occlusion", OcclusionSettings, signed=lambda _: True, alone=True)
def occlusion(
    settings: OcclusionSettings, member: Member, batch: Batch, asked: Sequence[Asked], /
) -> list[Drawn]:
    """Draw, for each pixel, the mean fall of the answer over the windows that hide it."""
    windows = _windows(batch, settings)

    def keep(view: int, numbers: NDArray[np.int64]) -> Tensor:
        shape = batch.views[view].shape
        stays = torch.ones((len(numbers), shape[0], *shape[2:]), dtype=torch.bool)
        for one, number in zip(stays, numbers, strict=True):
            if number and windows[number - 1][0] == view:  # number 0 is the case as it is
                one[windows[number - 1][1]] = False
        return stays

    said = asked_of_copies(
        member,
        batch,
        1 + len(windows),
        hiding(batch, keep, filled(member, batch, settings.fill)),
        of=settings.of,
        batch=settings.batch,
    ).double()
    falls = said[:1] - said[1:]
    return [Drawn([_mean(batch, windows, falls[:, label]) for label in asked[0].labels])]


Window = tuple[int, tuple[slice, slice, slice]]


def _windows(batch: Batch, how: OcclusionSettings) -> list[Window]:
    """Return the view and place of each window; the last of a row may reach over the edge."""
    found = []
    for number, view in enumerate(batch.views):
        depth = how.slices or max(len(view), 1)
        rows, columns = view.shape[2:]
        found += [
            (number, (slice(z, z + depth), slice(y, y + how.window), slice(x, x + how.window)))
            for z in range(0, len(view), depth)
            for y in _starts(rows, how)
            for x in _starts(columns, how)
        ]
    return found


def _starts(length: int, how: OcclusionSettings) -> range:
    steps = -(-max(length - how.window, 0) // how.stride)
    return range(0, steps * how.stride + 1, how.stride)


def _mean(batch: Batch, windows: list[Window], falls: Tensor) -> Maps:
    totals = [torch.zeros((len(v), *v.shape[2:]), dtype=torch.float64) for v in batch.views]
    counts = [torch.zeros_like(total) for total in totals]
    for (view, place), fall in zip(windows, falls, strict=True):
        totals[view][place] += fall
        counts[view][place] += 1
    pairs = zip(totals, counts, strict=True)
    return tuple((total / count).float() for total, count in pairs)
