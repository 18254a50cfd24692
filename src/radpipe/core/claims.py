"""Who makes a run: the process that claimed it last, and nobody else.

A cluster that loses a node starts the node's jobs again on another one. The lost node may only
be cut off, and then its process goes on beside the new one. Both would write the same files. So
every step claims its run before it touches anything of it, the newer claim counts (SLURM has
given the older job up), and a process gives no file its name once its claim is no longer there.
"""

import fcntl
import logging
import os
import platform
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from radpipe.core.files import guarded, read_json, write_json
from radpipe.core.processors import slurm_job

CLAIMS = Path(".state/claims")
# Seconds that an older process of this host gets to save its work and end.
GRACE = 30.0

log = logging.getLogger("radpipe.claims")


class NotOwnerError(Exception):
    """Another process makes the run, so this one may write nothing that belongs to it."""


@contextmanager
def claimed(step: str, run: str) -> Iterator[None]:
    """Own a run: whoever claims it later stops this process at its next file.

    A process that has passed the check and not yet renamed its file can still do so after the
    newer claim. That is harmless: the file is whole, of the same recipe, and the newer process
    reads nothing of it any more, makes its own and puts that in its place. Both append to
    one log.

    Raises
    ------
    NotOwnerError
        Outside SLURM: an older process of this host is still at it. Later, from `atomic`: a
        newer process has taken the run over.

    """
    path = CLAIMS / step / f"{run}.json"
    with _alone_on_this_host(path):
        mine = {
            "host": platform.node(),
            "process": os.getpid(),
            "slurm_job": slurm_job(),
            "nonce": uuid.uuid4().hex,
        }
        write_json(path, mine)

        def check() -> None:
            owner = _owner(path)
            if owner != mine:
                raise NotOwnerError(f"{_name(owner)} has taken this run over")

        # The claim stays when the step ends: an older process that wakes up must find it.
        with guarded(check):
            yield


@contextmanager
def _alone_on_this_host(path: Path) -> Iterator[None]:
    """Refuse to run beside an older process of this host, which SLURM would have ended."""
    if "SLURM_JOB_ID" in os.environ:
        yield
        return
    file = path.with_name(f"{path.stem}.{platform.node()}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    # The kernel lets go of the lock when its holder dies, however it dies.
    with file.open("w") as lock:
        deadline = time.monotonic() + GRACE
        while not _lock(lock.fileno()):
            if time.monotonic() > deadline:
                raise NotOwnerError(
                    f"{_name(_owner(path))} is making it now. Wait until it has ended, or end it"
                )
            time.sleep(0.1)
        yield


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # Some network file systems have none; Snakemake and DVC lock the folder by themselves.
        log.warning("this folder knows no locks (%s): run one command at a time", error)
    return True


def _owner(path: Path) -> dict[str, Any]:
    try:
        owner: dict[str, Any] = read_json(path)
    except FileNotFoundError:
        return {}  # somebody has cleared `.state`, and with it whatever this process had claimed
    return owner


def _name(owner: dict[str, Any]) -> str:
    """Say which process that is."""
    if not owner:
        return "nobody knows which process"
    job = f", SLURM job {owner['slurm_job']}" if owner["slurm_job"] else ""
    return f"process {owner['process']} (host {owner['host']}{job})"
