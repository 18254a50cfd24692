"""How fast exams are trained on: against a loop as published, and against the bare network.

The three-plane AlexNet of preset `knee_mri/alexnet_planes` on exams of MRNet's shape: three
planes of about 30 slices, 256 x 256 pixels. All sides train the same network with the same
optimiser, one exam at a time, in turns, in one process with the same number of threads; the
table shows the median of exams per second.

    loop     one npy file a plane read per exam, brought to three channels in float32, one pass
             a plane, changed slice by slice on the processor
    radpipe  this project's loop on its store
    bare     forward, backward and optimiser step on tensors that lie in memory

With --epoch: the time of one epoch of 1,130 such exams (about 107,000 slices) on a GPU.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import alexnet
from torchvision.transforms import v2

from radpipe.core.params import load_preset
from radpipe.core.recipe import Artifact, Recipe
from radpipe.core.settings import Image, Target
from radpipe.learning.data import Cases
from radpipe.learning.run import Run, make_run
from radpipe.learning.train import begin_epoch, groups_left, one_step, start

SIDE = 256
LABELS = ["abnormal", "acl", "meniscus"]
VIEWS = ["axial", "coronal", "sagittal"]
PRESETS = Path(__file__).parent.parent / "presets"
# (one side, the other, ratio asked for)
RATIOS = (
    ("radpipe float32", "loop float32", 1.2),
    ("radpipe bfloat16", "loop float32", 1.5),
    ("radpipe float32", "bare float32", 0.95),
    ("radpipe bfloat16", "bare bfloat16", 0.95),
)


class Mapped:
    """Volumes as `Store.pixels` gives them, copied from a memory map."""

    bits, channels, views, volumes = 8, 1, VIEWS, True

    def __init__(self, file: Path, counts: np.ndarray) -> None:
        self.map = np.load(file, mmap_mode="r")
        self.counts = counts.ravel()
        self.first = np.cumsum(self.counts) - self.counts

    def slices(self, rows: np.ndarray) -> np.ndarray:
        """Count the slices of rows."""
        return self.counts[rows]

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Gather the slices of rows, (n, side, side, 1)."""
        return np.concatenate(
            [self.map[self.first[k] : self.first[k] + self.counts[k]] for k in rows]
        )

    def row_of(self, case: str, view: str = "image") -> int:
        """Not asked for here."""
        raise NotImplementedError((case, view))


