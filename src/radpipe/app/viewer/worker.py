"""The process that decodes files and computes: asked over a pipe, ended when it takes too long.

Started as `python -m radpipe.app.viewer.worker`. It never writes a file: the system refuses it.
"""

import os
import resource
import signal
import sys
import tempfile
from typing import BinaryIO

from radpipe.app.viewer.limits import MAX_MEMORY, MAX_SECONDS
from radpipe.app.viewer.wire import BrokenMessageError, receive, send

# After these seconds the system ends it, should who asked be gone.
LAST = int(MAX_SECONDS) + 10


def confine(memory: int) -> None:
    """Limit what this process may do: memory in bytes, no file, no core dump.

    `RLIMIT_DATA` counts what is its own, unlike `RLIMIT_AS`, in which libraries reserve much more
    than they use. Files are limited softly, because measuring coverage writes one at the end.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    # Libraries look for a folder that they can write to, and there is none; torch wants one that
    # is there.
    tempfile.tempdir = os.devnull
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.sep


def free() -> None:
    """Allow files again, at the end."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions one after the other, until there are no more."""
    # Loaded here, while the page is already shown.
    from radpipe.app.viewer.answering import Answering

    answering = Answering()
    while (question := receive(questions)) is not None:
        signal.alarm(LAST)
        reply = answering.answer(question)
        signal.alarm(0)
        send(answers, reply)


def main() -> None:
    """Serve over standard input and output, which nothing else may write to."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    confine(int(sys.argv[1]) if len(sys.argv) > 1 else MAX_MEMORY)
    try:
        serve(questions, answers)
    except (BrokenMessageError, BrokenPipeError):
        sys.exit(1)
    finally:
        free()


if __name__ == "__main__":
    main()
