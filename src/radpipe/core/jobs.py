"""Jobs: who makes a run, and what a job leaves while it runs.

Who makes a run: the process that claimed it last, and nobody else.

A cluster that loses a node starts the node's jobs again on another one. The lost node may only
be cut off, and then its process goes on beside the new one. Both would write the same files. So
every step claims its run before it touches anything of it, the newer claim counts (SLURM has
given the older job up), and a process gives no file its name once its claim is no longer there.

What a job leaves while it runs: where it runs, since when, and how it ended.

A receipt says what was made; a note says what is going on, for `radpipe status` and for the
message after a failure. What is made is never decided by a note.
"""

import logging
import os
import platform
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from radpipe.core.files import guarded, read_json, write_json
from radpipe.core.locks import try_lock
from radpipe.core.processors import slurm_job

CLAIMS = Path(".state/claims")
NOTES = Path(".state/jobs")
# Seconds that an older process of this host gets to save its work and end.
GRACE = 30.0

log = logging.getLogger("radpipe.jobs")


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
        while not _lock(lock):
            if time.monotonic() > deadline:
                raise NotOwnerError(
                    f"{_name(_owner(path))} is making it now. Wait until it has ended, or end it"
                )
            time.sleep(0.1)
        yield


def _lock(file: IO[str]) -> bool:
    try:
        return try_lock(file)
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


@dataclass(frozen=True)
class Note:
    """One run of a step, from its start to its end.

    Attributes
    ----------
    host, process, slurm_job
        Where it ran; `slurm_job` is None outside SLURM.
    started, ended
        UTC, ISO 8601; `ended` is None as long as it runs, and for ever if it was killed.
    code, message
        Exit code of the step (see `radpipe.core.step`), and what went wrong.

    """

    step: str
    run: str
    host: str
    process: int
    slurm_job: str | None
    started: str
    ended: str | None = None
    code: int | None = None
    message: str = ""

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.step} {self.run}"

    @property
    def log(self) -> Path:
        """What the step itself said."""
        return log_path(self.step, self.run)

    @property
    def lost(self) -> bool:
        """Whether it ended without a word on this host; of other hosts one cannot tell."""
        here = self.host == platform.node()
        return self.ended is None and here and not alive(self.process)

    def write(self) -> None:
        """Write the note down."""
        write_json(NOTES / self.step / f"{self.run}.json", asdict(self))

    def end(self, code: int, message: str) -> None:
        """Write down how the job ended; a full disk is no reason to fail now."""
        try:
            replace(self, ended=_now(), code=code, message=message).write()
        except OSError as error:
            log.warning("could not note the end of %s: %s", self.title, error)


def new_note(step: str, run: str) -> Note:
    """Return the note of a job that starts now in this process."""
    return Note(step, run, platform.node(), os.getpid(), slurm_job(), _now())


def read_notes() -> Iterator[Note]:
    """Yield all notes of this folder, the oldest start first; what is none is left out."""
    notes = filter(None, map(_read_note, NOTES.glob("*/*.json")))
    yield from sorted(notes, key=lambda note: note.started)


def _read_note(path: Path) -> Note | None:
    try:
        return Note(**read_json(path))
    except (OSError, ValueError, TypeError):
        return None  # of another version, or half lost with a disk: nothing is decided by it


def log_path(step: str, run: str) -> Path:
    """Return where a run of a step logs."""
    return Path("logs") / step / f"{run}.log"


def alive(process: int) -> bool:
    """Tell whether a process of this host is running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