def make_files(folder: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Write `n` exams as npy files and as one map; return slice counts and labels."""
    rng = np.random.default_rng(0)
    counts = np.clip(rng.normal(31.5, 7, (n, 3)).round().astype(np.int64), 17, 61)
    shape = (int(counts.sum()), SIDE, SIDE, 1)
    whole = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, shape)
    start = 0
    for exam, row in enumerate(counts):
        for view, k in zip(VIEWS, row, strict=True):
            coarse = rng.integers(0, 256, (k, 16, 16), dtype=np.uint8)
            volume = coarse.repeat(16, axis=1).repeat(16, axis=2)
            volume += rng.integers(0, 16, volume.shape, dtype=np.uint8)
            np.save(folder / f"{view}-{exam:04d}.npy", volume)
            whole[start : start + k, ..., 0] = volume
            start += k
    whole.flush()
    return counts, rng.integers(0, 2, (n, 3)).astype(np.float32)


def radpipe_run(folder: Path, counts: np.ndarray, truth: np.ndarray, **train: Any) -> Run:
    """Make a run of the published preset."""
    preset = load_preset("knee_mri/alexnet_planes", {"train": train}, where="", root=PRESETS)
    nothing = Artifact(path="weights/random.json", sha256="")
    recipe = Recipe(
        variant="benchmark",
        study="benchmark",
        target=Target(kind="multi-label", classes=LABELS),
        image=Image(side=SIDE),
        store=nothing,
        split=nothing,
        weights=nothing,
        preset="knee_mri/alexnet_planes",
        source="",
        model=preset.model,
        train=preset.train,
        augment=preset.augment,
        versions={},
    )
    rows = np.arange(counts.size).reshape(counts.shape)
    cases = Cases(table=None, rows=rows, targets=truth)
    return make_run(recipe, Mapped(folder / "pixels.npy", counts), cases, cases)


def radpipe_steps(run: Run) -> Iterator[None]:
    """Train as the step `train` does, without scoring `tune`."""
    state = start(run, seed=0)
    while True:
        state.progress.batch = 0
        begin_epoch(run, state)
        for group in groups_left(run, state):
            one_step(run, state, group)
            yield


class Planes(nn.Module):
    """The published network, with torchvision's AlexNet as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.trunks = nn.ModuleList(alexnet(weights=None).features for _ in VIEWS)
        self.head = nn.Linear(3 * 256, 3)

    def forward(self, views: list[Tensor]) -> Tensor:
        """Map one exam's planes, each (slices, 3, side, side), to logits (1, 3)."""
        pooled = [
            trunk(view).mean(dim=(2, 3)).max(dim=0, keepdim=True).values
            for trunk, view in zip(self.trunks, views, strict=True)
        ]
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits


def bare_steps(counts: np.ndarray, truth: np.ndarray, run: Run) -> Iterator[None]:
    """Train this project's network on a few exams that are ready in memory, nothing else."""
    half = run.how.precision == "bfloat16"
    state = start(run, seed=0)
    net, optimizer = state.network.model.train(), state.optimizer
    store, exams = run.store, []
    for exam in range(min(8, len(counts))):
        rows = run.train.rows[exam]
        views = [torch.from_numpy(store.pixels(rows[v : v + 1])) for v in range(3)]
        ready = [v.permute(0, 3, 1, 2).to(run.device).float().div(255) for v in views]
        exams.append((ready, [(len(v),) for v in ready]))
    while True:
        for exam, (views, slices) in enumerate(exams):
            target = torch.from_numpy(truth[exam : exam + 1]).to(run.device)
            with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=half):
                logits = net(views, slices)
            nn.functional.binary_cross_entropy_with_logits(logits.float(), target).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            yield


def loop_steps(
    folder: Path, n: int, truth: np.ndarray, device: torch.device, changed: bool
) -> Iterator[None]:
    """Train as published: files, float32, three channels, one exam and one plane at a time."""
    change = v2.Compose(
        [v2.RandomHorizontalFlip(0.5), v2.RandomAffine(10, translate=(0.11, 0.11), scale=(1, 1.2))]
    )
    net = Planes().to(device).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-5)
    weight = torch.from_numpy((truth == 0).sum(0) / (truth == 1).sum(0)).float().to(device)
    while True:
        for exam in np.random.default_rng(0).permutation(n):
            views = []
            for view in VIEWS:
                volume = torch.from_numpy(np.load(folder / f"{view}-{exam:04d}.npy"))
                slices = volume[:, None].expand(-1, 3, -1, -1)
                if changed:
                    slices = torch.stack([change(one) for one in slices])
                views.append((slices.float() / 255).to(device))
            target = torch.from_numpy(truth[exam : exam + 1]).to(device)
            loss = nn.functional.binary_cross_entropy_with_logits(
                net(views), target, pos_weight=weight
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()  # the published loop keeps the loss of every exam
            yield


def make_sides(folder: Path, n: int, threads: int, changed: bool) -> dict[str, Any]:
    """Return, per side, a generator that trains for ever and yields after every exam."""
    counts, truth = make_files(folder, n)
    sides: dict[str, Any] = {}
    for precision in ("float32", "bfloat16"):
        run = radpipe_run(folder, counts, truth, precision=precision, threads=threads)
        if not changed:
            run.recipe.__dict__["augment"] = run.recipe.augment.model_validate({})
        sides[f"radpipe {precision}"] = radpipe_steps(run)
        sides[f"bare {precision}"] = bare_steps(counts, truth, run)
    sides["loop float32"] = loop_steps(folder, n, truth, run.device, changed)
    return sides


def rate(steps: Iterator[None], seconds: float, wait: Callable[[], Any]) -> float:
    """Return exams per second over at least `seconds`."""
    wait()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        next(steps)
        count += 1
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
