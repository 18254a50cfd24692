"""How fast an epoch is: against a plain ImageFolder loop, and against the bare network.

ResNet-18, grey 64 x 64 pixels, one answer, batches of 64; or with `--network` DenseNet-121 or
ResNet-50, grey 224 x 224 pixels, fourteen labels; flip and affine changes. All sides train the same
network with the same optimiser on the same pictures, in turns, in one process with the same number
of threads; the table shows the median of pictures per second.

    plain    torchvision's ImageFolder and DataLoader on JPEG and PNG files of mixed sizes
    radpipe  this project's loop on its store; on a GPU once more for each way of its pixels there
    bare     forward, backward and optimiser step on tensors that lie in memory
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Picture
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import get_model

from radpipe.core.presets import load_preset
from radpipe.core.recipe import Artifact, Recipe
from radpipe.core.settings import Image, Target
from radpipe.imaging.resize import fit
from radpipe.imaging.sums import Sums
from radpipe.learning.data.batches import Batches, CudaTransfer
from radpipe.learning.data.cases import Cases
from radpipe.learning.training.run import TrainingRun, make_run
from radpipe.learning.training.train import begin_epoch, groups_left, one_step, start

PRESETS = Path(__file__).parent.parent / "presets"


@dataclass(frozen=True)
class Task:
    """What is trained, and the least ratio of `radpipe bfloat16` to `plain float32`."""

    network: str
    preset: str
    side: int
    labels: int
    batch: int
    bfloat16: float
    model: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> tuple[tuple[str, str, float], ...]:
        """Return one side, the other, and the ratio that is asked for."""
        return (
            ("radpipe float32", "plain float32", 1.2),
            ("radpipe bfloat16", "plain float32", self.bfloat16),
            ("radpipe float32", "bare float32", 0.95),
            ("radpipe bfloat16", "bare bfloat16", 0.95),
        )

    @property
    def target(self) -> Target:
        """Return what is asked: one question, or several labels."""
        if self.labels == 1:
            return Target(kind="binary", classes=["no", "yes"])
        return Target(kind="multi-label", classes=[f"label{k}" for k in range(self.labels)])

    def truths(self, n: int) -> np.ndarray:
        """Return answers of `n` pictures, (n, labels): 0 or 1."""
        return (np.arange(n)[:, None] >> np.arange(self.labels) & 1).astype(np.float32)


TASKS = {
    "resnet18": Task("resnet18", "bones/resnet18", 64, 1, 64, 1.7),
    "densenet121": Task("densenet121", "chest/densenet121", 224, 14, 16, 1.9),
    "resnet50": Task("resnet50", "chest/densenet121", 224, 14, 16, 1.9, {"networks": ["resnet50"]}),
}


class InMemory:
    """Pictures as `Store.pixels` gives them, copied from a memory map."""

    bits, channels, views, volumes = 8, 1, ["image"], False

    def __init__(self, file: Path) -> None:
        self.map = np.load(file, mmap_mode="r")

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Gather pictures (n, size, size, 1)."""
        return self.map[rows]

    def slices(self, rows: np.ndarray) -> np.ndarray:
        """Count one slice a picture."""
        return np.ones(rows.shape, np.int64)

    def sums(self, rows: np.ndarray) -> Sums:
        """Not asked for here."""
        raise NotImplementedError(rows)

    def row_of(self, case: str, view: str = "image") -> int:
        """Not asked for here."""
        raise NotImplementedError((case, view))


def make_files(folder: Path, n: int, side: int) -> np.ndarray:
    """Write smooth grey pictures, half PNG and half JPEG; return them, (n, side, side, 1)."""
    rng = np.random.default_rng(0)
    small = np.empty((n, side, side, 1), np.uint8)
    for k in range(n):
        shape = (int(rng.integers(350, 560)), int(rng.integers(280, 460)))
        coarse = Picture.fromarray(rng.integers(0, 256, (12, 10), dtype=np.uint8))
        pixels = np.asarray(coarse.resize(shape[::-1], Picture.Resampling.BICUBIC))
        grain = rng.normal(0, 4, shape)
        pixels = np.clip(pixels + grain, 0, 255).astype(np.uint8)
        file = folder / str(k % 2) / f"{k}.{'png' if k % 4 < 2 else 'jpg'}"
        file.parent.mkdir(exist_ok=True)
        Picture.fromarray(pixels).save(file)
        small[k, ..., 0] = fit(pixels, size=side, how="squash")
    np.save(folder / "pixels.npy", small)
    return small


def make_sides(folder: Path, task: Task, n: int, threads: int, workers: int) -> dict[str, Any]:
    """Return, per side, a generator that trains for ever and yields its pictures step by step."""
    small = make_files(folder, n, task.side)
    sides = {}
    for precision in ("float32", "bfloat16"):
        run = radpipe_run(folder / "pixels.npy", task, n, threads, precision)
        for way, each in ways(run).items():
            sides[f"radpipe {precision}{way}"] = radpipe_steps(each)
        sides[f"bare {precision}"] = bare_steps(small, task, run)
    sides["plain float32"] = plain_steps(folder, task, workers, run.device)
    return sides


