"""Links among what steps read and write."""

import os
import subprocess
from pathlib import Path

import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.links import adopt, broken, let_go, link_above, refuse_links, said_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Enter an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_links_to_nothing_are_found_at_the_path_and_below(folder):
    store = Path("data/store")
    store.mkdir(parents=True)
    (store / "whole").write_text("whole")
    assert broken(store) == []
    assert broken(Path("absent")) == []
    assert said_of(store) == ""
    (store / "lost").symlink_to(folder / "gone")
    Path("lone").symlink_to("gone")
    assert broken(store) == [store / "lost"]
    assert broken(Path("lone")) == [Path("lone")]
    assert "a link to nothing" in said_of(Path("lone"))


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_an_output_that_is_let_go_of_shares_its_bytes_with_nothing(folder, link):
    for name in ("alone", "store/one"):
        cached, output = folder / f"cache-{Path(name).name}", Path(name)
        output.parent.mkdir(exist_ok=True)
        cached.write_text("kept")
        link(cached, output)
        let_go(Path(name.partition("/")[0]))
        output.write_text("new")
        assert cached.read_text() == "kept"
    # What is a file of its own stays: some steps take over what is there.
    let_go(Path("alone"))
    assert Path("alone").read_text() == "new"


def test_the_uppermost_link_on_a_path_is_found(folder):
    Path("disk/bones").mkdir(parents=True)
    Path("data").symlink_to("disk")
    assert link_above(Path("data/bones/store")) == Path("data")
    assert link_above(Path("disk/bones/store")) is None


def test_data_on_another_disk_is_ignored_by_git_in_every_commit(folder, tmp_path_factory):
    """Whatever `.gitignore` of that commit says; nothing is written into DVC's own file."""
    disk = tmp_path_factory.mktemp("disk")
    subprocess.run(["git", "init", "--quiet"], check=True)
    Path(".dvc").mkdir()
    Path(".dvc/.gitignore").write_text("/cache\n")
    Path("data").symlink_to(disk)
    (disk / "bones").mkdir()
    for _ in range(2):
        adopt(Path("data/bones/split.parquet"))
    assert (disk / "bones/.gitignore").resolve() == folder / ".dvc/.gitignore"
    assert Path(".git/info/exclude").read_text().splitlines().count("/data") == 1
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True)
    assert b"data" not in status.stdout
    # The project has moved.
    (disk / "bones/.gitignore").unlink()
    (disk / "bones/.gitignore").symlink_to("/no/such/file")
    adopt(Path("data/bones/split.parquet"))
    assert (disk / "bones/.gitignore").exists()


def test_a_folder_that_is_none_of_dvcs_is_left_alone(folder):
    Path("disk/bones").mkdir(parents=True)
    Path("data").symlink_to("disk")
    adopt(Path("data/bones/split.parquet"))
    assert not list(Path("disk/bones").iterdir())


@pytest.mark.parametrize("link", ["results", "results/runs"])
def test_a_folder_that_git_looks_into_is_no_link(folder, link):
    Path("disk").mkdir()
    Path(link).parent.mkdir(exist_ok=True)
    Path(link).symlink_to(folder / "disk")
    with pytest.raises(ConfigError, match=rf"^{link} is a link to .*Git, which keeps files in it"):
        refuse_links(["data/bones/store", "results/runs/v1/recipe.json"])


def test_a_whole_output_is_no_link_to_a_folder(folder):
    Path("data/bones").mkdir(parents=True)
    Path("disk").mkdir()
    Path("data/bones/store").symlink_to(folder / "disk")
    with pytest.raises(ConfigError, match=r"data/bones/store is a link to .*DVC, which keeps all"):
        refuse_links(["data/bones/store"])


def test_a_disk_that_is_not_there_is_told(folder):
    Path("data").symlink_to("/no/such/disk")
    with pytest.raises(ConfigError, match="data is a link to /no/such/disk, which is not there"):
        refuse_links(["data/bones/store"])


def test_links_of_data_are_allowed(folder):
    Path("disk/bones").mkdir(parents=True)
    Path("data").symlink_to("disk")
    refuse_links(["data/bones/store", "results/report.html"])
