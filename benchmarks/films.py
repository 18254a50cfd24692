"""How fast ingest of DICOM films is: against decoding alone, against the long way, two workers.

Films are 3,000 x 2,500 pixels of 12 bits with a window, uncompressed and in JPEG 2000, in the page
cache when the clock starts. The sides take turns. "Decoding, windowing, resizing" is what any
loader must do, with the decoder that ingest uses, in a process of its own: memory settings of
ingest must not help it. Beside it stand, without a target, what says how the ratios are to be
read: the same in two processes at once, which is all that two processors of this machine give;
the same with the memory settings of ingest; and pydicom's own choice of a decoder (GDCM), which
decodes JPEG 2000 with as many threads as there are processors. The long way is what is often done
by hand: film to PNG, PNG to halves, halves to small PNGs. "Reduced" is JPEG 2000 with
`image.decode: reduced`.

    python benchmarks/films.py                  two turns of 10 s a side, about six minutes
    python benchmarks/films.py --seconds 2      a quick try
"""

import argparse
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor as Pool
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pydicom
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from radpipe.core.settings import Image
from radpipe.imaging.ingest import ingest
from radpipe.imaging.worker import keep_memory

ROWS, COLUMNS, BITS = 3000, 2500, 12
CENTER, WIDTH = 2000, 3000
IMAGE = Image(side=224, resize="letterbox", channels="grey", bits=8)
SMALLER = IMAGE.model_copy(update={"decode": "reduced"})
SYNTAXES = {"uncompressed": ExplicitVRLittleEndian, "JPEG 2000": JPEG2000Lossless}
# What ingest decodes JPEG 2000 with; one thread.
DECODER = "pylibjpeg"
ALONE = "decoding, windowing, resizing"
BOTH = f"{ALONE}, two processes"
KEPT = f"{ALONE}, memory kept"
CHOSEN = f"{ALONE}, pydicom's choice"
LONG = "the long way"
REDUCED = "one worker, reduced"
MEMORY = "peak memory of a worker, GiB"
NO_TARGET = "no target"
TARGETS = {
    f"uncompressed: one worker / {ALONE}": "target >= 0.8",
    f"uncompressed: one worker / {KEPT}": NO_TARGET,
    f"JPEG 2000: one worker / {ALONE}": "target >= 0.8",
    f"JPEG 2000: one worker / {CHOSEN}": f"{NO_TARGET}, one thread against all",
    f"JPEG 2000: two workers / {CHOSEN}": NO_TARGET,
    f"uncompressed: one worker / {LONG}": "target >= 30",
    f"JPEG 2000: {REDUCED} / one worker": "target >= 8",
    "uncompressed: two workers / one worker": "target >= 1.8",
    f"uncompressed: {BOTH} / {ALONE}": f"{NO_TARGET}, what this machine gives",
    "JPEG 2000: two workers / one worker": "target >= 1.8",
    f"JPEG 2000: {BOTH} / {ALONE}": f"{NO_TARGET}, what this machine gives",
    MEMORY: "target <= 0.25",
}
# Does a number of films; returns the processor time of all its processes, seconds.
Side: TypeAlias = Callable[[int], float]


def write_film(path: Path, seed: int, syntax: str) -> str:
    """Write a radiograph-like film, smooth with the grain of a detector; return its hash."""
    rng = np.random.default_rng(seed)
    coarse = Pillow.fromarray(rng.uniform(0.1, 0.9, (8, 7)).astype(np.float32))
    smooth = np.asarray(coarse.resize((COLUMNS, ROWS), Pillow.Resampling.BILINEAR))
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


def decode_window_resize(files: list[Path], decoder: str = DECODER) -> None:
    """Do what any loader must, and no more."""
    table = window_table()
    for file in files:
        film = pydicom.dcmread(file)
        film.pixel_array_options(decoding_plugin=decoder)
        small(np.take(table, film.pixel_array))


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


def take_in(
    cases: pa.Table,
    raw: Path,
    hashes: dict[str, str],
    folder: Path,
    workers: int,
    image: Image = IMAGE,
) -> None:
    """Make the store, and remove it."""
    ingest(cases, raw, image, folder / "store", manifest=hashes, workers=workers)
    shutil.rmtree(folder / "store")


def peak_memory(*inputs: Any) -> float:
    """Do a worker's work and return what this process needed at most, GiB."""
    take_in(*inputs, 1)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 2**20
    raise OSError("this system does not tell what a process needed")


def timed(run: Callable[..., None], *inputs: Any) -> float:
    """Return the processor time of this process, and of those it started, for some work."""
    start = sum(os.times()[:4])
    run(*inputs)
    return sum(os.times()[:4]) - start


