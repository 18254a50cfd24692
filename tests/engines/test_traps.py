"""The traps between the two engines, and that radpipe does not fall into them.

Without the guard Snakemake says "nothing to be done" in each of these, `dvc commit -f` then
seals another setting's model under today's settings, and the record is false.
"""

import re
from pathlib import Path

import pytest

from tests.engines.conftest import Engines

SETTINGS = [
    pytest.param("variants.bones-v1.train.lr", 0.001, 0.01, id="learning rate"),
    pytest.param("studies.bones.image.side", 32, 64, id="image size"),
    pytest.param("studies.bones.split.seed", 1, 2, id="split seed"),
]
RESULTS = "results/**/*.parquet"
NO_RESULT = {"receipts", "plan", "plan.json", "recipes"}


def fresh(root: Path) -> Engines:
    """Return a project with stub steps, one variant, and value `a` of every setting."""
    project = Engines(root)
    project.params["variants"].pop("bones-floor")
    project.set("plan.variants", ["bones-v1"])
    project.set("variants.bones-v1.train.lr", 0.001)
    project.commit("one variant")
    return project


@pytest.fixture
def engines(once, tmp_path) -> Engines:
    """Return a project that Snakemake has made, a copy of its own."""
    made = once("traps-snakemake", lambda root: fresh(root).snakemake())
    return Engines.at(made).copy_to(tmp_path / "project")


@pytest.fixture
def by_dvc(once, tmp_path) -> Engines:
    """Return a project that DVC has made, a copy of its own."""
    made = once("traps-dvc", lambda root: fresh(root).dvc("repro", "--quiet"))
    return Engines.at(made).copy_to(tmp_path / "project")


def results(engines: Engines) -> dict[str, bytes]:
    """Return what steps made; receipts hold times, plan and recipes are DVC's own."""
    found = engines.bytes_of("results/**/*")
    return {name: data for name, data in found.items() if not NO_RESULT & set(Path(name).parts)}


def honest(root: Path, key: str, value: float) -> dict[str, bytes]:
    """What a run in a fresh project gives with one setting."""
    project = fresh(root)
    project.set(key, value)
    project.snakemake()
    return results(project)


@pytest.mark.engine
@pytest.mark.parametrize(("key", "a", "b"), SETTINGS)
def test_dvc_then_an_edit_then_snakemake(by_dvc, tmp_path, key, a, b):
    """Order (a): Snakemake has no notes about what DVC built."""
    engines = by_dvc
    assert engines.planned() == set()
    engines.set(key, b)
    refusal = engines.radpipe("record", check=False)
    assert f"{key}: {a} when made, {b} now" in refusal
    assert "refused" in refusal
    engines.snakemake()
    assert results(engines) == honest(tmp_path / "honest", key, b)
    engines.radpipe("record")
    assert "up to date" in engines.dvc("status")


@pytest.mark.engine
@pytest.mark.parametrize(("key", "a", "b"), SETTINGS)
def test_snakemake_then_an_experiment_then_snakemake(engines, key, a, b):
    """Order (b): Snakemake's notes describe a run that an experiment replaced."""
    truth = results(engines)
    engines.radpipe("record")
    engines.commit("first run")
    engines.dvc("exp", "run", "--quiet", "-S", f"{key}={b}")
    engines.set(key, a)
    assert "refused" in engines.radpipe("record", check=False)
    engines.snakemake()
    assert results(engines) == truth
    engines.radpipe("record")
    assert "up to date" in engines.dvc("status")


@pytest.mark.engine
@pytest.mark.parametrize(("key", "a", "b"), SETTINGS)
def test_snakemake_then_dvc_with_an_edit_then_back(engines, key, a, b):
    """Order (c): the settings are those of Snakemake's own last run, the files are not."""
    truth = results(engines)
    engines.set(key, b)
    engines.dvc("repro", "--quiet")
    engines.set(key, a)
    assert "refused" in engines.radpipe("record", check=False)
    engines.snakemake()
    assert results(engines) == truth
    engines.radpipe("record")
    assert "up to date" in engines.dvc("status")


@pytest.mark.engine
def test_looking_changes_nothing(engines):
    """`-n`, `--lint` and `--dag` change no data, result or record, also when things are stale."""
    engines.radpipe("record")
    engines.set("studies.bones.split.seed", 2)
    before = engines.bytes_of("[dr]*/**/*") | engines.bytes_of("dvc.lock")
    assert engines.planned()
    engines.snakemake("--lint", check=False)
    engines.snakemake("--dag")
    assert engines.bytes_of("[dr]*/**/*") | engines.bytes_of("dvc.lock") == before


@pytest.mark.engine
@pytest.mark.parametrize(
    ("file", "stopped"),
    [
        ("data/bones/manifest.csv", "index"),
        ("data/bones/store/bones-roc.png", "split"),
        ("results/runs/bones-v1/fold-0-seed-0/recipe.json", "predict"),
        ("results/receipts/train/bones-v1-fold-0-seed-0.json", "predict"),
    ],
)
def test_a_flipped_byte_stops_the_next_step_and_the_record(engines, file, stopped):
    """Anything changed behind the engines' back is named, with the way out, and mended."""
    truth = results(engines)
    path = engines.root / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "refused" in engines.radpipe("record", check=False)
    command = command_of(engines, stopped)
    refusal = engines.run("sh", "-c", command, check=False)
    assert "The way out" in refusal or "run again" in refusal
    engines.snakemake()
    assert results(engines) == truth
    engines.radpipe("record")


def command_of(engines: Engines, step: str) -> str:
    """Return the command line that Snakemake runs for a step of bones-v1."""
    text = engines.snakemake("--dry-run", "--forceall")
    commands = re.findall(r"python workflow/scripts/.*", text)
    return next(c for c in commands if f"/{step}.py" in c and ("v1" in c or "variant" not in c))


@pytest.mark.engine
def test_forcing_a_rule_makes_what_depends_on_it(engines):
    assert engines.planned() == set()
    planned = engines.planned("--forcerun", "split")
    assert {"split/bones", "train/bones-v1-fold-0-seed-0", "report/all"} <= planned
    assert "ingest/bones" not in planned


@pytest.mark.engine
def test_an_edit_that_changes_no_recipe_retrains_nothing(engines):
    """An edit without effect in an adapter runs index, ingest and split again, and no training."""
    weights = engines.bytes_of("results/runs/*/*/weights.safetensors")
    times = {name: (engines.root / name).stat().st_mtime_ns for name in weights}
    adapter = engines.root / "src/radpipe/studies/folders/__init__.py"
    adapter.write_text(adapter.read_text() + "\nEDITED = 1\n")
    text = engines.snakemake()
    assert "rule ingest" in text
    assert "rule train" not in text
    assert {name: (engines.root / name).stat().st_mtime_ns for name in weights} == times
    assert engines.planned() == set()
    engines.radpipe("record")
    assert "up to date" in engines.dvc("status")
