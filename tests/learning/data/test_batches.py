"""Batches on a device: however their pixels come there, they are the same to the last bit."""

import dataclasses
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from radpipe.core.errors import DataError
from radpipe.imaging.store import Store
from radpipe.learning.data import batches as module
from radpipe.learning.data.batches import Batches, CudaTransfer, batches_of, bytes_of, fits
from radpipe.learning.data.cases import gather
from radpipe.learning.data.samplers import draw_order
from radpipe.learning.distributed.process_group import ProcessGroup
from radpipe.learning.networks.inference import infer, predict_table
from radpipe.learning.training import run as run_module
from radpipe.learning.training.run import make_run
from radpipe.learning.training.train import groups_left, one_step, start, train
from tests.learning.data.test_cases import Exams
from tests.learning.training.test_train import Small, same
from tests.small_study import THREE, TWO, write_exams, write_study

CPU = torch.device("cpu")
HUGE = 2**40
WAYS = ["read", "streamed", "resident"]
on_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch sees no GPU: copies to one cannot be made"
)


class Pipe:
    """A way from the processor to itself; it notes which threads send."""

    def __init__(self):
        self.senders, self.received = [], 0

    def send(self, pixels):
        self.senders.append(threading.current_thread())
        return tuple(torch.from_numpy(each) for each in pixels)

    def receive(self, sent):
        self.received += 1
        return sent


class Deep:
    """A store of pictures of 16 bits, of which every pixel is different."""

    bits, channels, volumes, views = 16, 1, False, ["image"]

    def slices(self, rows):
        return np.ones(np.shape(rows), np.int64)

    def pixels(self, rows):
        return (
            np.arange(16, dtype=np.uint16).reshape(1, 4, 4, 1) + 4000 * rows[:, None, None, None]
        ).astype(np.uint16)


def come(way, store, keep):
    """Return batches on the processor whose pixels come one of the three ways."""
    transfer = Pipe() if way == "streamed" else None
    found = Batches(store, CPU, transfer=transfer, keep=keep, free=HUGE if way == "resident" else 0)
    assert found.way == way
    return found


@pytest.fixture(params=["grey", "colour", "exams", "equal exams", "16 bits"])
def case(request, tmp_path):
    """Return a store and rows of it, (n, views)."""
    if request.param == "16 bits":
        return Deep(), np.arange(12)[:, None]
    if request.param == "equal exams":
        return Exams(), np.array([[0, 1], [2, 3]])
    if request.param == "exams":
        write_exams(tmp_path)
    else:
        write_study(tmp_path, THREE, channels=1 if request.param == "grey" else 3)
    store = Store(tmp_path / "data/bones/store")
    rows = [[store.row_of(case, view) for view in store.views] for case in store.cases]
    return store, np.array(rows)


def equal(one, other):
    """Tell whether two batches are the same, down to how they lie in memory."""
    return (
        one.counts == other.counts
        and all(map(torch.equal, one.views, other.views))
        and [v.stride() for v in one.views] == [v.stride() for v in other.views]
    )


@pytest.mark.parametrize("way", WAYS)
def test_batches_are_the_same_whichever_way_they_come(case, way):
    store, rows = case
    batches = come(way, store, rows)
    orders = [np.random.default_rng(k).permutation(len(rows))[: 3 + k] for k in range(6)]
    batches.prefetch(rows[order] for order in orders)
    for order in orders:
        assert equal(batches.take(rows[order]), gather(store, rows[order], CPU))


@pytest.mark.parametrize("way", WAYS)
def test_a_case_may_come_twice_in_a_batch(case, way):
    store, rows = case
    batches, twice = come(way, store, rows), rows[[1, 0, 1, 1]]
    batches.prefetch([twice])
    assert equal(batches.take(twice), gather(store, twice, CPU))


def test_covariates_come_along(case):
    store, rows = case
    entries = np.arange(6, dtype=np.float32).reshape(2, 3)
    for way in WAYS:
        assert come(way, store, rows).take(rows[:2], entries).table.tolist() == entries.tolist()


def test_what_was_foreseen_is_read_ahead_in_another_thread():
    pipe, rows = Pipe(), np.arange(8)[:, None]
    batches = Batches(Deep(), CPU, transfer=pipe)
    batches.prefetch(rows[k : k + 1] for k in range(8))
    batches.take(rows[:1])
    batches.take(rows[1:2])
    batches.take(rows[2:3])
    # Nothing is read before its turn: so many batches lie in memory, and no more.
    assert len(batches._under_way) == module.AHEAD
    for _, sent in batches._under_way:
        sent.result()
    assert len(pipe.senders) == 3 + module.AHEAD
    assert threading.main_thread() not in pipe.senders
    assert pipe.received == 3


