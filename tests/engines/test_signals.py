"""What is told to `radpipe run` reaches Snakemake and the steps, and is waited for."""

import signal
import subprocess
import sys
import time

import pytest

from radpipe.engines.signals import in_a_group
from tests.conftest import ROOT

# Starts a step of its own, tells both names of processes, and ends a while after SIGTERM.
COMMAND = """
import signal, subprocess, sys, time
from pathlib import Path
step = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
def end(*_):
    Path("told").write_text(f"{step.wait()}")
    time.sleep(0.3)
    Path("ended").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
Path("ready").touch()
time.sleep(60)
"""
# Whoever starts the tests may ignore a closed terminal, as `nohup` does.
OURS = f"""
import signal, sys
if "nohup" not in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
from radpipe.engines.signals import in_a_group
with in_a_group([sys.executable, "-c", {COMMAND!r}]) as group:
    group.process.wait()
"""


def started(tmp_path, *before):
    process = subprocess.Popen(
        [*before, sys.executable, "-c", OURS, *before],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(tmp_path / "ready")
    return process


def wait_for(path, seconds=60):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_all_are_told_to_end_and_waited_for(tmp_path, number):
    process = started(tmp_path)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number
    assert (tmp_path / "told").read_text() == str(-signal.SIGTERM)  # so the step ended, too
    assert (tmp_path / "ended").exists()
    assert f"Stopped by {number.name}. The same command goes on" in said


def test_what_is_ignored_stays_ignored(tmp_path):
    process = started(tmp_path, "nohup")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_ctrl_c_is_told_to_who_noticed_it_before():
    noticed = []
    before = signal.signal(signal.SIGINT, lambda *_: noticed.append("told"))
    try:
        with in_a_group([sys.executable, "-c", "import time; time.sleep(60)"]) as group:
            signal.raise_signal(signal.SIGINT)
            code = group.process.wait(timeout=60)
    finally:
        signal.signal(signal.SIGINT, before)
    assert noticed == ["told"]
    assert group.told == [signal.SIGINT]
    assert code in (1, -signal.SIGINT)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    with in_a_group([sys.executable, "-c", ""]):
        pass
    assert [signal.getsignal(number) for number in signal.valid_signals()] == before
