"""Settings of single layers in training: which keep their weights, and which learn more slowly."""

from pydantic import Field, model_validator

from radpipe.core.settings.base import Count, Positive, Strict, is_off

NAMES = "Names of modules, each with all that is below it (radpipe network lists them)"


class Thaw(Strict):
    """Layers that begin to learn before, or after, the others that are frozen with them."""

    layers: list[str] = Field(
        min_length=1, description=f"{NAMES}, of those that freeze.layers names."
    )
    after: Count = Field(description="Epochs for which these are frozen.")


class Freeze(Strict):
    """Layers that keep their weights, for some epochs or for good."""

    layers: list[str] = Field(
        min_length=1,
        description=f"{NAMES}: their weights stay, and batch norm and dropout act as in"
        " evaluation.",
    )
    epochs: Count | None = Field(
        default=None, description="Epochs for which they are frozen; null: all."
    )
    lr: Positive | None = Field(
        default=None,
        description="Learning rate while they are frozen; null, and afterwards: the schedule's,"
        " which counts the frozen epochs, too.",
    )

    thaw: list[Thaw] = Field(
        default=[],
        exclude_if=is_off,
        description="Gradual unfreezing: layers, within those above, that thaw by themselves."
        " Of two entries for a layer the earlier epoch counts.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "Freeze":
        if self.lr is not None and self.epochs is None:
            raise ValueError("lr is for the frozen epochs; without epochs, set train.lr")
        return self


class LayerRate(Strict):
    """Layers that learn at a share of the learning rate."""

    layers: list[str] = Field(min_length=1, description=f"{NAMES}.")
    factor: Positive = Field(description="Times the learning rate.")
