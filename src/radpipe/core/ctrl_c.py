"""How a program ends that Ctrl-C ends: at once, and so that who started it knows."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending_at_ctrl_c() -> Iterator[None]:
    """End this process by SIGINT if `KeyboardInterrupt` comes out of the block.

    Python would first wait for threads, and without end for a worker of a `ThreadPoolExecutor` that
    was being started when the signal came: it runs, and stands in no list of those that are told to
    end. By then every `with` and `finally` of the block has been left, so nothing is lost.
    """
    try:
        yield
    except KeyboardInterrupt:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        raise  # where SIGINT is blocked
