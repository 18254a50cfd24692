"""The recipe: everything a variant depends on, resolved into one small file."""

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from radpipe.core.errors import DataError, StaleError
from radpipe.core.files import json_text, read_json, sha256_json
from radpipe.core.hashes import Hashes
from radpipe.core.params import Preset, load_preset
from radpipe.core.settings import (
    Augmentation,
    Image,
    ModelChoice,
    Strict,
    Target,
    Training,
    Variant,
)

# Packages whose arithmetic decides the bits of weights and predictions.
NUMERIC = ("numpy", "torch", "torchvision")


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

    def check_inputs(self, hashes: Hashes) -> None:
        """Compare store, split and starting weights with what the recipe was made from.

        Raises
        ------
        StaleError
            One of them is missing or holds something else now.

        """
        for artifact in (self.store, self.split, self.weights):
            path = Path(artifact.path)
            if not path.exists():
                raise StaleError(f"{path}: missing. Run the step that makes it first.")
            if hashes.of(path) != artifact.sha256:
                raise StaleError(
                    f"{path} is not what the recipe of {self.variant} was made from. Run"
                    " snakemake (or dvc repro), which makes the recipe again."
                )


def artifacts_of(paths: Mapping[str, str], hashes: Hashes) -> dict[str, Artifact]:
    """Hash what a recipe is made from: its store, split and starting weights by these names."""
    return {kind: Artifact(path=path, sha256=hashes.of(Path(path))) for kind, path in paths.items()}


def stored_image(store: Path, study: Image) -> Image:
    """Return the form of a store's pictures, as the store itself says; else that of the study.

    Crops are a store of another form than their study's own.
    """
    try:
        made = read_json(store / "fingerprint.json").get("image")
    except OSError:
        made = None
    return study if made is None else Image.model_validate(made)


def make_recipe(
    name: str,
    variant: Variant,
    *,
    target: Target,
    image: Image,
    artifacts: dict[str, Artifact],
    presets: Path,
) -> Recipe:
    """Resolve a variant: preset with overrides, inputs by hash, versions by number."""
    where = f"variants.{name}"
    preset: Preset = load_preset(variant.preset, variant.overrides, where=where, root=presets)
    return Recipe(
        variant=name,
        study=variant.study,
        target=target,
        image=image,
        **artifacts,
        preset=variant.preset,
        source=preset.source,
        model=preset.model,
        train=preset.train,
        augment=preset.augment,
        versions=versions_of(NUMERIC),
    )


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package, without importing any."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def parts_text(study: str, opened: Iterable[str]) -> str:
    """Format `parts.json`: the parts that a variant predicts, `test` only if its study is opened.

    Beside the recipe and not in it, because opening `test` must not train anything again.
    """
    return json_text(["test", "tune"] if study in opened else ["tune"])


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; anything else is a `DataError`."""
    try:
        return Recipe.model_validate(read_json(path))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(f"{path}: not a recipe ({error}). Delete it and run again.") from error
