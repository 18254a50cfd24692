"""What `radpipe run` shows of Snakemake: a line for each finished step, and errors in full."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from radpipe.engines.signals import in_a_group

LOGS = Path("logs/snakemake")
# Words with which Snakemake begins a block or ends one. They are of version 9; should another one
# say something else, less is shown, and everything still stands in the log.
BLOCK = re.compile(r"(?:local)?(?:rule|checkpoint) (\w+):$")
JOB_LOG = re.compile(r"\s+log: logs/(\S+?)/(\S+)\.log")
JOB_ID = re.compile(r"\s+jobid: (\d+)$")
FINISHED = re.compile(r"Finished jobid: (\d+) ")
DONE = re.compile(r"(\d+) of (\d+) steps \(\d+%\) done$")
ERROR = re.compile(r"(Error in |\w*(Error|Exception)\b|Traceback|.* failed; |MissingInput|Lock)")
ORDINARY = re.compile(r"(\[\w{3} \w{3}|Finished jobid|\d+ of \d+ steps|(local)?(rule|checkpoint) )")
# A warning of a step: time, level, text.
WARNING = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ WARNING (.*)$")
TAIL = 20


@dataclass
class Digest:
    """Turns Snakemake's output into few lines.

    Attributes
    ----------
    titles
        Number of a job to its step and run.

    """

    titles: dict[str, str] = field(default_factory=dict)
    _title: str = ""
    _finished: list[str] = field(default_factory=list)
    _failing: bool = False
    _failed: bool = False

    @property
    def failed(self) -> bool:
        """Whether an error was shown."""
        return self._failed

    def lines(self, line: str) -> Iterator[str]:
        """Yield what is to be shown of one line."""
        line = line.rstrip("\n")
        if ORDINARY.match(line):
            self._failing = False
        elif ERROR.match(line):
            self._failing = self._failed = True
        if self._failing:
            yield line
        elif found := WARNING.match(line):
            yield f"warning: {found[1]}"
        else:
            yield from self._progress(line)

    def _progress(self, line: str) -> Iterator[str]:
        """Remember which jobs there are, and tell of those that are done."""
        if found := BLOCK.match(line):
            self._title = found[1]
        elif found := JOB_LOG.match(line):
            self._title = f"{found[1]} {found[2]}"
        elif found := JOB_ID.match(line):
            self.titles[found[1]] = self._title
        elif found := FINISHED.match(line):
            self._finished.append(self.titles.get(found[1], ""))
        elif (found := DONE.match(line)) and self._finished:
            title = ", ".join(title for title in self._finished if title) or "all"
            self._finished.clear()
            # Snakemake counts its own target `all`, which is no step, as the last one.
            total = str(int(found[2]) - 1)
            if title != "all":
                yield f"{found[1]:>{len(total)}} of {total}  {title}"


def follow(command: Sequence[str], log: Path, out: TextIO | None = None) -> int:
    """Run Snakemake, keep all it says in a log, and show a digest of it.

    Parameters
    ----------
    command
        Its command line.
    log
        The file that gets everything.
    out
        Where the digest goes; by default standard error.

    Returns
    -------
    int
        Its exit code.

    Raises
    ------
    SystemExit
        A signal stopped it (`in_a_group`).

    """
    out = out or sys.stderr
    log.parent.mkdir(parents=True, exist_ok=True)
    digest = Digest()
    with (
        log.open("w", encoding="utf-8") as kept,
        in_a_group(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
        ) as group,
    ):
        for line in group.process.stdout or ():
            kept.write(line)
            # Steps that end because they were told to are no failures.
            _show(digest.lines(line) if not group.told else (), out)
        code = group.process.wait()
    if code and not digest.failed and not group.told:
        _show(log.read_text(encoding="utf-8").splitlines()[-TAIL:], out)
    return code


def _show(lines: Iterable[str], out: TextIO) -> None:
    # A closed terminal or pipe stops nothing: all that is said stands in the log.
    with suppress(OSError):
        for line in lines:
            out.write(f"{line}\n")
            out.flush()
