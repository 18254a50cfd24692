"""Presets: published and house settings of networks, with a variant's overrides."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field

from radpipe.core.checking import check, load_yaml
from radpipe.core.errors import ConfigError, near_miss
from radpipe.core.hashes import Stamp, stamp_of
from radpipe.core.settings import Augmentation, ModelChoice, Strict, Training


class Preset(Strict):
    """Published or house settings of a network and its training."""

    source: str = Field(description="Who published these settings, or why the house chose them.")
    size: int = Field(ge=8, le=2048, description="Published side of the input in pixels.")
    channels: str = Field(pattern="^(grey|colour)$", description="Published input channels.")
    model: ModelChoice
    train: Training
    augment: Augmentation = Augmentation()


def load_preset(name: str, overrides: Mapping[str, Any], *, where: str, root: Path) -> Preset:
    """Read preset `<file>/<name>` from `root/<file>.yaml` and lay `overrides` over it.

    An override block that changes a `name` replaces the preset's block whole, because the
    other settings of that block belong to the old name.
    """
    block = find_block(name, where=where, root=root)
    book = name.partition("/")[0]
    merged = merge(block, overrides)
    return check(Preset, merged, where=where, source=f"{root}/{book}.yaml with overrides")


def find_block(name: str, *, where: str, root: Path) -> Mapping[str, Any]:
    """Return the settings that `<file>/<name>` of a folder of presets holds.

    Raises
    ------
    ConfigError
        There is none; the message names those that there are.

    """
    files = sorted(file.stem for file in root.glob("*.yaml"))
    book, _, title = name.partition("/")
    if book not in files:
        raise ConfigError(
            f"{where}.preset: unknown {name!r}{near_miss(book, files)}"
            f" A preset is <file>/<name>, files: {', '.join(files)}."
        )
    presets = _blocks(root / f"{book}.yaml")
    if title not in presets:
        raise ConfigError(
            f"{where}.preset: unknown {name!r}{near_miss(title, presets)}"
            f" Known in {book}.yaml: {', '.join(sorted(presets))}."
        )
    return presets[title]


def _blocks(file: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read the presets of a file, each a block of settings."""
    presets = _book(file, stamp_of(file))
    if not isinstance(presets, Mapping) or not all(
        isinstance(block, Mapping) for block in presets.values()
    ):
        raise ConfigError(f"{file}: each preset should be a block of settings.")
    return presets


@lru_cache(maxsize=8)
def _book(path: Path, stamp: Stamp) -> Any:
    """Read a file of presets once per state of it: hundreds of variants share a few files."""
    del stamp
    return load_yaml(path)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `over` on `base`, block by block."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            changed = "name" in value and value["name"] != old.get("name")
            merged[key] = dict(value) if changed else merge(old, value)
        else:
            merged[key] = value
    return merged
