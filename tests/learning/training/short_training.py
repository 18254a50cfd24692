"""Train small networks for a few steps and print the hash of each one's weights, as JSON.

A process of its own, because kernels are chosen before torch is loaded. Its argument is an empty
folder.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch

from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.training.run import arithmetic_of, make_run
from radpipe.learning.training.train import train
from tests.small_study import THREE, small_recipe, write_study

HOW = {"epochs": 2, "batch_size": 8, "optimizer": "adamw", "lr": 1e-3}
CASES: dict[str, dict[str, Any]] = {
    # Dropout, batch norm, a schedule of every step.
    "compact": {"preset": "bones/compact", "model": {"widths": [8, 16]}, "train": HOW},
    "resnet18": {"preset": "bones/resnet18", "train": {**HOW, "epochs": 1}},
    # What torch computes with MKL's vector functions: square root, sine, cosine.
    "rmsprop": {
        "preset": "bones/compact",
        "model": {"widths": [8, 16]},
        "train": {**HOW, "optimizer": "rmsprop"},
        "augment": {"rotate": 20.0},
    },
    "bfloat16": {
        "preset": "bones/compact",
        "model": {"widths": [8, 16]},
        "train": {**HOW, "precision": "bfloat16"},
    },
}


def main(folder: Path) -> dict[str, Any]:
    """Train every case; return its name to the hash of its weights, and how it was computed."""
    write_study(folder, THREE, n=32, size=32)
    found = {name: weights_of(folder, name) for name in CASES}
    how = small_recipe(folder, THREE, preset="bones/compact").train
    return {"weights": found, "how": arithmetic_of(how, torch.device("cpu"))}


def weights_of(folder: Path, name: str) -> str:
    """Train one case; return the hash of the weights of its best epoch."""
    case = {**CASES[name], "augment": CASES[name].get("augment", {})}
    recipe = small_recipe(folder, THREE, **case)
    store, split = Store(folder / "data/bones/store"), Path(recipe.split.path)
    parts = [read_part(split, store, THREE, part=part, fold=0) for part in ("train", "tune")]
    saved, board = folder / f"{name}.safetensors", folder / name
    state = train(make_run(recipe, store, *parts), seed=0, saved=saved, board=board)
    digest = hashlib.sha256()
    for key, tensor in sorted(state.kept.items()):
        digest.update(key.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
