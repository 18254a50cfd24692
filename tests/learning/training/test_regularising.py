"""L2 on kernels: as a term of the loss, by hand and by autograd."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from radpipe.learning.training.regularising import add_l2, kernels_of
from radpipe.learning.training.train import one_step, start
from tests.learning.networks.test_losses import how


def network():
    torch.manual_seed(0)
    norms = [nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 2), nn.LayerNorm(2)]
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), *norms)


def test_by_hand():
    """Half the loss's 3, and the term 0.1 (2 2 + 1 1), whose gradient is 0.2 w."""
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[2.0, -1.0]])
    layer.weight.grad, layer.bias.grad = torch.tensor([[3.0, 3.0]]), torch.tensor([5.0])
    add_l2(kernels_of(layer), 0.1)
    torch.testing.assert_close(layer.weight.grad, torch.tensor([[3.4, 2.8]]))
    assert layer.bias.grad.item() == 5.0


def test_it_is_the_gradient_of_the_term():
    ours, theirs = network(), network()
    images = torch.rand(3, 1, 3, 3)
    ours(images).square().sum().backward()
    add_l2(kernels_of(ours), 0.3)
    term = 0.3 * sum(theirs[k].weight.square().sum() for k in (0, 3))
    (theirs(images).square().sum() + term).backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_norms_and_biases_have_none():
    model = network()
    assert list(kernels_of(model)) == [model[0].weight, model[3].weight]


def test_a_kernel_that_two_layers_share_is_pulled_once():
    first, second = nn.Linear(1, 1), nn.Linear(1, 1)
    second.weight = first.weight
    add_l2(kernels_of(nn.Sequential(first, second)), 0.5)
    torch.testing.assert_close(first.weight.grad, first.weight.data)


def test_frozen_kernels_are_left_alone_and_idle_ones_are_not():
    first, second = nn.Linear(1, 1), nn.Linear(1, 1)
    first.weight.requires_grad_(False)
    add_l2([first.weight, second.weight], 0.5)
    assert first.weight.grad is None
    torch.testing.assert_close(second.weight.grad, second.weight.data)


def test_a_run_adds_it_before_gradients_are_clipped(make):
    """A step of SGD at rate 1 with a clipped norm of 1: its length is 1 whatever the factor."""
    lengths, losses = [], []
    for factor in (0.0, 100.0):
        settings = {"optimizer": "sgd", "lr": 1.0, "clip_norm": 1.0, "weight_decay": 0.0}
        run = make(kernel_l2=factor, schedule={"name": "constant"}, **settings)
        state = start(run, seed=0)
        before = [weight.detach().clone() for weight in state.network.model.parameters()]
        one_step(run, state, [torch.arange(8)])
        steps = [a - b for a, b in zip(before, state.network.model.parameters(), strict=True)]
        lengths.append(torch.cat([step.flatten() for step in steps]).norm().item())
        losses.append(state.loss_sum.item())
    assert lengths == pytest.approx([1.0, 1.0], abs=1e-3)
    # What is shown is the loss of the cases alone.
    assert losses[0] == losses[1]


def test_two_ways_of_pulling_to_zero_are_refused():
    with pytest.raises(ValidationError, match="kernel_l2 and weight_decay both pull"):
        how(kernel_l2=1e-6, weight_decay=0.1)
