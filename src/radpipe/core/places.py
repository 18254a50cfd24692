"""Where what lasts of a project is, and whether its folder can be written.

DVC runs queued experiments in copies of the folder.
"""

import errno
import os
from pathlib import Path

from radpipe.core.errors import RadpipeError

# Below a project: what `dvc exp run --temp` and `--queue` run in.
COPIES = (".dvc", "tmp", "exps")
# What the system says of a place where nothing can be written, and the way out.
WAYS_OUT = {
    errno.EROFS: "mount it so that it can be written, or work in a clone elsewhere",
    errno.EACCES: "give this user access, or work in a clone of your own",
    errno.EPERM: "give this user access, or work in a clone of your own",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room: the quota of this user is used up",
}


def home(folder: Path = Path()) -> Path:
    """Return the folder of the project itself, which `folder` may be a copy of.

    A copy is thrown away when its experiment has ended, so what must last, or what several runs at
    once must share, lies in the project itself.

    Returns
    -------
    Path
        `folder` as given if it is no copy, else an absolute path.

    """
    parts = folder.absolute().parts
    for place in range(1, len(parts) - len(COPIES)):
        if parts[place : place + len(COPIES)] == COPIES:
            return Path(*parts[:place])
    return folder


def is_writable(folder: Path = Path()) -> bool:
    """Tell whether this process can write in a folder; root, too, cannot on a read-only mount."""
    return os.access(folder, os.W_OK)


def require_writable(folder: Path = Path()) -> None:
    """Refuse to plan work in a project that can only be read.

    Raises
    ------
    RadpipeError
        With what works there all the same.

    """
    if not is_writable(folder):
        raise RadpipeError(
            f"{folder.absolute()} can only be read, so nothing can be made in it, nor planned by"
            " an engine. radpipe status, verify and check work here. The way out:"
            f" {WAYS_OUT[errno.EROFS]}."
        )


def not_written(error: OSError) -> RadpipeError | None:
    """Return one message for a file that could not be written; None if that is another failure."""
    way_out = WAYS_OUT.get(error.errno or 0)
    return RadpipeError(f"{error}. The way out: {way_out}.") if way_out else None
