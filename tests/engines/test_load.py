"""What is done to a plan at work: killed, out of disk, started twice, cut off from its remote.

Nothing may be left half-written, nothing may be lost, and in the end there are the same bytes. Each
is tried once here and twenty times by `make walks` (RADPIPE_LOAD says how often).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from radpipe.core.files import IGNORED
from tests.engines.conftest import Engines
from tests.engines.test_traps import results

TIMES = range(int(os.environ.get("RADPIPE_LOAD", "1")))
# `radpipe run` without its digest, for which stubs have no numbers.
RUN = (
    "from radpipe.core.params import load_params; from radpipe.engines.run import run;"
    "run(load_params(), verbose=True)"
)
COMMANDS = {
    "snakemake": [sys.executable, "-c", RUN],
    "dvc": [sys.executable, "-m", "dvc", "repro"],
}
by_engine = pytest.mark.parametrize("engine", sorted(COMMANDS))
again = pytest.mark.parametrize("number", TIMES)


@pytest.fixture
def honest(recorded) -> dict[str, bytes]:
    """Return what the plan comes to when nothing goes wrong."""
    return results(recorded)


def same_in_the_end(project: Engines, engine: str, honest: dict[str, bytes]) -> None:
    """Start once more, and compare."""
    project.run(*COMMANDS[engine])
    assert results(project) == honest
    assert project.planned() == set()
    hidden = [path for path in (project.root / "results").rglob(".*") if path.is_file()]
    assert [path for path in hidden if path.name not in IGNORED] == []
    project.radpipe("record")
    assert "up to date" in project.dvc("status")


@pytest.mark.engine
@pytest.mark.parametrize("engine", sorted(COMMANDS) if len(TIMES) > 1 else ["snakemake"])
@again
def test_killed_at_any_moment(tmp_path, honest, engine, number):
    """All processes at once and without warning, three times in one plan.

    DVC (3.67) writes two of its files in place. Killed at that moment it refuses to start until
    they are deleted (docs/how-to/experiments.md); here DVC is killed by `make walks` alone, so that
    one moment in some dozens does not stop everybody's tests.
    """
    project, chance = Engines(tmp_path / "killed"), np.random.default_rng(number)
    for _ in range(3):
        process = project.start(*COMMANDS[engine])
        time.sleep(chance.uniform(1.0, 12.0))
        project.kill(process, signal.SIGKILL)
        _mend_as_documented(project)
    same_in_the_end(project, engine, honest)


def _mend_as_documented(project: Engines) -> None:
    """Delete what `radpipe doctor` names after DVC was killed or found no room to write.

    Git does not know it yet.
    """
    said = project.radpipe("doctor", check=False)
    for name in (".dvc/tmp/rwlock", "dvc.lock"):
        if f"{name}: half" in " ".join(said.split()):
            (project.root / name).unlink()


@pytest.mark.engine
@pytest.mark.parametrize(
    "engines", [("snakemake", "snakemake"), ("dvc", "dvc"), ("dvc", "snakemake")]
)
@again
def test_two_starts_at_once(tmp_path, honest, engines, number):
    project, chance = Engines(tmp_path / "twice"), np.random.default_rng(number)
    started = []
    for engine in engines:
        started.append(project.start(*COMMANDS[engine]))
        time.sleep(chance.uniform(0.0, 4.0))
    for process in started:
        process.wait()
    same_in_the_end(project, engines[0], honest)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system of its own, and end whatever is left of it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a disk that fills: this user may not mount one")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.engine
@by_engine
@again
def test_a_disk_that_fills(disk, honest, engine, number):
    """What finds no room says so, and goes on once there is some.

    The project's code is compiled already: Python 3.11 leaves half a file of compiled code on a
    full disk, and then cannot import it.
    """
    project, chance = Engines(disk / "project"), np.random.default_rng(number)
    ballast, said = disk / "ballast", ""
    for free in sorted(1024 * chance.integers(8, 200, 3)):
        at = os.statvfs(disk)
        ballast.write_bytes(bytes(max(at.f_bavail * at.f_frsize - int(free), 0)))
        said += project.run(*COMMANDS[engine], check=False)
        ballast.unlink()
    assert "No space left on device" in said
    _mend_as_documented(project)
    same_in_the_end(project, engine, honest)


@pytest.mark.engine
@again
def test_a_remote_that_breaks_off(recorded, tmp_path, number):
    """In the middle of a push, and of a pull into a fresh clone."""
    chance = np.random.default_rng(number)
    recorded.dvc("remote", "add", "--default", "shared", str(tmp_path / "remote"))
    recorded.commit("name a remote")
    for _ in range(2):
        process = recorded.start(sys.executable, "-m", "dvc", "push")
        time.sleep(chance.uniform(0.5, 3.0))
        recorded.kill(process, signal.SIGKILL)
    recorded.radpipe("record")
    recorded.dvc("push", "--quiet")
    assert "in sync" in recorded.dvc("status", "--cloud")

    folder = tmp_path / "clone"
    recorded.git("clone", "--quiet", str(recorded.root), str(folder))
    fresh = Engines.at(folder)
    for _ in range(2):
        process = fresh.start(sys.executable, "-m", "radpipe.app", "sync")
        time.sleep(chance.uniform(0.5, 5.0))
        fresh.kill(process, signal.SIGKILL)
    fresh.radpipe("sync")
    assert results(fresh) == results(recorded)
    assert fresh.planned() == set()
    assert "up to date" in fresh.dvc("status")
