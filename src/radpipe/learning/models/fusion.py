"""Pictures joined with a table, and what is asked of them beside the target."""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Count, ModelChoice, Strict
from radpipe.learning.models.base import MODELS, PICTURES, all_of, architecture, table_architecture
from radpipe.learning.models.covariates import Auxiliary, Encoder, TableInput
from radpipe.learning.models.last import take_off_last

NAME = "joint"


class FusionSettings(Strict):
    """Settings of the architecture `joint`."""

    image: ModelChoice = Field(description="An architecture for pictures, with its settings.")
    table: TableInput | None = Field(default=None, description="Covariates it takes as well.")
    hidden: Count = Field(default=128, description="Width of the layer on the table's inputs.")
    activation: Literal["none", "relu"] = Field(
        default="none", description="After that layer; none is published."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Before the last layer.")
    auxiliary: Auxiliary | None = Field(
        default=None, description="A covariate asked of the picture's features in training."
    )


class FusionModel(nn.Module):
    """Features of a picture beside a layer on a table, then one linear layer.

    Attributes
    ----------
    image
        The network for pictures without its last layer.
    encoder, table
        From covariates to inputs, and the layer on these; None without a table.
    last
        From everything to logits.
    auxiliary
        From the picture's features to the answer to the auxiliary task; None without one.
    asked
        The settings of that task.
    start_prefix
        Weights of a network for pictures start a fusion model below this name.

    """

    start_prefix = "image."

    def __init__(
        self, settings: FusionSettings, image: nn.Module, n_features: int, n_outputs: int
    ) -> None:
        super().__init__()
        self.image, self.asked = image, settings.auxiliary
        self.encoder: Encoder | None = None
        self.table: nn.Module | None = None
        n_joined = n_features
        if settings.table is not None:
            self.encoder = Encoder(settings.table)
            layers: list[nn.Module] = [nn.Linear(settings.table.n_inputs, settings.hidden)]
            layers += [nn.ReLU()] if settings.activation == "relu" else []
            self.table = nn.Sequential(*layers)
            n_joined += settings.hidden
        self.dropout = nn.Dropout(settings.dropout)
        self.auxiliary = None if self.asked is None else nn.Linear(n_features, self.asked.classes)
        self.last = nn.Linear(n_joined, n_outputs)

    def forward(self, images: Tensor, table: Tensor | None = None) -> Tensor:
        """Map normalised pictures and covariates to logits.

        Parameters
        ----------
        images
            (batch, n_channels, size, size).
        table
            (batch, columns), NaN where unknown; None without a table.

        Returns
        -------
        Tensor
            (batch, n_outputs), with the auxiliary task's logits behind if there is one.

        """
        features: Tensor = self.image(images)
        further = [] if self.auxiliary is None else [self.auxiliary(features)]
        joined = features
        if self.encoder is not None and self.table is not None:
            joined = torch.cat([features, self.table(self.encoder(table))], dim=1)
        return torch.cat([self.last(self.dropout(joined)), *further], dim=1)


@architecture("joint", FusionSettings)
def fusion(settings: FusionSettings, *, n_channels: int, n_outputs: int, size: int) -> nn.Module:
    """Build the network; what it maps says `FusionModel.forward`."""
    name = settings.image.name
    MODELS.load(name)
    if name == NAME or name not in PICTURES:
        allowed = ", ".join(name for name in all_of(PICTURES) if name != NAME)
        raise ConfigError(f"model.image.name: {name!r} takes no single picture; use: {allowed}.")
    shape: dict[str, Any] = {"n_channels": n_channels, "n_outputs": n_outputs, "size": size}
    image = MODELS[name](**shape, where="model.image", **settings.image.settings)
    return FusionModel(settings, image, take_off_last(image, "model.image.name"), n_outputs)


class TableSettings(Strict):
    """Settings of the architecture `table`."""

    table: TableInput


class TableBaseline(nn.Module):
    """Logistic regression on covariates.

    Attributes
    ----------
    encoder, last
        From covariates to inputs, and from these to logits.

    """

    def __init__(self, settings: TableInput, n_outputs: int) -> None:
        super().__init__()
        self.encoder = Encoder(settings)
        self.last = nn.Linear(settings.n_inputs, n_outputs)
        # The loss is convex, so zeros are as good a start as any, and no draw of chance.
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, table: Tensor) -> Tensor:
        """Map covariates (batch, columns), NaN where unknown, to logits (batch, n_outputs)."""
        logits: Tensor = self.last(self.encoder(table))
        return logits


@table_architecture("table", TableSettings)
def table(settings: TableSettings, *, n_outputs: int) -> nn.Module:
    """Build the linear map: what every network that takes the table has to beat."""
    return TableBaseline(settings.table, n_outputs)
