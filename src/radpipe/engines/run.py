"""`make run`: Snakemake on all cores, safe to start again after anything."""

import logging
import os
import platform
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from radpipe.core.errors import RadpipeError
from radpipe.core.graph import Graph
from radpipe.core.jobs import alive
from radpipe.core.params import Params
from radpipe.engines.commands import lines_of
from radpipe.engines.preview import PAGE, Preview
from radpipe.engines.progress import LOGS, follow
from radpipe.engines.record import LOCK, one_at_a_time
from radpipe.engines.signals import in_a_group

SNAKEMAKE_LOCKS = Path(".snakemake/locks")

log = logging.getLogger("radpipe.engines")


def run(params: Params, *, verbose: bool = False) -> None:
    """Make everything that params.yaml plans, on all cores of this machine.

    Parameters
    ----------
    verbose
        Show everything that Snakemake and the steps say, not a line for each finished step.

    Raises
    ------
    RadpipeError
        Another run is at work in this folder, a step failed, or Ctrl-C stopped it.
    SystemExit
        SIGTERM or SIGHUP stopped it; Snakemake and its steps have ended (`in_a_group`).

    """
    with alone(), noticing_ctrl_c() as stopped:
        try:
            preview = None if verbose else Preview(params)
            n_planned = len(Graph(params).runs)
            make(everywhere(), verbose=verbose, n_planned=n_planned, preview=preview)
            PAGE.unlink(missing_ok=True)
        except RadpipeError as error:
            if not stopped.is_set():
                raise
            raise RadpipeError("Stopped. The same command goes on from what is saved.") from error


@contextmanager
def alone() -> Iterator[None]:
    """Hold the project's lock; lift the one that a killed run left to Snakemake.

    Raises
    ------
    RadpipeError
        Another run is at work in this folder.

    """
    orphaned = _left_by_a_dead_run()
    with one_at_a_time():
        if orphaned:
            log.warning("the last run here was killed; its lock on the folder is lifted")
            _snakemake("--unlock", "--quiet", "all")
        yield


@contextmanager
def noticing_ctrl_c() -> Iterator[Event]:
    """Note Ctrl-C instead of dying of it: Snakemake is told, and first ends its jobs."""
    stopped = Event()
    before = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def make(
    arguments: Iterable[str],
    *,
    verbose: bool = True,
    n_planned: int = 0,
    preview: Preview | None = None,
) -> None:
    """Run Snakemake with these arguments.

    Parameters
    ----------
    arguments
        Of its command line.
    verbose
        Show all it says; otherwise a line for each finished step and errors in full, and all of it
        in a log below `logs/snakemake`.
    n_planned
        Runs of the whole plan, of which those that are shown are counted.
    preview
        Writes a first report while others are at work; unless all is shown.

    Raises
    ------
    RadpipeError
        A step failed.

    """
    how = {"n_planned": n_planned, "preview": preview}
    if _snakemake(*arguments) if verbose else _followed(*arguments, **how):
        raise RadpipeError(
            "A step failed; what it said stands above and in logs/<step>/. Steps that"
            " are done stay done: mend the cause and start again."
        )


def everywhere() -> list[str]:
    """Return the arguments that let Snakemake use all cores and GPUs of this machine."""
    return ["--cores", "all", *_gpus()]


def prefer_this_python() -> None:
    """Let `python`, in whatever this process starts, be the one that runs this process."""
    folder = str(Path(sys.executable).parent)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _left_by_a_dead_run() -> bool:
    """Tell whether Snakemake's lock was left by a run of this host that is no more.

    A lock that another host or a plain `snakemake` set is never lifted: it may be alive.
    """
    if not any(SNAKEMAKE_LOCKS.glob("*")) or not LOCK.exists():
        return False
    host, _, process = LOCK.read_text(encoding="utf-8").partition(" ")
    return host == platform.node() and process.isdigit() and not alive(int(process))


def _gpus() -> list[str]:
    """Let as many runs use a GPU at once as there are; each then takes its own."""
    number = len(lines_of("nvidia-smi", "--list-gpus"))
    if not number:
        return []
    return ["--resources", f"gpu={number}", "--set-resources", "predict:gpu=1"]


def _snakemake(*arguments: str) -> int:
    with in_a_group([sys.executable, "-m", "snakemake", *arguments]) as group:
        return group.process.wait()


def _followed(*arguments: str, **how: Any) -> int:
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    log = LOGS / f"{started}.log"
    return follow([sys.executable, "-m", "snakemake", *arguments], log, **how)
