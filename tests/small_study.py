"""A small study made by hand: a store, a split and a recipe, without the steps before."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from radpipe.core.checking import check
from radpipe.core.files import write_text
from radpipe.core.hashes import Hashes
from radpipe.core.params import Params, Recipes
from radpipe.core.recipe import Recipe, artifacts_of, stored_image
from radpipe.core.settings import Target
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import INDEX
from radpipe.imaging.writing import StoreWriter, building, write_pictures
from tests.conftest import ROOT, SMALL

THREE = Target(kind="multi-class", classes=["healthy", "fractured", "beyond_repair"])
GRADES = Target(kind="ordinal", classes=["0", "1", "2"])
TWO = Target(kind="binary", classes=["healthy", "fractured"])
KL = Target(kind="ordinal", classes=["0", "1", "2", "3", "4"])
LABELS = Target(kind="multi-label", classes=["fracture", "metal"])


def pictures(truth: np.ndarray, *, size: int, channels: int, rng: np.random.Generator) -> Any:
    """Draw noise with as many bright squares as the class says, uint8."""
    images = rng.integers(60, 120, (len(truth), size, size, channels), dtype=np.uint8)
    side = max(size // 6, 1)
    for image, level in zip(images, truth, strict=True):
        for _ in range(int(level)):
            row, column = rng.integers(0, size - side + 1, 2)
            image[row : row + side, column : column + side] = 230
    return images


def sums_of(volumes: Iterable[np.ndarray]) -> dict[str, list[list[int]]]:
    """Return the columns of an index that hold the sums of volumes (slices, size, size, channels).

    Every pixel is added as a whole number of Python, which has no limit.
    """
    flat = [volume.reshape(-1, volume.shape[-1]).astype(object) for volume in volumes]
    return {
        "sums": [pixels.sum(axis=0).tolist() for pixels in flat],
        "squares": [(pixels * pixels).sum(axis=0).tolist() for pixels in flat],
    }


def write_study(
    root: Path, target: Target, *, n: int = 48, size: int = 16, channels: int = 1, test: int = 8
) -> None:
    """Write `data/bones/store` and `data/bones/split.parquet` below a project's root."""
    rng = np.random.default_rng(7)
    truth = np.arange(n) % len(target.classes)
    images = pictures(truth, size=size, channels=channels, rng=rng)
    names = [f"case-{k:03d}" for k in range(n)]
    with building(root / "data/bones/store") as folder:
        writer = StoreWriter(folder, shape=(size, size, channels), dtype="uint8", count=n)
        writer.allocate()
        write_pictures(folder / "pixels-0000.npy", 0, images)
        values: dict[str, Any] = dict.fromkeys(INDEX.names, [0] * n)
        values |= {"case": names, "view": ["image"] * n, "slices": [1] * n}
        values |= {name: [""] * n for name in ("file", "sha256", "pixel_hash")}
        values |= {"first": list(range(n)), **sums_of(images[:, None])}
        writer.finish(pa.table(values).cast(INDEX), [], {"image": image(size, channels)})
    fold = np.arange(n) // 3 % 3
    fold[:test] = -1
    columns: dict[str, Any] = {"case": names, "patient": [f"p{k}" for k in range(n)]}
    columns |= {"part": ["test" if f < 0 else "train" for f in fold], "fold": fold}
    if target.kind == "multi-label":
        bits = [(truth >> k & 1).astype(float) for k in range(len(target.classes))]
        columns |= dict(zip(target.columns, bits, strict=True))
    else:
        columns["target"] = truth.astype(float)
    columns |= {"covariate_sex": ["f", "m"] * (n // 2), "ceiling_healthy": rng.random(n)}
    columns["named"] = columns["patient"]
    write_table(root / "data/bones/split.parquet", pa.table(columns))


def factors(n: int, *, unknown: float = 0.1) -> dict[str, np.ndarray]:
    """Draw risk factors for `n` knees, float64, NaN where unknown."""
    rng = np.random.default_rng(11)
    drawn = {
        "age": rng.integers(45, 80, n),
        "sex": rng.integers(0, 2, n),
        "bmi": rng.normal(28, 4, n),
        "injury": rng.integers(0, 2, n),
        "alignment": rng.normal(0, 3, n),
        "race": rng.integers(0, 4, n),
        "kl": np.arange(n) % 5,
    }
    found = {f"covariate_{name}": values.astype(float) for name, values in drawn.items()}
    for values in found.values():
        values[rng.random(n) < unknown] = np.nan
    return found


def write_knees(root: Path, target: Target, *, n: int = 48, size: int = 16, test: int = 8) -> None:
    """Write a study as `write_study` does, with the risk factors of knee osteoarthritis."""
    write_study(root, target, n=n, size=size, test=test)
    path = root / "data/bones/split.parquet"
    table = read_table(path).drop_columns(["covariate_sex"])
    for name, values in factors(n).items():
        table = table.append_column(name, pa.array(values))
    write_table(path, table)


def write_exams(root: Path, *, n: int = 24, size: int = 16, test: int = 4) -> None:
    """Write a study of two views of one to three slices as `write_study` does.

    Exams are bright in one slice of a view for each label that is present.
    """
    rng = np.random.default_rng(7)
    truth = np.stack([np.arange(n) % 2, np.arange(n) // 2 % 2], axis=1)
    views = ("coronal", "sagittal")
    slices = rng.integers(1, 4, 2 * n)
    with building(root / "data/bones/store") as folder:
        shape = (size, size, 1)
        writer = StoreWriter(folder, shape=shape, dtype="uint8", count=2 * n, slices=slices)
        writer.allocate()
        volumes = []
        for row, count in enumerate(slices):
            volume = rng.integers(60, 120, (count, *shape), dtype=np.uint8)
            if truth[row // 2, row % 2]:
                volume[rng.integers(count), : size // 2] = 230
            write_pictures(folder / "pixels-0000.npy", int(writer.first[row]), volume)
            volumes.append(volume)
        values: dict[str, Any] = dict.fromkeys(INDEX.names, [0] * 2 * n)
        values |= {name: [""] * 2 * n for name in ("file", "sha256", "pixel_hash")}
        values |= {"case": [f"case-{k // 2:03d}" for k in range(2 * n)], "view": [*views] * n}
        values |= {"slices": slices, "first": writer.first, "shard": writer.shard}
        values |= sums_of(volumes)
        writer.finish(pa.table(values).cast(INDEX), [], {"image": image(size, 1)})
    fold = np.arange(n) // 4 % 3
    fold[:test] = -1
    columns: dict[str, Any] = {"case": [f"case-{k:03d}" for k in range(n)]}
    columns |= {"patient": [f"p{k}" for k in range(n)], "fold": fold}
    columns |= {"part": ["test" if f < 0 else "train" for f in fold]}
    columns |= dict(zip(LABELS.columns, truth.astype(float).T, strict=True))
    columns["named"] = columns["patient"]
    write_table(root / "data/bones/split.parquet", pa.table(columns))


def image(side: int, channels: int) -> dict[str, Any]:
    """Return what a store says of the form of its pictures."""
    return {"side": side, "channels": "grey" if channels == 1 else "colour"}


def plan_of(target: Target, *, preset: str, **variant: Any) -> dict[str, Any]:
    """Return a plan of one variant, bones-x; the rest of its block is `variant`."""
    plan: dict[str, Any] = yaml.safe_load(yaml.safe_dump(SMALL))
    plan["studies"]["bones"]["target"] = target.model_dump(mode="json")
    block = {"study": "bones", "store": "data/bones/store", "preset": preset, **variant}
    plan["variants"] = {"bones-x": {"weights": "weights/random.json", **block}}
    plan["plan"]["variants"] = ["bones-x"]
    return plan


def plan_variant(root: Path, target: Target, *, preset: str, **variant: Any) -> None:
    """Let a project plan one variant, bones-x."""
    text = yaml.safe_dump(plan_of(target, preset=preset, **variant), sort_keys=False)
    (root / "params.yaml").write_text(text)


def small_recipe(
    root: Path, target: Target = THREE, *, preset: str = "bones/compact", **overrides: Any
) -> Recipe:
    """Resolve a recipe for the study below `root`; overrides are model, train, augment."""
    store, split = root / "data/bones/store", root / "data/bones/split.parquet"
    return recipe_of(target, store, split, preset=preset, **overrides)


def recipe_of(target: Target, store: Path, split: Path, *, preset: str, **overrides: Any) -> Recipe:
    """Resolve a recipe for data that lie anywhere; overrides are model, train, augment."""
    plan = plan_of(target, preset=preset, **overrides)
    params = check(Params, plan, where="", source="params.yaml")
    paths = {"store": store, "split": split, "weights": ROOT / "weights/random.json"}
    content = {
        **Recipes(params, ROOT / "presets")["bones-x"],
        "image": stored_image(store),
        **artifacts_of({kind: str(path) for kind, path in paths.items()}, Hashes()),
    }
    return Recipe.model_validate(content)


def write_recipe(root: Path, target: Target, *, preset: str, **overrides: Any) -> Path:
    """Write a recipe as `train` does; return where it lies."""
    out = root / "results/runs/bones-x/fold-0-seed-0/recipe.json"
    write_text(out, small_recipe(root, target, preset=preset, **overrides).text)
    return out


def presets(book: str = "*") -> list[str]:
    """Name every preset of the catalogue, or of one file of it."""
    return [
        f"{file.stem}/{name}"
        for file in sorted((ROOT / "presets").glob(f"{book}.yaml"))
        for name in yaml.safe_load(file.read_text())
    ]
