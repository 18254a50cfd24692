"""Settings of variants and of the plan: what runs."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from radpipe.core.settings.base import Strict, is_off
from radpipe.core.settings.imported import Imported


def start_file(name: str) -> str:
    """Return where the step weights describes the start of this name."""
    return f"results/starts/{name}/start.json"


def borrowed_name(weights: str) -> str | None:
    """Return the name of weights that others learned, weights/<name>.json; None: of no such."""
    found = re.fullmatch(r"weights/(?P<name>[^/]+)\.json", weights)
    name = found["name"] if found else "random"
    return None if name == "random" else name


class Starting(Strict):
    """What reads pixels, or features of them, and starts from weights."""

    store: str
    weights: str

    @property
    def localized(self) -> str | None:
        """The study whose crops it looks at, which `localize` makes; None: no crops."""
        return self.store.split("/")[1] if self.store.endswith("/crops") else None

    @property
    def borrowed(self) -> str | None:
        """The name of the start that others learned, which the step weights fetches."""
        return borrowed_name(self.weights)

    @property
    def all_borrowed(self) -> list[str]:
        """The names of all starts that others learned."""
        return [name for _, name in self.places_of_borrowed]

    @property
    def places_of_borrowed(self) -> list[tuple[str, str]]:
        """All starts that others learned: the setting that names each, and its name."""
        return [("weights", self.borrowed)] if self.borrowed else []

    @property
    def starts_elsewhere(self) -> bool:
        """Whether it starts from weights that are neither random nor a planned run's."""
        return self.weights != "weights/random.json" and not self.weights.startswith("results/")

    @property
    def start(self) -> str:
        """The file that says from which weights it starts, or holds them."""
        return start_file(self.borrowed) if self.borrowed else self.weights


class Variant(Starting):
    """One row of the comparison; `model`, `train`, `augment` override the preset."""

    study: str
    store: str = Field(
        description="Folder of pixels to train on, or for heads of features,"
        " data/<study>/features/<name>."
    )
    preset: str = Field(description="<file in presets/>/<name>.")
    weights: str = Field(
        default="weights/random.json",
        description="Starting weights: weights/random.json (none), those that others learned,"
        " weights/<name>.json, or those of a planned run,"
        " results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors.",
    )
    further_weights: list[str] = Field(
        default=[],
        exclude_if=is_off,
        description="Further weights that others learned, weights/<name>.json, where `weights` are"
        " such: each goes into the parts of the network that are its implementation.",
    )
    model: dict[str, Any] = Field(default={}, description="Overrides of the preset.")
    train: dict[str, Any] = Field(default={}, description="Overrides of the preset.")
    augment: dict[str, Any] = Field(default={}, description="Overrides of the preset.")

    @property
    def inputs(self) -> dict[str, str]:
        """What its recipe is made from: store, split and starting weights."""
        split = f"data/{self.study}/split.parquet"
        return {"store": self.store, "split": split, "weights": self.start}

    @property
    def places_of_borrowed(self) -> list[tuple[str, str]]:
        """All starts that others learned: the setting that names each, and its name."""
        named = [("weights", self.weights)]
        named += [("further_weights", each) for each in self.further_weights]
        found = [(place, borrowed_name(each)) for place, each in named]
        return [(place, name) for place, name in found if name]

    @property
    def further_starts(self) -> list[str]:
        """What the step weights says of `further_weights`."""
        return [start_file(name) for name in map(borrowed_name, self.further_weights) if name]

    @property
    def overrides(self) -> dict[str, dict[str, Any]]:
        """What is laid over the preset, block by block."""
        return {"model": self.model, "train": self.train, "augment": self.augment}


class Ensemble(Strict):
    """The mean of several variants of a study, compared like a variant; nothing is trained."""

    members: list[str] = Field(min_length=2, description="Planned variants of one study.")
    mean: Literal["chosen", "probabilities", "logits"] = Field(
        default="chosen",
        description="Of what: of the members' probabilities, of their logits, or of whichever has"
        " the smaller log loss on `tune`.",
    )


class Plan(Strict):
    """What runs: every variant on every fold with every seed."""

    variants: list[str] = Field(
        min_length=1, description="Which of the blocks in `variants` run, by name."
    )
    folds: list[Annotated[int, Field(ge=0)]] = Field(
        min_length=1, description="Which part of the non-test patients is `tune`."
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    open_test: list[str] = Field(
        description="Studies whose `test` part is predicted; every opening is written down."
    )
    # No default: DVC's loop asks for it.
    cohorts: dict[str, str] = Field(
        description="Further studies, on all of whose cases variants are judged (external"
        " validation), to the study whose variants these are; {} for none."
    )
    ensembles: dict[str, Ensemble] = Field(
        description="Means of several planned variants, by name; {} for none."
    )

    # No default: DVC's loop asks for it.
    imported: dict[str, Imported] = Field(
        description="Answers of readers or other systems, from tables, by name; {} for none."
    )
    # No default: DVC's loop asks for it.
    starts: list[str] = Field(
        description="Starting weights that others learned, weights/<name>.json, by name: every"
        " one that a variant starts from; [] for none."
    )
    use: Literal["research", "commercial"] = Field(
        default="research",
        description="What the project is for. Starting weights whose licence forbids it are"
        " refused.",
    )
    seen_by_name: Literal["flag", "refuse"] = Field(
        default="flag",
        description="What is done about starting weights that have learned from a data set which"
        " the study names (studies.<study>.data_sets), where no list says from which of its images:"
        " the ranking and the report say so, or they are refused. Lists are always held to.",
    )

    @property
    def compared(self) -> list[str]:
        """The names of all that is scored and compared: variants, ensembles, imported ones."""
        return [*self.variants, *self.ensembles, *self.imported]
