"""The recipe: everything a variant depends on, resolved into one small file.

A pure function of settings, presets, versions and the hashes of store, split and starting weights.
Nobody needs it to decide what must run: receipts hold the same parts one by one. It is what a run
is told, and what others read of it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from radpipe.core.errors import DataError, StaleError
from radpipe.core.files import json_text, read_json, sha256_json
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.settings import (
    Augmentation,
    Ensemble,
    Features,
    Image,
    Imported,
    ModelChoice,
    Strict,
    Target,
    Training,
)
from radpipe.core.settings.base import is_off


class Artifact(Strict):
    """A file or folder, with the hash of what it held."""

    path: str
    sha256: str


class Named(Strict):
    """What answers a study's question, and a hash of all that it is made of."""

    variant: str
    study: str
    target: Target

    @property
    def sha256(self) -> str:
        """Hash of the whole recipe."""
        return sha256_json(self.model_dump(mode="json"))

    @property
    def text(self) -> str:
        """What `recipe.json` holds."""
        return json_text(self.model_dump(mode="json"))


T = TypeVar("T", bound=Named)


class Recipe(Named):
    """What a variant is made of; equal recipes on equal processors give equal weights."""

    image: Image
    store: Artifact
    split: Artifact
    weights: Artifact
    further_weights: list[Artifact] = Field(default=[], exclude_if=is_off)
    preset: str
    source: str
    model: ModelChoice
    train: Training
    augment: Augmentation
    versions: dict[str, str]

    @property
    def family(self) -> str:
        """Hash of all but the name and the share of train patients: a learning curve shares it."""
        whole = self.train.model_copy(update={"fraction": 1.0})
        return self.model_copy(update={"variant": "", "train": whole}).sha256

    @property
    def place(self) -> str:
        """Its block in `params.yaml`."""
        return f"variants.{self.variant}"

    @property
    def normalize(self) -> str:
        """How pixels are normalised."""
        return self.train.normalize


class BackboneRecipe(Strict):
    """What features are made of: a frozen network, how it starts, and what it looks at."""

    backbone: str
    image: Image
    store: Artifact
    weights: Artifact
    model: ModelChoice
    normalize: Literal["start", "unit", "imagenet"]
    passes: int
    augment: Augmentation
    seed: int

    @property
    def further_weights(self) -> list[Artifact]:
        """A frozen network starts from one file."""
        return []

    @property
    def place(self) -> str:
        """Its block in `params.yaml`."""
        return f"features.{self.backbone}"


class EnsembleRecipe(Named):
    """What an ensemble is made of: its members' recipes, and how they are joined."""

    image: Image = Field(description="Of the first member.")
    split: Artifact = Field(description="Shared by all members.")
    members: list[str]
    recipes: list[str] = Field(description="SHA-256 of each member's recipe.")
    mean: Literal["chosen", "probabilities", "logits"]
    versions: dict[str, str] = Field(description="Of the first member.")


class ImportedRecipe(Named):
    """What imported predictions are: a table, how it is read, and the study's parts."""

    split: Artifact
    predictions: Artifact = Field(description="The table.")
    imported: Imported
    versions: dict[str, str] = Field(description="None: nothing was computed.")


def stored_image(store: Path) -> Image:
    """Return the form of a store's pictures, as the store itself says."""
    return Image.model_validate(read_json(store / "fingerprint.json")["image"])


def make_recipe(params: Params, variant: str, hashes: Hashes) -> Recipe:
    """Resolve a variant whose data are there.

    Raises
    ------
    ConfigError
        The preset is unknown, or an override of it is wrong.

    """
    block = params.variants[variant]
    content = {
        **params.recipes[variant],
        "image": stored_image(Path(block.store)),
        **artifacts_of(block.inputs, hashes),
        "further_weights": list(
            artifacts_of({s: s for s in block.further_starts}, hashes).values()
        ),
    }
    return Recipe.model_validate(content)


def make_backbone_recipe(name: str, block: Features, hashes: Hashes) -> BackboneRecipe:
    """Resolve a frozen network whose pixels and weights are there."""
    names = ("model", "normalize", "passes", "augment", "seed")
    content = {
        "backbone": name,
        "image": stored_image(Path(block.store)),
        **{key: getattr(block, key) for key in names},
        **artifacts_of({"store": block.store, "weights": block.start}, hashes),
    }
    return BackboneRecipe.model_validate(content)


def make_ensemble_recipe(
    name: str, ensemble: Ensemble, members: Sequence[Recipe]
) -> EnsembleRecipe:
    """Put the recipes of an ensemble's members together.

    Raises
    ------
    StaleError
        Members were trained on other parts of the study, or on another target.

    """
    first = members[0]
    for other in members[1:]:
        if (other.split, other.target) != (first.split, first.target):
            raise StaleError(
                f"{first.variant} and {other.variant} were trained on different parts of"
                f" {first.study}, or for different targets. Run snakemake (or dvc repro), which"
                " trains again."
            )
    names = ("study", "target", "image", "split", "versions")
    shared: dict[str, Any] = {name: getattr(first, name) for name in names}
    return EnsembleRecipe(
        variant=name,
        members=[one.variant for one in members],
        recipes=[one.sha256 for one in members],
        mean=ensemble.mean,
        **shared,
    )


def artifacts_of(paths: Mapping[str, str], hashes: Hashes) -> dict[str, Artifact]:
    """Hash what a recipe is made from: its store, split and starting weights by these names."""
    return {kind: Artifact(path=path, sha256=hashes.of(Path(path))) for kind, path in paths.items()}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; anything else is a `DataError`."""
    return _read(Recipe, path)


def read_ensemble_recipe(path: Path) -> EnsembleRecipe:
    """Read the recipe of an ensemble; anything else is a `DataError`."""
    return _read(EnsembleRecipe, path)


def _read(kind: type[T], path: Path) -> T:
    try:
        return kind.model_validate(read_json(path))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(f"{path}: not a recipe ({error}). Delete it and run again.") from error
