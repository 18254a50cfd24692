"""A network by name."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ModelChoice(BaseModel):
    """An architecture by name; the other keys are its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(description="Name in `radpipe.learning.models.MODELS`.")

    @property
    def settings(self) -> dict[str, Any]:
        """The architecture's own settings: what its builder takes as keywords."""
        return dict(self.model_extra or {})
