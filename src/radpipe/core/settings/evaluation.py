"""Settings of scores and their intervals."""

from typing import Literal

from pydantic import Field

from radpipe.core.settings.base import Fraction, Strict


class Evaluation(Strict):
    """How scores and their intervals are computed."""

    bootstrap: int = Field(default=2000, ge=100, description="Draws of patients for an interval.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Coverage of an interval.")
    seed: int = Field(default=1, description="Seed of the draws.")
    threshold: Literal["youden", "sensitivity", "half"] = Field(
        default="youden",
        description="Operating point, chosen on `tune`: largest sensitivity + specificity;"
        " the largest threshold that reaches `sensitivity`; or 0.5.",
    )
    sensitivity: Fraction = Field(
        default=0.9, description="Sensitivity to reach, for `threshold: sensitivity`."
    )
