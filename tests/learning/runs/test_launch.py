"""How several processes are started, watched, asked to stop and judged."""

import logging
import os
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from radpipe.core.errors import ConfigError, RadpipeError
from radpipe.core.files import write_json
from radpipe.core.settings import Training
from radpipe.core.step import StoppedError
from radpipe.learning.runs import launch
from radpipe.learning.runs.launch import (
    environment,
    launcher,
    outcome,
    relay,
    train_together,
    watch,
)
from radpipe.learning.runs.one_run import Order
from tests.small_study import ROOT

HOW = Training(optimizer="sgd", lr=0.1, batch_size=8, epochs=1, threads=3, processes=2)
NODES = HOW.model_copy(update={"nodes": 2})


def never() -> bool:
    return False


def program(folder: Path, name: str, *lines: str) -> None:
    """Write a program that prints something for certain arguments."""
    file = folder / name
    file.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    file.chmod(0o755)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Pretend to be job 41 of a SLURM, on two nodes."""
    program(tmp_path, "squeue", 'test "$*" = "--noheader --jobs 41 --format %N" && echo "n[7-8]"')
    program(tmp_path, "scontrol", 'test "$*" = "show hostnames n[7-8]" && printf "n7\\nn8\\n"')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    return tmp_path


def test_one_node():
    assert launcher(HOW, Path("logs")) == [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *("--tee", "3", "--log-dir", "logs/torchrun", "--standalone"),
    ]


def test_two_nodes(slurm):
    """As far as this is tested: no cluster of two nodes was at hand."""
    assert launcher(NODES, Path("logs")) == [
        *("srun", "--nodes", "2", "--ntasks", "2", "--ntasks-per-node", "1"),
        *("--cpus-per-task", "6", "--kill-on-bad-exit=1", "--overlap"),
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *("--tee", "3", "--log-dir", "logs/torchrun", "--nnodes", "2"),
        *("--rdzv-backend", "c10d", "--rdzv-endpoint", "n7:20041", "--rdzv-id", "41"),
    ]


def test_two_nodes_need_slurm(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(ConfigError, match=r"train\.nodes: 2 nodes can be used in a SLURM job only"):
        launcher(NODES, Path("logs"))


def test_a_job_with_too_few_nodes(slurm):
    with pytest.raises(ConfigError, match=r"gave job 41 only 2 \(n7, n8\)"):
        launcher(HOW.model_copy(update={"nodes": 3}), Path("logs"))
    program(slurm, "squeue", "echo no controller >&2; exit 1")
    with pytest.raises(ConfigError, match="squeue does not answer: no controller"):
        launcher(NODES, Path("logs"))


def test_processes_see_their_gpus_and_not_the_options_of_an_outer_srun(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    monkeypatch.setattr(launch, "take_gpus", lambda number: [1, 2][:number])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = environment(HOW)
    assert {k for k in found if k.startswith("SLURM_")} <= set(launch.JOB)
    assert (found["SLURM_JOB_ID"], found["OMP_NUM_THREADS"]) == ("41", "3")
    assert found["CUDA_VISIBLE_DEVICES"] == "1,2"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")
    assert environment(HOW)["CUDA_VISIBLE_DEVICES"] == "6,7"
    assert environment(NODES)["CUDA_VISIBLE_DEVICES"] == "4,6,7"


def test_processes_are_asked_to_stop_by_the_end_of_their_input():
    code = "import sys; sys.stdin.read(); print('[process 0] saved'); sys.exit(3)"
    asked = iter([False, True])
    started = time.monotonic()
    found = watch([sys.executable, "-c", code], dict(os.environ), lambda: next(asked, True))
    assert found == (3, ["saved"])
    assert time.monotonic() - started < 30


def test_messages_are_logged_and_the_rest_is_kept(caplog):
    last = deque(maxlen=3)
    lines = ["[process 0] INFO trained", "[process 1] WARNING odd", "[process 1] Traceback"]
    torchrun = ["W1121 closing", "  exitcode  : -9 (pid: 1) (SIGKILL)"]
    with caplog.at_level(logging.INFO):
        relay([f"{line}\n" for line in lines + torchrun], last)
    assert [(r.levelname, r.message) for r in caplog.records] == [
        ("INFO", "trained"),
        ("WARNING", "odd"),
    ]
    assert list(last) == ["WARNING odd", "Traceback", "exitcode : -9 (pid: 1) (SIGKILL)"]


def failed(folder: Path, number: int, kind: str, message: str) -> None:
    write_json(folder / f"failed-{number}.json", {"kind": kind, "message": message})


def test_an_answer_counts_whatever_torchrun_says(tmp_path):
    write_json(tmp_path / "answer.json", {"facts": {"epochs": 3}})
    assert outcome(tmp_path, 1, [], never) == {"epochs": 3}
    write_json(tmp_path / "answer.json", {"stopped": "state saved"})
    with pytest.raises(StoppedError, match="state saved"):
        outcome(tmp_path, 1, [], never)


def test_what_the_user_can_mend_comes_first(tmp_path):
    """The process that fails first may only have lost its connection to another."""
    failed(tmp_path, 1, "bug", "RuntimeError: connection closed")
    with pytest.raises(RuntimeError, match=r"failed: RuntimeError: connection closed\n  last"):
        outcome(tmp_path, 1, ["last"], never)
    failed(tmp_path, 2, "system", "no space left")
    with pytest.raises(OSError, match="no space left"):
        outcome(tmp_path, 1, [], never)
    failed(tmp_path, 0, "config", "mend it")
    with pytest.raises(RadpipeError, match="mend it"):
        outcome(tmp_path, 1, [], lambda: True)


def test_processes_that_were_killed_while_they_stopped(tmp_path):
    with pytest.raises(StoppedError, match="state of the last epoch is kept"):
        outcome(tmp_path, 1, [], lambda: True)


def test_a_process_that_dies_ends_the_run_with_its_last_words(tmp_path, monkeypatch, caplog):
    """A real torchrun; the other process, which would wait a minute, is ended."""
    monkeypatch.setattr(launch, "WORKER", "tests.learning.runs.fake_worker")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    names = ("recipe", "weights", "history", "state", "board")
    order = Order(fold=0, seed=0, **{name: tmp_path / name for name in names})
    with pytest.raises(RuntimeError) as error:
        train_together(order, HOW, never)
    assert "torchrun ended with 1" in str(error.value)
    assert "last words" in str(error.value)
    assert "(SIGKILL)" in str(error.value)
    assert "last words" in caplog.text
    assert not list(order.state.iterdir())