class Films:
    """Films of one syntax, and the sides that take turns on them.

    Parameters
    ----------
    folder
        Where to write.
    name
        One of `SYNTAXES`.
    count
        Number of different films.
    plain, kept
        Two processes each, the latter with the memory settings of ingest.

    """

    def __init__(self, folder: Path, name: str, count: int, plain: Pool, kept: Pool) -> None:
        self.folder, self.plain, self.kept = folder, plain, kept
        self.raw = folder / name.replace(" ", "-")
        self.raw.mkdir()
        syntax = SYNTAXES[name]
        self.hashes = {
            f"{k:03}.dcm": write_film(self.raw / f"{k:03}.dcm", k, syntax) for k in range(count)
        }

    def files(self, count: int) -> list[Path]:
        """Return as many films as are asked for, each of the different ones again and again."""
        names = sorted(self.hashes)
        return [self.raw / names[k % len(names)] for k in range(count)]

    def alone(self, count: int, *, pool: Pool, processes: int = 1, decoder: str = DECODER) -> float:
        """Decode, window and resize in other processes that are running already."""
        shares = [self.files(count)[k::processes] for k in range(processes)]
        work = [pool.submit(timed, decode_window_resize, share, decoder) for share in shares]
        return sum(process.result() for process in work)

    def long(self, count: int) -> float:
        """Go the long way in another process."""
        return self.plain.submit(timed, the_long_way, self.files(count), self.folder).result()

    def ingest(self, count: int, *, workers: int, image: Image = IMAGE) -> float:
        """Take films in."""
        return timed(take_in, *self.inputs(count), workers, image)

    def inputs(self, count: int) -> tuple[Any, ...]:
        """Return what `take_in` needs."""
        files = [file.name for file in self.files(count)]
        cases = pa.table({"case": [str(k) for k in range(count)], "file_image": files})
        return cases, self.raw, self.hashes, self.folder

    def sides(self, name: str) -> dict[str, Side]:
        """Return every side: what takes in or decodes a number of films."""
        sides: dict[str, Side] = {
            ALONE: partial(self.alone, pool=self.plain),
            BOTH: partial(self.alone, pool=self.plain, processes=2),
            "one worker": partial(self.ingest, workers=1),
            "two workers": partial(self.ingest, workers=2),
        }
        if name == "uncompressed":
            sides[KEPT] = partial(self.alone, pool=self.kept)
            sides[LONG] = self.long
        else:
            sides[CHOSEN] = partial(self.alone, pool=self.plain, decoder="")
            sides[REDUCED] = partial(self.ingest, workers=1, image=SMALLER)
        return sides


def turns(films: Films, name: str, seconds: float) -> dict[str, float]:
    """Let the sides take turns, print each turn, and return rates, films a second."""
    sides = films.sides(name)
    counts = {
        side: films_in(seconds, run, slow=side == LONG)
        for side, run in sides.items()
        if side != "two workers"
    }
    # Once, and for long: a study of films takes minutes, and starting processes weighs no more
    # here than it does there.
    counts["two workers"] = max(8, 8 * counts["one worker"])
    order = [*sides, *(side for side in sides if side != "two workers")]
    done, spent = dict.fromkeys(sides, 0), dict.fromkeys(sides, 0.0)
    for side in order:
        start = time.perf_counter()
        work = sides[side](counts[side])
        lasted = time.perf_counter() - start
        done[side], spent[side] = done[side] + counts[side], spent[side] + lasted
        rate, each = counts[side] / lasted, 1000 * work / counts[side]
        print(
            f"{f'{name}: {side}':60} {rate:7.2f} films/s, {each:6.0f} ms of processor time each,"
            f" for {lasted:.0f} s",
            flush=True,
        )
    return {side: done[side] / spent[side] for side in sides}


def films_in(seconds: float, run: Side, *, slow: bool) -> int:
    """Return how many films a side does in a turn, found by a few."""
    few = 1 if slow else 4
    if not slow:
        run(2)  # what is imported with the first film, and in each process
    start = time.perf_counter()
    run(few)
    return max(few, round(seconds * few / (time.perf_counter() - start)))


def measure(folder: Path, count: int, seconds: float) -> dict[str, dict[str, float]]:
    """Measure all sides, syntax by syntax."""
    rates: dict[str, float] = {}
    peaks = []
    context = multiprocessing.get_context("spawn")
    with (
        Pool(2, mp_context=context) as plain,
        Pool(2, mp_context=context, initializer=keep_memory) as kept,
        Pool(1, mp_context=context) as fresh,
    ):
        for name in SYNTAXES:
            films = Films(folder, name, count, plain, kept)
            for side, rate in turns(films, name, seconds).items():
                rates[f"{name}: {side}"] = rate
            peaks.append(fresh.submit(peak_memory, *films.inputs(4)).result())
            shutil.rmtree(films.raw)
    ratios = {ratio: _ratio(ratio, rates) for ratio in TARGETS if " / " in ratio}
    return {
        "films_per_second": rates,
        "ratios": ratios | {MEMORY: max(peaks)},
        "machine": {"processors": len(os.sched_getaffinity(0)), "seconds_a_turn": seconds},
    }


def _ratio(ratio: str, rates: dict[str, float]) -> float:
    name, _, sides = ratio.partition(": ")
    one, _, other = sides.partition(" / ")
    return rates[f"{name}: {one}"] / rates[f"{name}: {other}"]


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="length of a turn of one side")
    parser.add_argument("--count", type=int, default=8, help="number of different films")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure(Path(temporary), args.count, args.seconds)
    for ratio, found in figures["ratios"].items():
        print(f"{ratio:88} {found:6.2f} ({TARGETS[ratio]})")
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
