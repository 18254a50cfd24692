"""How fast ingest of small colour JPEGs is, against decoding and resizing them alone.

Pictures are of a quarter of a megapixel, as radiographs on the web are, in colour though they are
grey, and are stored grey. Both sides work in this process, with the memory settings of ingest, in
turns; times are processor times.

    python benchmarks/pictures.py
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from radpipe.core.settings import Image
from radpipe.imaging.worker import Chunk, Task, keep_memory, work

SIDE, PICTURES = 512, 40
IMAGE = Image(side=224)
TARGET = 0.8


def write_picture(path: Path, seed: int) -> str:
    """Write a smooth picture with grain, grey in three equal channels; return its hash."""
    rng = np.random.default_rng(seed)
    coarse = Pillow.fromarray(rng.uniform(30, 220, (8, 8)).astype(np.float32))
    smooth = np.asarray(coarse.resize((SIDE, SIDE), Pillow.Resampling.BICUBIC))
    grey = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    Pillow.fromarray(np.repeat(grey[..., None], 3, axis=-1)).save(path, "JPEG", quality=90)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def alone(files: list[Path]) -> None:
    """Decode, turn grey and resize, and no more."""
    for file in files:
        with Pillow.open(file) as picture:
            grey = picture.convert("L")
        np.asarray(grey.resize((IMAGE.side,) * 2, Pillow.Resampling.BILINEAR, reducing_gap=2.0))


def processor_time(run: Callable[[], object]) -> float:
    """Return the seconds that some work took of a processor."""
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    """Measure in turns, print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    keep_memory()
    with tempfile.TemporaryDirectory() as temporary:
        raw = Path(temporary)
        names = [f"{number:02}.jpg" for number in range(PICTURES)]
        hashes = {name: write_picture(raw / name, k) for k, name in enumerate(names)}
        tasks = tuple(Task(name, "image", name, sha256) for name, sha256 in hashes.items())
        shard = raw / "shard.npy"
        shape = (IMAGE.side, IMAGE.side, 1)
        np.save(shard, np.zeros((PICTURES, *shape), np.uint8))
        chunk = Chunk(raw, IMAGE, shard, 0, shape, tasks)
        sides = {"ingest": lambda: work(chunk), "alone": lambda: alone([raw / n for n in names])}
        spent = [
            {side: processor_time(run) for side, run in sides.items()}
            for _ in range(args.rounds + 1)
        ]
    # Of the first round much is what is imported and kept.
    each = {
        side: 1000 * statistics.median(one[side] for one in spent[1:]) / PICTURES for side in sides
    }
    ratio = each["alone"] / each["ingest"]
    print(f"colour JPEG: ingest {each['ingest']:.2f} ms, decoding and resizing alone"
          f" {each['alone']:.2f} ms a picture: rate {ratio:.2f} (target >= {TARGET})")  # fmt: skip


if __name__ == "__main__":
    main()
