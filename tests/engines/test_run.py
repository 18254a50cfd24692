"""What `make run` asks of Snakemake."""

import os
import signal

import pytest

from radpipe.core.errors import RadpipeError
from radpipe.engines import run as module


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ([], []),
        (
            ["GPU 0: x", "GPU 1: y"],
            ["--resources", "gpu=2", "--set-resources", "predict:gpu=1"],
        ),
    ],
)
def test_no_more_trainings_than_gpus(tmp_path, monkeypatch, listed, asked):
    monkeypatch.chdir(tmp_path)
    calls = []
    monkeypatch.setattr(module, "lines_of", lambda *command: listed)
    monkeypatch.setattr(module, "_snakemake", lambda *arguments: calls.append([*arguments]))
    module.run(None, verbose=True)
    assert calls == [["--cores", "all", *asked]]


def test_a_failed_step_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_snakemake", lambda *arguments: 1)
    with pytest.raises(RadpipeError, match="Steps that are done stay done"):
        module.run(None, verbose=True)


def test_ctrl_c_lets_snakemake_end_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return 1

    monkeypatch.setattr(module, "_snakemake", interrupted)
    with pytest.raises(RadpipeError, match=r"Stopped\. The same command goes on"):
        module.run(None, verbose=True)


def test_by_default_a_digest_is_shown_and_all_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    calls = []
    monkeypatch.setattr(module, "lines_of", lambda *command: [])
    monkeypatch.setattr(module, "Preview", lambda params: None)
    monkeypatch.setattr(module, "follow", lambda command, log, **_: calls.append((command, log)))
    (page := tmp_path / module.PAGE).parent.mkdir()
    page.touch()
    module.run(None)
    assert not page.exists()
    ((command, log),) = calls
    assert command[1:] == ["-m", "snakemake", "--cores", "all"]
    assert log.parent == module.LOGS
