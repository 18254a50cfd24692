"""What `radpipe check-data` says of MRNet: counts beside the published ones, odd volumes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from radpipe.core.errors import DataError
from radpipe.core.findings import Finding, problem
from radpipe.core.plurals import counted
from radpipe.studies.base.truth import BOXES, CEILING
from radpipe.studies.mrnet.exams import (
    Volumes,
    find_volumes,
    incomplete,
    refuse_mismatch,
    refuse_other_layout,
    refuse_shared,
)
from radpipe.studies.mrnet.headers import MrnetHeader, read_header
from radpipe.studies.mrnet.layout import LABELS, PARTS, PLANES, table_name
from radpipe.studies.mrnet.tables import Labels, n_positive, read_table, refuse_unequal, some

# MRNet-v1.0 as published.
PUBLISHED_EXAMS = {"train": 1130, "valid": 120}
PUBLISHED_POSITIVE = {
    "train": {"abnormal": 913, "acl": 208, "meniscus": 397},
    "valid": {"abnormal": 95, "acl": 54, "meniscus": 52},
}
PUBLISHED_SIDE = 256
# The longest series of MRNet-v1.0 has 61.
MANY_SLICES = 100
FEW_SLICES = 3


def examine_data(raw: Path, *, files: Mapping[str, int], labels: Sequence[str]) -> list[Finding]:
    """Tell what is missing or odd in a data set of MRNet's layout.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Path below it to size in bytes.
    labels
        Labels that the study needs; the tables of others may be missing.

    """
    try:
        refuse_other_layout(files)
    except DataError as error:
        return [problem(error)]
    volumes = {part: find_volumes(files, part) for part in PARTS}
    findings: list[Finding] = []
    try:
        refuse_shared(volumes)
    except DataError as error:
        findings.append(problem(error))
    for part, exams in volumes.items():
        findings += _exams(part, exams)
        findings += _tables(raw, files, part, exams, labels)
    findings += _volumes(raw, files, volumes)
    findings += _others(files, volumes)
    findings.append(
        Finding("note", "pixels were not read: NaN and empty pictures are found by the step ingest")
    )
    return findings


def _exams(part: str, exams: Volumes) -> Iterator[Finding]:
    published = PUBLISHED_EXAMS[part]
    same = len(exams) == published
    beside = "" if same else f"; MRNet-v1.0 has {published:,}"
    yield Finding("ok" if same else "note", f"{part}/: {counted(len(exams), 'exam')}{beside}")
    for plane, lacking in incomplete(exams).items():
        yield Finding(
            "problem",
            f"{part}/{plane}/: lacks {len(lacking)} of {counted(len(exams), 'exam')}, such as"
            f" {some(lacking)}",
            "unpack the archive once more; without it the step ingest leaves these exams out",
        )


def _tables(
    raw: Path, files: Mapping[str, int], part: str, exams: Volumes, labels: Sequence[str]
) -> Iterator[Finding]:
    tables: dict[str, Labels] = {}
    for label in LABELS:
        if table_name(part, label) not in files and label not in labels:
            yield Finding(
                "note", f"{table_name(part, label)} is missing; this study does not need it"
            )
            continue
        try:
            tables[label] = read_table(raw, files=files, part=part, label=label)
        except DataError as error:
            yield problem(error)
            continue
        yield _count(part, label, tables[label])
    checks: list[Callable[[], None]] = [
        lambda: refuse_unequal(tables, part),
        lambda: refuse_mismatch(part, exams, next(iter(tables.values()))),
    ]
    for check in checks if tables else []:
        try:
            check()
        except DataError as error:
            yield problem(error)


def _count(part: str, label: str, table: Labels) -> Finding:
    n_exams, n = len(table), n_positive(table)
    what = f"{table_name(part, label)}: {n} of {counted(n_exams, 'exam')} ({n / n_exams:.1%})"
    published = (PUBLISHED_POSITIVE[part][label], PUBLISHED_EXAMS[part])
    if n in (0, n_exams):
        return Finding("problem", f"{what}: all of one class", "take the tables from the archive")
    if (n, n_exams) != published:
        return Finding("note", f"{what}; MRNet-v1.0 has {published[0]} of {published[1]:,}")
    return Finding("ok", what)


def _volumes(
    raw: Path, files: Mapping[str, int], volumes: Mapping[str, Volumes]
) -> Iterator[Finding]:
    """Read every header, then tell of each oddity once, with a count and examples."""
    odd: dict[tuple[str, str], list[str]] = defaultdict(list)
    slices: dict[str, list[int]] = defaultdict(list)
    kinds: Counter[str] = Counter()
    for exams in volumes.values():
        for planes in exams.values():
            for plane, file in planes.items():
                try:
                    header = read_header(raw / file)
                except (ValueError, OSError) as error:
                    odd["problem", f"cannot be read ({error})"].append(file)
                    continue
                wrong = list(_oddities(header, files[file]))
                for oddity in wrong:
                    odd[oddity].append(file)
                if len(header.shape) == 3 and header.shape[0]:
                    slices[plane].append(header.shape[0])
                    kinds[f"{header.shape[1]} x {header.shape[2]} {header.dtype}"] += 1
    for plane in PLANES:
        if counts := slices[plane]:
            text = f"{min(counts)} to {max(counts)}, {np.mean(counts):.1f} on average"
            yield Finding("ok", f"{plane}: {counted(len(counts), 'volume')}, slices {text}")
    for kind, n in kinds.most_common():
        yield Finding("ok", f"{counted(n, 'volume')} of {kind}")
    for (level, what), found in sorted(odd.items()):
        listed = f"{counted(len(found), 'volume')}: {what}, such as {some(found)}"
        yield Finding("problem" if level == "problem" else "warning", listed, _WAY_OUT[level])


_WAY_OUT = {
    "problem": "unpack the archive once more; without it the step ingest leaves these exams out",
    "warning": "compare with the data set's own files, unless you changed them yourself",
}


def _oddities(header: MrnetHeader, size: int) -> Iterator[tuple[str, str]]:
    """Yield level and wording of what is wrong with a volume."""
    if header.dtype.hasobject:
        yield "problem", "pickled Python objects and no array of numbers; they were not loaded"
        return
    if header.n_bytes != size:
        yield "problem", "shorter or longer than the header says"
    if len(header.shape) != 3:
        yield (
            "problem",
            f"{counted(len(header.shape), 'axis', 'axes')} in place of (slices, rows, columns)",
        )
        return
    n_slices, rows, columns = header.shape
    if not (n_slices and rows and columns):
        yield "problem", "no slice or no pixel"
        return
    if header.dtype != np.uint8:
        known = header.dtype.kind in "ui" and header.dtype.itemsize <= 2
        yield "warning" if known else "problem", f"{header.dtype} in place of uint8"
    if rows != columns:
        yield "warning", "slices that are not square"
    elif rows != PUBLISHED_SIDE:
        yield "warning", f"{rows} x {columns} pixels; MRNet-v1.0 has 256 x 256"
    if n_slices > MANY_SLICES:
        yield "warning", f"more than {MANY_SLICES} slices; MRNet-v1.0 has at most 61"
    if n_slices < FEW_SLICES:
        yield "warning", f"fewer than {FEW_SLICES} slices; MRNet-v1.0 has at least 17"


def _known_files(volumes: Mapping[str, Volumes]) -> set[str]:
    tables = {table_name(part, label) for part in PARTS for label in LABELS}
    series = (planes.values() for exams in volumes.values() for planes in exams.values())
    return tables.union({CEILING, BOXES}, *series)


def _others(files: Mapping[str, int], volumes: Mapping[str, Volumes]) -> Iterator[Finding]:
    """Tell of files that belong to no exam and are no table."""
    known = _known_files(volumes)
    others = [file for file in files if file not in known]
    strays = [file for file in others if PurePosixPath(file).suffix == ".npy"]
    if strays:
        yield Finding(
            "warning",
            f"{counted(len(strays), '.npy file belongs', '.npy files belong')} to no plane, such"
            f" as {some(strays)}",
            "volumes lie in {train,valid}/{axial,coronal,sagittal}/",
        )
    if len(others) > len(strays):
        yield Finding(
            "note",
            f"{counted(len(others) - len(strays), 'other file is', 'other files are')} not used",
        )
