"""`data` as a link to another disk, as on most clusters; and a project that can only be read."""

import shutil

import pytest

from tests.engines.conftest import Engines

KEY = "variants.bones-v1.train.epochs"


@pytest.mark.engine
def test_data_may_be_a_link_to_another_disk(tmp_path, tmp_path_factory):
    """It is recorded, left alone by Git and by older commits, and applied experiments fill it."""
    engines = Engines(tmp_path / "project")
    disk = tmp_path_factory.mktemp("disk")
    # A commit from before, whose .gitignore means a folder.
    ignored = (engines.root / ".gitignore").read_text()
    (engines.root / ".gitignore").write_text(ignored.replace("/data\n", "/data/\n"))
    engines.commit("an older commit")
    (engines.root / ".gitignore").write_text(ignored)
    engines.commit("a newer commit")
    (engines.root / "data").symlink_to(disk)
    engines.snakemake()
    engines.radpipe("record")
    engines.commit("first run")
    assert engines.git("ls-files", "data") == ""
    assert engines.planned() == set()
    assert "up to date" in engines.dvc("status")

    engines.git("checkout", "--quiet", "HEAD~2")
    assert engines.git("status", "--porcelain") == ""
    engines.git("clean", "-fd")
    engines.git("checkout", "--quiet", "main")
    assert (engines.root / "data").readlink() == disk

    shutil.rmtree(disk / "bones")
    engines.radpipe("sync")
    engines.dvc("exp", "run", "--quiet", "--name", "wider", "-S", "studies.bones.image.side=64")
    engines.git("checkout", "--quiet", ".")
    engines.radpipe("sync")
    assert engines.planned() == set()
    engines.dvc("exp", "apply", "wider")
    assert "every receipt agrees" in engines.radpipe("verify")
    assert (engines.root / "data").is_symlink()
    assert (disk / "bones/store").is_dir()


@pytest.mark.engine
def test_results_as_a_link_are_refused_before_anything_runs(engines, tmp_path_factory):
    """By both engines, with the way out."""
    (engines.root / "results").symlink_to(tmp_path_factory.mktemp("disk"))
    for said in (engines.snakemake(check=False), engines.dvc("repro", check=False)):
        assert "results is a link to" in said
        assert "The way out: put a folder in the place of the link" in said
    assert not (engines.root / "logs/fetch").exists()
