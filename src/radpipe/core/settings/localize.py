"""Settings of `localize`: how joints are found and cut out."""

from pydantic import Field

from radpipe.core.settings.base import Count, Fraction, Positive, Strict


class Detection(Strict):
    """How a detector of joints is trained."""

    seed: int = Field(default=0, description="Another seed, another detector.")
    epochs: Count = 20
    lr: Positive = Field(default=2e-3, description="Peak of the one-cycle schedule.")
    batch_size: Count = 16


class Localize(Strict):
    """How joints are found in a study's pictures and cut out of the raw pixels."""

    # DVC's loop over this block sees nothing else of params.yaml.
    remote: str | None = Field(description="The study's remote once more.")
    label: str = Field(default="joint", description="Label of the known boxes in boxes.parquet.")
    side: int = Field(ge=8, le=2048, description="Side of the stored square crop, pixels.")
    extent_mm: Positive = Field(
        description="Side of the square around the joint, mm, where the file tells the distance"
        " of its pixels."
    )
    extent: Positive = Field(
        default=1.5, description="The same where it does not, times the box's longer side."
    )
    confidence: Fraction = Field(
        default=0.3,
        description="Least confidence; cases below it get no crop and are listed in the crops'"
        " rejected.csv.",
    )
    detection: Detection = Detection()
