"""Gradient saliency: how the answer changes with each pixel (Simonyan et al., arXiv:1312.6034)."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from radpipe.explaining.gradients import dealt, slopes, turns
from radpipe.explaining.methods.base import PictureSettings, explanation
from radpipe.explaining.subject import Asked, Drawn, Member, still
from radpipe.learning.data.cases import Batch


class SaliencySettings(PictureSettings):
    """Settings of `saliency`."""

    form: Literal["absolute", "signed"] = Field(
        default="absolute",
        description="absolute: the largest absolute gradient of a pixel's channels; signed: their"
        " sum, negative where a brighter pixel speaks against the answer.",
    )


@explanation("saliency", SaliencySettings, signed=lambda how: how.form == "signed", gradients=True)
def saliency(
    settings: SaliencySettings, member: Member, batch: Batch, asked: Sequence[Asked], /
) -> list[Drawn]:
    """Draw gradients by pixels from 0 to 1: of an answer, a pixel from black to white."""
    with still(member):
        found, shares = slopes(member, batch, turns(asked), settings.of)
    rounds = [tuple(_flat(view, settings) for view in views) for views in found]
    return dealt(rounds, asked, batch, shares)


def _flat(slope: Tensor, how: SaliencySettings) -> Tensor:
    return slope.sum(dim=1) if how.form == "signed" else slope.abs().amax(dim=1)
