"""What people do with two engines and Git, one after the other: nothing is made twice."""

import shutil
import signal
import sys
import time

import pytest

from tests.engines.conftest import Engines

NOTHING = "up to date"


def nothing_to_do(engines: Engines) -> None:
    assert engines.planned() == set()
    assert NOTHING in engines.dvc("status")


@pytest.mark.engine
def test_snakemake_then_record_then_dvc(engines):
    engines.snakemake()
    engines.radpipe("record")
    nothing_to_do(engines)
    assert "didn't change" in (text := engines.dvc("repro")) or NOTHING in text
    assert "Running stage" not in text
    nothing_to_do(engines)


@pytest.mark.engine
def test_dvc_then_snakemake(engines):
    engines.dvc("repro", "--quiet")
    nothing_to_do(engines)
    engines.radpipe("record")
    nothing_to_do(engines)


@pytest.mark.engine
def test_record_refuses_what_is_not_there(engines):
    assert "fetch bones: no receipt" in engines.radpipe("record", check=False)


@pytest.mark.engine
def test_experiments_old_commits_and_clones(engines, tmp_path_factory):
    """`exp run` and `exp apply`, an older commit, and a fresh clone, each then in step."""
    remote = tmp_path_factory.mktemp("remote")
    engines.dvc("remote", "add", "--default", "shared", str(remote))
    engines.snakemake()
    engines.radpipe("record")
    engines.commit("first run")

    key = "variants.bones-v1.train.epochs"
    engines.dvc("exp", "run", "--quiet", "--name", "longer", "-S", f"{key}=3")
    assert engines.planned() == set()
    engines.radpipe("record")
    engines.git("stash", "--include-untracked", "--quiet")
    engines.dvc("checkout", "--quiet")
    nothing_to_do(engines)
    engines.dvc("exp", "apply", "longer")
    nothing_to_do(engines)
    table = engines.radpipe("experiments").splitlines()
    assert table[0].split() == ["experiment", "floor", "v1"]
    assert any(line.split()[:1] == ["longer"] and line.count("[") == 2 for line in table)
    assert f"{key}: 2 -> 3" in " ".join(table)
    engines.commit("longer training")
    engines.dvc("push", "--quiet")

    engines.git("checkout", "--quiet", "HEAD~1")
    engines.radpipe("sync")
    nothing_to_do(engines)
    engines.dvc("push", "--quiet")
    engines.git("checkout", "--quiet", "main")
    engines.radpipe("sync")

    clone = tmp_path_factory.mktemp("clone")
    engines.git("clone", "--quiet", str(engines.root), str(clone / "project"))
    fresh = Engines.at(clone / "project")
    fresh.radpipe("sync")
    nothing_to_do(fresh)
    assert fresh.bytes_of("results/**/*") == engines.bytes_of("results/**/*")


@pytest.mark.engine
def test_a_killed_run_goes_on_and_a_second_run_is_turned_away(engines):
    """The lock of a dead run is lifted; the lock of a living one is not."""
    (engines.root / "slow").write_text("ingest")
    command = [sys.executable, "-m", "radpipe.app", "run"]
    first = engines.start(*command)
    deadline = time.monotonic() + 120
    while not (engines.root / "logs/ingest").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    second = engines.run(*command, check=False)
    assert "Another run is at work in this folder" in second
    engines.kill(first, signal.SIGKILL)
    assert any((engines.root / ".snakemake/locks").iterdir())
    (engines.root / "slow").unlink()
    text = engines.run(*command)
    assert "its lock on the folder is lifted" in text
    assert engines.planned() == set()
    shutil.rmtree(engines.root / "data")
    assert "ingest/bones" in engines.planned()
