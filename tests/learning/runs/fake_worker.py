"""A worker without torch: the first process waits, the second dies; started by torchrun."""

import os
import signal
import sys
import time

if __name__ == "__main__":
    if os.environ["RANK"] == "0":
        time.sleep(60)
    print("WARNING last words", file=sys.stderr, flush=True)  # noqa: T201
    os.kill(os.getpid(), signal.SIGKILL)
