"""What people do with two engines and Git, one after the other: nothing is made twice."""

import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.engines.conftest import Engines
from tests.engines.test_traps import NO_RESULT

# `radpipe run` without its last lines, the scores, which stubs have no numbers for.
RUN = [
    sys.executable,
    "-c",
    "from radpipe.core.params import load_params; from radpipe.engines.run import run;"
    "run(load_params(), verbose=True)",
]

NOTHING = "up to date"


def nothing_to_do(engines: Engines) -> None:
    assert engines.planned() == set()
    assert NOTHING in engines.dvc("status")


@pytest.mark.engine
def test_snakemake_then_record_then_dvc(recorded):
    nothing_to_do(recorded)
    assert "didn't change" in (text := recorded.dvc("repro")) or NOTHING in text
    assert "Running stage" not in text
    nothing_to_do(recorded)


@pytest.mark.engine
def test_dvc_then_snakemake(engines, tmp_path):
    """Also in a clone of what DVC made."""
    engines.dvc("remote", "add", "--default", "shared", str(tmp_path / "remote"))
    engines.dvc("repro", "--quiet")
    nothing_to_do(engines)
    engines.radpipe("record")
    nothing_to_do(engines)
    engines.commit("first run")
    engines.dvc("push", "--quiet")
    fresh = clone_of(engines, tmp_path / "clone")
    fresh.radpipe("sync")
    nothing_to_do(fresh)
    assert fresh.bytes_of("results/**/*") == engines.bytes_of("results/**/*")


def clone_of(engines: Engines, folder: Path) -> Engines:
    engines.git("clone", "--quiet", str(engines.root), str(folder))
    return Engines.at(folder)


@pytest.mark.engine
def test_record_refuses_what_is_not_there(engines):
    assert "fetch bones: no receipt" in engines.radpipe("record", check=False)


@pytest.mark.engine
def test_experiments_old_commits_and_clones(recorded, tmp_path_factory):
    """`exp run` and `exp apply`, an older commit, and a fresh clone, each then in step."""
    remote = tmp_path_factory.mktemp("remote")
    recorded.dvc("remote", "add", "--default", "shared", str(remote))
    recorded.commit("name a remote")

    key = "variants.bones-v1.train.epochs"
    recorded.dvc("exp", "run", "--quiet", "--name", "longer", "-S", f"{key}=3")
    assert recorded.planned() == set()
    recorded.radpipe("record")
    recorded.git("stash", "--include-untracked", "--quiet")
    recorded.dvc("checkout", "--quiet")
    nothing_to_do(recorded)
    recorded.dvc("exp", "apply", "longer")
    recorded.radpipe("sync")
    nothing_to_do(recorded)
    table = recorded.radpipe("experiments").splitlines()
    # The best first, and stubs score at random.
    assert table[0].split()[0] == "experiment"
    assert set(table[0].split()[1:]) == {"floor", "v1"}
    assert any(line.split()[:1] == ["longer"] and line.count("[") == 2 for line in table)
    assert f"{key}: 2 -> 3" in " ".join(table)
    recorded.commit("longer training")
    recorded.dvc("push", "--quiet")

    recorded.git("checkout", "--quiet", "HEAD~1")
    recorded.radpipe("sync")
    nothing_to_do(recorded)
    recorded.dvc("push", "--quiet")
    recorded.git("checkout", "--quiet", "main")
    recorded.radpipe("sync")

    fresh = clone_of(recorded, tmp_path_factory.mktemp("clone") / "project")
    fresh.dvc("pull", "--quiet")
    assert fresh.planned() == set()
    fresh.radpipe("sync")
    nothing_to_do(fresh)
    assert fresh.bytes_of("results/**/*") == recorded.bytes_of("results/**/*")


@pytest.mark.engine
def test_another_learning_rate_makes_only_what_depends_on_it(recorded):
    """Both engines make the same runs, one training among them, and the same bytes."""
    key = "variants.bones-v1.train.lr"
    text = recorded.dvc("exp", "run", "-S", f"+{key}=0.01")
    by_dvc = [name.rstrip("':") for name in re.findall(r"Running stage '(\S+)", text)]
    assert by_dvc == [
        "plan",
        "recipe@bones-v1",
        "train@bones-v1-0-0",
        "predict@bones-v1-0-0",
        "evaluate@bones-v1",
        "compare",
        "report",
    ]
    made = recorded.bytes_of("results/**/*.json")
    recorded.git("checkout", "--quiet", ".")
    recorded.dvc("checkout", "--quiet")
    recorded.set(key, 0.01)
    text = recorded.snakemake()
    assert re.findall(r"finished (\S+ \S+):", text) == [
        "train bones-v1-fold-0-seed-0",
        "predict bones-v1-fold-0-seed-0",
        "evaluate bones-v1",
        "compare all",
        "report all",
    ]
    by_snakemake = recorded.bytes_of("results/**/*.json")
    # Receipts hold times; plan and recipes are DVC's own until the next record.
    compared = {name for name in made if not NO_RESULT & set(Path(name).parts)}
    assert {n: by_snakemake[n] for n in compared} == {n: made[n] for n in compared}


