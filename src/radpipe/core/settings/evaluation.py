"""Settings of scores and their intervals."""

from typing import Literal

from pydantic import Field

from radpipe.core.settings.base import Fraction, Strict


class Guarantee(Strict):
    """What is guaranteed of new patients who come as those of `tune` did."""

    sensitivity: float = Field(
        default=0.9, gt=0, lt=1, description="Share of positives to be found."
    )
    certainty: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Probability with which the more certain of both thresholds keeps that.",
    )
    coverage: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="Share of the cases of each class whose class is in their prediction set.",
    )


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
    guarantee: Guarantee = Guarantee()
    unlike: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Share of cases as those of `tune` that a predictor may call unlike it.",
    )
