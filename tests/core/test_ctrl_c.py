"""A program that Ctrl-C ends is gone at once, whatever its threads wait for."""

import signal
import subprocess
import sys

START = """
import os, signal, sys, threading
from radpipe.core.ctrl_c import ending_at_ctrl_c

# Programs that a shell has started beside itself ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

def wait_for_ever():
    threading.Event().wait()

"""
# No list of the interpreter holds it, as a worker that was being started.
THREAD = "threading.Thread(target=wait_for_ever).start()"


def run(text):
    command = [sys.executable, "-c", START + text]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_does_not_wait_for_threads_and_tells_who_started_it():
    done = run(
        f"with ending_at_ctrl_c():\n    {THREAD}\n    sys.stdout.write('said')\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n    threading.Event().wait()\n"
    )
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == ("said", "")


def test_what_the_block_has_to_put_back_is_put_back():
    done = run(
        "with ending_at_ctrl_c():\n    try:\n        raise KeyboardInterrupt\n"
        "    finally:\n        sys.stderr.write('put back')\n"
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "put back")


def test_another_end_is_left_alone():
    done = run("with ending_at_ctrl_c():\n    sys.exit(3)\n")
    assert done.returncode == 3
