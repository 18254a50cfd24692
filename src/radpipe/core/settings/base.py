"""What all blocks of settings have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]


Positive = Annotated[float, Field(gt=0)]


Count = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """A block in which nothing unknown is accepted and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def is_off(value: Any) -> bool:
    """Tell whether a setting asks for nothing: it then stands in no recipe.

    So recipes from before the setting existed stay as they were, and nothing is trained again. For
    `exclude_if` of settings that came later and whose default is 0, false, null or empty.
    """
    return not value
