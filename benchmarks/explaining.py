"""How fast explanations are: many cases against one at a time, and a film from disk to its map.

"Together" is `explain` of all cases, in batches of 16, or of the 1,000 copies that LIME makes of
one. Case by case, and copy by copy, each has a call of its own, which fills up a batch as all
inference here does; "alone" is a pass for each case or copy, not filled up. The film is a JPEG of
2,000 x 1,600 pixels, DenseNet-121 at 224 pixels; the bare network decodes it, answers, and goes
back from the logit to all weights. Sides take turns; times are processor times of this process,
medians.

    python benchmarks/explaining.py               about six minutes
    python benchmarks/explaining.py --rounds 1    a quick try
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow

from radpipe.core.settings import Image, ModelChoice, Target, Training
from radpipe.explaining.explain import explain
from radpipe.explaining.methods import Method, read_method
from radpipe.explaining.perturbing import perturbed_outputs
from radpipe.explaining.subject import Material, Member
from radpipe.imaging.regions import Facing
from radpipe.imaging.stored import decode_file, region_shown, stored_form
from radpipe.learning.models import build_model
from radpipe.learning.networks.network import Network
from radpipe.learning.training.run import fix_arithmetic
from radpipe.prediction.reading import Squares

LABELS = Target(kind="multi-label", classes=["fracture", "metal", "cast"])
CASES, SAMPLES = 64, 1000
TOGETHER, CALLS, COPIES, ALONE = "together", "case by case", "copy by copy", "alone"
# A copy in this many is asked for copy by copy, and its time scaled.
SHARE = 20
METHODS: dict[str, dict[str, Any]] = {
    "grad-cam": {"name": "grad-cam"},
    "saliency": {"name": "saliency"},
    "lime": {"name": "lime", "samples": SAMPLES},
}
NETWORKS: dict[str, tuple[int, dict[str, Any]]] = {
    "compact, 32 pixels": (32, {"name": "compact", "widths": [16, 32, 64]}),
    "compact, 64 pixels": (64, {"name": "compact"}),
}
DENSE = {"name": "torchvision", "networks": ["densenet121"]}
FILM = (2000, 1600)


@dataclass(frozen=True)
class What:
    """How a network is built and computes."""

    model: ModelChoice
    train: Training
    target: Target = LABELS
    variant: str = "benchmark"


def member_of(model: Mapping[str, Any], side: int, threads: int) -> Member:
    """Return a network of random weights for grey pictures."""
    train = {"optimizer": "sgd", "lr": 0.1, "batch_size": 16, "epochs": 1, "threads": threads}
    what = What(ModelChoice.model_validate(dict(model)), Training.model_validate(train))
    torch.manual_seed(0)
    built = build_model(what.model, n_channels=1, n_outputs=3, size=side)
    network = Network(built, torch.tensor([0.4]), torch.tensor([0.3]))
    return Member(network.to(memory_format=torch.channels_last).eval(), what)


def noise(n: int, side: int) -> Material:
    """Return cases of noise."""
    rows = [
        np.random.default_rng(k).integers(0, 256, (1, side, side, 1), np.uint8) for k in range(n)
    ]
    names = [f"case-{k}" for k in range(n)]
    squares = Squares(names, ["image"], rows, Image(side=side), volumes=False)
    return Material(squares, names, squares.numbers)


def some(material: Material, case: int) -> Material:
    """Return one case."""
    return Material(material.store, [material.names[case]], material.rows[case : case + 1])


def draw(member: Member, material: Material, how: Method) -> None:
    """Explain the first label of all cases."""
    explain([member], material, how=how, labels=[[0]] * len(material))


def one_by_one(member: Member, material: Material, how: Method) -> None:
    """Explain the first label of all cases, each by itself."""
    for case in range(len(material)):
        draw(member, some(material, case), how)


def batching(name: str, side: int, model: dict[str, Any], rounds: int, threads: int) -> None:
    """Print how much faster cases, and copies of a case, are together."""
    member = member_of(model, side, threads)
    for method, settings in METHODS.items():
        material = noise(1 if method == "lime" else CASES, side)
        sides = ways(member, material, settings)
        spent = medians(sides, rounds)
        if COPIES in spent:
            spent[COPIES] *= SHARE
        each = 1000 / len(material)
        others = "".join(
            f" {way} {each * spent[way]:.2f} ms, {spent[way] / spent[TOGETHER]:.1f} times;"
            for way in sides
            if way != TOGETHER
        )
        together = f"{each * spent[TOGETHER]:.2f} ms a case"
        print(f"{name}, {method}: together {together};{others} target 5 times", flush=True)


def ways(
    member: Member, material: Material, settings: dict[str, Any]
) -> dict[str, Callable[[], object]]:
    """Return the ways in which cases may be explained."""
    how, alone = read_method(settings), read_method({**settings, "batch": 1})
    found: dict[str, Callable[[], object]] = {
        TOGETHER: lambda: draw(member, material, how),
        ALONE: lambda: one_by_one(member, material, alone),
    }
    if len(material) > 1:
        found[CALLS] = lambda: one_by_one(member, material, how)
    else:
        found[COPIES] = lambda: copy_by_copy(member, material)
    return found


def copy_by_copy(member: Member, material: Material) -> None:
    """Ask about a share of the copies, each in a call of its own."""
    for _ in range(SAMPLES // SHARE):
        perturbed_outputs([member], material, 0, 1, lambda copies, _: copies)


def write_film(path: Path) -> None:
    """Write a smooth grey film with grain."""
    rng = np.random.default_rng(0)
    coarse = Pillow.fromarray(rng.uniform(30, 220, (8, 8)).astype(np.float32))
    smooth = np.asarray(coarse.resize(FILM[::-1], Pillow.Resampling.BICUBIC))
    grey = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    Pillow.fromarray(grey).save(path, "JPEG", quality=90)


def read(path: Path, image: Image) -> Material:
    """Return a film as a case."""
    found = decode_file(path.name, path.read_bytes(), image, Facing())
    square = stored_form(found, region_shown(found, Facing()), image)
    squares = Squares(["film"], ["image"], [square], image, volumes=False)
    return Material(squares, ["film"], squares.numbers)


def bare(member: Member, path: Path, image: Image) -> None:
    """Decode, answer, and go back to all weights."""
    batch = read(path, image).batch(member, [0])
    logits = member.logits(batch)
    torch.autograd.backward(logits[0, 0])
    member.network.zero_grad(set_to_none=True)


def film(rounds: int, threads: int) -> None:
    """Print what a probability and a map cost beside the bare network."""
    image, member = Image(side=224), member_of(DENSE, 224, threads)
    fix_arithmetic(member.what.train)
    how = read_method({"name": "grad-cam", "batch": 1})
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "film.jpg"
        write_film(path)
        sides: dict[str, Callable[[], object]] = {
            "radpipe": lambda: draw(member, read(path, image), how),
            "bare": lambda: bare(member, path, image),
            "decoding": lambda: read(path, image),
        }
        spent = medians(sides, 3 * rounds)
    print(
        f"film to probability and Grad-CAM: {1000 * spent['radpipe']:.0f} ms; decoding, forward and"
        f" backward {1000 * spent['bare']:.0f} ms (decoding alone {1000 * spent['decoding']:.0f}):"
        f" {spent['radpipe'] / spent['bare']:.2f} times (target <= 1.3)"
    )


def medians(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median processor time of each side, seconds; the first turn is not counted."""
    turns = [{name: seconds(run) for name, run in sides.items()} for _ in range(rounds + 1)]
    return {name: statistics.median(turn[name] for turn in turns[1:]) for name in sides}


def seconds(run: Callable[[], object]) -> float:
    """Return the processor time of some work."""
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    for name, (side, model) in NETWORKS.items():
        batching(name, side, model, args.rounds, args.threads)
    film(args.rounds, args.threads)


if __name__ == "__main__":
    main()
