"""`dvc exp run --temp` and `--queue`: experiments in copies of the project, with its own code."""

import sys
import time

import pytest

KEY = "variants.bones-v1.train.epochs"


def recipes_opened(engines) -> set[str]:
    """Return the recipes in the book of openings, as the report reads it."""
    program = (
        "from radpipe.core.openings import read_openings;"
        "print(*(row['recipe'] for row in read_openings()))"
    )
    return set(engines.run(sys.executable, "-c", program).split())


@pytest.mark.engine
def test_an_experiment_in_a_copy_is_the_one_that_would_run_here(recorded):
    """Receipts name the copy's code, and its opening of test is counted for the project."""
    before = recipes_opened(recorded)
    assert len(before) == 2
    recorded.dvc("exp", "run", "--quiet", "--temp", "--name", "apart", "-S", f"{KEY}=3")
    assert len(recipes_opened(recorded)) == 3
    assert recorded.git("status", "--porcelain") == ""
    recorded.dvc("exp", "apply", "apart")
    assert "every receipt agrees" in recorded.radpipe("verify")
    assert recorded.planned() == set()
    apart = recorded.bytes_of("results/scores/**/*")

    recorded.git("checkout", "--quiet", ".")
    recorded.radpipe("sync")
    assert len(recipes_opened(recorded)) == 3
    recorded.dvc("exp", "run", "--quiet", "--name", "here", "-S", f"{KEY}=3")
    assert recorded.bytes_of("results/scores/**/*") == apart
    recorded.dvc("exp", "run", "--quiet", "--name", "another", "-S", f"{KEY}=4")
    recorded.dvc("exp", "apply", "here")
    assert len(recipes_opened(recorded)) == 4


@pytest.mark.engine
def test_a_queued_experiment_runs_with_the_code_it_was_queued_with(recorded):
    """Whatever the project's code has become meanwhile; what fails is shown as failed."""
    recorded.dvc("exp", "run", "--quiet", "--queue", "--name", "sound", "-S", f"{KEY}=3")
    recorded.dvc("exp", "run", "--quiet", "--queue", "--name", "wrong", "-S", f"{KEY}=-1")
    module = recorded.root / "src/radpipe/core/step.py"
    text = module.read_text()
    assert "queued; dvc queue start begins" in recorded.radpipe("experiments")
    module.write_text("raise ImportError('edited since')\n")
    finish_queue(recorded)
    assert "edited since" not in recorded.dvc("queue", "logs", "sound")
    assert "edited since" not in recorded.dvc("queue", "logs", "wrong")
    module.write_text(text)
    rows = {line.split()[0]: line.split()[1:] for line in _rows(recorded)}
    assert rows["wrong"] == ["-", "-"]
    assert rows["sound"] != rows["main"] != ["-", "-"]
    assert "failed: Experiment run failed; what it said: dvc queue logs wrong" in " ".join(
        recorded.radpipe("experiments").split()
    )
    recorded.dvc("exp", "apply", "sound")
    assert "every receipt agrees" in recorded.radpipe("verify")


def finish_queue(engines, seconds=600) -> None:
    """Let DVC work until nothing waits; start a worker again wherever one has gone.

    `dvc exp run --run-all` (3.67) waits without end for an experiment that no worker begins.
    """
    deadline = time.monotonic() + seconds
    while {"Queued", "Running"} & {*(said := engines.dvc("queue", "status")).split()}:
        assert time.monotonic() < deadline, said
        engines.dvc("queue", "start")
        time.sleep(5)


def _rows(engines) -> list[str]:
    table = engines.radpipe("experiments").splitlines()
    return [line for line in table if line.strip() and not line.startswith(" " * 4)]
