"""Logistic regression on coarse pixels: what every network has to beat."""

from pydantic import Field
from torch import nn

from radpipe.core.settings import Strict
from radpipe.learning.models.base import architecture


class BaselineSettings(Strict):
    """Settings of the architecture `floor`."""

    grid: int = Field(default=16, ge=1, description="Side of the averaged picture in cells.")


@architecture("floor", BaselineSettings)
def baseline(
    settings: BaselineSettings, *, n_channels: int, n_outputs: int, size: int
) -> nn.Module:
    """Build a linear map from `grid` x `grid` averages of any `size` to the outputs."""
    grid = min(settings.grid, size)
    layer = nn.Linear(n_channels * grid * grid, n_outputs)
    # The loss is convex, so zeros are as good a start as any, and no draw of chance.
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(nn.AdaptiveAvgPool2d(grid), nn.Flatten(), layer)
