"""Grad-CAM: maps of a layer, each weighed by its mean gradient, and added up.

Selvaraju et al., ICCV 2017:618, equations 1 and 2.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from radpipe.explaining.gradients import dealt, picked, turns
from radpipe.explaining.layers import Seen, layers_for, watching
from radpipe.explaining.methods.base import PictureSettings, explanation
from radpipe.explaining.subject import Asked, Drawn, Maps, Member, answers_of, still
from radpipe.learning.data.cases import Batch


class GradCamSettings(PictureSettings):
    """Settings of `grad-cam`."""

    layer: str | None = Field(
        default=None,
        description="Name of a layer below the network's model, `*` standing for anything; null:"
        " the last features that still are maps, before a pooling.",
    )
    values: Literal["before", "after", "mixed"] = Field(
        default="before",
        description="Where a ReLU in place follows the layer, as in torchvision's DenseNet. before:"
        " the layer's own values and their gradients, as captum; after: those behind the ReLU,"
        " which with a mean and one linear layer behind it is class activation mapping; mixed:"
        " values behind it, gradients before it, as the package grad-cam.",
    )
    weigh: Literal["slice", "view"] = Field(
        default="slice",
        description="Gradients are averaged over each slice, or over all slices of a view.",
    )
    keep_negative: bool = Field(
        default=False, description="Keep what speaks against the answer, instead of 0."
    )


@explanation(
    "grad-cam", GradCamSettings, signed=lambda settings: settings.keep_negative, gradients=True
)
def grad_cam(
    settings: GradCamSettings, member: Member, batch: Batch, asked: Sequence[Asked], /
) -> list[Drawn]:
    """Draw the maps, bilinearly brought to the size of the pictures.

    Maps of several layers of a view, such as networks side by side, are added up.
    """
    layers = layers_for(member, batch, settings.layer)
    with still(member):
        with watching(member, layers) as seen:
            logits = member.logits(batch)
        answers = answers_of(logits, member.what, settings.of)
        rounds = []
        for labels in turns(asked):
            slopes = torch.autograd.grad(
                picked(answers, labels),
                [each.own if settings.values != "after" else each.passed for each in seen],
                allow_unused=True,
                retain_graph=True,
            )
            drawn = [_weighed(*pair, settings, batch) for pair in zip(seen, slopes, strict=True)]
            rounds.append(_views(drawn, seen, batch))
    shares = answers_of(logits.detach(), member.what, "probability")
    return dealt(rounds, asked, batch, shares)


def _weighed(seen: Seen, slope: Tensor | None, how: GradCamSettings, batch: Batch) -> Tensor:
    """Return the map of a layer, (slices, rows, columns)."""
    values = (seen.own if how.values == "before" else seen.passed).detach()
    if slope is None:  # a trunk that this answer does not ask
        return values.new_zeros((len(values), *values.shape[2:]))
    weights = slope.mean(dim=(2, 3), keepdim=True)
    if how.weigh == "view":
        parts = torch.split(weights, [n for n in batch.counts[seen.view] if n])
        weights = torch.cat([part.mean(dim=0, keepdim=True).expand_as(part) for part in parts])
    drawn = (weights * values).sum(dim=1)
    return drawn if how.keep_negative else drawn.clamp_min(0)


def _views(drawn: list[Tensor], seen: list[Seen], batch: Batch) -> Maps:
    """Bring maps to the size of the pictures and add up those of a view."""
    views = [view.new_zeros((len(view), *view.shape[2:])) for view in batch.views]
    for each, one in zip(seen, drawn, strict=True):
        size = batch.views[each.view].shape[2:]
        large = F.interpolate(one[:, None], size=size, mode="bilinear", align_corners=False)
        views[each.view] += large[:, 0]
    return tuple(views)
