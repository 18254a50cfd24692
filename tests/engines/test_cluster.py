"""The pipeline on a real SLURM: same bytes, whatever happens to jobs."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from radpipe.core.files import read_json
from radpipe.core.jobs import CLAIMS, alive
from tests.engines.cluster import Cluster, missing, one_at_a_time
from tests.engines.conftest import Engines

# A cluster without accounting, and nobody's patience.
PLAIN = (
    *("--slurm-status-command", "squeue", "--slurm-no-account"),
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--latency-wait", "5"),
)
# The executor asks ten seconds later each time that no job has ended; here it asks every second.
IMPATIENT = """
if executor := sys.modules.get("snakemake_executor_plugin_slurm"):
    executor.Executor.next_seconds_between_status_checks = property(
        lambda executor: 1, lambda executor, seconds: None
    )
"""
PREDICTIONS = "results/runs/*/*/predictions.parquet"
WEIGHTS = "results/runs/*/*/weights.safetensors"
RUN = "bones-v1-fold-0-seed-0"
STATE = ".state/train/*/*/state.safetensors"
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
    with (root / "workflow/rules/common.smk").open("a") as stream:
        stream.write(IMPATIENT)
    project.commit("one variant")
    project.snakemake(PREDICTED)


@pytest.fixture(scope="module")
def local(once) -> Engines:
    """Return a project that was made without a cluster."""
    return Engines.at(once("local", make_locally))


class OnCluster(Engines):
    """A project whose commands find a cluster."""

    cluster: Cluster
    started: list[subprocess.Popen[bytes]]
    halted: list[int]

    def command(self, *arguments: str) -> list[str]:
        return ["snakemake", "--cores", "8", "--profile", "slurm", *PLAIN, *arguments]

    def slurm(self, *arguments: str, check: bool = True) -> str:
        return self.run(*self.command(*arguments), check=check)

    def start_slurm(self, *arguments: str) -> subprocess.Popen[bytes]:
        self.started.append(self.start(*self.command(*arguments)))
        return self.started[-1]

    def end(self) -> None:
        """End what a test that failed has left."""
        for process in self.started:
            if process.poll() is None:
                self.kill(process, signal.SIGKILL)
        for halted in filter(alive, self.halted):
            os.kill(halted, signal.SIGKILL)
        self.cluster.ask("scancel", "--signal=KILL", "--user=root")

    def pause(self, older: int = 0) -> tuple[str, int]:
        """Halt the training once it has saved its state; return its job's id and process.

        The process is not the `older` one. Halted, it needs no processor while SLURM's clocks
        run, and is in the middle of its training whatever happens to it then.
        """
        self.cluster.wait(lambda: self.has_saved(older), "a training job", 300)
        claim = self.claim()
        os.kill(claim["process"], signal.SIGSTOP)
        self.halted.append(claim["process"])
        assert list(self.root.glob(STATE)), "trained faster than it could be halted"
        return claim["slurm_job"], claim["process"]

    def claim(self) -> dict[str, Any]:
        """Say who trains."""
        file = self.root / CLAIMS / f"train/{RUN}.json"
        found: dict[str, Any] = read_json(file) if file.exists() else {"process": 0}
        return found

    def has_saved(self, older: int) -> bool:
        """Tell whether another process than the older one trains, and has saved its state."""
        saved = [file.stat().st_mtime_ns for file in self.root.glob(STATE)]
        claimed = (self.root / CLAIMS / f"train/{RUN}.json").stat().st_mtime_ns if saved else 0
        return self.claim()["process"] not in (0, older) and bool(saved) and saved[0] > claimed

    def slurm_said(self, job: str) -> str:
        """Return SLURM's own log of a job of `train`."""
        (file,) = self.root.glob(f"logs/slurm/rule_train/*/{job}.log")
        return file.read_text()

    def everything(self) -> dict[str, tuple[int, bytes]]:
        """Return time and content of all that steps have made, and of what they remember."""
        files = [f for top in ("results", ".state") for f in (self.root / top).rglob("*")]
        return {
            str(f): (f.stat().st_mtime_ns, f.read_bytes() if f.is_file() else b"")
            for f in sorted(files)
        }

    def debug(self) -> str:
        """Return all that Snakemake has logged; with --verbose that is more than it says."""
        return "".join(f.read_text() for f in self.root.glob(".snakemake/log/*.log"))

    def log(self) -> str:
        """Return what the newest attempt to train said."""
        return (self.root / f"logs/train/{RUN}.log").read_text()


@pytest.fixture
def project(cluster, local, tmp_path) -> Iterator[OnCluster]:
    """Yield a project with everything that was made locally, except the run."""
    shutil.copytree(local.root, tmp_path / "project", symlinks=True)
    found = OnCluster.at(tmp_path / "project")
    found.cluster, found.started, found.halted = cluster, [], []
    for name in (str(Path(PREDICTED).parent), "results/receipts/train", ".state", "logs"):
        shutil.rmtree(found.root / name)
    try:
        yield found
    finally:
        found.end()


def free_port() -> int:
    """Return the first of three free ports."""
    for port in range(16817 + 10 * (os.getpid() % 100), 60000, 3):
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
            if all(s.connect_ex(("127.0.0.1", port + k)) for k, s in enumerate(sockets)):
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
    # What uses all processors asks a cluster for as many as it says itself.
    assert '"processors_asked": 8' in receipt(project, "ingest")


