"""Who makes a run, when two processes believe that they do."""

import errno
import fcntl
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from radpipe.core import jobs
from radpipe.core.files import read_json, write_text
from radpipe.core.jobs import CLAIMS, NotOwnerError, claimed

RUN = ("train", "bones-v1-fold-0-seed-0")
CLAIM = CLAIMS / "train/bones-v1-fold-0-seed-0.json"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Enter an empty folder, on a machine without SLURM."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(jobs, "GRACE", 0.0)


def test_the_newer_claim_counts(monkeypatch):
    """The older process gives no file its name any more, and leaves no other file either."""
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    with claimed(*RUN):
        write_text(Path("state"), "epoch 3")
        with claimed(*RUN):
            pass
        with pytest.raises(NotOwnerError, match=r"process \d+ \(host .*, SLURM job 41\) has taken"):
            write_text(Path("state"), "epoch 4")
    assert Path("state").read_text() == "epoch 3"
    assert {path.name for path in Path().iterdir()} == {"state", ".state"}
    write_text(Path("state"), "of another run")


def test_a_claim_that_is_gone_is_nobodys():
    with claimed(*RUN):
        shutil.rmtree(".state")
        with pytest.raises(NotOwnerError, match="nobody knows which process has taken"):
            write_text(Path("state"), "epoch 4")


def test_a_claim_names_its_owner(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    with claimed(*RUN):
        owner = read_json(CLAIM)
    assert owner.pop("nonce")
    assert owner.pop("host")
    assert owner == {"process": os.getpid(), "slurm_job": "41"}
    assert CLAIM.exists()


OLDER = """
import sys
from radpipe.core.jobs import claimed
with claimed(*sys.argv[1:]):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_without_slurm_an_older_process_of_this_host_comes_first():
    """Until it has ended, however it ended."""
    command = [sys.executable, "-c", OLDER, *RUN]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True) as older:
        older.stdout.readline()
        before = CLAIM.read_text()
        with pytest.raises(NotOwnerError, match=f"process {older.pid} .* is making it now"):
            claimed(*RUN).__enter__()
        assert CLAIM.read_text() == before
        older.kill()
        older.wait()
    with claimed(*RUN):
        assert read_json(CLAIM)["process"] == os.getpid()


def test_an_older_process_may_end_in_peace(monkeypatch):
    monkeypatch.setattr(jobs, "GRACE", 30.0)
    tried = []

    def lock(file):
        tried.append(file)
        return len(tried) == 2

    monkeypatch.setattr(jobs, "_lock", lock)
    with claimed(*RUN):
        assert len(tried) == 2


def test_a_folder_without_locks_is_no_reason_to_stop(monkeypatch, caplog):
    def flock(file, how):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    with caplog.at_level(logging.WARNING), claimed(*RUN):
        assert "knows no locks" in caplog.text
