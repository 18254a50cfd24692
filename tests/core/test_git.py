"""What Git says of a project, wherever in its repository the project lies."""

import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from radpipe.core.git import Commit, checked_out, is_known, versions_of_file


def git(*arguments):
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(params=[".", "studies/knees"])
def project(request, tmp_path, monkeypatch):
    """Enter a committed project, at the top of its repository or below."""
    folder = tmp_path / request.param
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    monkeypatch.chdir(folder)
    for name in ("src/a.py", "results/scores.csv", "openings.csv", "notes/n.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("1\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "start")
    return folder


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("src/a.py", False),
        ("notes/n.txt", False),
        ("src/new.py", False),
        ("workflow/scripts/new.py", False),
        ("presets/mine.yaml", False),
        ("notes/new.txt", True),
        ("results/scores.csv", True),
        ("openings.csv", True),
        ("data/bones/split.parquet", True),
    ],
)
def test_what_decides_and_differs_from_the_commit_is_noticed(project, name, clean):
    assert checked_out() == Commit(git("rev-parse", "HEAD"), True)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("2\n")
    assert checked_out() == Commit(git("rev-parse", "HEAD"), clean)


def test_another_project_of_the_repository_is_no_concern(project):
    other = Path(git("rev-parse", "--show-toplevel")) / "other/src"
    other.mkdir(parents=True)
    (other / "new.py").write_text("1\n")
    assert checked_out().clean is True


def test_a_project_of_which_git_knows_nothing_is_not_clean(project):
    new = Path("elsewhere/project/src")
    new.mkdir(parents=True)
    (new / "a.py").write_text("1\n")
    with chdir(new.parent):
        assert checked_out().clean is False


def test_without_git_or_a_commit_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checked_out() == Commit(None, None)
    git("init", "--quiet")
    assert checked_out() == Commit(None, True)
    assert not is_known([Path("a")])


def test_every_version_of_a_file_is_found(project):
    for text in ("2\n", "3\n"):
        Path("openings.csv").write_text(text)
        git("commit", "--quiet", "--all", "--message", text)
    assert {*versions_of_file(Path("openings.csv"))} == {b"1\n", b"2\n", b"3\n"}
