"""Notes of what is going on."""

import os
import subprocess
import sys

import pytest

from radpipe.core import jobs
from radpipe.core.jobs import alive, new_note, read_notes


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Enter an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_a_note_is_read_as_it_was_written(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    note = new_note("train", "bones-v1-fold-0-seed-0")
    note.write()
    assert list(read_notes()) == [note]
    assert (note.slurm_job, note.process, note.ended) == ("17", os.getpid(), None)
    assert str(note.log) == "logs/train/bones-v1-fold-0-seed-0.log"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"step": "split", "new": 1}', b"\xff"])
def test_what_is_no_note_hides_no_others(text):
    """Half a file that a lost disk left, or what another version wrote, stops no status."""
    new_note("split", "bones").write()
    (jobs.NOTES / "split/other.json").write_bytes(text)
    assert [note.run for note in read_notes()] == ["bones"]


def test_the_end_is_noted():
    note = new_note("split", "bones")
    note.write()
    note.end(2, "two patients share a picture")
    (read,) = read_notes()
    assert (read.code, read.message) == (2, "two patients share a picture")
    assert read.ended >= note.started
    assert not read.lost


def test_who_ends_without_a_word_is_lost():
    """A process that is no more has lost its job; one that runs, or another host's, has not."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    note = new_note("train", "x")
    assert not note.lost
    assert jobs.replace(note, process=gone.pid).lost
    assert not jobs.replace(note, process=gone.pid, host="elsewhere").lost


def test_no_room_for_the_end_of_a_note_is_a_warning(monkeypatch, caplog):
    def full(path, value):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs, "write_json", full)
    new_note("split", "bones").end(0, "")
    assert "No space left" in caplog.text


@pytest.mark.parametrize(
    ("error", "expected"), [(ProcessLookupError, False), (PermissionError, True)]
)
def test_somebody_elses_process_is_alive(monkeypatch, error, expected):
    def kill(process, signal):
        raise error

    monkeypatch.setattr(os, "kill", kill)
    assert alive(1) is expected
