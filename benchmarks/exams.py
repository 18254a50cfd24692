"""How fast exams are trained on: against a loop as published, and against the bare network.

The three-plane AlexNet of preset `knee_mri/alexnet_planes` on exams of MRNet's shape: three
planes of about 30 slices, 256 x 256 pixels. All sides train the same network with the same
optimiser, one exam at a time, in turns, in one process with the same number of threads; the
table shows the median of exams per second, by their slices, whose number differs.

    loop     one npy file a plane read per exam, brought to three channels in float32, one pass
             a plane, changed slice by slice on the processor
    radpipe  this project's loop on its store
    bare     forward, backward and optimiser step on tensors that lie in memory

Then, unless --speed-only: whether both loops come to the same AUC (phantom of 64 x 64 pixels,
three seeds), what memory training takes with ten times the exams, and how long an epoch of
1,130 exams (about 107,000 slices) takes, which is run in full on a GPU only.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import alexnet
from torchvision.transforms import v2
from training import measure

from radpipe.core.presets import load_preset
from radpipe.core.recipe import Artifact, Recipe
from radpipe.core.settings import Image, PhantomSource, Target
from radpipe.imaging.sums import Sums
from radpipe.learning.data.cases import Cases, gather
from radpipe.learning.networks.inference import infer_logits
from radpipe.learning.training.run import TrainingRun, make_run
from radpipe.learning.training.scores import area
from radpipe.learning.training.state import State
from radpipe.learning.training.train import begin_epoch, groups_left, one_step, start
from radpipe.studies.mrnet.phantom import write_phantom

SIDE = 256
LABELS = ["abnormal", "acl", "meniscus"]
VIEWS = ["axial", "coronal", "sagittal"]
PRESETS = Path(__file__).parent.parent / "presets"
# Of an exam of MRNet on average, all planes together.
SLICES = 3 * 31.48
UNCHANGED = {"flip_horizontal": 0, "translate": 0, "scale": None, "rotate": 0}
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

    def sums(self, rows: np.ndarray) -> Sums:
        """Not asked for here."""
        raise NotImplementedError(rows)

    def row_of(self, case: str, view: str = "image") -> int:
        """Not asked for here."""
        raise NotImplementedError((case, view))


def make_files(folder: Path, n: int, *, files: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Write `n` exams as one map, and as npy files; return slice counts and labels."""
    rng = np.random.default_rng(0)
    # As in MRNet (Bien et al., 2018): 17 to 61 slices a series, 31.48 on average, SD 7.07.
    counts = np.clip(rng.normal(31.48, 7.07, (n, 3)).round().astype(np.int64), 17, 61)
    shape = (int(counts.sum()), SIDE, SIDE, 1)
    whole = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, shape)
    start = 0
    for exam, row in enumerate(counts):
        for view, k in zip(VIEWS, row, strict=True):
            coarse = rng.integers(0, 256, (k, 16, 16), dtype=np.uint8)
            volume = coarse.repeat(16, axis=1).repeat(16, axis=2)
            volume += rng.integers(0, 16, volume.shape, dtype=np.uint8)
            if files:
                np.save(folder / f"{view}-{exam:04d}.npy", volume)
            whole[start : start + k, ..., 0] = volume
            start += k
    whole.flush()
    return counts, rng.integers(0, 2, (n, 3)).astype(np.float32)


