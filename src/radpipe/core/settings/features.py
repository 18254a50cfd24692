"""Settings of `features`: what frozen networks make of a study's pictures, once for all heads."""

import re
from typing import Literal

from pydantic import Field, model_validator

from radpipe.core.settings.augmentation import Augmentation
from radpipe.core.settings.base import Count
from radpipe.core.settings.model import ModelChoice
from radpipe.core.settings.plan import Starting


def features_of(store: str) -> tuple[str, str] | None:
    """Return study and name of the features that a variant's `store` names; None: pixels."""
    found = re.fullmatch(r"data/(?P<study>[^/]+)/features/(?P<name>[^/]+)", store)
    return (found["study"], found["name"]) if found else None


class Features(Starting):
    """A frozen network, and the pixels that it looks at, once.

    What it says before its last layer lies in data/<study>/features/<name>, the `store` of heads.
    """

    study: str = Field(description="The study to whose data the features are put.")
    store: str = Field(description="Folder of pixels: data/<study>/store or data/<study>/crops.")
    weights: str = Field(
        description="Weights of the network, which stay as they are: those that others learned,"
        " weights/<name>.json, or those of a planned run of another study,"
        " results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors; weights/random.json: drawn"
        " at random, as a control."
    )
    # DVC's loop over this block sees nothing else of params.yaml.
    remote: str | None = Field(description="The study's remote once more.")
    model: ModelChoice = Field(
        description="Architecture and its settings; its last layer is left out."
    )
    normalize: Literal["start", "unit", "imagenet"] = Field(
        default="start",
        description="start: as the weights have learned; unit: 0 to 1; imagenet: the constants of"
        " torchvision's weights. Weights at random need one of these.",
    )
    passes: Count = Field(
        default=1,
        description="How often each picture is looked at: the first time as it is, then changed"
        " as `augment` says. Heads learn from all passes and are judged on the first.",
    )
    augment: Augmentation = Field(
        default=Augmentation(), description="Random changes from the second pass on."
    )
    seed: int = Field(default=0, description="Of the changes, and of weights at random.")
    threads: Count = Field(default=1, description="Processors; another number gives other bits.")

    @model_validator(mode="after")
    def _fits(self) -> "Features":
        if (self.passes > 1) == (self.augment == Augmentation()):
            raise ValueError(
                "passes above 1 need something that augment changes, and augment needs passes"
            )
        if self.normalize == "start" and self.weights == "weights/random.json":
            raise ValueError(
                "normalize: start asks how the weights have learned, and weights/random.json have"
                " not; say unit or imagenet"
            )
        return self

    def folder(self, name: str) -> str:
        """Return where the features of this name lie."""
        return f"data/{self.study}/features/{name}"
