"""What all blocks of settings have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]


Positive = Annotated[float, Field(gt=0)]


Count = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """A block in which nothing unknown is accepted and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
