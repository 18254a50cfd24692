"""From a study's picture files to its store: each file is read once, by one of the workers.

A worker hashes, decodes, hashes again, resizes and writes straight into the shard, at a
place that was fixed before the work began; so bytes do not depend on how many workers there
are. A refused file leaves its row black and is not in the index.
"""

import hashlib
import logging
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from radpipe.core.errors import DataError, StaleError
from radpipe.core.settings import Image
from radpipe.imaging.fingerprint import Traits, fingerprint, traits
from radpipe.imaging.hashing import perceptual_hash
from radpipe.imaging.read import decode, pixel_hash
from radpipe.imaging.resize import prepare
from radpipe.imaging.store import INDEX, StoreWriter, building, shard_name, write_pictures

log = logging.getLogger("radpipe.ingest")

CHUNK = 32
# Work that ends this soon is not worth starting other processes for, seconds.
PATIENCE = 0.7
# Just below the largest threshold of glibc's malloc, bytes.
LARGE_BLOCK = 31 * 2**20
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Task:
    """One file of one case, and the hash that `fetch` saw."""

    case: str
    view: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Files that lie side by side in one shard."""

    raw: Path
    image: Image
    shard: Path
    row: int
    shape: tuple[int, int, int]
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: `traits` if it was stored, `reason` if it was refused.

    `changed` says that it is not the file that `fetch` saw.
    """

    task: Task
    reason: str = ""
    changed: str = ""
    sha256_pixels: str = ""
    phash: int = 0
    traits: Traits | None = None


def ingest(
    cases: pa.Table,
    raw: Path,
    image: Image,
    out: Path,
    *,
    manifest: Mapping[str, str],
    workers: int,
) -> dict[str, Any]:
    """Make a study's store.

    Parameters
    ----------
    cases
        Columns `case` and `file_<view>`, the latter relative to `raw` or null.
    raw
        Folder of the picture files.
    image
        Form of the stored pictures.
    out
        Folder to make; one that is there is replaced.
    manifest
        File to SHA-256, as `fetch` saw them.
    workers
        Number of processes; the store's bytes do not depend on it.

    Returns
    -------
    dict
        Counts and the fingerprint, without names of files or cases (JSON).

    Raises
    ------
    StaleError
        Files changed, vanished or were never seen by `fetch`.
    DataError
        Not one picture is usable, or a worker was killed.

    """
    tasks = list_tasks(cases, manifest)
    channels = 1 if image.channels == "grey" else 3
    with building(out) as folder:
        writer = StoreWriter(
            folder,
            shape=(image.side, image.side, channels),
            dtype=f"uint{image.bits}",
            count=len(tasks),
        )
        writer.allocate()
        done = _run(_chunks(tasks, raw, image, writer), len(tasks), workers)
        _refuse_changed(done)
        stored = [one for one in done if one.traits is not None]
        rejected = [(one.task.file, one.task.case, one.reason) for one in done if one.reason]
        rejected += _without_file(cases, tasks)
        _refuse_empty(stored, rejected)
        seen = [one.traits for one in done if one.traits is not None]
        summary = {"image": image.model_dump(mode="json"), **fingerprint(seen, image.resize)}
        writer.finish(_index(done, writer), rejected, summary)
    return {**_counts(cases, stored, rejected), "fingerprint": summary}


def list_tasks(cases: pa.Table, manifest: Mapping[str, str]) -> list[Task]:
    """List every file of every case, sorted by case and view.

    Raises
    ------
    StaleError
        A file of the table is not in the manifest.

    """
    names = cases["case"].to_pylist()
    views = sorted(name for name in cases.column_names if name.startswith("file_"))
    found, unknown = [], []
    for view in views:
        for case, file in zip(names, cases[view].to_pylist(), strict=True):
            if file is None:
                continue
            if file not in manifest:
                unknown.append(file)
            else:
                found.append(Task(case, view.removeprefix("file_"), file, manifest[file]))
    if unknown:
        raise StaleError(
            f"{_some(unknown)}: in the table of cases but not in the manifest. Run fetch and"
            " index again."
        )
    if not found:
        raise DataError("the table of cases names no file. Look at the layout, then run index.")
    return sorted(found, key=lambda task: (task.case, task.view))


def _chunks(tasks: Sequence[Task], raw: Path, image: Image, writer: StoreWriter) -> Iterator[Chunk]:
    """Cut the tasks into runs that do not cross a shard's end."""
    for start in range(0, len(tasks), writer.per_shard):
        here = tasks[start : start + writer.per_shard]
        for row in range(0, len(here), CHUNK):
            number, _ = writer.place(start)
            shard = writer.path / shard_name(number)
            part = tuple(here[row : row + CHUNK])
            yield Chunk(raw, image, shard, row, writer.shape, part)


def _run(chunks: Iterator[Chunk], total: int, workers: int) -> list[Outcome]:
    """Work through all chunks, here or in other processes; outcomes in the tasks' order."""
    done: list[Outcome] = []
    began = time.monotonic()
    with tqdm(total=total, unit="file", mininterval=5, desc="ingest") as progress:
        for chunk in chunks:
            done += work(chunk)
            progress.update(len(chunk.tasks))
            if workers > 1 and time.monotonic() - began > PATIENCE:
                break
        if len(done) < total:
            for outcomes in _in_processes(chunks, workers):
                done += outcomes
                progress.update(len(outcomes))
    return done


