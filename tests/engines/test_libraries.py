"""A library of another version makes stale what depends on it, for every command that asks."""

import shutil
from pathlib import Path

import pytest

from tests.engines.conftest import Engines

# A distribution of this folder is found before the installed one.
METADATA = "src/{name}-{version}.dist-info/METADATA"


def install(project: Engines, name: str, version: str) -> None:
    """Let a library seem to have a version, as `pip` does: files of the other one are removed."""
    for other in project.root.glob(METADATA.format(name=name, version="*")):
        shutil.rmtree(other.parent)
    file = project.root / METADATA.format(name=name, version=version)
    file.parent.mkdir()
    file.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (file.parent / "RECORD").write_text(f"{file.parent.name}/METADATA,,\n")


@pytest.fixture
def project(once, tmp_path: Path) -> Engines:
    """Return a recorded project whose pillow and torch are of version 1."""

    def build(root: Path) -> None:
        project = Engines(root)
        for name in ("pillow", "torch"):
            install(project, name, "1.0")
        project.snakemake()
        project.radpipe("record")
        project.commit("first run")

    return Engines.at(once("libraries", build)).copy_to(tmp_path / "project")


@pytest.mark.engine
def test_another_decoder_makes_pixels_stale_and_is_named(project):
    project.radpipe("sync")
    assert project.planned() == set()
    assert "up to date" in project.dvc("status")

    install(project, "pillow", "2.0")
    assert "ingest/bones" in project.planned()
    assert "ingest bones: library pillow: 1.0 when made, 2.0 now" in project.radpipe(
        "verify", check=False
    )
    assert "library pillow: 1.0 when made, 2.0 now" in project.radpipe("status")
    assert ".state/libraries" in project.dvc("status")

    project.dvc("repro", "--quiet")
    assert project.planned() == set()
    assert project.radpipe("verify").startswith("every receipt agrees\n")
    assert "up to date" in project.dvc("status")


@pytest.mark.engine
def test_another_torch_trains_and_ingests_nothing(project):
    install(project, "torch", "1.1")
    planned = project.planned()
    assert "train/bones-v1-fold-0-seed-0" in planned
    assert not {name for name in planned if name.startswith(("fetch", "index", "ingest", "split"))}
    refused = project.radpipe("record", check=False)
    assert "refused" in refused
    assert "library torch: 1.0 when made, 1.1 now" in refused
