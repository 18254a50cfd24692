"""What training jobs ask of Snakemake."""

import re

import pytest

from radpipe.core.settings import Training
from radpipe.engines.plan import train_resources
from tests.engines.conftest import Engines


def test_several_nodes_are_asked_for_by_the_words_of_the_executor():
    how = {"optimizer": "sgd", "lr": 0.1, "batch_size": 8, "epochs": 1, "processes": 2}
    one, two = (train_resources(Training(**how, nodes=nodes)) for nodes in (1, 2))
    assert {name: value for name, value in one.items() if value is not None} == {"gpu": 2}
    assert {name: value for name, value in two.items() if value is not None} == {
        "gres": "gpu:2",
        "nodes": 2,
        "tasks": 2,
        "tasks_per_gpu": 0,
        "mpi": "srun",
    }


def test_processes_decide_processors_and_gpus(engines: Engines):
    """Prediction stays one process; without --resources, the number of GPUs limits nothing."""
    engines.set("variants.bones-v1.train.processes", 2)
    engines.set("variants.bones-floor.train.nodes", 2)
    engines.set("variants.bones-floor.train.threads", 3)
    text = engines.snakemake("--dry-run", "--cores", "8")
    found = {}
    for step, variant, rest in re.findall(
        r"log: logs/(train|predict)/bones-(v1|floor)-.*\n((?:    .*\n)*)", text
    ):
        threads = re.search(r"threads: (\d+)", rest)
        asked = re.search(r"resources: (.*)", rest)
        found[step, variant] = (threads[1] if threads else "1", asked[1] if asked else "")
    assert found["train", "v1"][0] == "2"
    assert "gpu=2" in found["train", "v1"][1]
    assert "nodes" not in found["train", "v1"][1]
    assert found["train", "floor"][0] == "3"
    assert "gres=gpu:1, nodes=2, tasks=2, tasks_per_gpu=0, mpi=srun" in found["train", "floor"][1]
    assert [found["predict", name][0] for name in ("v1", "floor")] == ["1", "3"]


@pytest.mark.engine
def test_a_step_that_uses_all_processors_waits_for_half_of_them_only(engines: Engines):
    """Or it would wait on this machine until nothing of later studies runs any more."""
    text = engines.snakemake("--cores", "4", "data/bones/store")
    assert re.search(r"log: logs/ingest/bones\.log\n(?:    .*\n)*    threads: 2\n", text), text
    text = engines.snakemake("--cores", "8", "--dry-run", "--forcerun", "ingest")
    assert re.search(r"log: logs/ingest/bones\.log\n(?:    .*\n)*    threads: 8\n", text), text
