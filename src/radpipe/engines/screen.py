"""Where `radpipe run` writes: lines that stay, and how things stand, as often as is of use."""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

CLEAR = "\r\x1b[K"
# Seconds between two states on a terminal, where each takes the place of the one before.
REDRAWN = 2.0
# Seconds without a line after which a file gets the state, as a line; each time the double, up to
# the second number.
SILENT, MOST_SILENT = 60.0, 600.0


@dataclass
class Screen:
    """A terminal or a file.

    Attributes
    ----------
    out
        The stream. Once nobody reads it any more, nothing is written.
    clock
        Seconds.

    """

    out: TextIO
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.drawn = self.out.isatty() and os.environ.get("TERM") != "dumb"
        self._next = self.clock() + (REDRAWN if self.drawn else SILENT)
        self._silent = SILENT
        self._state = ""

    def line(self, text: str) -> None:
        """Write a line that stays."""
        self._clear()
        self._write(f"{text}\n")
        if not self.drawn:
            self._next = self.clock() + self._silent

    def state(self, text: Callable[[], str]) -> None:
        """Write how things stand, if it is time for that; an empty text is none."""
        if self.clock() < self._next:
            return
        said = text()
        if self.drawn:
            self._next = self.clock() + REDRAWN
            self._clear()
            width = shutil.get_terminal_size().columns - 1
            self._state = said[:width]
            self._write(self._state)
            return
        self._silent = min(2 * self._silent, MOST_SILENT)
        self._next = self.clock() + self._silent
        if said:
            self._write(f"... {said}\n")

    def close(self) -> None:
        """Take the last state away."""
        self._clear()

    def _clear(self) -> None:
        if self._state:
            self._state = ""
            self._write(CLEAR)

    def _write(self, text: str) -> None:
        # A closed terminal or pipe stops nothing: all that is said stands in the log.
        with suppress(OSError, ValueError):
            self.out.write(text)
            self.out.flush()
