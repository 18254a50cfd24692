"""How fast ingest of pictures is: against decoding and resizing, with two workers against one.

The sides take turns on the same files, so that whatever else the machine does falls on all
of them alike. Files are written to a temporary folder and are in the page cache when the
clock starts; the targets are those of the project's first milestone.

    python benchmarks/ingest.py                 each side for 60 s
    python benchmarks/ingest.py --seconds 5     a quick try
"""

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image as Pillow

from radpipe.core.settings import Image
from radpipe.imaging.ingest import ingest
from radpipe.imaging.phantom import bones as phantom

TARGETS = {"one worker / decoding and resizing": 0.8, "two workers / one worker": 1.8}
IMAGE = Image(side=224, resize="letterbox", channels="grey", bits=8)


def write_files(folder: Path, count: int) -> dict[str, str]:
    """Write radiograph-like pictures, every third as PNG; return their hashes."""
    rng = np.random.default_rng(0)
    hashes = {}
    for k in range(count):
        shape = (int(rng.integers(700, 1300)), int(rng.integers(600, 1100)))
        pixels = phantom.noise(phantom.bone(shape, rng).pixels, 0.01, rng)
        name = f"{k:05}.png" if k % 3 == 0 else f"{k:05}.jpg"
        Pillow.fromarray(phantom.to_bytes(pixels)).save(folder / name, quality=90)
        hashes[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    return hashes


def decode_and_resize(folder: Path, names: list[str]) -> None:
    """Do what any loader must: decode, grey, letterbox with antialiasing."""
    for name in names:
        with Pillow.open(folder / name) as picture:
            grey = picture.convert("L")
        factor = IMAGE.side / max(grey.size)
        size = (round(grey.width * factor), round(grey.height * factor))
        square = np.zeros((IMAGE.side, IMAGE.side), np.uint8)
        square[: size[1], : size[0]] = grey.resize(size, Pillow.Resampling.BILINEAR)


def take_turns(sides: dict[str, Callable[[], None]], seconds: float) -> dict[str, list[float]]:
    """Run the sides in turn until each has worked for `seconds`; return their times."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    while min(sum(spent) for spent in times.values()) < seconds:
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return times


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="least work of each side")
    parser.add_argument("--count", type=int, default=400, help="number of files")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure(Path(temporary), args.count, args.seconds)
    for name, rate in figures["files_per_second"].items():
        print(f"{name:36} {rate:8.1f} files/s")
    for name, ratio in figures["ratios"].items():
        print(f"{name:36} {ratio:8.2f} (target {TARGETS[name]})")
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


def measure(folder: Path, count: int, seconds: float) -> dict[str, dict[str, float]]:
    """Measure all sides in one run."""
    raw = folder / "raw"
    raw.mkdir()
    hashes = write_files(raw, count)
    names = sorted(hashes)
    start = time.perf_counter()
    decode_and_resize(raw, names)
    # Each file stands for several, so that a turn lasts as long as a real study's ingest
    # and starting a process weighs no more than it does there.
    copies = max(1, round(seconds / 2 / (time.perf_counter() - start)))
    names, count = names * copies, count * copies
    cases = pa.table({"case": [str(k) for k in range(count)], "file_image": names})

    def take_in(workers: int) -> None:
        ingest(cases, raw, IMAGE, folder / "store", manifest=hashes, workers=workers)
        shutil.rmtree(folder / "store")

    times = take_turns(
        {
            "decoding and resizing": lambda: decode_and_resize(raw, names),
            "one worker": lambda: take_in(1),
            "two workers": lambda: take_in(2),
        },
        seconds,
    )
    rates = {name: count * len(spent) / sum(spent) for name, spent in times.items()}
    return {
        "files_per_second": rates,
        "ratios": {
            "one worker / decoding and resizing": rates["one worker"]
            / rates["decoding and resizing"],
            "two workers / one worker": rates["two workers"] / rates["one worker"],
        },
        "machine": {"processors": len(os.sched_getaffinity(0)), "seconds_a_side": seconds},
    }


if __name__ == "__main__":
    main()
