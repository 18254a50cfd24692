"""`radpipe verify` says which runs this machine could make again to the byte."""

import platform

import pytest

from radpipe.core.graph import Graph, receipt_path
from radpipe.core.machine import facts, this_machine
from radpipe.core.params import load_params
from radpipe.core.receipts import Receipt, program_of
from radpipe.engines.machines import made_elsewhere, other_pythons


@pytest.fixture
def params(project, monkeypatch):
    monkeypatch.chdir(project.root)
    return load_params()


def write(step: str, run: str, **machine: object) -> None:
    told = {**facts(this_machine(), {"kernels": None}), **machine}
    Receipt(step, run, {}, {}, {}, {}, {"machine": told} if machine else {}).write()


def test_runs_of_other_machines_are_named_by_kind(params):
    write("split", "bones", kernels=None)
    kind = "processors of this kind: of another maker"
    for variant in ("bones-floor", "bones-v1"):
        write("train", f"{variant}-fold-0-seed-0", same_bytes_on=kind)
    write("fetch", "bones")
    receipt_path("index", "bones").parent.mkdir(parents=True, exist_ok=True)
    receipt_path("index", "bones").write_text("no receipt")
    assert len(Graph(params).runs) > 4
    assert made_elsewhere(params) == [
        "1 run would come out of this machine to the byte",
        f"train bones-floor-fold-0-seed-0 and 1 more: to the byte on {kind} only",
    ]


def test_runs_of_another_python_are_named_and_stay_fresh(params):
    """A newer patch of the same version is no other Python."""
    here = platform.python_version()
    pythons = ["2.7.18", "2.7.1", here, f"{'.'.join(here.split('.')[:2])}.99"]
    for seed, (step, run) in zip(pythons, list(Graph(params).runs), strict=False):
        Receipt(step, run, {}, {}, {}, {}, {"python": seed}).write()
    minor = ".".join(here.split(".")[:2])
    assert other_pythons(params) == [f"2 runs made by Python 2.7; here it is {minor}"]
    assert "python" not in program_of(next(iter(Graph(params).runs.values())))[1]
