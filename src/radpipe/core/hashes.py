"""Hashes of files, remembered by size and time so that planning does not read them again."""

import json
import os
import stat
from pathlib import Path

from radpipe.core.files import files_below, sha256_bytes, sha256_file, sha256_json, write_text

MEMORY = Path(".state/hashes")
# Size, time of the content, time of any change (nobody can set that one back) and inode: equal as
# long as a file was not touched. They are compared for equality, never for order.
Stamp = tuple[int, int, int, int]


class Hashes:
    """SHA-256 of files and folders, each file read once while it does not change.

    Parameters
    ----------
    trust_memory
        Believe hashes that an earlier process wrote down for the same path and stamp.
        Planning does; steps and `make record` read every byte.

    """

    def __init__(self, *, trust_memory: bool = False) -> None:
        self.trust_memory = trust_memory
        self._known: dict[Path, tuple[Stamp, str]] = {}

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a file, or of a folder's names and contents."""
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            return self._file(path, status)
        return sha256_json(
            {str(file.relative_to(path)): self._file(file) for file in files_below(path)}
        )

    def remember(self, path: Path) -> None:
        """Write down the hashes of a file, or of every file of a folder, for planning."""
        path = Path(path)
        for file in files_below(path) if path.is_dir() else [path]:
            stamp, digest = stamp_of(file), self._file(file)
            write_text(_memory(file), json.dumps({"stamp": stamp, "sha256": digest}))

    def _file(self, file: Path, status: os.stat_result | None = None) -> str:
        stamp = _stamp(status or file.stat())
        known = self._known.get(file)
        if known is None and self.trust_memory:
            known = _recall(file)
        if known is None or known[0] != stamp:
            known = (stamp, sha256_file(file))
        self._known[file] = known
        return known[1]


def stamp_of(file: Path) -> Stamp:
    """Return what changes whenever somebody writes to a file."""
    return _stamp(file.stat())


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _memory(file: Path) -> Path:
    name = sha256_bytes(str(file).encode())
    return MEMORY / name[:2] / name[2:]


def _recall(file: Path) -> tuple[Stamp, str] | None:
    try:
        entry = json.loads(_memory(file).read_text(encoding="utf-8"))
        size, modified, changed, inode = entry["stamp"]
        return (size, modified, changed, inode), str(entry["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # nothing was written down, or not whole: read the file instead
