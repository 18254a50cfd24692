"""What one worker of ingest does: files in, their stored form straight into a shard.

A file is read once: hashed, decoded, hashed again, resized and written to a place that was
fixed before. What several cases share, as two knees do a film, is decoded once for all that
follow each other. A refused file leaves its place black.
"""

import ctypes
import hashlib
import math
import multiprocessing
import os
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.settings import Image
from radpipe.imaging.depth import brightest_of
from radpipe.imaging.dicom.read import DicomFilm
from radpipe.imaging.fingerprint import Traits, traits
from radpipe.imaging.hashing import perceptual_hash
from radpipe.imaging.lettering import has_lettering
from radpipe.imaging.read import Array, Picture, pixel_hash
from radpipe.imaging.regions import Facing, Region
from radpipe.imaging.stored import decode_file, region_shown, slices_shown, stored_squares
from radpipe.imaging.volumes import Volume
from radpipe.imaging.writing import write_pictures

# Distance of rows and of columns, mm, where a file does not tell.
UNKNOWN = (math.nan, math.nan)
# Settings of glibc's malloc, from mallopt(3) and its header malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
# More than decoding the largest picture leaves behind, bytes.
KEPT = 2**30


@dataclass(frozen=True, slots=True)
class Task:
    """One file of one case, the hash that `fetch` saw, and the slices it has a place for.

    `region` is the part of a picture that is wanted; None: what shows the case's side.
    """

    case: str
    view: str
    file: str
    sha256: str
    slices: int = 1
    facing: Facing = field(default_factory=Facing)
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Files that lie side by side in one shard, the first of them from slice `first` on."""

    raw: Path
    image: Image
    shard: Path
    first: int
    shape: tuple[int, int, int]
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """What became of a file: `traits` if it was stored, `reason` if it was refused.

    `changed` says that it is not the file that `fetch` saw, `burned_in` that text is likely to
    stand in its pixels. `brightest` is the brightest pixel of 16 bits, 0..65535; 0 for 8 bits, and
    for DICOM, which is read as it is displayed. `remarks` are those of a DICOM film, and
    `stretch` how many of its rows and columns, in which `region` is given, come from one of its
    file.
    """

    task: Task
    reason: str = ""
    changed: str = ""
    pixel_hash: str = ""
    phash: int = 0
    traits: Traits | None = None
    region: Region | None = None
    spacing: tuple[float, float] = UNKNOWN
    stretch: tuple[float, float] = (1.0, 1.0)
    burned_in: bool = False
    brightest: int = 0
    remarks: tuple[str, ...] = ()


def work(chunk: Chunk) -> list[ChunkOutcome]:
    """Read, check, decode, resize and write the files of one chunk."""
    slices = sum(task.slices for task in chunk.tasks)
    squares = np.zeros((slices, *chunk.shape), dtype=f"uint{chunk.image.bits}")
    done = []
    end = 0
    opened: ChunkOutcome | _Opened | None = None
    for before, task in zip((None, *chunk.tasks), chunk.tasks, strict=False):
        start, end = end, end + task.slices
        if before is None or not isinstance(opened, _Opened) or not _same(chunk, before, task):
            # One film at a time in memory.
            opened = None
            opened = _open(chunk, task)
        if isinstance(opened, _Opened):
            done.append(_one(chunk, task, opened, squares[start:end]))
        else:
            done.append(opened)
    write_pictures(chunk.shard, chunk.first, squares)
    return done


@dataclass(frozen=True, slots=True)
class _Opened:
    """A decoded file, and whether text is likely to stand in its pixels."""

    found: Picture | Volume
    burned_in: bool


def _same(chunk: Chunk, before: Task, task: Task) -> bool:
    """Tell whether two tasks decode the same: of some films no more than one side is decoded."""
    wanted = chunk.image.decode == "reduced"
    return (before.file, before.sha256) == (task.file, task.sha256) and not (
        wanted and (before.facing, before.region) != (task.facing, task.region)
    )


def _open(chunk: Chunk, task: Task) -> _Opened | ChunkOutcome:
    """Read, check and decode the file of a task, or say why it cannot be done."""
    try:
        data = (chunk.raw / task.file).read_bytes()
    except FileNotFoundError:
        return ChunkOutcome(task, changed="missing")
    except OSError as error:
        return ChunkOutcome(task, reason=f"cannot be opened ({error.strerror})")
    if hashlib.sha256(data).hexdigest() != task.sha256:
        return ChunkOutcome(task, changed="changed")
    try:
        found = decode_file(task.file, data, chunk.image, task.facing, task.region)
    except DataError as error:
        return ChunkOutcome(task, reason=str(error))
    return _Opened(found, isinstance(found, DicomFilm) and _has_text(found))


def _one(chunk: Chunk, task: Task, opened: _Opened, place: Array) -> ChunkOutcome:
    """Take one file in; its stored form is written into `place`, (slices, size, size, channels)."""
    found = opened.found
    # The first look at the file, which its place was made for, saw another one.
    if len(found.slices) != task.slices:
        return ChunkOutcome(task, changed="changed")
    try:
        region = task.region or region_shown(found, task.facing)
    except DataError as error:
        return ChunkOutcome(task, reason=str(error))
    slices, box = slices_shown(found, region)
    contents = []
    for k, (square, content) in enumerate(stored_squares(slices, box, chunk.image)):
        place[k] = square
        contents.append(content)
    return ChunkOutcome(
        task,
        pixel_hash=pixel_hash(found.pixels if isinstance(found, Volume) else slices[0]),
        phash=perceptual_hash(contents[len(contents) // 2]),
        traits=traits(slices, found.mode, place, contents, _size(slices, region, found)),
        region=region,
        spacing=(found.spacing if isinstance(found, DicomFilm) else None) or UNKNOWN,
        stretch=found.stretch if isinstance(found, DicomFilm) else (1.0, 1.0),
        burned_in=opened.burned_in,
        brightest=0 if isinstance(found, DicomFilm) else brightest_of(slices),
        remarks=found.remarks if isinstance(found, DicomFilm) else (),
    )


def _size(slices: Array, region: Region, found: Picture | Volume) -> tuple[int, int]:
    """Return the rows and columns of the whole film that a region touches."""
    if not (isinstance(found, DicomFilm) and found.is_halved):
        return slices.shape[1], slices.shape[2]
    low, right = math.ceil(region.y1), math.ceil(region.x1)
    return low - math.floor(region.y0), right - math.floor(region.x0)


def _has_text(found: DicomFilm) -> bool:
    """Say whether text is likely to stand in a film; letters are lost at a smaller size."""
    return found.burned_in or (not found.is_halved and has_lettering(found.pixels))


def start() -> None:
    """Prepare the process of a worker."""
    keep_memory()
    _end_with_parent()


def keep_memory() -> None:
    """Let this process keep what one file frees for the next one; only glibc can be asked to.

    Otherwise glibc gives large blocks back and fetches them again, file by file: 13,000 pages
    for a film of 3,000 x 2,500 pixels, which takes nearly as long as all work on it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, KEPT)


def _end_with_parent() -> None:
    """Make a worker end when the step is killed, instead of waiting for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
