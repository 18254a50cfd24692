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


def test_jobs_that_wait_belong_to_this_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "squeue"
    ours, theirs = f"7|Resources|rule_report|{tmp_path}", "8|Priority|rule_report|/elsewhere"
    program.write_text(f"#!/bin/sh\necho '{ours}'; echo '{theirs}'; echo odd\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert slurm.waiting_jobs() == {"rule_report": "SLURM job 7 waits (Resources)"}
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm.waiting_jobs() == {}