def test_a_run_that_was_requeued_and_then_cancelled_goes_on(project, local):
    """SLURM starts a requeued job again; Snakemake sends one that was cancelled once more."""
    process = project.start_slurm(PREDICTED)
    job, first = project.pause()
    project.cluster.ask("scontrol", "requeue", job)
    project.cluster.wait(lambda: job in project.cluster.jobs("PENDING"), "the requeued job")
    project.cluster.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
    same, _ = project.pause(first)
    assert same == job
    assert "resumed: epoch=" in project.log()
    project.cluster.ask("scancel", job)
    assert process.wait(300) == 0
    assert job in project.cluster.jobs("CANCELLED")
    assert "stopped, state saved" in project.slurm_said(job)
    assert project.claim()["slurm_job"] != job
    assert "resumed: epoch=" in project.log()
    assert_equal(project, local)


def test_a_run_that_meets_its_time_limit_goes_on_with_more_time(project, local):
    """SLURM warns, training saves, and the next attempt has twice the time."""
    process = project.start_slurm(PREDICTED)
    job, first = project.pause()
    # A limit is at least a minute; the job's end can be put nearer.
    project.cluster.ask("scontrol", "update", f"JobId={job}", "EndTime=now")
    project.cluster.wait(lambda: job in project.cluster.jobs("TIMEOUT"), "the time limit", 90)
    assert "DUE TO TIME LIMIT" in project.slurm_said(job)
    assert "stopped, state saved" in project.slurm_said(job)
    again, second = project.pause(first)
    assert "TimeLimit=1-00:00:00" in project.cluster.ask("scontrol", "show", "job", again)
    os.kill(second, signal.SIGCONT)
    assert process.wait(300) == 0
    assert "resumed: epoch=" in project.log()
    assert_equal(project, local)


def test_a_job_survives_the_death_of_slurms_daemons(project, local):
    """The controller and the node's daemon are killed, and come back soon: nothing is lost."""
    cluster = project.cluster
    process = project.start_slurm(PREDICTED, "--verbose")
    job, trainer = project.pause()
    time.sleep(5)  # within these the controller writes down what it knows
    cluster.kill("slurmctld")
    cluster.kill("slurmd-one")
    cluster.wait(lambda: "query command failed" in project.debug(), "a vain question", 120)
    cluster.start_controller()
    cluster.start_node("one")
    os.kill(trainer, signal.SIGCONT)
    assert process.wait(300) == 0
    assert f'"slurm_job": "{job}"' in receipt(project, "train")
    assert "resumed" not in project.log()
    assert_equal(project, local)


def test_a_node_that_was_taken_for_dead_spoils_nothing(project, local):
    """Its job runs again on another node, and ends; then the old process wakes up."""
    cluster = project.cluster
    process = project.start_slurm(PREDICTED)
    job, first = project.pause()
    # As after SlurmdTimeout, without waiting for it: the controller takes the node for dead and
    # starts its job again; the processes on the node do not hear of it.
    cluster.end_node("one")
    cluster.start_node("two")
    cluster.wait(lambda: job in cluster.jobs("PENDING"), "the requeued job", 120)
    cluster.wait(lambda: "Node failure on one" in project.slurm_said(job), "SLURM's words")
    cluster.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
    assert process.wait(300) == 0
    assert project.claim()["slurm_job"] == job
    assert project.claim()["process"] != first
    assert "resumed: epoch=" in project.log()
    assert_equal(project, local)
    made = project.everything()
    old = [first, *parents(first)]
    assert len(old) > 1, "the Snakemake that would clear up after it is not there any more"
    os.kill(first, signal.SIGCONT)
    cluster.wait(lambda: not any(map(alive, old)), "the end of the old process")
    assert project.everything() == made
    cluster.start_node("one")
    cluster.end_node("two")


def test_trainings_can_be_submitted_as_one_job_array(project, local):
    """As slurm/config.yaml offers; the seed that was made locally comes out the same."""
    project.params["variants"]["bones-v1"]["train"]["epochs"] = 30
    project.set("plan.seeds", [0, 1])
    predictions = [PREDICTED, PREDICTED.replace("seed-0", "seed-1")]
    process = project.start_slurm(*predictions, "--slurm-array-jobs", "train")
    first, _ = project.pause()
    assert re.fullmatch(r"\d+_\d+", first), "SLURM's name for a member of an array"
    os.kill(project.halted[0], signal.SIGCONT)
    assert process.wait(300) == 0
    arrays = re.findall(r'"slurm_job": "(\d+)_(\d+)"', receipt(project, "train"))
    assert len(arrays) == 2
    assert len({job for job, _ in arrays}) == 1
    assert project.bytes_of(PREDICTED) == local.bytes_of(PREDICTED)


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


def parents(process: int) -> list[int]:
    """Return the ids of the processes that wait for one, up to SLURM's own."""
    found: list[int] = []
    while True:
        name, _, rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")
        if found and "slurmstepd" in name:
            return found[:-1]
        process = int(rest.split()[1])
        found.append(process)


def receipt(project: Engines, step: str) -> str:
    """Return the text of a step's receipts."""
    return "".join(f.read_text() for f in (project.root / "results/receipts" / step).glob("*"))
