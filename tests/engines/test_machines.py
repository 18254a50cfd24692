"""`radpipe verify` says which runs this machine could make again to the byte."""

import pytest

from radpipe.core.graph import Graph, receipt_path
from radpipe.core.machine import facts, this_machine
from radpipe.core.params import load_params
from radpipe.core.receipts import Receipt
from radpipe.engines.machines import made_elsewhere


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
