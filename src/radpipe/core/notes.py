"""What a job leaves while it runs: where it runs, since when, and how it ended.

A receipt says what was made; a note says what is going on, for `radpipe status` and for the
message after a failure. Nothing is ever decided by a note.
"""

import logging
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from radpipe.core.files import read_json, write_json
from radpipe.core.processors import slurm_job

NOTES = Path(".state/jobs")

log = logging.getLogger("radpipe.notes")


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
    """Yield all notes of this folder, the oldest start first."""
    notes = [Note(**read_json(path)) for path in NOTES.glob("*/*.json")]
    yield from sorted(notes, key=lambda note: note.started)


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
