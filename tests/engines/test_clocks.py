"""Times of files decide nothing, whoever set them: archives, network file systems, nodes."""

import os
import time
from pathlib import Path

import pytest

from tests.engines.conftest import Engines

HOUR = 3600.0
TRAINED = "train/bones-v1-fold-0-seed-0"


def shift(project: Engines, folders: tuple[str, ...], seconds: float) -> None:
    """Date every file and folder below some folders so many seconds from now."""
    when = time.time() + seconds
    for folder in folders:
        for path in [project.root / folder, *(project.root / folder).rglob("*")]:
            os.utime(path, (when, when), follow_symlinks=False)


@pytest.mark.engine
@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "back"])
@pytest.mark.parametrize(
    "folders",
    [
        pytest.param(("results", "data"), id="results and data"),
        pytest.param(("src", "presets", "workflow", "weights"), id="code"),
    ],
)
def test_an_edit_is_made_and_nothing_else(recorded, folders, seconds):
    shift(recorded, folders, seconds)
    assert recorded.planned() == set()
    assert "up to date" in recorded.dvc("status")

    before = recorded.bytes_of("results/runs/*/*/weights.safetensors")
    recorded.set("variants.bones-v1.train.lr", 0.02)
    assert TRAINED in recorded.planned()
    recorded.snakemake()
    after = recorded.bytes_of("results/runs/*/*/weights.safetensors")
    assert {name for name in after if after[name] != before[name]} == {
        "results/runs/bones-v1/fold-0-seed-0/weights.safetensors"
    }
    assert recorded.planned() == set()
    recorded.radpipe("record")
    assert "up to date" in recorded.dvc("status")


@pytest.mark.engine
def test_an_edit_upstream_of_a_checkpoint_is_made_whatever_the_times(recorded):
    shift(recorded, ("results", "data", "workflow", "src"), HOUR)
    recorded.set("studies.bones.split.seed", 5)
    recorded.snakemake()
    assert recorded.planned() == set()
    assert recorded.radpipe("verify").startswith("every receipt agrees\n")


@pytest.mark.engine
def test_content_changed_behind_a_restored_time_is_seen(recorded):
    """Size, time and inode are as they were; only the time of the change is not."""
    assert recorded.planned() == set()
    file = recorded.root / "results/runs/bones-v1/fold-0-seed-0/history.csv"
    text, times = file.read_text(), file.stat()
    with file.open("r+") as stream:
        stream.write(("0" if text[0] != "0" else "1") + text[1:])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_ino) == (times.st_size, times.st_ino)
    assert TRAINED in recorded.planned()


@pytest.mark.engine
def test_reading_the_plan_writes_nothing_into_the_project(recorded):
    def listing() -> set[Path]:
        found = {path for path in recorded.root.rglob("*") if ".git/" not in f"{path}/"}
        own = {recorded.root / name for name in (".snakemake", ".state/sources.json")}
        return {path for path in found if not {path, *path.parents} & own} - {
            path for path in found if "__pycache__" in path.parts
        }

    before = listing()
    recorded.planned()
    assert listing() == before
