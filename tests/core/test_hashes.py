"""Hashes that are remembered, and forgotten when a file changes."""

import os

import pytest

from radpipe.core import hashes
from radpipe.core.hashes import Hashes


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def flip(path):
    """Change a byte and keep size and times."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_planning_believes_what_was_written_down_and_checking_does_not(folder, monkeypatch):
    path = folder / "file"
    path.write_text("abc")
    before = Hashes().of(path)
    monkeypatch.setattr(hashes, "_stamp", lambda _: (3, 0, 0, 0))  # a failing disk sets no time
    Hashes().remember(path)
    flip(path)
    assert Hashes(trust_memory=True).of(path) == before
    assert Hashes().of(path) != before


def test_an_edit_is_seen_though_the_time_was_set_back(folder):
    path = folder / "file"
    path.write_text("abc")
    before = Hashes().of(path)
    Hashes().remember(path)
    flip(path)
    assert Hashes(trust_memory=True).of(path) != before


def test_a_changed_file_is_read_again(folder):
    path = folder / "file"
    path.write_text("abc")
    found = Hashes(trust_memory=True)
    before = found.of(path)
    found.remember(path)
    path.write_text("abcd")
    assert found.of(path) != before
    assert Hashes(trust_memory=True).of(path) == found.of(path)


def test_a_broken_note_is_no_note(folder):
    path = folder / "file"
    path.write_text("abc")
    Hashes().remember(path)
    for note in (folder / ".state/hashes").rglob("*"):
        if note.is_file():
            note.write_text("{")
    assert Hashes(trust_memory=True).of(path) == Hashes().of(path)


def test_folders_are_remembered_file_by_file(folder):
    (folder / "store").mkdir()
    (folder / "store/a").write_text("a")
    Hashes().remember(folder / "store")
    assert Hashes(trust_memory=True).of(folder / "store") == Hashes().of(folder / "store")
