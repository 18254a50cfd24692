"""From a study's files, pictures or volumes, to its store; workers read each file once.

The places in the shards are fixed before the work begins; so bytes do not depend on how
many workers there are. A refused file leaves its place black and is not in the index. A case
of several views stays only if all of them do, because models look at all. Messages tell names of
cases by their form: they can be paths of files, and hold a patient's number.
"""

import multiprocessing
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from radpipe.core.errors import DataError, StaleError
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.settings import Image
from radpipe.imaging.depth import settle_depth
from radpipe.imaging.fingerprint import fingerprint, slice_counts
from radpipe.imaging.placing import parts, runs
from radpipe.imaging.regions import Facing
from radpipe.imaging.store import INDEX, shard_name
from radpipe.imaging.tally import tally, told
from radpipe.imaging.volumes import count_slices
from radpipe.imaging.worker import Chunk, ChunkOutcome, Task, keep_memory, start, work
from radpipe.imaging.writing import StoreWriter, building, write_pictures

Rejected = list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of the tasks of a store."""

    stored: list[ChunkOutcome]
    rejected: Rejected
    fingerprint: dict[str, Any]


# Slices that a worker takes in before it writes them, unless one volume has more.
CHUNK = 32
# Bytes of their files, unless one file has more. A film fills this alone: no worker is left
# with a row of films when the others have none.
CHUNK_BYTES = 8 * 2**20
# Work that ends this soon is not worth starting other processes for, seconds.
PATIENCE = 0.7


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
        Folder of the picture or volume files.
    image
        Form of the stored pictures or slices.
    out
        Folder to make; one that is there is replaced.
    manifest
        File to SHA-256, as `fetch` saw them.
    workers
        Number of processes; the store's bytes do not depend on it.

    Returns
    -------
    dict
        Counts and the fingerprint, without names of files or cases (JSON). `n_pictures`
        counts rows of the index, which are volumes in a study of volumes.

    Raises
    ------
    StaleError
        Files changed, vanished or were never seen by `fetch`.
    DataError
        Not one case is usable, or a worker was killed.

    """
    tasks, incomplete = _whole_cases(list_tasks(cases, manifest), cases)
    tasks = [replace(task, slices=count_slices(raw / task.file)) for task in tasks]
    packed = pack(tasks, raw, image, out, workers=workers, set_aside=incomplete)
    counts = tally(len(cases), packed.stored, packed.rejected, listed=out / "rejected.csv")
    return {**counts, "fingerprint": packed.fingerprint}


def pack(
    tasks: Sequence[Task],
    raw: Path,
    image: Image,
    out: Path,
    *,
    workers: int,
    set_aside: Rejected,
) -> Packed:
    """Make a store of what tasks ask for; `ingest` says what its parameters mean.

    Parameters
    ----------
    tasks
        Sorted by case and view, with their numbers of slices.
    raw, image, out, workers
        As in `ingest`.
    set_aside
        What was refused before: file, case and reason.

    """
    channels = 1 if image.channels == "grey" else 3
    with building(out) as folder:
        writer = StoreWriter(
            folder,
            shape=(image.side, image.side, channels),
            dtype=f"uint{image.bits}",
            count=len(tasks),
            slices=np.array([task.slices for task in tasks], np.int64),
        )
        writer.allocate()
        done = _run(_chunks(tasks, raw, image, writer), len(tasks), workers)
        _refuse_changed(done)
        done = _without_broken_cases(done, writer)
        stored = [one for one in done if one.traits is not None]
        rejected = [(one.task.file, one.task.case, one.reason) for one in done if one.reason]
        rejected += set_aside
        _refuse_empty(stored, rejected)
        n_8_bits = sum(one.traits is not None and one.traits.bits == 8 for one in stored)
        settle_depth([one.brightest for one in stored if one.brightest], n_8_bits, image)
        seen = [one.traits for one in done if one.traits is not None]
        summary = {
            "image": image.model_dump(mode="json"),
            **fingerprint(seen, image.resize),
            **slice_counts([one.task.view for one in stored], [one.slices for one in seen]),
        }
        writer.finish(_index(done, writer), rejected, summary)
    return Packed(stored, rejected, summary)


def list_tasks(cases: pa.Table, manifest: Mapping[str, str]) -> list[Task]:
    """List every file of every case, sorted by case and view.

    Raises
    ------
    StaleError
        A file of the table is not in the manifest.

    """
    names, facings = cases["case"].to_pylist(), _facings(cases)
    found: list[Task] = []
    unknown: list[str] = []
    for view in _views(cases):
        files = cases[f"file_{view}"].to_pylist()
        for case, file, facing in zip(names, files, facings, strict=True):
            if file is None:
                continue
            if file not in manifest:
                unknown.append(case)
            else:
                found.append(Task(case, view, file, manifest[file], facing=facing))
    if unknown:
        raise StaleError(
            f"the table of cases names {counted(len(unknown), 'file')} that the manifest does not"
            f" have: {patterns(unknown)}. Run fetch and index again."
        )
    if not found:
        raise DataError("the table of cases names no file. Look at the layout, then run index.")
    return sorted(found, key=lambda task: (task.case, task.view))


def _facings(cases: pa.Table) -> list[Facing]:
    """Read which side of the patient each case is; where the columns are missing, none."""
    if "side" not in cases.column_names:
        return [Facing()] * len(cases)
    both = cases["shows_both"].to_pylist()
    return [Facing(side, b) for side, b in zip(cases["side"].to_pylist(), both, strict=True)]


def _views(cases: pa.Table) -> list[str]:
    names = (name for name in cases.column_names if name.startswith("file_"))
    return sorted(name.removeprefix("file_") for name in names)


