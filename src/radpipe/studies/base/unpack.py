"""Archives from strangers: unpacked without escapes, links out or bombs."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from radpipe.core.errors import DataError

# Pictures are compressed already: archives of them grow little when unpacked. Text and raw
# pixel arrays shrink to a tenth or so; 200 is far from both.
LARGEST_RATIO = 200
# Below this, the ratio says nothing.
SMALL_BYTES = 64 << 20
LARGEST_BYTES = 2 << 40
MOST_FILES = 5_000_000


def is_archive(path: Path) -> bool:
    """Tell by content whether a file is a zip or tar archive."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(archive: Path, out: Path) -> None:
    """Unpack a zip or tar archive below `out`.

    Raises
    ------
    DataError
        The archive is damaged, or a member would be written outside `out`, is a link, a
        device or encrypted, overwrites another, or the whole is out of proportion.

    """
    out.mkdir(parents=True, exist_ok=True)
    with _named(archive):
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, out)
        else:
            _unpack_tar(archive, out)


class Limits:
    """Counts what is unpacked and stops before it is out of proportion to its archive."""

    def __init__(self, archive: Path) -> None:
        packed = archive.stat().st_size
        self.most_bytes = min(max(packed * LARGEST_RATIO, SMALL_BYTES), LARGEST_BYTES)
        self.bytes = 0
        self.files = 0

    def add(self, size: int) -> None:
        """Count a file of `size` bytes; a `DataError` says that the whole is out of proportion."""
        self.bytes += size
        self.files += 1
        if self.bytes > self.most_bytes or self.files > MOST_FILES:
            raise DataError(
                f"it unpacks to more than {self.most_bytes:,} bytes or {MOST_FILES:,} files,"
                " which looks like a decompression bomb"
            )


def _unpack_zip(archive: Path, out: Path) -> None:
    limits = Limits(archive)
    with zipfile.ZipFile(archive) as stream:
        members = stream.infolist()
        # All is checked before anything is written. The sizes stand in the archive's own
        # directory; reading fails when a member is longer than it says there.
        for member in members:
            _check_name(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DataError(f"member {member.filename!r} is a link or a device")
            if member.flag_bits & 1:
                raise DataError(f"member {member.filename!r} is encrypted")
            limits.add(member.file_size)
        for member in tqdm(members, "unpacking", unit="files", mininterval=2):
            _refuse_overwriting(out, member.filename, is_folder=member.is_dir())
            stream.extract(member, out)


def _unpack_tar(archive: Path, out: Path) -> None:
    limits = Limits(archive)
    with tarfile.open(archive) as stream:
        for member in tqdm(stream, "unpacking", unit="files", mininterval=2):
            _check_name(member.name)
            if not (member.isfile() or member.isdir()):
                raise DataError(f"member {member.name!r} is a link or a device")
            limits.add(member.size)
            _refuse_overwriting(out, member.name, is_folder=member.isdir())
            # Not `extract`: its filters came with Python 3.11.4, and contents are all we want.
            place = out / member.name
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with stream.extractfile(member) as source, place.open("wb") as sink:  # type: ignore[union-attr]
                shutil.copyfileobj(source, sink)


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in (path.parts or ("",))[0]:
        raise DataError(f"member {name!r} would be written outside the folder")


def _refuse_overwriting(out: Path, name: str, *, is_folder: bool) -> None:
    if not is_folder and (out / name).exists():
        raise DataError(f"member {name!r} would overwrite another file")


@contextmanager
def _named(archive: Path) -> Iterator[None]:
    """Put the archive's name before whatever is wrong with it."""
    try:
        yield
    except DataError as error:
        raise DataError(
            f"{archive.name}: refused, {error}. Nothing of it was kept. The way out: do not"
            " use this archive; if you trust it, unpack it yourself and give the study"
            " `source: {kind: path, path: <folder>}`."
        ) from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise DataError(
            f"{archive.name}: a damaged archive ({error}). Delete {archive} and run again."
        ) from error
