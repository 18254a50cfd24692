"""Orders of cases: each once, or every class equally often."""

import numpy as np
import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.learning.samplers import cut, draw_order
from tests.learning.test_losses import how
from tests.small_study import LABELS, THREE


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_shuffle_visits_every_case_once():
    order = draw_order(np.zeros((50, 1)), THREE, how(), chance())
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != list(range(50))


def test_weighted_draws_every_class_equally_often():
    truth = np.array([[0]] * 2700 + [[1]] * 270 + [[2]] * 30)
    order = draw_order(truth, THREE, how(sampler="weighted"), chance())
    share = np.bincount(truth[order.numpy(), 0]) / len(order)
    # SD of a share is sqrt(1/3 * 2/3 / 3000) = 0.009.
    assert np.abs(share - 1 / 3).max() < 0.035


def test_weighted_refuses_labels():
    with pytest.raises(ConfigError, match="'weighted' needs one class a case"):
        draw_order(np.zeros((4, 2)), LABELS, how(sampler="weighted"), chance())


@pytest.mark.parametrize(("n", "sizes"), [(6, [3, 3]), (7, [3, 3]), (8, [3, 3, 2]), (1, [1])])
def test_a_last_batch_of_one_is_dropped(n, sizes):
    assert [len(batch) for batch in cut(torch.arange(n), 3)] == sizes
