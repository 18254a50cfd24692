"""Locks between processes: the kernel's, on an open file, released when the holder dies."""

import fcntl
from typing import IO, Any


def lock(file: IO[Any]) -> None:
    """Wait until no other process holds the lock of a file, and hold it until it is closed.

    Raises
    ------
    OSError
        The file system has no locks.

    """
    fcntl.flock(file, fcntl.LOCK_EX)


def try_lock(file: IO[Any]) -> bool:
    """Hold the lock of a file until it is closed, unless another process holds it.

    Returns
    -------
    bool
        Whether this process holds it now.

    Raises
    ------
    OSError
        The file system has no locks.

    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
