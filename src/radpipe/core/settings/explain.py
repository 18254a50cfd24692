"""Settings of `explain`: which variants show where they look, by which methods, on which cases."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from radpipe.core.settings.base import Strict

# What is said of a method here; its other keys are its own settings.
LOOKS = ("heat", "jet", "jet-red-to-green", "jet-inverted", "spectral")


class MethodChoice(BaseModel):
    """A method of explanation by name; what else stands there are its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str | None = Field(
        default=None, description="Name in `radpipe.explaining.methods.EXPLANATIONS`."
    )
    preset: str | None = Field(
        default=None,
        description="A published form: <file in presets/explanations/>/<name>. What stands beside"
        " it is laid over it.",
    )
    scored: bool = Field(
        default=True,
        description="Whether it explains the scored cases, too; false: those of the gallery alone,"
        " for methods that take long.",
    )
    look: Literal["heat", "jet", "jet-red-to-green", "jet-inverted", "spectral"] = Field(
        default="heat", description="Colours in which the gallery lays the map over the picture."
    )

    @property
    def settings(self) -> dict[str, Any]:
        """The method's own settings."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _named(self) -> "MethodChoice":
        if self.name is None and self.preset is None:
            raise ValueError("needs the name of a method, or a preset that holds one")
        return self


class Gallery(Strict):
    """Which cases are shown; the same case and label once, under the first reason."""

    labels: list[str] = Field(
        default=[],
        description="Classes or labels that are shown; []: all that are explained.",
    )
    confident: int = Field(
        default=1,
        ge=0,
        description="The most confident right answers, and as many wrong ones, of each class; of a"
        " label both where it is present and where it is absent.",
    )
    nearest: int = Field(
        default=1,
        ge=0,
        description="Cases nearest to the threshold; of exclusive classes, those between two.",
    )
    random: int = Field(default=1, ge=0, description="Cases drawn at random.")
    named: list[str] = Field(
        default=[],
        description="Cases by name, of either part. The gallery and the page show no names; this"
        " file and the receipt, which Git keeps, then hold these.",
    )
    seed: int = Field(default=1, description="Of the draw, also of the cases that are scored.")

    @property
    def count(self) -> int:
        """How many entries ask for cases."""
        return self.confident + self.nearest + self.random + len(self.named)


class Checks(Strict):
    """Whether maps depend on what was learned, and on nothing else; on some of the scored cases."""

    cases: int = Field(
        default=12,
        ge=0,
        description="Scored cases of the last part on which methods are checked; 0: not at all."
        " Each is explained about seven times more.",
    )
    stages: int = Field(
        default=4,
        ge=2,
        description="Networks of which more and more layers are random, from the last to all.",
    )
    steps: int = Field(
        default=10, ge=2, description="Steps of deletion and insertion, from 0 to all pixels."
    )
    bound: float = Field(
        default=0.5,
        gt=-1,
        lt=1,
        description="Rank correlation with maps of a random network from which on a method fails.",
    )
    seed: int = Field(default=1, description="Of the random layers.")


class Explain(Strict):
    """Where a variant looks: maps of some cases, scored where the truth is known."""

    # DVC's loop over this block sees nothing else of params.yaml.
    study: str = Field(description="The variant's study once more.")
    remote: str | None = Field(description="The study's remote once more.")
    methods: dict[str, MethodChoice] = Field(min_length=1, description="By a name of your choice.")
    labels: list[str] = Field(
        default=[],
        description="Classes or labels that are explained; []: those that the study is scored on.",
    )
    gallery: Gallery = Gallery()
    scored: int = Field(
        default=100,
        ge=0,
        description="Cases of each part, drawn at random among those whose finding has a known"
        " place, whose maps are scored. `tune` alone chooses thresholds.",
    )
    tolerance: float = Field(
        default=0,
        ge=0,
        description="Pixels of the stored square within which pointing beside a finding counts.",
    )
    checks: Checks = Checks()
    shuffled: bool = Field(
        default=False,
        description="Train the variant once more, on labels shuffled between patients, and compare"
        " maps; takes as long as the training.",
    )
    shortcuts: list[str] = Field(
        default=[],
        description="Labels on whose place the evidence for others is counted, such as a device.",
    )
    boxes: dict[str, list[str]] = Field(
        default={},
        description="Class or label to the labels of the boxes (boxes.parquet) that show it; by"
        " default those of the same name.",
    )

    @model_validator(mode="after")
    def _shows_something(self) -> "Explain":
        if not self.gallery.count and not self.scored:
            raise ValueError("asks for no case: gallery and scored are empty")
        return self
