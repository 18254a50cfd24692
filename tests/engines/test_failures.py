"""One message for each job that failed."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from radpipe.core.jobs import new_note
from radpipe.core.params import Params
from radpipe.engines import failures as module
from radpipe.engines.failures import explain
from tests.conftest import ROOT, SMALL

NOTE = replace(new_note("train", "bones-v1-fold-0-seed-0"), host="node7", slurm_job="41")


START = datetime(2000, 1, 1, tzinfo=UTC)
PARAMS = Params.model_validate(SMALL)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Enter a project in which nothing was run, and SLURM lists nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("presets", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(module, "listed_jobs", frozenset)


def failures(since=START):
    return module.failures(PARAMS, since)


def slurm_says(text):
    file = Path("logs/slurm/rule_train/bones-v1_0_0/41.log")
    file.parent.mkdir(parents=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("slurmstepd: error: Step 41.0 exceeded memory limit (645 > 209), being killed", "memory"),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=41.batch", "memory"),
        ("slurmstepd: error: *** STEP 41.0 ON n CANCELLED AT x DUE TO TIME LIMIT ***", "time"),
        ("error: *** JOB 41 ON n CANCELLED AT x DUE TO NODE FAILURE, SEE ***", "node failure"),
        ("srun: error: Node failure on n\nsrun: Force Terminated StepId=41.0", "node failure"),
        ("slurmstepd: error: *** JOB 41 ON n CANCELLED AT x DUE TO PREEMPTION ***", "preempted"),
        ("slurmstepd: error: *** JOB 41 ON n CANCELLED AT x ***", "cancelled"),
    ],
)
def test_slurm_names_the_cause(said, state):
    slurm_says(said)
    NOTE.write()
    (message,) = failures()
    first = message.splitlines()[0]
    assert first.startswith("train bones-v1-fold-0-seed-0 failed: ")
    assert state in first
    assert "host node7, SLURM job 41" in first
    assert "what to do: " in message


@pytest.mark.parametrize(
    ("code", "text", "state", "advice"),
    [
        (1, "OutOfMemoryError: CUDA out of memory. Tried", "GPU out of memory", "batch_size"),
        (1, "RuntimeError: CUDA error: device-side assert", "CUDA error", "another node"),
        (1, "ZeroDivisionError: division", "a bug in radpipe", "report"),
        (2, "train.lr: unknown", "something that you can mend", "last line"),
    ],
)
def test_a_step_names_the_cause(code, text, state, advice):
    message = explain(replace(NOTE, code=code, ended="now", message=text))
    assert state in message
    assert advice in message


def test_the_last_words_are_those_of_this_job():
    """What an earlier job of the same run logged is not shown."""
    NOTE.log.parent.mkdir(parents=True)
    old = "x INFO trained epoch 1\nx INFO finished train bones: seconds=1\n"
    NOTE.log.write_text(old + "".join(f"x INFO line {k}\n" for k in range(9)))
    text = explain(NOTE)
    assert "line 8" in text
    assert "line 2" not in text
    assert "epoch 1" not in text


def test_what_ended_well_or_long_ago_is_not_told():
    NOTE.write()
    assert list(failures(datetime(9999, 1, 1, tzinfo=UTC))) == []
    NOTE.end(0, "")
    assert list(failures()) == []
    NOTE.end(75, "state saved")
    assert list(failures()) == []


def test_a_job_that_was_killed_before_its_step_began_is_explained():
    """It left no note; SLURM's log is all there is."""
    slurm_says("slurmstepd: error: Step 41.0 exceeded memory limit (645 > 209), being killed")
    (message,) = failures()
    assert message.startswith("train bones-v1-fold-0-seed-0 failed: out of memory (SLURM job 41)")
    Path("results/receipts/train").mkdir(parents=True)
    Path("results/receipts/train/bones-v1-fold-0-seed-0.json").write_text("{}")
    assert list(failures()) == []  # a later attempt went well
