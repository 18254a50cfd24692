"""How planning and whole runs grow with the plan: 100 and 1,000 runs of a stub network.

Steps do no work but have the real frame: settings, receipts, hashes, logs. The targets:
`snakemake -n` and `dvc status` of 1,000 finished runs (200 variants, 5 seeds) in 20 s each; time
that grows with the number of runs and not faster; and no more than 100 files for 200,000 images.

python benchmarks/scale.py [--runs 100 1000]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from radpipe.imaging.writing import StoreWriter
from tests.engines.conftest import Engines

SEEDS = 5
AIM_SECONDS = 20.0
# Of the time per run in the largest plan to that in the smallest.
AIM_GROWTH = 1.25
IMAGES, AIM_FILES = 200_000, 100
SIDES = (64, 224, 320)


def main() -> None:
    """Make plans of several sizes, and print a table and whether targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is shown")
    options = parser.parse_args()
    rows = []
    for n_runs in options.runs:
        with tempfile.TemporaryDirectory(prefix="radpipe-scale-") as folder:
            rows.append(measure(Path(folder, "project"), n_runs, options.rounds))
            print(pd.DataFrame(rows).to_string(index=False), flush=True)
    last = rows[-1]
    for what in ("snakemake -n", "dvc status"):
        print(f"{what}: {last[what]:.1f} s, {verdict(last[what], AIM_SECONDS)}")
    growth = (last["whole run"] / last["runs"]) / (rows[0]["whole run"] / rows[0]["runs"])
    print(f"whole run, time per run: {growth:.2f} of the smallest, {verdict(growth, AIM_GROWTH)}")
    for side in SIDES:
        n_files = files_of_a_store(side)
        print(
            f"a store of {IMAGES} images of {side} pixels: files={n_files},"
            f" {verdict(n_files, AIM_FILES)}"
        )


def measure(root: Path, n_runs: int, rounds: int) -> dict[str, float]:
    """Make a plan of `n_runs` runs, and return seconds by command."""
    project = planned(root, n_runs // SEEDS)
    found: dict[str, float] = {"runs": n_runs}
    found["whole run"] = seconds(lambda: project.run("snakemake", "--cores", "all"))
    found["record"] = seconds(lambda: project.radpipe("record"))
    for name, command in (
        ("snakemake -n", ("snakemake", "--dry-run")),
        ("dvc status", (sys.executable, "-m", "dvc", "status")),
        ("radpipe status", (sys.executable, "-m", "radpipe.app", "status")),
    ):
        times = [seconds(lambda c=command: project.run(*c)) for _ in range(rounds)]
        found[name] = statistics.median(times)
    return {key: round(value, 1) for key, value in found.items()}


def planned(root: Path, n_variants: int) -> Engines:
    """Return a project with stub steps and so many variants, each with its own number of epochs."""
    project = Engines(root)
    one = project.params["variants"]["bones-floor"]
    project.params["variants"] = {
        f"bones-{number:03d}": {**one, "train": {"epochs": number + 1}}
        for number in range(n_variants)
    }
    project.params["plan"] |= {
        "variants": list(project.params["variants"]),
        "seeds": list(range(SEEDS)),
    }
    project.save()
    project.commit("plan")
    return project


def files_of_a_store(side: int) -> int:
    """Count the files of a large store of 8-bit grey images: shards, and three beside them."""
    writer = StoreWriter(Path(), shape=(side, side, 1), dtype="uint8", count=IMAGES)
    last_shard, _ = writer.place(IMAGES - 1)
    return last_shard + 1 + 3


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def verdict(value: float, aim: float) -> str:
    """Compare with a target."""
    return f"at most {aim:g}: {'met' if value <= aim else 'missed'}"


if __name__ == "__main__":
    main()
