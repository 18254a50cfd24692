"""Several processes for one run: started with torchrun, watched, and asked to stop."""

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any, NoReturn, cast

from radpipe.core.errors import ConfigError, RadpipeError
from radpipe.core.files import read_json
from radpipe.core.settings import Training
from radpipe.core.step import StoppedError
from radpipe.learning.distributed.devices import take_gpus
from radpipe.learning.runs.one_run import Order
from radpipe.learning.runs.worker import ANSWER

WORKER = "radpipe.learning.runs.worker"
# How often the step looks whether it was asked to stop, seconds.
LOOK = 0.2
# How long torchrun, if SLURM asks it to end, waits for its processes to save, seconds.
PATIENCE = 600
# Lines of the processes that stand in the message if one of them ends.
LAST_LINES = 20
# A line of a process, as torchrun passes it on.
SAID = re.compile(r"\[process \d+\] ?(.*)")
# What an inner srun may know of the job; the rest are options of the outer one.
JOB = ("SLURM_CONF", "SLURM_JOB_ID", "SLURM_CLUSTER_NAME")

log = logging.getLogger("radpipe.launch")


def train_together(order: Order, how: Training, stop: Callable[[], bool]) -> dict[str, Any]:
    """Train a run in several processes; return the facts that `train_run` returns.

    Raises
    ------
    StoppedError
        `stop` said so, or someone told the processes; the state is saved.
    RadpipeError, OSError
        What a process said that the user can mend.
    RuntimeError
        A process failed or died; the message ends with its last lines.

    """
    order.state.mkdir(parents=True, exist_ok=True)
    answers = Path(tempfile.mkdtemp(prefix="launch-", dir=order.state))
    command = [
        *launcher(how, answers),
        *("-m", WORKER, str(answers), *order.arguments()),
    ]
    try:
        code, lines = watch(command, environment(how), stop)
        return outcome(answers, code, lines, stop)
    finally:
        shutil.rmtree(answers, ignore_errors=True)


def launcher(how: Training, logs: Path) -> list[str]:
    """Return the command that starts the processes of every node.

    Raises
    ------
    ConfigError
        Several nodes were asked for, and this is no SLURM job with as many.

    """
    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    torchrun += ["--nproc-per-node", str(how.processes)]
    torchrun += ["--tee", "3", "--log-dir", str(logs / "torchrun")]
    if how.nodes == 1:
        return [*torchrun, "--standalone"]
    job, hosts = slurm_hosts(how)
    nodes = str(how.nodes)
    srun = ["srun", "--nodes", nodes, "--ntasks", nodes, "--ntasks-per-node", "1"]
    srun += ["--cpus-per-task", str(how.threads * how.processes)]
    # A node that fails must not leave the others waiting; this may run inside another srun,
    # which holds the same processors.
    srun += ["--kill-on-bad-exit=1", "--overlap"]
    # Another port for each job, in case two share the first node.
    meeting = f"{hosts[0]}:{20000 + int(job) % 10000}"
    torchrun += ["--nnodes", nodes, "--rdzv-backend", "c10d"]
    return [*srun, *torchrun, "--rdzv-endpoint", meeting, "--rdzv-id", job]


def slurm_hosts(how: Training) -> tuple[str, list[str]]:
    """Return the id of this SLURM job and the names of its nodes."""
    job = os.environ.get("SLURM_JOB_ID", "")
    if not job.isdigit():
        raise ConfigError(
            f"train.nodes: {how.nodes} nodes can be used in a SLURM job only. Run snakemake with"
            " --profile slurm, or set nodes to 1."
        )
    # Asked for by number: the job's variables do not reach every kind of job step.
    nodes = _said("squeue", "--noheader", "--jobs", job, "--format", "%N").strip()
    hosts = _said("scontrol", "show", "hostnames", nodes).split()
    if len(hosts) < how.nodes:
        raise ConfigError(
            f"train.nodes: {how.nodes} nodes are wanted, and SLURM gave job {job} only"
            f" {len(hosts)} ({', '.join(hosts)})."
        )
    return job, hosts


def environment(how: Training) -> dict[str, str]:
    """Return the variables that the processes see."""
    wanted = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_") or k in JOB}
    wanted["TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE"] = "[process ${rank}] "
    wanted["OMP_NUM_THREADS"] = str(how.threads)
    wanted["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] = str(PATIENCE)
    gpus = take_gpus(how.processes) if how.nodes == 1 else []
    if gpus:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = shown.split(",") if shown else [str(number) for number in range(max(gpus) + 1)]
        wanted["CUDA_VISIBLE_DEVICES"] = ",".join(names[number] for number in gpus)
    return wanted


def watch(
    command: list[str], variables: dict[str, str], stop: Callable[[], bool]
) -> tuple[int, list[str]]:
    """Run the processes to their end; return torchrun's exit code and their last lines.

    They are asked to stop by the end of their standard input, not by a signal: torchrun kills
    its processes some time after a signal, and a second signal (SLURM's) ends torchrun itself.
    """
    last: deque[str] = deque(maxlen=LAST_LINES)
    process = subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C is for the step, which then closes their input
    )
    ask, said = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
    reader = Thread(target=relay, args=(said, last), daemon=True)
    reader.start()
    try:
        while process.poll() is None:
            if stop():
                ask.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK)
    finally:
        ask.close()
        process.wait()
        reader.join()
        said.close()
    return process.returncode, list(last)


def relay(lines: Iterable[str], last: deque[str]) -> None:
    """Log messages of the processes; keep what they say, and what torchrun says of their end."""
    levels = {logging.getLevelName(level): level for level in (20, 30, 40)}
    for line in lines:
        found = SAID.fullmatch(line.rstrip("\n"))
        if found is None:
            # torchrun's own report is long; it names the process that ended first at last.
            if "exitcode  :" in line:
                last.append(" ".join(line.split()))
            continue
        level, _, message = found[1].partition(" ")
        if level in levels:
            log.log(levels[level], "%s", message)
        last.append(found[1])


def outcome(answers: Path, code: int, lines: list[str], stop: Callable[[], bool]) -> dict[str, Any]:
    """Judge by what the processes wrote; torchrun's exit code tells less."""
    if (answers / ANSWER).exists():
        answer = read_json(answers / ANSWER)
        if "stopped" in answer:
            raise StoppedError(answer["stopped"])
        facts: dict[str, Any] = answer["facts"]
        return facts
    failures = [read_json(file) for file in sorted(answers.glob("failed-*.json"))]
    # Whoever fails first makes the others fail, too: their connection breaks.
    for failure in failures:
        if failure["kind"] != "bug":
            _raise(failure)
    if stop():
        raise StoppedError("the processes were killed; the state of the last epoch is kept")
    first = failures[0]["message"] if failures else f"torchrun ended with {code}"
    raise RuntimeError("\n  ".join([f"a process of the training failed: {first}", *lines]))


def _raise(failure: dict[str, str]) -> NoReturn:
    raise (RadpipeError if failure["kind"] == "config" else OSError)(failure["message"])


def _said(*command: str) -> str:
    """Return what a command of SLURM prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or error
        raise ConfigError(f"train.nodes: {command[0]} does not answer: {said}") from error
    return done.stdout
