"""Learning-rate schedules."""

from typing import Annotated, Literal

from pydantic import Field

from radpipe.core.settings.base import Count, Fraction, Positive, Strict


class Constant(Strict):
    """The learning rate stays."""

    name: Literal["constant"]


class Plateau(Strict):
    """Multiply the learning rate when the watched `tune` value stops improving."""

    name: Literal["plateau"]
    metric: str = Field(default="loss", description="`tune` value that is watched.")
    factor: Fraction = 0.1
    patience: int = Field(
        default=3,
        ge=1,
        description="Epochs without improvement after which the rate falls (Keras' count;"
        " torch's `patience` is one less).",
    )
    min_delta: float = Field(default=1e-4, ge=0, description="Least improvement.")
    relative: bool = Field(
        default=False, description="`min_delta` is a share of the best value (torch's default)."
    )
    min_lr: float = Field(default=0.0, ge=0)


class OneCycle(Strict):
    """Rise to `lr` and fall to nearly 0 over the whole training (arXiv:1708.07120)."""

    name: Literal["one-cycle"]
    warmup: Fraction = Field(default=0.3, description="Share of the steps that rise.")


class Cosine(Strict):
    """Fall from `lr` to `min_lr` along half a cosine, one step an epoch."""

    name: Literal["cosine"]
    min_lr: float = Field(default=0.0, ge=0)


class StepDecay(Strict):
    """Multiply the learning rate by `factor` every `every` epochs."""

    name: Literal["step"]
    every: Count
    factor: Positive


Schedule = Annotated[
    Constant | Plateau | OneCycle | Cosine | StepDecay, Field(discriminator="name")
]
