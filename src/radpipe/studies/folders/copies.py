"""Images that are copies of others, byte by byte: how many, and what they would do."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from radpipe.core.files import sha256_file
from radpipe.core.findings import Finding
from radpipe.core.plurals import counted
from radpipe.studies.base.contract import Case

# Bytes from the middle of a file that are compared before all of it is read.
GLANCE = 65536


def equal_files(raw: Path, files: Mapping[str, int]) -> list[list[str]]:
    """Find files with the same bytes.

    Only files that agree in size are looked at, and only those that agree in the middle, too, are
    read as a whole, so that a data set without copies costs one short look at a few of its files.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Path below it to size in bytes.

    Returns
    -------
    list of list of str
        Each list holds two or more files that are the same.

    """
    sets = _alike([list(files)], lambda file: files[file])
    sets = _alike(sets, lambda file: _middle(raw / file, files[file]))
    return _alike(sets, lambda file: sha256_file(raw / file))


def tell_copies(raw: Path, files: Mapping[str, int], cases: Sequence[Case]) -> Iterator[Finding]:
    """Count images that are copies of others, by what a copy would do; no name is shown.

    Parameters
    ----------
    raw
        Root of the data set.
    files
        Path below it to size in bytes.
    cases
        Of the study.

    """
    by_file = {file: case for case in cases for file in case.files.values()}
    images = equal_files(raw, {file: files[file] for file in by_file if files[file]})
    sets = [[by_file[file] for file in same] for same in images]
    yield from _in_two_classes(sets)
    yield from _across_parts(sets)
    yield from _within_parts(sets)


def _in_two_classes(sets: Iterable[Sequence[Case]]) -> Iterator[Finding]:
    if n := sum(len(_targets(same)) > 1 for same in sets):
        yield Finding(
            "problem",
            f"{counted(n, 'image stands', 'images stand')} in two classes (files with the same"
            " bytes)",
            "delete the wrong ones, or name them in layout.leave_out; the step index names them",
        )


def _across_parts(sets: Iterable[Sequence[Case]]) -> Iterator[Finding]:
    if n := sum(len(_parts(same)) > 1 for same in sets):
        yield Finding(
            "warning",
            f"{counted(n, 'image stands', 'images stand')} in several official parts (files with"
            " the same bytes)",
            "split refuses them; with split.on_leak: drop the copy in test stays before that in"
            " tune, and this one before train",
        )


def _within_parts(sets: Iterable[Sequence[Case]]) -> Iterator[Finding]:
    if n := sum(len(same) - 1 for same in sets if len(_parts(same)) == 1):
        yield Finding(
            "note",
            f"{counted(n, 'image is a copy', 'images are copies')} of another one in the same part"
            " (the same bytes)",
            "of different patients, split.on_leak says what split does: refuse them, group these"
            " patients, or drop all but the first",
        )


def _alike(sets: Iterable[Sequence[str]], key: Callable[[str], Hashable]) -> list[list[str]]:
    """Divide sets of files by a key; keep those of two or more."""
    found = []
    for files in sets:
        by_key: dict[Hashable, list[str]] = defaultdict(list)
        for file in files:
            by_key[key(file)].append(file)
        found += [same for same in by_key.values() if len(same) > 1]
    return found


def _middle(path: Path, size: int) -> bytes:
    """Return a hash of the middle of a file, where pictures without compression differ most."""
    with path.open("rb") as stream:
        stream.seek(max(0, (size - GLANCE) // 2))
        return hashlib.sha256(stream.read(GLANCE)).digest()


def _parts(same: Sequence[Case]) -> set[str]:
    return {case.official or "train" for case in same}


def _targets(same: Sequence[Case]) -> set[tuple[float, ...]]:
    """Return the targets that are known."""
    return {case.target for case in same if not any(map(math.isnan, case.target))}
