"""How many processors a step takes."""

import os

import pytest

from radpipe.core.processors import n_processors

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("share", "expected"), [("1", 1), ("9999", ALL), ("0", ALL), ("x", ALL)])
def test_slurm_gives_a_share(monkeypatch, share, expected):
    """A share is kept to; one larger than the machine, or none, is the machine."""
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", share)
    assert n_processors() == expected


def test_outside_slurm_the_system_decides(monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert n_processors() == ALL
