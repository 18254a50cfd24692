"""Files that are either whole or absent, and hashes of what they hold."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20
# Left in a folder by tools, not by steps; they never count as content.
IGNORED = {"__pycache__", ".snakemake_timestamp", ".gitignore", ".DS_Store"}

# Asked before a file is written and right before it gets its name (`guarded`).
_guards: list[Callable[[], None]] = []


@contextmanager
def guarded(check: Callable[[], None]) -> Iterator[None]:
    """Give no file its name unless `check` returns; it raises to prevent that."""
    _guards.append(check)
    try:
        yield
    finally:
        _guards.remove(check)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it on success, remove it on failure.

    A reader therefore never sees half a file, also when the process is killed.
    """
    path = Path(path)
    _ask_guards()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        share(temporary)
        _ask_guards()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def clear_leftovers(path: Path) -> None:
    """Remove what killed processes left of a file or folder that only this process writes."""
    for left in Path(path).parent.glob(f".{Path(path).name}.????????"):
        if left.is_file():
            left.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """Format JSON as files hold it: two spaces, keys as given, no NaN, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, as `json_text` formats it."""
    write_text(path, json_text(value))


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_json(value: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256_bytes(text.encode())


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_path(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's relative names and contents."""
    path = Path(path)
    if not path.is_dir():
        return sha256_file(path)
    return sha256_json(
        {str(file.relative_to(path)): sha256_file(file) for file in files_below(path)}
    )


def files_below(path: Path) -> list[Path]:
    """List the files below a folder in sorted order, without what tools leave there."""
    return sorted(
        file
        for file in Path(path).rglob("*")
        if file.is_file() and not IGNORED.intersection(file.relative_to(path).parts)
    )


def _ask_guards() -> None:
    for check in _guards:
        check()


def share(path: Path) -> None:
    """Give a file that was made as a private one the mode of an ordinary new file.

    Temporary files are private, and results are read by colleagues.
    """
    # The mask can only be read by setting it; steps are single-threaded when they write.
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
