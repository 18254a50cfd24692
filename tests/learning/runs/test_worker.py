"""What a process of several answers, in this process and without others."""

import logging
import os
import signal
import sys

import pytest

from radpipe.core.errors import ConfigError
from radpipe.core.files import read_json
from radpipe.core.step import StoppedError
from radpipe.learning.distributed.process_group import ALONE, ProcessGroup
from radpipe.learning.runs import worker
from radpipe.learning.runs.one_run import Order
from tests.small_study import THREE, write_recipe, write_study


@pytest.fixture
def answer(tmp_path, monkeypatch):
    """Return a function that lets a worker train with `train_run`; gives code and files."""
    write_study(tmp_path, THREE)
    (tmp_path / "answers").mkdir()
    recipe = write_recipe(tmp_path, THREE, preset="bones/floor")
    names = ("weights", "history", "state", "board")
    order = Order(recipe=recipe, fold=1, seed=2, **{name: tmp_path / name for name in names})
    handler, level = signal.getsignal(signal.SIGTERM), logging.getLogger("radpipe").level

    def run(train_run, process_group=ALONE):
        monkeypatch.setattr(worker, "join", lambda how: process_group)
        monkeypatch.setattr(worker, "part", lambda process_group: None)
        monkeypatch.setattr(worker, "train_run", lambda given, *rest: train_run(given == order))
        code = worker.main([str(tmp_path / "answers"), *order.arguments()])
        return code, [read_json(file) for file in sorted((tmp_path / "answers").iterdir())]

    yield run
    signal.signal(signal.SIGTERM, handler)
    logging.getLogger("radpipe").setLevel(level)
    logging.captureWarnings(capture=False)


def raising(error):
    def train_run(_):
        raise error

    return train_run


def test_facts_and_stops_are_answered_by_the_first(answer):
    assert answer(lambda same: {"same": same}) == (0, [{"facts": {"same": True}}])
    assert answer(raising(StoppedError("saved"))) == (0, [{"stopped": "saved"}])


def test_the_others_are_silent(answer):
    assert answer(lambda same: {"same": same}, ProcessGroup(1, 2)) == (0, [])


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ConfigError("mend it"), "config", "mend it"),
        (OSError("no space left"), "system", "no space left"),
        (KeyError("x"), "bug", "KeyError: 'x'"),
    ],
)
def test_errors_are_told(answer, caplog, error, kind, message):
    assert answer(raising(error)) == (1, [{"kind": kind, "message": message}])
    assert ("Traceback" in caplog.text) == (kind == "bug")


def test_the_end_of_the_input_is_noticed(monkeypatch):
    read, write = os.pipe()
    with os.fdopen(read) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert not worker.input_ended()
        os.close(write)
        assert worker.input_ended()
