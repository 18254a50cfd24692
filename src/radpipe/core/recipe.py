"""The recipe: everything a variant depends on, resolved into one small file.

A pure function of settings, presets, versions and the hashes of store, split and starting weights.
Nobody needs it to decide what must run: receipts hold the same parts one by one. It is what a run
is told, and what others read of it.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from radpipe.core.errors import DataError
from radpipe.core.files import json_text, read_json, sha256_json
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params
from radpipe.core.settings import Augmentation, Image, ModelChoice, Strict, Target, Training


class Artifact(Strict):
    """A file or folder, with the hash of what it held."""

    path: str
    sha256: str


class Recipe(Strict):
    """What a variant is made of; equal recipes on equal processors give equal weights."""

    variant: str
    study: str
    target: Target
    image: Image
    store: Artifact
    split: Artifact
    weights: Artifact
    preset: str
    source: str
    model: ModelChoice
    train: Training
    augment: Augmentation
    versions: dict[str, str]

    @property
    def sha256(self) -> str:
        """Hash of the whole recipe."""
        return sha256_json(self.model_dump(mode="json"))

    @property
    def text(self) -> str:
        """What `recipe.json` holds."""
        return json_text(self.model_dump(mode="json"))


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
    }
    return Recipe.model_validate(content)


def artifacts_of(paths: Mapping[str, str], hashes: Hashes) -> dict[str, Artifact]:
    """Hash what a recipe is made from: its store, split and starting weights by these names."""
    return {kind: Artifact(path=path, sha256=hashes.of(Path(path))) for kind, path in paths.items()}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; anything else is a `DataError`."""
    try:
        return Recipe.model_validate(read_json(path))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(f"{path}: not a recipe ({error}). Delete it and run again.") from error
