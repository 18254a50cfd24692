"""Cases that lack a view: nothing is read for it, and its features are 0."""

import numpy as np
import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.imaging.store import ABSENT, Store
from radpipe.learning.data.augment import Drawn, apply_batch
from radpipe.learning.data.batches import Batches, Resident
from radpipe.learning.data.cases import Batch, gather
from radpipe.learning.models.exam import Exam, ExamBaseline, ExamSettings
from radpipe.learning.models.pooling import spread
from radpipe.learning.networks.network import stretched
from radpipe.learning.training.run import refuse_absent_views
from tests.small_study import TWO, write_study

CPU = torch.device("cpu")
ROWS = np.array([[0, 1], [2, ABSENT], [3, 4]])


@pytest.fixture
def store(tmp_path):
    write_study(tmp_path, TWO)
    return Store(tmp_path / "data/bones/store")


def test_an_absent_row_has_no_slice_and_no_pixel(store):
    assert store.slices(ROWS).tolist() == [[1, 1], [1, 0], [1, 1]]
    assert len(store.pixels(ROWS[:, 1])) == 2
    assert store.sums(ROWS) == store.sums(ROWS[ROWS != ABSENT])


def test_a_batch_counts_what_is_there(store):
    batch = gather(store, ROWS, CPU)
    assert batch.counts == ((1, 1, 1), (1, 0, 1))
    first, second = batch.chunk(2)
    assert (first.counts, second.counts) == (((1, 1), (1, 0)), ((1,), (1,)))
    assert [len(view) for view in second.views] == [1, 1]


def test_pixels_that_stay_on_the_device_are_the_same(store):
    batches = Batches(store, CPU, keep=ROWS, free=10**9)
    assert batches.way == "resident"
    taken, read = batches.take(ROWS), gather(store, ROWS, CPU)
    assert taken.counts == read.counts
    assert all(map(torch.equal, taken.views, read.views))
    resident = Resident(store, np.array([0]), CPU)
    assert resident.holds(np.array([[0, ABSENT]]))
    assert not resident.holds(np.array([[1, ABSENT]]))


def test_what_was_drawn_for_absent_views_is_not_used():
    view = torch.rand(2, 1, 8, 8)
    drawn = Drawn(brightness=torch.tensor([0.5, 0.1, 1.0]))
    batch = Batch((view, view[:0]), ((1, 0, 1), (0, 0, 0)))
    changed = apply_batch(batch, [drawn, drawn])
    assert torch.equal(changed.views[0], view * torch.tensor([0.5, 1.0])[:, None, None, None])
    assert len(changed.views[1]) == 0


def test_ranges_of_volumes_that_are_there():
    images = torch.rand(3, 1, 4, 4)
    assert torch.equal(stretched(images, [2, 0, 1]), stretched(images, [2, 1]))
    assert len(stretched(images[:0], [0, 0])) == 0


def test_zeros_stand_where_nothing_is():
    rows = torch.ones(2, 3)
    assert spread(rows, [1, 0, 4]).sum(dim=1).tolist() == [3, 0, 3]
    assert spread(rows, [1, 1]) is rows


def exam(head):
    torch.manual_seed(1)
    trunk = {"kind": "residual", "widths": [4, 8], "kernel": 3}
    chosen = ExamSettings.model_validate({"trunk": trunk, "head": head})
    return Exam(chosen, n_channels=1, n_outputs=2, n_views=2)


def test_a_network_of_cases_that_lack_a_view():
    model = exam("joint").eval()
    front, side = torch.rand(3, 1, 32, 32), torch.rand(2, 1, 32, 32)
    some = model([front, side], [(1, 1, 1), (1, 0, 1)])
    alone = model([front[1:2], side[:0]], [(1,), (0,)])
    assert torch.allclose(some[1], alone[0], atol=1e-6)
    assert some.isfinite().all()
    model.train()([front, side], [(1, 1, 1), (1, 0, 1)]).sum().backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


def test_a_baseline_of_cases_that_lack_a_view():
    model = ExamBaseline(4, n_channels=1, n_outputs=2, n_views=2)
    torch.nn.init.ones_(model.linear.weight)
    front, side = torch.rand(2, 1, 16, 16), torch.rand(1, 1, 16, 16)
    both = model([front, side], [(1, 1), (1, 0)])
    alone = model([front, side[:0]], [(1, 1), (0, 0)])
    assert torch.allclose(both[1], alone[1])
    assert not torch.allclose(both[0], alone[0])
    both.sum().backward()


def test_views_by_themselves_need_all():
    with pytest.raises(ConfigError, match="use 'joint'"):
        exam("views")([torch.rand(1, 1, 32, 32), torch.rand(0, 1, 32, 32)], [(1,), (0,)])


def test_several_processes_need_all_views():
    refuse_absent_views(np.array([[0, 1], [2, 3]]))
    with pytest.raises(ConfigError, match="set processes and nodes to 1"):
        refuse_absent_views(ROWS)
