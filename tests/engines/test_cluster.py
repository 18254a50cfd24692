"""The pipeline on a real SLURM of one node: same bytes, whatever happens to jobs."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster, missing, one_at_a_time
from tests.engines.conftest import Engines

# A cluster without accounting, and nobody's patience.
PLAIN = (
    *("--slurm-status-command", "squeue", "--slurm-no-account"),
    *("--slurm-init-seconds-before-status-checks", "10"),
    *("--latency-wait", "5"),
)
PREDICTIONS = "results/runs/*/*/predictions.parquet"
WEIGHTS = "results/runs/*/*/weights.safetensors"
RUN = "bones-v1-fold-0-seed-0"
PREDICTED = "results/runs/bones-v1/fold-0-seed-0/predictions.parquet"

pytestmark = [pytest.mark.engine, pytest.mark.skipif(bool(missing()), reason=missing())]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Start a SLURM, and end it."""
    with one_at_a_time():
        found = Cluster(tmp_path_factory.mktemp("slurm"), free_port())
        try:
            found.start()
            yield found
        finally:
            found.stop()


def make_locally(root: Path) -> None:
    """Make a project without a cluster: one variant that trains for some seconds."""
    project = Engines(root, stubs=False)
    project.params["variants"].pop("bones-floor")
    project.params["variants"]["bones-v1"]["train"] = {"epochs": 30, "stop_patience": None}
    project.set("plan.variants", ["bones-v1"])
    project.commit("one variant")
    project.snakemake(PREDICTED)


@pytest.fixture(scope="module")
def local(once) -> Engines:
    """Return a project that was made without a cluster."""
    return Engines.at(once("local", make_locally))


class OnCluster(Engines):
    """A project whose commands find a cluster."""

    cluster: Cluster

    def command(self, *arguments: str) -> list[str]:
        return ["snakemake", "--cores", "8", "--profile", "slurm", *PLAIN, *arguments]

    def slurm(self, *arguments: str, check: bool = True) -> str:
        return self.run(*self.command(*arguments), check=check)

    def start_slurm(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self.start(*self.command(*arguments))

    def training(self) -> str:
        """Wait until a run of v1 has saved its state at least once; return its job's id."""
        self.cluster.wait(lambda: self.saved() and self.job(), "a training job", 300)
        return self.job()

    def saved(self) -> bool:
        return any(self.root.glob(".state/train/*/*/state.safetensors"))

    def job(self) -> str:
        return next((j for j, what in self.cluster.jobs().items() if "v1" in what), "")


@pytest.fixture
def project(cluster, local, tmp_path) -> OnCluster:
    """Return a project with everything that was made locally, except the run."""
    shutil.copytree(local.root, tmp_path / "project", symlinks=True)
    found = OnCluster.at(tmp_path / "project")
    found.cluster = cluster
    for name in ("results/runs", "results/receipts/train", ".state", "logs"):
        shutil.rmtree(found.root / name)
    return found


def free_port() -> int:
    """Return the first of two free ports."""
    for port in range(16817 + 10 * (os.getpid() % 100), 60000, 2):
        with socket.socket() as one, socket.socket() as two:
            if one.connect_ex(("127.0.0.1", port)) and two.connect_ex(("127.0.0.1", port + 1)):
                return port
    raise AssertionError("no free port")


def assert_equal(project: OnCluster, local: Engines) -> None:
    """Check that weights and predictions are those of the uninterrupted local run."""
    for pattern in (WEIGHTS, PREDICTIONS):
        ours, theirs = project.bytes_of(pattern), local.bytes_of(pattern)
        assert theirs
        assert ours == theirs
    assert not list(project.root.glob(".state/train/*/*"))


def test_the_literal_command_makes_the_same_bytes(cluster, local, tmp_path):
    """`snakemake --cores 8 --profile slurm` in a fresh project; fetch stays on this host."""
    root = tmp_path / "project"
    local.git("clone", "--quiet", str(local.root), str(root))
    project = OnCluster.at(root)
    project.cluster = cluster
    project.slurm(PREDICTED)
    assert_equal(project, local)
    assert project.bytes_of("data/bones/store/*.npy") == local.bytes_of("data/bones/store/*.npy")
    assert '"slurm_job": null' in receipt(project, "fetch")
    for step in ("index", "ingest", "split", "train", "predict"):
        assert re.search(r'"slurm_job": "\d+"', receipt(project, step)), step


def test_a_requeued_run_goes_on_where_it_saved(project, local):
    process = project.start_slurm(PREDICTED)
    job = project.training()
    project.cluster.ask("scontrol", "requeue", job)
    project.cluster.wait(lambda: job in project.cluster.jobs("PENDING"), "the requeued job")
    project.cluster.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
    assert process.wait(600) == 0
    assert "resumed: epoch=" in (project.root / f"logs/train/{RUN}.log").read_text()
    assert_equal(project, local)


def test_too_little_memory_is_tried_again_with_more(project, local):
    """The first attempt is killed, the next asks for more, and SLURM's words name the cause."""
    text = project.slurm(PREDICTED, "--set-resources", "train:mem_mb=200 * 10 ** (attempt - 1)")
    assert "Trying to restart" in text
    said = "".join(file.read_text() for file in project.root.glob("logs/slurm/rule_train/*/*.log"))
    assert "exceeded memory limit" in said
    assert_equal(project, local)


def test_a_job_that_fails_for_good_is_explained_in_one_message(project):
    """Even one that SLURM killed before the step itself began."""
    rule = project.root / "workflow/rules/train.smk"
    rule.write_text(rule.read_text().replace("retries: 2", "retries: 0"))
    text = project.slurm(PREDICTED, "--set-resources", "train:mem_mb=150", check=False)
    (message,) = re.findall(rf"^train {RUN} failed: .*", text, flags=re.M)
    assert "out of memory (" in message
    assert re.search(r"SLURM job \d+\)$", message)
    assert "what to do: give the step more: slurm/config.yaml" in text


def receipt(project: Engines, step: str) -> str:
    """Return the text of a step's receipts."""
    return "".join(f.read_text() for f in (project.root / "results/receipts" / step).glob("*"))
