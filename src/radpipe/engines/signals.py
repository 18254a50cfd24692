"""Snakemake in a process group of its own, to which this process hands on what it is told."""

import logging
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

# A closed terminal says SIGHUP, which would end Snakemake with its lock left behind and trainings
# with nothing saved; after SIGTERM both end in order.
TOLD_AS = {
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGHUP: signal.SIGTERM,
}

log = logging.getLogger("radpipe.engines")


@dataclass
class Group:
    """A command in a process group of its own.

    Attributes
    ----------
    process
        The command itself, once it has started.
    told
        Signals that this process was told to stop by, and has handed on to the group.

    """

    process: "subprocess.Popen[Any]" = field(init=False)
    told: list[signal.Signals] = field(default_factory=list)

    def hand_on(self, number: int) -> None:
        """Note a signal to stop, and hand it on."""
        self.told.append(signal.Signals(number))
        self.send(TOLD_AS[self.told[-1]])

    def pause(self) -> None:
        """Stop the group and this process, until this process is told to go on."""
        self.send(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command and to what it runs, if they are still there."""
        with suppress(AttributeError, ProcessLookupError):  # not there yet, or no longer
            os.killpg(self.process.pid, number)


@contextmanager
def in_a_group(command: Sequence[str], **how: Any) -> Iterator[Group]:
    """Start a command in a process group of its own; wait for its end at the end.

    SIGINT (Ctrl-C), SIGTERM and SIGHUP to this process go to the whole group, that is to the
    command and the steps that it runs; Ctrl-Z stops the group, too.

    Parameters
    ----------
    command
        Its command line.
    **how
        As for `subprocess.Popen`.

    Raises
    ------
    SystemExit
        With 128 and the signal's number: SIGTERM or SIGHUP came, and the command has ended. Of
        SIGINT the handler is told that was there before.

    """
    group = Group()
    with _handing_on_to(group):
        # Of a terminal it would be the background, which may write to it and not read.
        how = {"stdin": subprocess.DEVNULL, **how}
        with subprocess.Popen(command, process_group=0, **how) as group.process:
            for number in group.told:  # before there was anyone to hand them on to
                group.send(TOLD_AS[number])
            yield group
    if ends := [number for number in group.told if number != signal.SIGINT]:
        log.warning("Stopped by %s. The same command goes on from what is saved.", ends[0].name)
        raise SystemExit(128 + ends[0])


@contextmanager
def _handing_on_to(group: Group) -> Iterator[None]:
    """Note signals and hand them on to a group, instead of dying of them."""
    before = {number: signal.getsignal(number) for number in (*TOLD_AS, signal.SIGTSTP)}
    on_ctrl_c = before[signal.SIGINT]

    def handle(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTSTP:
            group.pause()
            return
        group.hand_on(number)
        if number == signal.SIGINT and callable(on_ctrl_c):
            on_ctrl_c(number, frame)

    for number, earlier in before.items():
        if earlier != signal.SIG_IGN:  # what is ignored stays so: `nohup` ignores SIGHUP
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
