"""The process that computes: ended in time, within its memory, and another takes its place."""

import os
import signal
import sys
import time

import pytest

from radpipe.app.viewer import process
from radpipe.app.viewer.process import Helper
from radpipe.app.viewer.wire import Message

# Does what a question says, in the place of the worker.
FAKE = """
import os, sys, time
from radpipe.app.viewer import worker
from radpipe.app.viewer.wire import Message
class Answering:
    def answer(self, question):
        what = question.says["do"]
        if what == "sleep": time.sleep(60)
        if what == "die": os._exit(3)
        if what == "eat": bytearray(1 << 31)
        if what == "write": open(question.says["file"], "w").write("x")
        if what == "talk": print("noise", flush=True)
        return Message({"problem": "", "pid": os.getpid()}, question.blobs)
import types
sys.modules["radpipe.app.viewer.answering"] = types.SimpleNamespace(Answering=Answering)
worker.main()
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    (tmp_path / "fake_worker.py").write_text(FAKE)
    monkeypatch.setattr(process, "WORKER", "fake_worker")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    monkeypatch.setenv("PYTHONPATH", path)
    helper = Helper(seconds=10, memory=1 << 30)
    yield helper
    helper.stop()


def test_it_answers_again_and_again(fake):
    first = fake.ask(Message({"do": ""}, {"a": b"x" * 300_000}))
    assert first.blobs == {"a": b"x" * 300_000}
    assert fake.ask(Message({"do": "talk"})).says["pid"] == first.says["pid"]


def test_what_takes_too_long_is_ended(fake):
    first = fake.ask(Message({"do": ""})).says["pid"]
    fake.seconds = 1.0
    start = time.monotonic()
    assert "longer than 1 seconds" in fake.ask(Message({"do": "sleep"})).says["problem"]
    assert time.monotonic() - start < 5
    fake.seconds = 10
    assert fake.ask(Message({"do": ""})).says["pid"] != first


@pytest.mark.parametrize("what", ["die", "eat"])
def test_another_takes_the_place_of_one_that_ended(fake, what):
    assert "a decoder broke on it" in fake.ask(Message({"do": what})).says["problem"]
    assert not fake.ask(Message({"do": ""})).says["problem"]


def test_it_cannot_write_a_file(fake, tmp_path):
    file = tmp_path / "left"
    fake.ask(Message({"do": "write", "file": str(file)}))
    assert not file.exists() or not file.stat().st_size


def test_it_ends_when_nobody_asks_any_more(fake):
    pid = fake.ask(Message({"do": ""})).says["pid"]
    running = fake._process
    running.stdin.close()
    assert running.wait(10) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


def test_other_kernels_take_another_process(fake):
    first = fake.ask(Message({"do": ""})).says["pid"]
    assert fake.ask(Message({"do": ""}), fake.kernels).says["pid"] == first
    assert fake.ask(Message({"do": ""}), "native").says["pid"] != first


def test_who_has_to_wait_too_long_is_told(fake):
    fake.seconds = 0.1
    with fake._alone:
        assert "Somebody else" in fake.ask(Message({"do": ""})).says["problem"]
