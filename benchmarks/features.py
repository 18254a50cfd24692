"""What frozen features save: an epoch of heads against an epoch with the backbone, and ten heads.

Pictures are noise of the given side; the backbone is EfficientNet-Lite0 of random weights, because
speed does not depend on what a network has learned. All is measured in turns, in processor time of
one thread, which other work on the machine changes little; the table shows medians and ratios.

    pass       the backbone looks at every picture once, as the step features does
    whole      an epoch of the network in one piece whose backbone is frozen (train.freeze)
    head       an epoch of the linear head on stored features
    ten heads  a pass, then logistic regression ten times
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from radpipe.core.files import write_json
from radpipe.core.presets import load_preset
from radpipe.core.recipe import Artifact, BackboneRecipe, Recipe
from radpipe.core.settings import Augmentation, Image, ModelChoice, Target
from radpipe.core.tables import write_table
from radpipe.imaging.store import INDEX, Store
from radpipe.imaging.writing import StoreWriter, building, write_pictures
from radpipe.learning.data.cases import read_part
from radpipe.learning.data.features import FeatureStore, open_store
from radpipe.learning.starts.frozen import Made, make_backbone, write_features
from radpipe.learning.training.fitting import fit
from radpipe.learning.training.run import TrainingRun, make_run
from radpipe.learning.training.train import begin_epoch, groups_left, one_step, start

TARGET = Target(kind="binary", classes=["absent", "present"])
NETWORK = {"name": "efficientnet_lite", "stem": "repeat", "dropout": 0.0}
NOTHING = Artifact(path="weights/random.json", sha256="0" * 64)
CPU = torch.device("cpu")


def make_study(root: Path, n: int, side: int) -> None:
    """Write a store of noise and a split of which a tenth is tune."""
    rng = np.random.default_rng(0)
    names = [f"case-{k:05d}" for k in range(n)]
    with building(root / "store") as folder:
        writer = StoreWriter(folder, shape=(side, side, 1), dtype="uint8", count=n)
        writer.allocate()
        for k in range(n):
            shard, first = writer.place(k)
            picture = rng.integers(0, 256, (1, side, side, 1), dtype=np.uint8)
            write_pictures(folder / f"pixels-{shard:04d}.npy", first, picture)
        values: dict[str, Any] = dict.fromkeys(INDEX.names, [0] * n)
        values |= {"case": names, "view": ["image"] * n, "slices": [1] * n}
        values |= {name: [""] * n for name in ("file", "sha256", "pixel_hash")}
        values |= {"first": writer.first, "shard": writer.shard}
        values |= {name: [[0]] * n for name in ("sums", "squares")}
        writer.finish(pa.table(values).cast(INDEX), [], {"image": {"side": side}})
    split = {"case": names, "patient": names, "named": names, "part": ["train"] * n}
    split |= {"fold": np.arange(n) % 10, "target": np.arange(n) % 2 * 1.0}
    write_table(root / "split.parquet", pa.table(split))


def backbone(root: Path, side: int) -> tuple[BackboneRecipe, Made]:
    """Build the frozen network."""
    recipe = BackboneRecipe(
        backbone="lite0",
        image=Image(side=side),
        store=Artifact(path=str(root / "store"), sha256="0" * 64),
        weights=NOTHING,
        model=ModelChoice.model_validate(NETWORK),
        normalize="unit",
        passes=1,
        augment=Augmentation(),
        seed=0,
    )
    return recipe, make_backbone(recipe, n_channels=1, n_views=1, volumes=False)


def a_pass(root: Path, side: int) -> Path:
    """Compute the features of all pictures; return their folder."""
    recipe, made = backbone(root, side)
    with building(root / "features") as folder:
        write_features(folder, recipe, Store(root / "store"), made, CPU)
    return root / "features"


def make(root: Path, store: Path, preset: str, side: int, **overrides: Any) -> TrainingRun:
    """Prepare a run on pixels or features."""
    found = load_preset(preset, overrides, where="benchmark", root=Path("presets"))
    split = root / "split.parquet"
    recipe = Recipe(
        variant="benchmark",
        study="noise",
        target=TARGET,
        image=Image(side=side),
        store=Artifact(path=str(store), sha256="0" * 64),
        split=Artifact(path=str(split), sha256="0" * 64),
        weights=NOTHING,
        preset=preset,
        source="",
        model=found.model,
        train=found.train,
        augment=Augmentation(),
        versions={},
    )
    opened = open_store(store)
    parts = [
        read_part(split, opened, TARGET, part=part, fold=0, model=found.model)
        for part in ("train", "tune")
    ]
    return make_run(recipe, opened, *parts)


def epoch(run: TrainingRun) -> Callable[[], object]:
    """Return a function that trains one epoch, without scoring."""
    state = start(run, 0)

    def one() -> None:
        state.progress = replace(state.progress, batch=0)
        begin_epoch(run, state)
        for group in groups_left(run, state):
            one_step(run, state, group)

    return one


def seconds(what: Callable[[], object]) -> float:
    """Return how much processor time something takes."""
    began = time.process_time()
    what()
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_study(root, args.pictures, args.side)
        features = a_pass(root, args.side)
        freeze = {"layers": ["stem", "blocks", "top"]}
        small = {"normalize": "unit", "freeze": freeze, "batch_size": 64, "epochs": 99}
        whole = epoch(
            make(root, root / "store", "pictures/compact", args.side, model=NETWORK, train=small)
        )
        head = epoch(make(root, features, "heads/linear", args.side, train={"epochs": 99}))
        heads = [
            make(root, features, "heads/logistic", args.side, model={"strength": 0.001 * 2**k})
            for k in range(10)
        ]

        def ten() -> None:
            a_pass(root, args.side)
            FeatureStore(features)
            for run in heads:
                fit(run, seed=0)

        measured: dict[str, list[float]] = {"pass": [], "whole": [], "head": [], "ten heads": []}
        for _ in range(args.rounds):
            measured["pass"].append(seconds(lambda: a_pass(root, args.side)))
            measured["whole"].append(seconds(whole))
            measured["head"].append(seconds(head))
            measured["ten heads"].append(seconds(ten))
    found: dict[str, Any] = {name: statistics.median(each) for name, each in measured.items()}
    found["epochs of heads in one with the backbone"] = found["whole"] / found["head"]
    found["ten heads in passes"] = found["ten heads"] / found["pass"]
    for name, value in found.items():
        print(f"{name:45} {value:10.3f}")
    if args.out is not None:
        write_json(args.out, {**vars(args), "out": None, "seconds": measured, **found})


if __name__ == "__main__":
    main()
