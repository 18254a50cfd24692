"""Each run takes a GPU of its own."""

import pytest
import torch

from radpipe.learning.distributed import devices
from radpipe.learning.distributed.devices import device_of, take_device, take_gpus


@pytest.fixture
def gpus(tmp_path, monkeypatch):
    """Enter an empty folder; return a function that pretends a number of GPUs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "_held", [])

    def pretend(number):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)

    yield pretend
    for stream in devices._held:
        stream.close()


def test_without_a_gpu_it_is_the_processor(gpus):
    gpus(0)
    assert take_device() == torch.device("cpu")


def test_two_runs_take_two_gpus_and_the_third_shares(gpus, caplog):
    gpus(2)
    assert [take_device().index for _ in range(3)] == [0, 1, 0]
    assert "sharing the first" in caplog.text


def test_copies_in_which_dvc_runs_experiments_share_the_gpus_of_the_project(
    gpus, tmp_path, monkeypatch
):
    gpus(2)
    for number in range(2):
        copy = tmp_path / f".dvc/tmp/exps/tmp{number}"
        copy.mkdir(parents=True)
        monkeypatch.chdir(copy)
        assert take_device().index == number


def test_a_gpu_is_given_back_when_its_run_ends(gpus):
    gpus(2)
    assert take_device().index == 0
    devices._held.pop().close()
    assert take_device().index == 0


def test_the_only_gpu_needs_no_lock(gpus, tmp_path):
    """Under SLURM every job sees its own GPU as number 0."""
    gpus(1)
    assert [take_device().index for _ in range(2)] == [0, 0]
    assert not (tmp_path / ".state").exists()


def test_a_run_of_several_processes_takes_a_gpu_for_each(gpus):
    gpus(3)
    assert take_gpus(2) == [0, 1]
    assert take_gpus(2) == [0, 2]
    assert take_gpus(4) == [0, 1, 2]
    assert device_of(1) == torch.device("cuda", 1)
    gpus(0)
    assert (take_gpus(2), device_of(1)) == ([], torch.device("cpu"))
