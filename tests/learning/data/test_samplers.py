"""Which cases, and their orders: each once, or every class equally often."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.learning.data.cases import Cases
from radpipe.learning.data.samplers import cut, downsampled, draw_order, stream_of
from tests.learning.networks.test_losses import how
from tests.small_study import LABELS, THREE, TWO


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


def test_a_soft_label_is_drawn_as_the_class_next_to_it():
    truth = np.array([[0.7], [0.55], [1.0], [0.0]])
    order = draw_order(np.tile(truth, (500, 1)), TWO, how(sampler="weighted"), chance())
    absent = (order % 4 == 3).double().mean().item()
    assert absent == pytest.approx(0.5, abs=0.05)


def test_weighted_refuses_labels():
    with pytest.raises(ConfigError, match="'weighted' needs one class a case"):
        draw_order(np.zeros((4, 2)), LABELS, how(sampler="weighted"), chance())


@pytest.mark.parametrize(("n", "sizes"), [(6, [3, 3]), (7, [3, 3]), (8, [3, 3, 2]), (1, [1])])
def test_a_last_batch_of_one_is_dropped(n, sizes):
    assert [len(batch) for batch in cut(torch.arange(n), 3)] == sizes


def cases(*classes: float) -> Cases:
    """Return cases of these classes, named by their number."""
    rows = np.arange(len(classes))
    truth = np.array(classes, np.float32)[:, None]
    return Cases(pa.table({"case": [str(row) for row in rows]}), rows[:, None], truth)


def test_downsampling_keeps_as_many_of_each_class_as_the_rarest_has():
    given = cases(*[0] * 30, *[1] * 12, *[2] * 5, np.nan)
    fewer = downsampled(given, THREE, how(sampler="downsample"), seed=3)
    assert np.bincount(fewer.targets[:, 0].astype(int)).tolist() == [5, 5, 5]
    rows = fewer.rows[:, 0]
    assert (np.diff(rows) > 0).all()
    assert fewer.table["case"].to_pylist() == [str(row) for row in rows]
    assert rows[-5:].tolist() == [42, 43, 44, 45, 46]


def test_downsampling_depends_on_the_seed_alone():
    given, settings = cases(*[0] * 40, *[1] * 8), how(sampler="downsample")
    torch.manual_seed(1)
    one, same, other = (downsampled(given, TWO, settings, seed).rows for seed in (3, 3, 4))
    assert (one == same).all()
    assert (one != other).any()


def test_a_class_without_cases_is_not_the_rarest():
    assert len(downsampled(cases(0, 0, 0, 2, 2), THREE, how(sampler="downsample"), 1)) == 4


def test_other_samplers_leave_the_cases_alone():
    given = cases(0, 0, 1)
    assert downsampled(given, TWO, how(sampler="weighted"), 1) is given


def test_downsampling_refuses_labels():
    with pytest.raises(ConfigError, match="'downsample' needs one class a case, and the target"):
        downsampled(cases(0, 1), LABELS, how(sampler="downsample"), 1)


def test_an_epoch_visits_every_downsampled_case_once():
    order = draw_order(np.zeros((9, 1)), TWO, how(sampler="downsample"), chance())
    assert sorted(order.tolist()) == list(range(9))


def test_streams_of_one_seed_differ():
    assert len({stream_of(seed, stream) for seed in range(20) for stream in range(4)}) == 80