def _in_processes(chunks: Iterator[Chunk], workers: int) -> Iterator[list[Outcome]]:
    # Fresh processes, not forks: a fork would inherit the lock, and locks of threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start) as pool:
        try:
            yield from pool.map(work, chunks)
        except BrokenProcessPool as error:
            raise DataError(
                "a worker of ingest was killed, most likely because memory ran out. Give the"
                " step more memory, or fewer processors (taskset -c 0), and run again."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def work(chunk: Chunk) -> list[Outcome]:
    """Read, check, decode, resize and write the files of one chunk."""
    pictures = np.zeros((len(chunk.tasks), *chunk.shape), dtype=f"uint{chunk.image.bits}")
    done = [_one(chunk, task, pictures[k]) for k, task in enumerate(chunk.tasks)]
    write_pictures(chunk.shard, chunk.row, pictures)
    return done


def _one(chunk: Chunk, task: Task, place: NDArray[Any]) -> Outcome:
    """Take one file in; its stored form is written into `place`."""
    try:
        data = (chunk.raw / task.file).read_bytes()
    except FileNotFoundError:
        return Outcome(task, changed="missing")
    except OSError as error:
        return Outcome(task, reason=f"cannot be opened ({error.strerror})")
    if hashlib.sha256(data).hexdigest() != task.sha256:
        return Outcome(task, changed="changed")
    try:
        picture = decode(data)
    except DataError as error:
        return Outcome(task, reason=str(error))
    square, content = prepare(picture.pixels, chunk.image)
    place[:] = square
    return Outcome(
        task,
        sha256_pixels=pixel_hash(picture.pixels),
        phash=perceptual_hash(content),
        traits=traits(picture.pixels, picture.mode, square, content),
    )


def _start() -> None:
    """Prepare a worker."""
    # glibc gives freed memory back to the system and fetches it again, picture by picture,
    # until a large block was freed once (M_MMAP_THRESHOLD in mallopt(3)).
    np.empty(LARGE_BLOCK, dtype=np.uint8)
    _end_with_parent()


def _end_with_parent() -> None:
    """Make a worker end when the step is killed, instead of waiting for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _refuse_changed(done: Sequence[Outcome]) -> None:
    changed = [f"{one.task.file} ({one.changed})" for one in done if one.changed]
    if changed:
        raise StaleError(
            f"{_some(changed)}: not as fetch saw them. If the change is wanted, run fetch and"
            " index again, then ingest; else put the files back."
        )


def _refuse_empty(stored: Sequence[Outcome], rejected: Sequence[tuple[str, str, str]]) -> None:
    if not stored:
        lines = [f"{file}: {reason}" for file, _, reason in rejected]
        raise DataError(
            f"not one of {len(rejected)} files is a usable picture:\n  "
            + "\n  ".join(lines[:SHOWN])
            + "\nLook at the study's source and layout in params.yaml."
        )


def _without_file(cases: pa.Table, tasks: Sequence[Task]) -> list[tuple[str, str, str]]:
    """List the cases that name no file at all."""
    known = {task.case for task in tasks}
    return [("", case, "no file named") for case in cases["case"].to_pylist() if case not in known]


def _index(done: Sequence[Outcome], writer: StoreWriter) -> pa.Table:
    rows = []
    for number, one in enumerate(done):
        if one.traits is None:
            continue
        shard, first = writer.place(number)
        rows.append(
            {
                "case": one.task.case,
                "view": one.task.view,
                "shard": shard,
                "first": first,
                "slices": 1,
                "file": one.task.file,
                "rows": one.traits.rows,
                "columns": one.traits.columns,
                "sha256": one.task.sha256,
                "sha256_pixels": one.sha256_pixels,
                "phash": one.phash,
                "mean": one.traits.mean,
                "sd": one.traits.sd,
            }
        )
    return pa.Table.from_pylist(rows, schema=INDEX)


def _counts(
    cases: pa.Table, stored: Sequence[Outcome], rejected: Sequence[tuple[str, str, str]]
) -> dict[str, Any]:
    """Count what came and what stayed; reasons without the details that follow in brackets."""
    kept = {one.task.case for one in stored}
    reasons = Counter(reason.partition(" (")[0] for _, _, reason in rejected)
    for file, _, reason in rejected[:SHOWN]:
        log.warning("refused %s: %s", file or "a case", reason)
    if rejected:
        log.warning("refused %d in all; see rejected.csv in the store", len(rejected))
    pixels = Counter(one.sha256_pixels for one in stored)
    return {
        "n_cases": len(cases),
        "n_cases_stored": len(kept),
        "n_cases_lost": len(cases) - len(kept),
        "n_pictures": len(stored),
        "n_rejected": len(rejected),
        "rejected": dict(sorted(reasons.items())),
        "n_equal_pixels": sum(n - 1 for n in pixels.values()),
    }


def _some(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