@pytest.mark.engine
def test_an_edit_that_changes_no_recipe_retrains_nothing_in_dvc(recorded):
    """An edit without effect in an adapter runs index, ingest and split again, and no training."""
    adapter = recorded.root / "src/radpipe/studies/folders/__init__.py"
    adapter.write_text(adapter.read_text() + "\nEDITED = 1\n")
    text = recorded.dvc("repro")
    assert "Running stage 'ingest@bones'" in text
    assert "Running stage 'train@" not in text
    nothing_to_do(recorded)


@pytest.mark.engine
def test_until_a_step_makes_all_of_it_at_once(recorded):
    """Also when its runs must wait for a checkpoint that comes first."""
    recorded.set("studies.bones.split.seed", 7)
    recorded.set("variants.bones-v1.train.epochs", 4)
    recorded.snakemake("--until", "train")
    assert recorded.planned("--until", "train") == set()
    made = {name.partition("/")[0] for name in recorded.planned()}
    assert made == {"explore", "predict", "evaluate", "compare", "report"}
    recorded.snakemake()
    assert recorded.planned() == set()


@pytest.mark.engine
def test_a_refused_record_names_each_disagreement_and_the_way_out(recorded):
    """A setting, code, a recipe and a file that changed since they were recorded."""
    before = recorded.bytes_of("dvc.lock")
    recorded.set("evaluation.seed", 2)
    recorded.set("variants.bones-v1.train.epochs", 3)
    module = recorded.root / "src/radpipe/splitting/parts.py"
    module.write_text(module.read_text() + "\nEDITED = 1\n")
    (recorded.root / "data/bones/cases.parquet").write_bytes(b"others")
    (recorded.root / "results/runs/bones-floor/fold-0-seed-0/recipe.json").write_text("{}")
    lines = recorded.radpipe("record", check=False).splitlines()
    assert "refused" in lines[0]
    assert {line.strip() for line in lines} >= {
        "index bones: output data/bones/cases.parquet: changed",
        "ingest bones: input data/bones/cases.parquet: changed",
        "split bones: code src/radpipe/splitting/parts.py: changed",
        "train bones-v1-fold-0-seed-0: recipe.bones-v1.train.epochs: 2 when made, 3 now",
        "train bones-floor-fold-0-seed-0: output"
        " results/runs/bones-floor/fold-0-seed-0/recipe.json: changed",
        "evaluate bones-v1: evaluation.seed: 1 when made, 2 now",
    }
    assert lines[-1].startswith("The way out: run snakemake (or dvc repro)")
    assert recorded.bytes_of("dvc.lock") == before


def started_until_ingest(engines):
    """Start a run whose step ingest is slow, and wait for that step."""
    (engines.root / "slow").write_text("ingest")
    process = engines.start(*RUN)
    deadline = time.monotonic() + 120
    while not (engines.root / "logs/ingest").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return process


@pytest.mark.engine
def test_a_run_that_is_told_to_end_ends_with_snakemake_and_its_steps(engines):
    """SIGTERM goes to `radpipe run` alone; nothing that it started is left, nor a lock."""
    process = started_until_ingest(engines)
    process.terminate()
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(engines.session(process)) == []
    assert not list((engines.root / ".snakemake/locks").glob("*"))
    assert not (engines.root / "results/receipts/ingest/bones.json").exists()
    (engines.root / "slow").unlink()
    assert "is lifted" not in engines.run(*RUN)
    assert engines.planned() == set()


@pytest.mark.engine
def test_a_killed_run_goes_on_and_a_second_run_is_turned_away(engines):
    """The lock of a dead run is lifted; the lock of a living one is not."""
    first = started_until_ingest(engines)
    second = engines.run(*RUN, check=False)
    assert "Another run is at work in this folder" in second
    engines.kill(first, signal.SIGKILL)
    assert any((engines.root / ".snakemake/locks").iterdir())
    (engines.root / "slow").unlink()
    text = engines.run(*RUN)
    assert "its lock on the folder is lifted" in text
    assert engines.planned() == set()
    shutil.rmtree(engines.root / "data")
    assert "ingest/bones" in engines.planned()