def _whole_cases(tasks: Sequence[Task], cases: pa.Table) -> tuple[list[Task], Rejected]:
    """Set aside the cases that lack a view and are not whole without; they are not even read."""
    named: defaultdict[str, set[str]] = defaultdict(set)
    for task in tasks:
        named[task.case].add(task.view)
    views, spared = _views(cases), _whole_without(cases)
    whole, rejected = [], []
    for task in tasks:
        missing = [view for view in views if view not in named[task.case] | spared[task.case]]
        if missing:
            rejected.append((task.file, task.case, f"no file named ({', '.join(missing)})"))
        else:
            whole.append(task)
    rejected += [
        ("", case, "no file named") for case in cases["case"].to_pylist() if case not in named
    ]
    return whole, rejected


def _whole_without(cases: pa.Table) -> defaultdict[str, set[str]]:
    """Return for each case the views that it may lack, see `studies.base.contract.case_table`."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    names = cases["case"].to_pylist()
    for view in _views(cases):
        if f"without_{view}" in cases.column_names:
            lacks = cases[f"without_{view}"].to_pylist()
            for case in (case for case, without in zip(names, lacks, strict=True) if without):
                found[case].add(view)
    return found


def _without_broken_cases(done: Sequence[ChunkOutcome], writer: StoreWriter) -> list[ChunkOutcome]:
    """Leave out the cases of which a view was refused, and blacken their other views."""
    refused: defaultdict[str, list[str]] = defaultdict(list)
    for one in done:
        if one.reason:
            refused[one.task.case].append(one.task.view)
    kept = []
    for number, one in enumerate(done):
        views = refused.get(one.task.case)
        if views is None or one.reason:
            kept.append(one)
            continue
        shard, first = writer.place(number)
        black = np.zeros((one.task.slices, *writer.shape), writer.dtype)
        write_pictures(writer.path / shard_name(shard), first, black)
        reason = f"another view of this case was refused ({', '.join(views)})"
        kept.append(ChunkOutcome(one.task, reason=reason))
    return kept


def _chunks(tasks: Sequence[Task], raw: Path, image: Image, writer: StoreWriter) -> Iterator[Chunk]:
    """Cut the tasks into runs that do not cross a shard's end and are soon done."""
    for begin, end in runs(writer.shard, writer.slices, CHUNK):
        for low, high in parts(_sizes(tasks[begin:end], raw), CHUNK_BYTES):
            number, first = writer.place(begin + low)
            shard = writer.path / shard_name(number)
            some = tuple(tasks[begin + low : begin + high])
            yield Chunk(raw, image, shard, first, writer.shape, some)


def _sizes(tasks: Sequence[Task], raw: Path) -> Iterator[int]:
    """Yield the bytes that each task has to read: none if it shares the file of the one before."""
    before = None
    for task in tasks:
        yield 0 if task.file == before else _bytes(raw / task.file)
        before = task.file


def _bytes(file: Path) -> int:
    """Return a file's length; 0 if it cannot be told, which is said when it is read."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _run(chunks: Iterator[Chunk], total: int, workers: int) -> list[ChunkOutcome]:
    """Work through all chunks, here or in other processes; outcomes in the tasks' order."""
    done: list[ChunkOutcome] = []
    began = time.monotonic()
    keep_memory()
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


def _in_processes(chunks: Iterator[Chunk], workers: int) -> Iterator[list[ChunkOutcome]]:
    # Fresh processes, not forks: a fork would inherit the lock, and locks of threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=start) as pool:
        try:
            yield from pool.map(work, chunks)
            # Only what has ended counts among the times and the memory of the step's receipt.
            pool.shutdown()
        except BrokenProcessPool as error:
            raise DataError(
                "a worker of ingest was killed, most likely because memory ran out. Give the"
                " step more memory, or fewer processors (taskset -c 0), and run again."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _refuse_changed(done: Sequence[ChunkOutcome]) -> None:
    changed = [one for one in done if one.changed]
    if changed:
        kinds = Counter(one.changed for one in changed)
        counts = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        raise StaleError(
            f"{counted(len(changed), 'file is', 'files are')} not as fetch saw them ({counts}):"
            f" {patterns(one.task.file for one in changed)}. If the change is wanted, run fetch and"
            " index again, then ingest; else put the files back."
        )


def _refuse_empty(stored: Sequence[ChunkOutcome], rejected: Rejected) -> None:
    if not stored:
        raise DataError(
            f"not one of {len(rejected)} files is a usable picture or volume:\n  "
            + "\n  ".join(told(rejected))
            + "\nLook at the study's source and layout in params.yaml."
        )


def _index(done: Sequence[ChunkOutcome], writer: StoreWriter) -> pa.Table:
    rows = []
    for number, one in enumerate(done):
        if one.traits is None or one.region is None:
            continue
        shard, first = writer.place(number)
        rows.append(
            {
                "case": one.task.case,
                "view": one.task.view,
                "shard": shard,
                "first": first,
                "slices": one.traits.slices,
                "file": one.task.file,
                **asdict(one.region),
                "rows": one.traits.rows,
                "columns": one.traits.columns,
                "stretch_y": one.stretch[0],
                "stretch_x": one.stretch[1],
                "row_mm": one.spacing[0],
                "column_mm": one.spacing[1],
                "sha256": one.task.sha256,
                "pixel_hash": one.pixel_hash,
                "phash": one.phash,
                "mean": one.traits.mean,
                "sd": one.traits.sd,
                "sums": one.traits.sums,
                "squares": one.traits.squares,
            }
        )
    return pa.Table.from_pylist(rows, schema=INDEX)
