"""What `radpipe run` shows of Snakemake: a line for each finished step, and errors in full."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TextIO

from radpipe.engines.preview import Preview
from radpipe.engines.screen import Screen
from radpipe.engines.signals import in_a_group
from radpipe.engines.underway import Schedule

LOGS = Path("logs/snakemake")
# Words with which Snakemake begins a block or ends one. They are of version 9; should another one
# say something else, less is shown, and everything still stands in the log.
BLOCK = re.compile(r"(?:local)?(?:rule|checkpoint) (\w+):$")
JOB_LOG = re.compile(r"\s+log: logs/(\S+?)/(\S+)\.log")
JOB_ID = re.compile(r"\s+jobid: (\d+)$")
FINISHED = re.compile(r"Finished jobid: (\d+) ")
# A table of how many jobs of each step Snakemake plans, between these two lines.
STATS, STATS_ROW = "Job stats:", re.compile(r"(\w+) +(\d+)$")
DONE = re.compile(r"(\d+) of (\d+) steps \(\d+%\) done$")
ERROR = re.compile(r"(Error in |\w*(Error|Exception)\b|Traceback|.* failed; |MissingInput|Lock)")
ORDINARY = re.compile(r"(\[\w{3} \w{3}|Finished jobid|\d+ of \d+ steps|(local)?(rule|checkpoint) )")
# A warning of a step: time, level, text.
WARNING = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ WARNING (.*)$")
TAIL = 20
# Snakemake's own target, which is no step.
ALL = "all"
# Seconds without a line after which the screen is looked after.
WAIT = 1.0
# Seconds of silence for which its output is kept open after its end: a process that it has left
# behind may hold it for ever.
LINGER = 5.0


@dataclass
class Digest:
    """Turns Snakemake's output into few lines.

    Attributes
    ----------
    n_planned
        Runs that params.yaml plans, those that need not be made again included.
    schedule
        What is under way and what is left.
    titles
        Number of a job to its step and run.

    """

    n_planned: int = 0
    schedule: Schedule = field(default_factory=Schedule)
    titles: dict[str, str] = field(default_factory=dict)
    _title: str = ""
    _finished: list[str] = field(default_factory=list)
    _counting: bool = False
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
            if found := JOB_ID.match(line):
                self.schedule.fail(self.titles.get(found[1], ""))
            yield line
        elif found := WARNING.match(line):
            yield f"warning: {found[1]}"
        else:
            yield from self._progress(line)

    def _progress(self, line: str) -> Iterator[str]:
        """Remember which jobs there are, and tell of those that are done."""
        if self._counting or line == STATS:
            yield from self._count(line)
        elif found := BLOCK.match(line):
            self._title = found[1]
        elif found := JOB_LOG.match(line):
            self._title = f"{found[1]} {found[2]}"
        elif found := JOB_ID.match(line):
            self.titles[found[1]] = self._title
            self.schedule.begin(self._title)
        elif found := FINISHED.match(line):
            self._finished.append(self.titles.get(found[1], ""))
            self.schedule.end(self._finished[-1])
        elif (found := DONE.match(line)) and self._finished:
            yield from self._done(n_done=int(found[1]), n_jobs=int(found[2]))

    def _count(self, line: str) -> Iterator[str]:
        """Read the table of what is to be made, and tell what need not be."""
        self._counting = line != "" and not line.startswith("total ")
        found = STATS_ROW.match(line)
        if found and found[1] == "total":
            n_made = self.schedule.n_left
            self.n_planned = max(self.n_planned, n_made)
            if n_before := self.n_planned - n_made:
                yield f"{n_before} of {self.n_planned} are done; {n_made} to make"
        elif found and found[1] != ALL:
            self.schedule.to_make[found[1]] = int(found[2])

    def _done(self, *, n_done: int, n_jobs: int) -> Iterator[str]:
        """Tell of what is done since the last time, and of how much of the plan that is."""
        title = ", ".join(title for title in self._finished if title not in ("", ALL))
        self._finished.clear()
        # Snakemake counts its own target, which is no step, as the last job.
        n_left = max(0, n_jobs - 1 - n_done)
        self.schedule.agree(n_left)
        self.n_planned = max(self.n_planned, n_jobs - 1)
        if title:
            total, left = str(self.n_planned), self.schedule.left()
            count = f"{self.n_planned - n_left:>{len(total)}} of {total}"
            yield f"{count}  {title}{f'  ({left})' if left else ''}"


def follow(
    command: Sequence[str],
    log: Path,
    out: TextIO | None = None,
    *,
    n_planned: int = 0,
    preview: Preview | None = None,
) -> int:
    """Run Snakemake, keep all it says in a log, and show a digest of it.

    Parameters
    ----------
    command
        Its command line.
    log
        The file that gets everything.
    out
        Where the digest goes; by default standard error.
    n_planned
        Runs of the whole plan.
    preview
        Is let look whenever a step has ended.

    Returns
    -------
    int
        Its exit code.

    Raises
    ------
    SystemExit
        A signal stopped it (`in_a_group`).

    """
    log.parent.mkdir(parents=True, exist_ok=True)
    digest = Digest(n_planned)
    ours, theirs = os.pipe()
    with (
        log.open("w", encoding="utf-8") as kept,
        open(theirs, "wb") as end,  # noqa: PTH123 - a file descriptor
        in_a_group(command, stdout=end, stderr=subprocess.STDOUT) as group,
        closing(Screen(out or sys.stderr)) as screen,
        closing(preview) if preview else nullcontext(),
    ):
        end.close()
        for line in _as_they_come(ours, group.process):
            kept.write(line)
            # Steps that end because they were told to are no failures.
            for shown in digest.lines(line) if line and not group.told else ():
                screen.line(shown)
            if preview and not group.told and (not line or FINISHED.match(line)):
                for shown in preview.look():
                    screen.line(shown)
            screen.state(digest.schedule.told)
        code = group.process.wait()
        kept.flush()
        unexplained = code and not digest.failed and not group.told
        for shown in _end_of(log) if unexplained else ():
            screen.line(shown)
    return code


def _end_of(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()[-TAIL:]


def _as_they_come(pipe: int, process: "subprocess.Popen[Any]") -> Iterator[str]:
    """Yield the lines that come out of a pipe, and "" whenever none has come for a while."""
    came: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        try:
            with open(pipe, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    came.put(line)
        finally:
            came.put(None)

    # Of this thread alone: to close a pipe that another one reads would wait for its end.
    Thread(target=read, daemon=True).start()
    silent = 0.0  # since its end: before it, silence says nothing
    while silent < LINGER:
        try:
            line = came.get(timeout=WAIT)
        except Empty:
            silent += WAIT if process.poll() is not None else 0.0
            yield ""
            continue
        if line is None:
            return
        yield line
