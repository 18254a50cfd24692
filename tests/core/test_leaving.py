"""A process that leaves has said everything, and done what was registered for its end."""

import subprocess
import sys

import pytest

CODE = """
import atexit, sys, tempfile, time
from threading import Thread
from radpipe.core.leaving import leave

class Slow:
    def __del__(self):
        print("taken apart")

kept, folder = Slow(), tempfile.TemporaryDirectory()
Thread(target=time.sleep, args=(60,), daemon=True).start()
atexit.register(print, "registered")
sys.stdout.write("said ")
sys.stderr.write(folder.name)
leave({code})
"""


@pytest.mark.parametrize("code", [0, 75])
def test_all_is_said_and_registered_work_is_done(code, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, "-c", CODE.replace("{code}", str(code))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code
    assert done.stdout == "said registered\n"
    assert done.stderr.startswith(str(tmp_path))
    assert [*tmp_path.iterdir()] == []


def test_a_reader_that_has_gone_changes_nothing(monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = [sys.executable, "-c", CODE.replace("{code}", "0")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 0
