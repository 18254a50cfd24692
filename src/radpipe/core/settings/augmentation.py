"""Settings of augmentation."""

from pydantic import Field

from radpipe.core.settings.base import Count, Fraction, Positive, Strict


class Augmentation(Strict):
    """Random changes of training pictures; 0 or null switches one off."""

    flip_horizontal: Fraction = Field(default=0.0, description="Probability.")
    flip_vertical: Fraction = Field(default=0.0, description="Probability.")
    rotate: float = Field(default=0.0, ge=0, le=180, description="Degrees, either way.")
    translate: float = Field(default=0.0, ge=0, le=1, description="Share of the side.")
    scale: tuple[Positive, Positive] | None = Field(default=None, description="[least, most].")
    scale_apart: bool = Field(default=False, description="Rows and columns by different factors.")
    shear: float = Field(default=0.0, ge=0, lt=90, description="Degrees, either way.")
    brightness: tuple[Positive, Positive] | None = Field(
        default=None, description="[least, most] factor."
    )
    per_slice: bool = Field(
        default=False,
        description="Draw for every slice by itself, and not once for all slices of a volume:"
        " an accident of published networks, kept so that they can be reproduced.",
    )
    slice_step: Count = Field(
        default=1,
        # As `is_off`: recipes from before it existed stay as they were.
        exclude_if=lambda step: step == 1,
        description="How far apart the slices of a volume lie that are learned from in one pass,"
        " which begins with a random one: 2 is every second, in half the time, so that neighbours,"
        " which show nearly the same, are not learned from at once. All slices are looked at"
        " wherever a network answers. A picture has one slice, so nothing changes for it.",
    )
