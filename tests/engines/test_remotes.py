"""Where data go: restricted studies to a remote of their own, everything by SSH, too."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engines.conftest import Engines
from tests.engines.test_sequences import nothing_to_do

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host
AuthorizedKeysFile {home}/user.pub
PidFile {home}/pid
StrictModes no
UsePAM no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""


# DVC that is killed while it gathers what to push or to fetch: after a few outputs of many.
KILLED = """
import os, signal, sys
from dvc.cli import main
from dvc_data.index import DataIndex

commit, done = DataIndex.commit, []

def commit_and_die(index):
    commit(index)
    done.append(index)
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

DataIndex.commit = commit_and_die
main(sys.argv[1:])
"""


def files_of(remote: Path) -> int:
    return sum(1 for path in remote.rglob("*") if path.is_file())


@pytest.mark.engine
def test_a_restricted_study_never_reaches_the_default_remote(engines, tmp_path_factory):
    """Everything below data/ lies on the study's own remote, the rest on the default one."""
    default, own = (tmp_path_factory.mktemp(name) for name in ("default", "own"))
    engines.dvc("remote", "add", "--default", "store", str(default))
    engines.dvc("remote", "add", "secure", str(own))
    engines.set("studies.bones.remote", "secure")
    engines.snakemake()
    engines.radpipe("record")
    engines.commit("restricted")
    engines.dvc("push", "--quiet")
    data = engines.bytes_of("data/**/*")
    held = b"".join(file.read_bytes() for file in default.rglob("*") if file.is_file())
    kept = b"".join(file.read_bytes() for file in own.rglob("*") if file.is_file())
    assert data
    for path, content in data.items():
        assert content not in held, path
        assert content in kept, path
    assert files_of(default)
    shutil.rmtree(engines.root / ".dvc/cache")
    shutil.rmtree(engines.root / "data")
    engines.radpipe("sync")
    nothing_to_do(engines)


@pytest.mark.engine
def test_a_list_that_a_kill_cut_short_is_not_taken_for_the_whole(recorded, tmp_path):
    """DVC 3.67 keeps the part that it gathered, and then pushes and pulls no more than that."""
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    recorded.dvc("remote", "add", "--default", "store", str(remote))
    recorded.commit("name a remote")
    recorded.run(sys.executable, "-c", KILLED, "push", check=False)
    recorded.radpipe("record")
    recorded.dvc("push", "--quiet")
    assert "in sync" in recorded.dvc("status", "--cloud")

    recorded.git("clone", "--quiet", str(recorded.root), str(clone))
    fresh = Engines.at(clone)
    fresh.run(sys.executable, "-c", KILLED, "pull", check=False)
    assert "is asked once more" in fresh.radpipe("sync")
    nothing_to_do(fresh)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def server(tmp_path_factory):
    """Start an SSH server on this machine's loopback; return address and key."""
    if not Path(SSHD).exists() or os.geteuid() != 0:
        pytest.skip("no sshd, or not root; CI installs openssh-server and runs as root")
    home = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (home / "config").write_text(CONFIG.format(port=port, home=home))
    Path("/run/sshd").mkdir(exist_ok=True)
    daemon = subprocess.Popen([SSHD, "-D", "-f", str(home / "config"), "-E", str(home / "log")])
    try:
        deadline = time.monotonic() + 20
        while not answers(port):
            assert time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.1)
        yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}{home}/store", home / "user"
    finally:
        daemon.terminate()
        daemon.wait()


@pytest.mark.engine
def test_a_clone_fetches_everything_by_ssh(engines, server, tmp_path_factory):
    address, key = server
    engines.dvc("remote", "add", "--default", "store", address)
    engines.snakemake()
    engines.radpipe("record")
    engines.commit("first run")
    engines.dvc("remote", "modify", "--local", "store", "keyfile", str(key))
    assert "remote store can be written" in engines.radpipe("doctor", check=False)
    engines.dvc("push", "--quiet")

    folder = tmp_path_factory.mktemp("clone") / "project"
    engines.git("clone", "--quiet", str(engines.root), str(folder))
    clone = Engines.at(folder)
    clone.dvc("remote", "modify", "--local", "store", "keyfile", str(key))
    clone.radpipe("sync")
    nothing_to_do(clone)
    assert clone.bytes_of("results/**/*") == engines.bytes_of("results/**/*")