def test_another_order_than_was_foreseen_changes_nothing():
    store, rows = Deep(), np.arange(8)[:, None]
    batches = come("streamed", store, rows)
    batches.prefetch([rows[:2], rows[2:4], rows[4:]])
    for asked in (rows[2:4], rows[:2], rows[6:], rows[2:4], rows[4:], rows[:2]):
        assert equal(batches.take(asked), gather(store, asked, CPU))
    assert batches._transfer.received == 3
    batches.prefetch([rows[:2]])
    batches.prefetch([rows[6:]])
    assert equal(batches.take(rows[6:]), gather(store, rows[6:], CPU))
    assert batches._transfer.received == 4


def test_an_error_in_reading_ahead_comes_where_the_batch_is_used():
    class Broken(Deep):
        def pixels(self, rows):
            if 3 in rows:
                raise DataError("the disk is gone")
            return super().pixels(rows)

    rows = np.arange(6)[:, None]
    batches = come("streamed", Broken(), rows)
    batches.prefetch([rows[:2], rows[2:4]])
    assert len(batches.take(rows[:2])) == 2
    with pytest.raises(DataError, match="the disk is gone"):
        batches.take(rows[2:4])


@pytest.mark.parametrize(("n_bytes", "free", "may"), [(50, 100, True), (51, 100, False)])
def test_pixels_stay_where_they_take_half_of_what_is_free(n_bytes, free, may):
    assert fits(n_bytes, free) == may


def test_only_rows_that_a_run_uses_count_and_stay():
    """Of 12 pictures of 32 bytes three are kept, one of them named twice."""
    store, keep = Deep(), np.array([[4], [7], [4], [2]])
    assert bytes_of(store, np.unique(keep)) == 96
    assert Batches(store, CPU, keep=keep, free=191).way == "read"
    batches = Batches(store, CPU, keep=keep, free=192)
    assert batches.way == "resident"
    assert batches._resident.pixels.nbytes == 96
    for rows in ([[7], [2]], [[3]], [[4], [11]]):
        assert equal(batches.take(np.array(rows)), gather(store, np.array(rows), CPU))


def test_resident_pixels_are_read_in_chunks_and_never_again(tmp_path, monkeypatch):
    write_exams(tmp_path)
    store = Store(tmp_path / "data/bones/store")
    rows = np.arange(len(store)).reshape(-1, 2)
    expected = gather(store, rows[::-1], CPU)
    monkeypatch.setattr(module, "CHUNK", 7)
    batches = come("resident", store, rows[5:])
    whole = come("resident", store, rows)
    monkeypatch.setattr(Store, "pixels", None)
    assert equal(whole.take(rows[::-1]), expected)
    assert batches.take(rows[5:]).counts == tuple(
        tuple(store.slices(mine).tolist()) for mine in rows[5:].T
    )


def test_nothing_stays_of_models_without_pixels():
    batches = Batches(Deep(), CPU, keep=np.empty((4, 0), np.int64), free=HUGE)
    assert batches.way == "read"
    assert batches.take(np.empty((4, 0), np.int64), np.zeros((4, 2), np.float32)).views == ()


def ways(run):
    """Yield the run with each way in turn."""
    keep = np.concatenate([run.train.rows.ravel(), run.tune.rows.ravel()])
    for way in WAYS:
        yield dataclasses.replace(run, batches=come(way, run.store, keep))


CHANGED = {"brightness": [0.9, 1.1], "flip_horizontal": True}


