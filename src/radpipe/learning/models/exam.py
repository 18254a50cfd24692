"""Networks for exams: several views, each a volume of slices whose number differs.

A trunk turns every slice into features, a pooling over slices turns them into one row a
view, and a head turns the views into logits. The published networks for knee MRI differ in
these three choices only; they stand in `presets/knee_mri.yaml`.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Strict
from radpipe.learning.models.base import exam_architecture
from radpipe.learning.models.combination import Combination
from radpipe.learning.models.pooling import POOLS, How, SliceMean, spread
from radpipe.learning.models.trunks import Trunk, make_trunk


class ExamSettings(Strict):
    """Settings of the architecture `exam`."""

    trunk: Trunk
    trunks: Literal["shared", "view", "view-and-label"] = Field(
        default="shared",
        description="One trunk for all views; one a view; one a view and label, which needs"
        " `head: views`.",
    )
    pool: How = Field(default="max", description="Over the slices of a view.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Before the last layer.")
    head: Literal["joint", "views"] = Field(
        default="joint",
        description="joint: one linear layer on the features of all views; views: one a view,"
        " each trained by itself, and a logistic regression over their probabilities, fitted"
        " on `tune` after every epoch.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "ExamSettings":
        if self.trunks == "view-and-label" and self.head == "joint":
            raise ValueError("trunks: view-and-label needs head: views")
        return self


class Exam(nn.Module):
    """Trunks, pooling over slices, and head.

    Attributes
    ----------
    trunks
        For every view the trunks of its labels (one for all, unless each has its own).
    combine
        What puts the logits of the views together; None for one head on all views.

    """

    def __init__(
        self, settings: ExamSettings, *, n_channels: int, n_outputs: int, n_views: int
    ) -> None:
        super().__init__()
        self.one_head = settings.head == "joint"
        n_places = 1 if settings.trunks == "shared" else n_views
        n_labels = n_outputs if settings.trunks == "view-and-label" else 1
        made = [
            [make_trunk(settings.trunk, n_channels) for _ in range(n_labels)]
            for _ in range(n_places)
        ]
        self.n_features = n_features = made[0][0][1]
        self.trunks = _grid([[trunk for trunk, _ in row] for row in made])
        pool = POOLS[settings.pool]
        self.pools = _grid([[pool(n_features) for _ in range(n_labels)] for _ in range(n_views)])
        self.dropout = nn.Dropout(settings.dropout)
        self.combine: Combination | None = None
        if self.one_head:
            self.heads = _grid([[nn.Linear(n_views * n_features, n_outputs)]])
        else:
            width = n_outputs // n_labels
            self.heads = _grid(
                [[nn.Linear(n_features, width) for _ in range(n_labels)] for _ in range(n_views)]
            )
            self.combine = Combination(n_views, n_outputs)

    def forward(self, views: Sequence[Tensor], counts: Sequence[Sequence[int]]) -> Tensor:
        """Map normalised slices to logits.

        Parameters
        ----------
        views
            For every view (slices of all exams, channels, size, size).
        counts
            For every view the number of slices of each exam.

        Returns
        -------
        Tensor
            (exams, outputs); with `head: views` (exams, views, outputs). A view that an exam
            lacks has features of 0.

        Raises
        ------
        ConfigError
            An exam lacks a view, of which `head: views` would have to say something.

        """
        if not self.one_head and not all(map(all, counts)):
            raise ConfigError(
                "model.head: 'views' asks each view by itself, and some cases lack one that"
                " layout.views calls optional; use 'joint'."
            )
        # One view after the other, and not all slices at once, so that batch normalisation
        # sees one view at a time, as in the published networks.
        trunks = _rows(self.trunks) * (len(views) if len(self.trunks) == 1 else 1)
        pooled = [
            [
                self.dropout(self._features(trunk, pool, images, their))
                for trunk, pool in zip(own_trunks, pools, strict=True)
            ]
            for own_trunks, pools, images, their in zip(
                trunks, _rows(self.pools), views, counts, strict=True
            )
        ]
        heads = _rows(self.heads)
        if self.one_head:
            logits: Tensor = heads[0][0](torch.cat([row[0] for row in pooled], dim=1))
            return logits
        by_view = [
            torch.cat([head(features) for head, features in zip(own, row, strict=True)], dim=1)
            for own, row in zip(heads, pooled, strict=True)
        ]
        return torch.stack(by_view, dim=1)

    def _features(
        self, trunk: nn.Module, pool: nn.Module, images: Tensor, counts: Sequence[int]
    ) -> Tensor:
        """Return the features of a view of all exams, (exams, features)."""
        if not len(images):
            return images.new_zeros(len(counts), self.n_features)
        found: Tensor = pool(trunk(images), [n for n in counts if n])
        return spread(found, counts)


def _grid(rows: list[list[nn.Module]]) -> nn.ModuleList:
    return nn.ModuleList(nn.ModuleList(row) for row in rows)


def _rows(grid: nn.ModuleList) -> list[list[nn.Module]]:
    return [list(row.children()) for row in grid]


@exam_architecture("exam", ExamSettings)
def exam(
    settings: ExamSettings, *, n_channels: int, n_outputs: int, size: int, n_views: int
) -> nn.Module:
    """Build the network; what it maps says `Exam.forward`."""
    model = Exam(settings, n_channels=n_channels, n_outputs=n_outputs, n_views=n_views)
    # An empty one gets weights that were learned at this size. Here torch would load its compiler
    # for the attempt, which takes over a second.
    if not next(model.parameters()).is_meta:
        _try_size(model, n_channels, size)
    return model


class ExamBaselineSettings(Strict):
    """Settings of the architecture `exam-floor`."""

    grid: int = Field(default=16, ge=1, description="Side of the averaged slice in cells.")


class ExamBaseline(nn.Module):
    """Logistic regression on every view's mean slice, averaged to `grid` x `grid` cells."""

    def __init__(self, grid: int, *, n_channels: int, n_outputs: int, n_views: int) -> None:
        super().__init__()
        self.grid = grid
        self.pool = SliceMean()
        self.linear = nn.Linear(n_views * n_channels * grid * grid, n_outputs)
        # The loss is convex, so zeros are as good a start as any, and no draw of chance.
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, views: Sequence[Tensor], counts: Sequence[Sequence[int]]) -> Tensor:
        """Map normalised slices (see `Exam.forward`) to logits (exams, outputs)."""
        coarse = [F.adaptive_avg_pool2d(images, self.grid).flatten(1) for images in views]
        means = [
            spread(self.pool(rows, [n for n in their if n]), their)
            if len(rows)
            else rows.new_zeros(len(their), rows.shape[1])
            for rows, their in zip(coarse, counts, strict=True)
        ]
        logits: Tensor = self.linear(torch.cat(means, dim=1))
        return logits


@exam_architecture("exam-floor", ExamBaselineSettings)
def exam_baseline(
    settings: ExamBaselineSettings, *, n_channels: int, n_outputs: int, size: int, n_views: int
) -> nn.Module:
    """Build the linear map: what every network has to beat."""
    grid = min(settings.grid, size)
    return ExamBaseline(grid, n_channels=n_channels, n_outputs=n_outputs, n_views=n_views)


def _try_size(model: Exam, n_channels: int, size: int) -> None:
    """Refuse slices that are too small for the trunk's poolings, without any arithmetic."""
    trunk = _rows(model.trunks)[0][0]
    with torch.device("meta"):
        shadow = torch.zeros(2, n_channels, size, size)
    try:
        torch.func.functional_call(
            trunk, {k: v.to("meta") for k, v in trunk.state_dict().items()}, (shadow,)
        )
    except RuntimeError as error:
        raise ConfigError(
            f"model.trunk: {size} pixels are too few for its poolings ({error}). Use a larger"
            " image side, a smaller model.trunk.first_stride or fewer poolings."
        ) from error
