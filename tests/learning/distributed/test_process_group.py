"""What each process of a run takes, and how they agree, without starting any."""

import dataclasses

import pytest
import torch
from torch import nn

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Training
from radpipe.learning.distributed.process_group import ALONE, ProcessGroup, join
from radpipe.learning.training.gradients import batch_gradient, gradient
from radpipe.learning.training.train import start
from tests.small_study import TWO

TRAIN = {"optimizer": "sgd", "lr": 0.1, "batch_size": 8, "epochs": 1}


@pytest.mark.parametrize(("n", "size"), [(8, 2), (7, 3), (3, 3), (2, 3), (1, 2)])
def test_shares_make_the_batch(n, size):
    """Each case is taken equally often, and nobody has none."""
    shares = [ProcessGroup(rank, size).share(n) for rank in range(size)]
    taken = sorted(case for mine, _ in shares for case in range(n)[mine])
    (n_copies,) = {copies for _, copies in shares}
    assert taken == sorted(list(range(n)) * n_copies)
    assert all(len(range(n)[mine]) for mine, _ in shares)


def test_one_process_takes_everything():
    tensor = torch.ones(3)
    ALONE.add(tensor)
    ALONE.follow(tensor)
    assert ALONE.share(5) == (slice(0, None, 1), 1)
    assert (ALONE.any(True), ALONE.any(False)) == (True, False)
    assert ALONE.each(tensor)[0] is tensor
    assert tensor.tolist() == [1, 1, 1]


def gradients(run, batch):
    """Return loss, number of known targets and gradients of a batch, without batch norm."""
    # The network must not mix cases: that is what `join_norms` is for.
    alone = dataclasses.replace(run, process_group=ALONE)
    state = start(alone, seed=0)
    state.network.eval()
    seen = batch_gradient(run, state, torch.tensor(batch), 2)
    return seen.loss, seen.n_known, [weight.grad.clone() for weight in state.network.parameters()]


@pytest.mark.parametrize("batch", [[5, 3, 9, 0, 7], [4, 2], [6]])
def test_shares_add_up_to_the_gradient_of_the_batch(make, batch):
    """With augmentation; also for a batch with fewer cases than processes."""
    run = make(TWO)
    loss, n_known, whole = gradients(run, batch)
    parts = [
        gradients(dataclasses.replace(run, process_group=ProcessGroup(rank, 3)), batch)
        for rank in range(3)
    ]
    assert {part[1] for part in parts} == {n_known} == {len(batch)}
    torch.testing.assert_close(sum(part[0] for part in parts), loss)
    for one, *others in zip(whole, *(part[2] for part in parts), strict=True):
        torch.testing.assert_close(sum(others), one, atol=1e-7, rtol=1e-4)


class Answers(ProcessGroup):
    """A group of two in which the other process says what it is told to."""

    def any(self, flag):
        return flag or others.pop(0)


others: list[bool] = []


def test_all_cut_a_batch_when_one_ran_out_of_memory(make):
    """A process that had room makes the same gradient again from two pieces."""
    run = dataclasses.replace(make(TWO), process_group=Answers(0, 2))
    found = []
    for others[:] in ([False], [True, False]):
        state = start(dataclasses.replace(run, process_group=ALONE), seed=0)
        state.network.eval()
        loss = gradient(run, state, [torch.arange(8)]).loss
        found.append(
            [loss.float(), *(weight.grad.clone() for weight in state.network.parameters())]
        )
    assert state.progress.pieces == 2
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-7, rtol=1e-4)
    others[:] = [True] * 4
    with pytest.raises(torch.OutOfMemoryError, match="device of another process is full"):
        gradient(run, state, [torch.arange(8)])


def test_joined_batch_norm_cannot_be_cut(make, monkeypatch):
    run = dataclasses.replace(make(TWO), process_group=ProcessGroup(0, 2))
    state = start(dataclasses.replace(run, process_group=ALONE), seed=0)

    def full(images):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(state.network, "forward", full)
    with pytest.raises(ConfigError, match=r"train\.batch_size: the memory of a device ran out"):
        gradient(run, state, [torch.arange(8)])


def test_batch_norm_sees_the_whole_batch_or_is_refused():
    model, plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), nn.Linear(2, 2)
    gpu, processor = torch.device("cuda"), torch.device("cpu")
    joined = ProcessGroup(0, 2).join_norms(model, gpu)
    assert [type(layer) for layer in joined] == [nn.Conv2d, nn.SyncBatchNorm]
    assert list(joined.state_dict()) == list(model.state_dict())
    assert ALONE.join_norms(model, processor) is model
    assert ProcessGroup(0, 2).join_norms(plain, processor) is plain
    with pytest.raises(ConfigError, match="2 processes without GPUs cannot train a network with"):
        ProcessGroup(0, 2).join_norms(model, processor)


def test_a_node_with_too_few_gpus_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match="4 processes want a GPU each, and this node has 2"):
        join(Training(**TRAIN, processes=4))


def test_more_processes_than_pictures_in_a_batch_are_refused():
    with pytest.raises(ValueError, match="batch_size of 8 cannot be shared by 12 processes"):
        Training(**TRAIN, processes=4, nodes=3)


def test_gpus_go_with_gloo_for_flags(monkeypatch):
    """Without a GPU here: only what torch is asked for."""
    asked = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)
    monkeypatch.setattr(torch.distributed, "init_process_group", asked.append)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 3)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 4)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert join(Training(**TRAIN, processes=2, nodes=2)) == ProcessGroup(3, 4, 1)
    assert asked == [1, "cpu:gloo,cuda:nccl"]
