"""Programs of the machine."""

import sys

import pytest

from radpipe.engines import slurm
from radpipe.engines.commands import lines_of


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ((sys.executable, "-c", "print('a\\nb')"), ["a", "b"]),
        ((sys.executable, "-c", "raise SystemExit(1)"), []),
        (("no-such-program",), []),
    ],
)
def test_lines(command, lines):
    assert lines_of(*command) == lines


@pytest.mark.parametrize(("script", "jobs"), [("echo 41; echo 42", {"41", "42"}), ("exit 1", None)])
def test_jobs_of_this_user(tmp_path, monkeypatch, script, jobs):
    """A SLURM that does not answer knows of no job, which is not the same as none."""
    program = tmp_path / "squeue"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert slurm.listed_jobs() == jobs