def radpipe_run(file: Path, task: Task, n: int, threads: int, precision: str) -> TrainingRun:
    """Make a run of the task's preset on `n` pictures."""
    train = {"batch_size": task.batch, "precision": precision, "threads": threads}
    train |= {"clip_norm": None, "schedule": {"name": "constant"}, "class_weights": "none"}
    train |= {"optimizer": "adamw", "weight_decay": 0.05, "normalize": "unit"}
    overrides = {"train": train, "model": task.model}
    preset = load_preset(task.preset, overrides, where="benchmark", root=PRESETS)
    nothing = Artifact(path="weights/random.json", sha256="")
    recipe = Recipe(
        variant="benchmark",
        study="benchmark",
        target=task.target,
        image=Image(side=task.side),
        store=nothing,
        split=nothing,
        weights=nothing,
        preset=task.preset,
        source="",
        model=preset.model,
        train=preset.train,
        augment=preset.augment,
        versions={},
    )
    cases = Cases(table=None, rows=np.arange(n)[:, None], targets=task.truths(n))
    return make_run(recipe, InMemory(file), cases, cases)


def ways(run: TrainingRun) -> dict[str, TrainingRun]:
    """Return a run as it is; on a GPU, where its pixels stay, also with other ways for them."""
    if run.device.type != "cuda":
        return {"": run}
    streamed = Batches(run.store, run.device, transfer=CudaTransfer(run.device))
    read = Batches(run.store, run.device)
    return {
        "": run,
        ", streamed": replace(run, batches=streamed),
        ", read when used": replace(run, batches=read),
    }


def radpipe_steps(run: TrainingRun) -> Iterator[int]:
    """Train as the step `train` does, without scoring `tune`."""
    state = start(run, seed=0)
    while True:
        state.progress.batch = 0
        begin_epoch(run, state)
        for group in groups_left(run, state):
            one_step(run, state, group)
            yield run.how.batch_size


def grey_network(task: Task) -> nn.Module:
    """Make torchvision's network for pictures of one channel."""
    net = get_model(task.network, weights=None, num_classes=task.labels)
    stem = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    if task.network.startswith("resnet"):
        net.conv1 = stem
    else:
        net.features.conv0 = stem
    return net


def network(task: Task, device: torch.device) -> tuple[nn.Module, Any]:
    """Make the network and its optimiser, as `radpipe_run` has them."""
    net = grey_network(task).to(device).to(memory_format=torch.channels_last)
    return net, torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05, fused=True)


def bare_steps(small: np.ndarray, task: Task, run: TrainingRun) -> Iterator[int]:
    """Train on a few batches that are ready in memory, nothing else."""
    device, half = run.device, run.how.precision == "bfloat16"
    net, optimizer = network(task, device)
    images = torch.from_numpy(small[: 4 * task.batch]).permute(0, 3, 1, 2).to(device).float() / 255
    images = images.contiguous(memory_format=torch.channels_last)
    truth = torch.from_numpy(run.train.targets[: 4 * task.batch]).to(device)
    while True:
        for batch, target in zip(images.split(task.batch), truth.split(task.batch), strict=True):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                logits = net(batch)
            loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), target)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            yield len(target)


def plain_steps(folder: Path, task: Task, workers: int, device: torch.device) -> Iterator[int]:
    """Train as tutorials do, from files."""
    changes = transforms.Compose(
        [
            transforms.Grayscale(),
            transforms.Resize((task.side, task.side)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomAffine(15, translate=(0.08, 0.08), scale=(0.9, 1.1)),
            transforms.ToTensor(),
        ]
    )
    data = ImageFolder(str(folder), changes)
    truths = torch.from_numpy(task.truths(2))
    loader = torch.utils.data.DataLoader(data, task.batch, shuffle=True, num_workers=workers)
    net = grey_network(task).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    while True:
        for images, level in loader:
            target = truths[level].to(device)
            logits = net(images.to(device))
            loss = nn.functional.binary_cross_entropy_with_logits(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield len(target)


def rate(steps: Iterator[int], seconds: float, wait: Callable[[], Any]) -> float:
    """Return what steps say they did (pictures, slices) per second, over at least `seconds`."""
    wait()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        count += next(steps)
    wait()
    return count / (time.perf_counter() - began)


def measure(sides: dict[str, Any], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Measure all sides in turns, so that a slow spell of the machine hits them all."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else (lambda: None)
    for steps in sides.values():
        next(steps)
        next(steps)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, steps in sides.items():
            rates[name].append(rate(steps, seconds / rounds, wait))
    return rates


def main() -> None:
    """Parse, measure, print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=TASKS, default="resnet18", help="what is trained")
    parser.add_argument("--seconds", type=float, default=60.0, help="work per side")
    parser.add_argument("--rounds", type=int, default=6, help="turns of each side")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of every side")
    parser.add_argument("--workers", type=int, default=0, help="processes of the plain loader")
    parser.add_argument("--pictures", type=int, default=1024, help="files to make")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    task = TASKS[args.network]
    with tempfile.TemporaryDirectory() as folder:
        sides = make_sides(Path(folder), task, args.pictures, args.threads, args.workers)
        rates = measure(sides, args.seconds, args.rounds)
    middle = {name: statistics.median(values) for name, values in rates.items()}
    ratios = {f"{a} / {b}": middle[a] / middle[b] for a, b, _ in task.ratios}
    for name, value in middle.items():
        print(f"{name:36}{value:6.1f} pictures/s")
    for (name, ratio), (_, _, asked) in zip(ratios.items(), task.ratios, strict=True):
        print(f"{name:36}{ratio:6.3f} (asked: {asked})")
    result = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "network": task.network,
        "seconds_per_side": args.seconds,
        "threads": args.threads,
        "workers": args.workers,
        "pictures_per_second": {k: round(v, 1) for k, v in middle.items()},
        "rounds": {k: [round(x, 1) for x in v] for k, v in rates.items()},
        "ratios": {k: round(v, 3) for k, v in ratios.items()},
    }
    print(json.dumps(result))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
