"""A real SLURM on one machine, in a folder of its own, for tests."""

import fcntl
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
# Where SLURM looks by itself; Snakemake takes SLURM's variables from the jobs that it submits,
# so that they find nothing else.
ETC = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf")
CONF = """
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={home}/munge/socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=30
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=2
KillWait=5
MailProg=/bin/true
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName=DEFAULT CPUs=8 RealMemory=40000 Gres=gpu:2
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={port_one}
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={port_two}
PartitionName=standard Nodes=one,two Default=YES MaxTime=INFINITE State=UP
"""
GPUS = "Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process of the tests has a cluster: a machine has room for one."""
    with Path(tempfile.gettempdir(), "radpipe-test-cluster.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def missing() -> str:
    """Say why no cluster can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "only root can start a SLURM; CI runs as root"
    if (ETC / FILES[0]).exists() and not (ETC / FILES[0]).is_symlink():
        return f"another SLURM is configured in {ETC}"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (CI installs slurm-wlm)" if absent else ""


class Cluster:
    """munged, slurmctld and a slurmd for each node, started in `home` and ended by `stop`.

    Node "one" is up; "two", on the same machine, is up once `start_node` was called.
    """

    def __init__(self, home: Path, port: int = 16817) -> None:
        self.home = home
        self.host = platform.node().partition(".")[0]
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("munge", "state", "spool-one", "spool-two"):
            (home / name).mkdir(parents=True)
        values = {"host": self.host, "home": home, "port": port}
        values |= {"port_one": port + 1, "port_two": port + 2}
        (home / "slurm.conf").write_text(CONF.format(**values))
        (home / "gres.conf").write_text(GPUS.format(**values))
        key = home / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)

    def start(self) -> None:
        """Start the three daemons and wait until the node is idle."""
        ETC.mkdir(exist_ok=True)
        for name in FILES:
            (ETC / name).unlink(missing_ok=True)  # left by tests that were killed
            (ETC / name).symlink_to(self.home / name)
        munge = self.home / "munge"
        self.daemon(
            "munged",
            "--foreground",
            "--force",  # folders of a test are not as strict as munge wants
            f"--key-file={munge}/key",
            f"--socket={munge}/socket",
            f"--pid-file={munge}/pid",
            f"--log-file={munge}/log",
            f"--seed-file={munge}/seed",
        )
        self.wait(lambda: (munge / "socket").exists(), "munged")
        self.start_controller()
        self.start_node("one")

    def start_controller(self) -> None:
        """Start slurmctld; one that was killed knows its jobs again."""
        self.daemon("slurmctld", "-D")

    def start_node(self, node: str) -> None:
        """Start a node's slurmd and wait until it takes or has jobs."""
        self.daemon(f"slurmd-{node}", "-D", "-N", node)
        self.wait(lambda: self.node(node) in ("idle", "mix", "alloc"), f"node {node}")

    def end_node(self, node: str) -> None:
        """Kill a node's slurmd and let no job go there; `start_node` brings the node back."""
        self.kill(f"slurmd-{node}")
        self.ask("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")

    def node(self, node: str) -> str:
        """Return the state of a node, such as "idle" or "down*"."""
        return self.ask("sinfo", "--noheader", "--format=%t", f"--nodes={node}").strip()

    def daemon(self, name: str, *arguments: str) -> None:
        """Start one daemon; its output lies beside its log."""
        with (self.home / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                [shutil.which(name.partition("-")[0]) or name, *arguments],
                stdout=out,
                stderr=out,
            )

    def kill(self, name: str) -> None:
        """Kill one daemon without a warning."""
        self.daemons[name].send_signal(signal.SIGKILL)
        self.daemons.pop(name).wait()

    def stop(self) -> None:
        """End all jobs, then the daemons."""
        self.ask("scancel", "--signal=KILL", "--user=root")
        for name in reversed(list(self.daemons)):
            if process := self.daemons.pop(name, None):
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for name in FILES:
            (ETC / name).unlink(missing_ok=True)

    def ask(self, *command: str) -> str:
        """Run one of SLURM's commands; a failure gives what it said."""
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout

    def jobs(self, state: str = "RUNNING") -> dict[str, str]:
        """Return job id to comment (step and run) of jobs in a state."""
        lines = self.ask("squeue", "--noheader", "--format=%A|%k", f"--states={state}").split("\n")
        return dict(line.strip().split("|", 1) for line in lines if "|" in line)

    def wait(self, ready, what: str, seconds: float = 60) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                logs = [f.read_text(errors="replace")[-1500:] for f in self.home.glob("*.log")]
                raise AssertionError(f"{what} did not come up:\n" + "\n".join(logs))
            time.sleep(0.2)