@pytest.mark.parametrize("exams", [False, True])
@pytest.mark.parametrize("how", [{}, {"accumulate": 2, "normalize": "standard"}])
def test_a_run_is_the_same_whichever_way_its_batches_come(make, make_exams, tmp_path, exams, how):
    run = (make_exams if exams else make)(augment=CHANGED, **how)
    ends, tables = [], []
    for each in ways(run):
        state = train(each, seed=3, saved=tmp_path / each.batches.way, board=tmp_path / "board")
        ends.append(state)
        asked = (state.network, run.store, run.tune, run.recipe)
        tables.append(predict_table(*asked, part="tune", device="cpu"))
    for other in ends[1:]:
        same(ends[0], other)
        assert all(
            torch.equal(value, ends[0].network.state_dict()[name])
            for name, value in other.network.state_dict().items()
        )
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_every_batch_of_an_epoch_and_of_tune_is_foreseen(make):
    run = make()
    pipe = Pipe()
    run = dataclasses.replace(run, batches=Batches(run.store, CPU, transfer=pipe))
    state = start(run, seed=0)
    state.order = draw_order(run.train.targets, run.recipe.target, run.how, state.generator)
    state.progress.batch = 1  # as in a run that was stopped after its first step
    for group in groups_left(run, state):
        one_step(run, state, group)
    infer(state.network, run.batches, run.tune.rows, run.device)
    assert pipe.received == run.n_batches - 1 + -(-len(run.tune) // 16)


def test_pixels_give_way_before_a_batch_is_cut(make, monkeypatch, caplog):
    """Pieces may change what comes out, reading pixels again does not."""
    run = make(TWO)
    *_, run = ways(run)
    state = start(run, seed=0)

    class Full(Small):
        def __call__(self, images):
            self.most = 4 if run.batches.way == "resident" else 8
            return super().__call__(images)

    monkeypatch.setattr(type(state.network), "__call__", Full(state.network, 8))
    order = draw_order(run.train.targets, run.recipe.target, run.how, state.generator)[:8]
    one_step(run, state, [order])
    assert state.progress.pieces == 1
    assert run.batches.way == "read"
    assert not run.batches.release()
    assert "pixels no longer stay on the device" in caplog.text


def test_a_run_keeps_what_it_trains_on_and_watches_unless_it_has_several_processes(
    make, monkeypatch
):
    run, asked = make(), []
    monkeypatch.setattr(run_module, "batches_of", lambda *given: asked.append(given[-1]))
    make_run(run.recipe, run.store, run.train, run.tune)
    make_run(run.recipe, run.store, run.train, run.tune, ProcessGroup(0, 2))
    assert sorted(asked[0]) == sorted([*run.train.rows[:, 0], *run.tune.rows[:, 0]])
    assert not len(asked[1])


def test_the_processor_reads_when_it_is_asked_and_a_gpu_by_what_is_free(monkeypatch):
    rows = np.arange(4)[:, None]
    assert batches_of(Deep(), CPU, rows).way == "read"
    gpu = torch.device("cuda", 0)
    monkeypatch.setattr(module, "CudaTransfer", lambda device: Pipe())
    monkeypatch.setattr(module, "Resident", lambda *_: "kept")
    for free, way in ((255, "streamed"), (256, "resident")):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, HUGE))
        assert batches_of(Deep(), gpu, rows).way == way
    assert batches_of(Deep(), gpu).way == "streamed"


def test_a_gpu_waits_for_copies_and_their_memory_for_the_gpu(monkeypatch):
    told = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def record_event(self):
            return f"all copies of {self.name}"

        def wait_event(self, event):
            told.append(f"{self.name} waits for {event}")

    @contextmanager
    def stream(which):
        told.append(f"copying on {which.name}")
        yield

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("side"))
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("main"))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda self, s: told.append(f"{s.name} uses memory")
    )
    transfer = CudaTransfer(CPU)
    (found,) = transfer.receive(transfer.send([np.arange(3)]))
    assert found.tolist() == [0, 1, 2]
    assert told == ["copying on side", "main waits for all copies of side", "main uses memory"]


@on_gpu
@pytest.mark.parametrize("free", [0, HUGE])
def test_batches_on_a_gpu(case, free):
    store, rows = case
    device = torch.device("cuda")
    batches = Batches(store, device, transfer=CudaTransfer(device), keep=rows, free=free)
    assert batches.way == ("resident" if free else "streamed")
    orders = [np.random.default_rng(k).permutation(len(rows))[: 3 + k] for k in range(20)]
    batches.prefetch(rows[order] for order in orders)
    for order in orders:
        found, expected = batches.take(rows[order]), gather(store, rows[order], device)
        assert equal(found, expected)


@on_gpu
def test_a_run_on_a_gpu_is_the_same_whichever_way_its_batches_come(make, tmp_path):
    run = make(augment={"rotate": 0, "translate": 0, "scale": None})
    keep = np.concatenate([run.train.rows.ravel(), run.tune.rows.ravel()])
    ends = []
    for free in (0, HUGE):
        transfer = CudaTransfer(run.device)
        batches = Batches(run.store, run.device, transfer=transfer, keep=keep, free=free)
        each = dataclasses.replace(run, batches=batches)
        ends.append(train(each, seed=3, saved=tmp_path / f"{free}", board=tmp_path / "board"))
    same(*ends)
