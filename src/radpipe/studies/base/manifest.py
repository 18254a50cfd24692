"""The manifest of a study: size and hash of every raw file, and whether they still agree."""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from radpipe.core.errors import DataError
from radpipe.core.files import atomic, sha256_file
from radpipe.core.masking import patterns
from radpipe.core.plurals import counted
from radpipe.core.processors import n_processors
from radpipe.studies.base.contract import File

COLUMNS = ["file", "bytes", "sha256"]
SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx"}
N_NAMED = 10
SURROGATE = re.compile("[\udc80-\udcff]")
# How `repr` shows them; their last two digits are the byte.
ESCAPED = re.compile(r"\\udc([89a-f][0-9a-f])")


def list_files(raw: Path) -> dict[str, int]:
    """List the files below a folder with their sizes in bytes, sorted by name.

    Names are relative, with forward slashes. Hidden files and those that systems leave
    behind (`Thumbs.db`, `.DS_Store`, `._x`) are left out. Linked folders are followed once.

    Raises
    ------
    DataError
        A name is no UTF-8, so that no table, setting or manifest could name the file.

    """
    found = dict(_walk(Path(raw), "", set()))
    _refuse_undecodable(found)
    return dict(sorted(found.items()))


def _refuse_undecodable(names: Iterable[str]) -> None:
    """Refuse names with bytes that are no UTF-8, which Python keeps as lone surrogates."""
    odd = [name for name in names if not name.isascii() and SURROGATE.search(name)]
    if odd:
        shown = ESCAPED.sub(r"\\x\1", patterns(odd))
        raise DataError(
            f"{counted(len(odd), 'name of a file is', 'names of files are')} no UTF-8: {shown}."
            " The way out: rename them below the root of the data set, such as with"
            " convmv -r -f latin1 -t utf-8 --notest FOLDER (find FOLDER | grep -axv '.*' lists"
            " them), or unpack the archive again with the right encoding of names."
        )


def _walk(folder: Path, prefix: str, above: set[tuple[int, int]]) -> Iterator[tuple[str, int]]:
    status = folder.stat()
    place = (status.st_dev, status.st_ino)
    if place in above:  # a link to a folder that holds it: there is no end to that
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in SYSTEM_FILES:
                continue
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                yield from _walk(folder / entry.name, f"{name}/", above | {place})
            elif entry.is_file():
                yield name, entry.stat().st_size


def write_manifest(raw: Path, out: Path, *, workers: int | None = None) -> dict[str, File]:
    """Hash every file below `raw` and write `file,bytes,sha256`, sorted by file.

    Parameters
    ----------
    raw
        Folder of the study's files.
    out
        The CSV file to write.
    workers
        Files hashed at a time; by default the cores this process may use.

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    DataError
        The folder holds no file.

    """
    sizes = list_files(raw)
    if not sizes:
        raise DataError(f"{raw}: holds no files. Check the study's source in params.yaml.")
    workers = workers or n_processors()
    with ThreadPoolExecutor(workers) as pool:
        digests = pool.map(sha256_file, [raw / name for name in sizes])
        shown = tqdm(digests, "hashing", len(sizes), unit="files", mininterval=2)
        files = {
            name: File(size, digest)
            for (name, size), digest in zip(sizes.items(), shown, strict=True)
        }
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([name, file.size, file.sha256] for name, file in files.items())
    return files


def read_manifest(path: Path) -> dict[str, File]:
    """Read a manifest: file to size and hash."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        if rows.fieldnames != COLUMNS:
            raise DataError(f"{path}: not a manifest. Delete it and run fetch again.")
        return {row["file"]: File(int(row["bytes"]), row["sha256"]) for row in rows}


def check_manifest(raw: Path, manifest: Path, *, contents: bool = False) -> dict[str, File]:
    """Compare the files below `raw` with the manifest and return it.

    Parameters
    ----------
    raw
        Folder of the study's files.
    manifest
        What `fetch` wrote.
    contents
        Hash every file too; otherwise sizes are compared, which costs next to nothing.

    Raises
    ------
    DataError
        Files were changed, added or removed since `fetch`.

    """
    then = read_manifest(manifest)
    differing = differences(raw, then, contents=contents)
    lines = [f"{what}: {file}" for what, files in differing.items() for file in files]
    if lines:
        more = [f"... and {len(lines) - N_NAMED} more"] if len(lines) > N_NAMED else []
        listing = "\n  ".join([*lines[:N_NAMED], *more])
        raise DataError(
            f"{raw}: the files are not those of {manifest}:\n  {listing}\nThe way out: put"
            f" the files back, or delete {manifest} and run snakemake (or dvc repro): what"
            " depends on it is then made again from the files of now."
        )
    return then


def differences(
    raw: Path, then: Mapping[str, File], *, contents: bool = False
) -> dict[str, list[str]]:
    """List the files below a folder that are "changed", "added" or "missing" since a manifest."""
    now = list_files(raw)
    return {
        "changed": sorted(_changed(raw, then, now, contents=contents)),
        "added": [file for file in now if file not in then],
        "missing": [file for file in then if file not in now],
    }


def _changed(
    raw: Path, then: Mapping[str, File], now: Mapping[str, int], *, contents: bool
) -> list[str]:
    """List files of another size than then, and with `contents` those of other bytes."""
    both = {file: size for file, size in now.items() if file in then}
    changed = [file for file, size in both.items() if then[file].size != size]
    if contents:
        same_size = [file for file, size in both.items() if then[file].size == size]
        changed += [file for file in same_size if sha256_file(raw / file) != then[file].sha256]
    return changed
