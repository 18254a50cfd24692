"""What SLURM gave a step."""

import os

import pytest

from radpipe.core.processors import n_processors, slurm_job

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("share", "expected"), [("1", 1), ("9999", ALL), ("0", ALL), ("x", ALL)])
def test_slurm_gives_a_share(monkeypatch, share, expected):
    """A share is kept to; one larger than the machine, or none, is the machine."""
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", share)
    assert n_processors() == expected


def test_outside_slurm_the_system_decides(monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert n_processors() == ALL


def test_a_job_has_the_name_that_slurms_tools_take(monkeypatch):
    """A member of an array has the array's id and its number."""
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    assert slurm_job() is None
    monkeypatch.setenv("SLURM_JOB_ID", "43")
    assert slurm_job() == "43"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "41")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    assert slurm_job() == "41_2"