def radpipe_run(
    folder: Path, counts: np.ndarray, truth: np.ndarray, *, side: int = SIDE, **train: Any
) -> TrainingRun:
    """Make a run of the published preset on the exams of a folder, all of them train."""
    changes = {} if train.pop("changed", True) else UNCHANGED
    overrides = {"train": train, "augment": changes}
    preset = load_preset("knee_mri/alexnet_planes", overrides, where="", root=PRESETS)
    nothing = Artifact(path="weights/random.json", sha256="")
    recipe = Recipe(
        variant="benchmark",
        study="benchmark",
        target=Target(kind="multi-label", classes=LABELS),
        image=Image(side=side),
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


def radpipe_steps(run: TrainingRun, state: State | None = None) -> Iterator[int]:
    """Train as the step `train` does, without scoring `tune`; yield the slices of each exam."""
    state = state or start(run, seed=0)
    while True:
        state.progress.batch = 0
        begin_epoch(run, state)
        for group in groups_left(run, state):
            one_step(run, state, group)
            yield int(run.store.slices(run.train.rows[group[0].numpy()]).sum())


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


def bare_steps(counts: np.ndarray, truth: np.ndarray, run: TrainingRun) -> Iterator[int]:
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
            yield sum(len(view) for view in views)


def loop_steps(
    folder: Path, truth: np.ndarray, device: torch.device, *, changed: bool = True, lr: float = 1e-5
) -> Iterator[tuple[int, Planes]]:
    """Train as published: files, float32, three channels, one exam and one plane at a time.

    Yields the slices of each exam, and the network.
    """
    change = v2.Compose(
        [v2.RandomHorizontalFlip(0.5), v2.RandomAffine(10, translate=(0.11, 0.11), scale=(1, 1.2))]
    )
    net = Planes().to(device).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    weight = torch.from_numpy((truth == 0).sum(0) / (truth == 1).sum(0)).float().to(device)
    rng = np.random.default_rng(0)
    while True:
        for exam in rng.permutation(len(truth)):
            views = []
            for volume in read_exam(folder, exam):
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
            yield sum(len(view) for view in views), net


def read_exam(folder: Path, exam: int) -> list[Tensor]:
    """Read the files of an exam."""
    return [torch.from_numpy(np.load(folder / f"{view}-{exam:04d}.npy")) for view in VIEWS]


def make_sides(folder: Path, n: int, threads: int, changed: bool) -> dict[str, Any]:
    """Return, per side, a generator that trains for ever and yields after every exam."""
    counts, truth = make_files(folder, n)
    sides: dict[str, Any] = {}
    for precision in ("float32", "bfloat16"):
        how = {"precision": precision, "threads": threads, "changed": changed}
        run = radpipe_run(folder, counts, truth, **how)
        sides[f"radpipe {precision}"] = radpipe_steps(run)
        sides[f"bare {precision}"] = bare_steps(counts, truth, run)
    loop = loop_steps(folder, truth, run.device, changed=changed)
    sides["loop float32"] = (slices for slices, _ in loop)
    return sides


def equal_auc(folder: Path, n: int, epochs: int, threads: int) -> dict[str, list[float]]:
    """Return the mean AUC over labels on unseen exams, a seed each, of both loops."""
    truth, counts, n_train = make_phantom(folder, n)
    found: dict[str, list[float]] = {"radpipe": [], "loop": []}
    for seed in range(3):
        how = {"lr": 1e-4, "threads": threads, "changed": False}
        run = radpipe_run(folder, counts[:n_train], truth[:n_train], side=64, **how)
        state = start(run, seed)
        steps = radpipe_steps(run, state)
        for _ in range(epochs * n_train):
            next(steps)
        store = Mapped(folder / "pixels.npy", counts)
        rows = np.arange(counts.size).reshape(counts.shape)[n_train:]
        logits = infer_logits(state.network, store, rows, run.device).numpy()
        found["radpipe"].append(mean_auc(truth[n_train:], logits))
        torch.manual_seed(seed)
        loop = loop_steps(folder, truth[:n_train], run.device, changed=False, lr=1e-4)
        for _ in range(epochs * n_train):
            _, net = next(loop)
        with torch.inference_mode():
            answers = [
                net([v[:, None].expand(-1, 3, -1, -1).float() / 255 for v in read_exam(folder, k)])
                for k in range(n_train, n)
            ]
        found["loop"].append(mean_auc(truth[n_train:], torch.cat(answers).numpy()))
        print(f"seed {seed}: radpipe {found['radpipe'][-1]:.3f}, loop {found['loop'][-1]:.3f}")
    return found


def make_phantom(folder: Path, n: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Write `n` exams of the phantom as files and as a map; return labels, slices, train exams."""
    raw = folder / "raw"
    write_phantom(raw, source=PhantomSource(kind="phantom", patients=n))
    labels, volumes, n_train = [], [], 0
    for part in ("train", "valid"):
        tables = [np.loadtxt(raw / f"{part}-{label}.csv", delimiter=",") for label in LABELS]
        labels.append(np.stack([table[:, 1] for table in tables], axis=1))
        for number in tables[0][:, 0].astype(int):
            for view in VIEWS:
                volumes.append(np.load(raw / f"{part}/{view}/{number:04d}.npy"))
                np.save(folder / f"{view}-{number:04d}.npy", volumes[-1])
        n_train = n_train or len(labels[0])
    np.save(folder / "pixels.npy", np.concatenate(volumes)[..., None])
    counts = np.array([len(volume) for volume in volumes]).reshape(n, 3)
    return np.concatenate(labels).astype(np.float32), counts, n_train


def mean_auc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Average the AUC over labels."""
    return float(np.mean([area(truth[:, k] == 1, scores[:, k]) for k in range(3)]))


def memory(n: int) -> dict[str, int]:
    """Return the most memory, MiB, that reading all of `n` exams and training on four took.

    Pages of the map are the system's to take back, and are left out.
    """
    most: dict[str, int] = {}
    for times in (1, 10):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            counts, truth = make_files(folder, n * times, files=False)
            run = radpipe_run(folder, counts, truth)
            steps, seen = radpipe_steps(run), []
            for exam, row in enumerate(run.train.rows):
                gather(run.store, row[None], run.device)
                if exam < 4:
                    next(steps)
                seen.append(own_memory())
            most[f"{n * times} exams"] = max(seen)
            del run, steps
    return most


def own_memory() -> int:
    """Return this process's own memory, MiB (proc(5), RssAnon)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) // 1024


def epoch_seconds(n: int) -> float:
    """Return the seconds of one epoch of `n` exams of MRNet's shape in bfloat16."""
    with tempfile.TemporaryDirectory() as name:
        counts, truth = make_files(Path(name), n, files=False)
        run = radpipe_run(Path(name), counts, truth, precision="bfloat16")
        steps = radpipe_steps(run)
        next(steps)
        wait = torch.cuda.synchronize if torch.cuda.is_available() else (lambda: None)
        wait()
        began = time.perf_counter()
        for _ in range(n):
            next(steps)
        wait()
        return time.perf_counter() - began


def main() -> None:
    """Parse, measure, print tables and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=90.0, help="work per side")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--threads", type=int, default=2, help="torch threads of every side")
    parser.add_argument("--exams", type=int, default=16, help="exams to make")
    parser.add_argument("--unchanged", action="store_true", help="no augmentation on any side")
    parser.add_argument("--speed-only", action="store_true", help="nothing but the table")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    result: dict[str, Any] = {"threads": args.threads}
    gpu = torch.cuda.is_available()
    result["device"] = torch.cuda.get_device_name() if gpu else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        sides = make_sides(Path(folder), args.exams, args.threads, not args.unchanged)
        rates = measure(sides, args.seconds, args.rounds)
    # Slices a second, as exams of an average number of slices.
    rates = {name: [each / SLICES for each in values] for name, values in rates.items()}
    middle = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in middle.items():
        print(f"{name:36}{value:8.3f} exams/s")
    for a, b, asked in RATIOS:
        print(f"{a + ' / ' + b:36}{middle[a] / middle[b]:8.3f} (asked: {asked})")
    result["exams_per_second"] = {k: round(v, 4) for k, v in middle.items()}
    result["rounds"] = {k: [round(x, 4) for x in v] for k, v in rates.items()}
    result["ratios"] = {f"{a} / {b}": round(middle[a] / middle[b], 3) for a, b, _ in RATIOS}
    if not args.speed_only:
        with tempfile.TemporaryDirectory() as folder:
            result["auc"] = equal_auc(Path(folder), n=300, epochs=6, threads=args.threads)
        result["memory_mib"] = memory(8)
        print("own memory, MiB:", result["memory_mib"])
        n = 1130 if gpu else 4
        result["epoch"] = {"exams": n, "seconds": round(epoch_seconds(n), 1)}
        print(f"an epoch of {n} exams: {result['epoch']['seconds']} s", "" if gpu else "(no GPU)")
    print(json.dumps(result))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
