"""The page's side of the process that computes: started early, asked, and ended in time."""

import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO

from radpipe.app.viewer.limits import MAX_MEMORY, MAX_SECONDS
from radpipe.app.viewer.wire import LENGTHS, BrokenMessageError, Message, lengths, packed, unpacked
from radpipe.core.environment import DEFAULT, pinned

WORKER = "radpipe.app.viewer.worker"
TOO_LONG = (
    "This took longer than {seconds:g} seconds and was stopped. Nothing of it was kept. Try a"
    " smaller file."
)
DIED = (
    "The process that reads files ended: the file takes more than {memory:.0f} GB of memory, or a"
    " decoder broke on it. Nothing of it was kept. Try another file; the page works on."
)
BUSY = "Somebody else's case is being computed, for longer than usual. Try again in a moment."


class Helper:
    """A process that answers one question at a time; a new one takes the place of one that ended.

    Parameters
    ----------
    kernels
        Which kernels of torch it uses.
    seconds
        An answer takes at most so long.
    memory
        Bytes that the process may take.

    """

    def __init__(
        self,
        kernels: str = DEFAULT,
        *,
        seconds: float = MAX_SECONDS,
        memory: int = MAX_MEMORY,
    ) -> None:
        self.kernels, self.seconds, self.memory = kernels, seconds, memory
        self._alone = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, if it does not run; returns at once, it loads torch meanwhile."""
        if self._process is None or self._process.poll() is not None:
            self._close()
            self._process = subprocess.Popen(
                [sys.executable, "-m", WORKER, str(self.memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # What a decoder complains of may quote the file.
                stderr=subprocess.DEVNULL,
                env=pinned(os.environ, self.kernels),
            )

    def begin(self, question: Message, kernels: str) -> None:
        """Ask in the background, so that what the answer takes is loaded; nobody waits for it."""
        threading.Thread(target=self.ask, args=[question, kernels], daemon=True).start()

    def ask(self, question: Message, kernels: str | None = None) -> Message:
        """Return the answer; if none can be had, one that says why in `says["problem"]`.

        Other kernels than those of the process, with which torch must be started, take another
        process; None: as it is.
        """
        if not self._alone.acquire(timeout=self.seconds):
            return problem(BUSY)
        try:
            if kernels is not None and kernels != self.kernels:
                self.kernels = kernels
                self._end()
            return self._asked(question)
        finally:
            self._alone.release()

    def stop(self) -> None:
        """End the process, whatever it is asked just now; the next question starts another one."""
        if self._process is not None:
            self._process.kill()
        with self._alone:
            self._end()

    def _asked(self, question: Message) -> Message:
        self.start()
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a process was started with pipes")
        deadline = time.monotonic() + self.seconds
        timer = threading.Timer(self.seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            # A process that does not read makes this wait; the timer then ends the process.
            self._process.stdin.write(packed(question))
            self._process.stdin.flush()
            header, body = lengths(_read(self._process.stdout, LENGTHS.size, deadline))
            parts = [_read(self._process.stdout, size, deadline) for size in (header, body)]
            return unpacked(*parts)
        except (EOFError, BrokenPipeError, BrokenMessageError):
            self._end()
            late = time.monotonic() >= deadline - 0.05
            return problem(
                TOO_LONG.format(seconds=self.seconds)
                if late
                else DIED.format(memory=self.memory / 2**30)
            )
        finally:
            timer.cancel()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._close()

    def _close(self) -> None:
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with suppress(BrokenPipeError):
                        stream.close()
            self._process.wait()
        self._process = None


def problem(sentence: str) -> Message:
    """Return an answer that says why there is none."""
    return Message({"problem": sentence})


def _read(stream: IO[bytes], size: int, deadline: float) -> bytes:
    """Read so many bytes of a pipe until a deadline.

    Raises
    ------
    EOFError
        It ended before, or the time is over.

    """
    pieces, missing = [], size
    while missing:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            raise EOFError
        piece = os.read(stream.fileno(), min(missing, 1 << 20))
        if not piece:
            raise EOFError
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
