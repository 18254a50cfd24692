"""How fast ingest of DICOM films is: against decoding alone, against the long way, two workers.

Films are 3,000 x 2,500 pixels of 12 bits with a window, uncompressed and in JPEG 2000. The sides
take turns on the same files, which are in the page cache when the clock starts. The long way is
what is often done by hand: film to PNG, PNG to halves, halves to small PNGs.

    python benchmarks/films.py                  each side for 60 s
    python benchmarks/films.py --seconds 10     a quick try
"""

import argparse
import hashlib
import io
import json
import multiprocessing
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pydicom
from ingest import take_turns
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless
from scipy.ndimage import zoom

from radpipe.core.settings import Image
from radpipe.imaging import ingest as module
from radpipe.imaging.ingest import ingest

ROWS, COLUMNS, BITS = 3000, 2500, 12
CENTER, WIDTH = 2000, 3000
IMAGE = Image(side=224, resize="letterbox", channels="grey", bits=8)
SYNTAXES = {"uncompressed": ExplicitVRLittleEndian, "JPEG 2000": JPEG2000Lossless}
TARGETS = {
    "uncompressed: one worker / decoding, windowing, resizing": ">= 0.8",
    "JPEG 2000: one worker / decoding, windowing, resizing": ">= 0.8",
    "uncompressed: one worker / the long way": ">= 30",
    "uncompressed: two workers / one worker": ">= 1.8",
    "JPEG 2000: two workers / one worker": ">= 1.8",
    "peak memory of a worker, GiB": "<= 1.5",
}


def write_film(path: Path, seed: int, syntax: str) -> str:
    """Write a radiograph-like film, smooth with the grain of a detector; return its hash."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0.1, 0.9, (8, 7))
    smooth = zoom(coarse, (ROWS / 8, COLUMNS / 7), order=1)[:ROWS, :COLUMNS]
    grain = rng.normal(0, 12, (ROWS, COLUMNS))
    pixels = np.clip(smooth * 2**BITS + grain, 0, 2**BITS - 1).astype(np.uint16)
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID = film.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{seed}"
    film.PhotometricInterpretation, film.SamplesPerPixel = "MONOCHROME2", 1
    film.Rows, film.Columns = ROWS, COLUMNS
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, BITS, BITS - 1
    film.PixelRepresentation = 0
    film.WindowCenter, film.WindowWidth = CENTER, WIDTH
    film.PixelData = pixels.tobytes()
    film["PixelData"].VR = "OW"
    if syntax != ExplicitVRLittleEndian:
        film.compress(syntax, generate_instance_uid=False)
    stream = io.BytesIO()
    film.save_as(stream, enforce_file_format=True)
    path.write_bytes(stream.getvalue())
    return hashlib.sha256(stream.getvalue()).hexdigest()


def window_table() -> NDArray[np.uint16]:
    """Build the table of the one window that all films have."""
    share = (np.arange(2**BITS) - (CENTER - 0.5)) / (WIDTH - 1) + 0.5
    return np.rint(np.clip(share, 0, 1) * 65535).astype(np.uint16)


def small(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Letterbox 16-bit grey to the side of the store, in 8 bits."""
    factor = IMAGE.side / max(pixels.shape)
    size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
    wide = Pillow.fromarray(pixels.astype(np.float32))
    shown = np.asarray(wide.resize(size, Pillow.Resampling.BILINEAR, reducing_gap=2.0))
    square = np.zeros((IMAGE.side, IMAGE.side), np.uint8)
    square[: size[1], : size[0]] = np.rint(shown / 257)
    return square


def decode_window_resize(files: list[Path]) -> None:
    """Do what any loader must, and no more."""
    table = window_table()
    for file in files:
        small(np.take(table, pydicom.dcmread(file).pixel_array))


def the_long_way(files: list[Path], folder: Path) -> None:
    """Write every stage as PNG, as Pillow does by default."""
    table = window_table()
    for file in files:
        whole = folder / "whole.png"
        Pillow.fromarray(np.take(table, pydicom.dcmread(file).pixel_array)).save(whole)
        with Pillow.open(whole) as picture:
            pixels = np.asarray(picture).astype(np.uint16)
        for side, half in (("r", pixels[:, : COLUMNS // 2]), ("l", pixels[:, COLUMNS // 2 :])):
            Pillow.fromarray(np.ascontiguousarray(half)).save(folder / f"{side}.png")
            with Pillow.open(folder / f"{side}.png") as picture:
                square = small(np.asarray(picture).astype(np.uint16))
            Pillow.fromarray(square).save(folder / f"{side}-small.png")


def take_in(cases: pa.Table, raw: Path, hashes: dict[str, str], folder: Path, workers: int) -> None:
    """Make the store, and remove it."""
    # A study has many chunks of 32 films; these few films are as many chunks for two workers.
    module.CHUNK = 2
    ingest(cases, raw, IMAGE, folder / "store", manifest=hashes, workers=workers)
    shutil.rmtree(folder / "store")


def peak_memory(cases: pa.Table, raw: Path, hashes: dict[str, str], folder: Path) -> float:
    """Return what one process needs that does a worker's work, GiB."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=take_in, args=(cases, raw, hashes, folder, 1))
    process.start()
    process.join()
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def measure(folder: Path, count: int, seconds: float) -> dict[str, dict[str, float]]:
    """Measure all sides, syntax by syntax."""
    rates: dict[str, float] = {}
    ratios: dict[str, float] = {}
    peak = 0.0
    for name, syntax in SYNTAXES.items():
        raw = folder / name.replace(" ", "-")
        raw.mkdir()
        hashes = {f"{k:03}.dcm": write_film(raw / f"{k:03}.dcm", k, syntax) for k in range(count)}
        copies = 16 if name == "uncompressed" else 3
        files = sorted(hashes) * copies
        cases = pa.table({"case": [str(k) for k in range(len(files))], "file_image": files})
        paths = [raw / file for file in files]
        long = paths[:1]

        inputs = (cases, raw, hashes, folder)
        sides: dict[str, Callable[[], None]] = {
            "decoding, windowing, resizing": partial(decode_window_resize, paths),
            "one worker": partial(take_in, *inputs, 1),
            "two workers": partial(take_in, *inputs, 2),
        }
        if name == "uncompressed":
            sides["the long way"] = partial(the_long_way, long, folder)
        times = take_turns(sides, seconds)
        for side, spent in times.items():
            n_films = len(long) if side == "the long way" else len(files)
            rates[f"{name}: {side}"] = n_films * len(spent) / sum(spent)
        if name == "JPEG 2000":
            peak = peak_memory(cases, raw, hashes, folder)
        shutil.rmtree(raw)
    for ratio in TARGETS:
        one, _, other = ratio.partition(": ")[2].partition(" / ")
        if other:
            name = ratio.partition(":")[0]
            ratios[ratio] = rates[f"{name}: {one}"] / rates[f"{name}: {other}"]
    return {
        "films_per_second": rates,
        "ratios": ratios | {"peak memory of a worker, GiB": peak},
        "machine": {"processors": len(os.sched_getaffinity(0)), "seconds_a_side": seconds},
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="least work of each side")
    parser.add_argument("--count", type=int, default=8, help="number of different films")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure(Path(temporary), args.count, args.seconds)
    for name, rate in figures["films_per_second"].items():
        print(f"{name:58} {rate:8.2f} films/s")
    for name, ratio in figures["ratios"].items():
        print(f"{name:58} {ratio:8.2f} (target {TARGETS[name]})")
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
