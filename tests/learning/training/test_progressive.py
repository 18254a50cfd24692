"""Small pictures first: which, when, and for which networks."""

import contextlib

import pytest
import torch

from radpipe.core.errors import ConfigError
from radpipe.core.step import StoppedError
from radpipe.learning.data.cases import Batch
from radpipe.learning.networks.inference import infer_logits
from radpipe.learning.training import progressive
from radpipe.learning.training.progressive import check_small, halved
from radpipe.learning.training.train import start, train
from tests.learning.training.test_train import same


def test_a_small_pixel_is_the_mean_of_four():
    picture = torch.tensor([[0.0, 0.4, 0.2, 0.2, 9], [0.8, 0.0, 0.6, 1.0, 9], [9] * 5])
    small = halved(Batch((picture[None, None],), ((1,),)))
    torch.testing.assert_close(small.views[0], torch.tensor([[[[0.3, 0.5]]]]))


@pytest.mark.parametrize(
    ("share", "epochs", "small"),
    [(0, 4, 0), (0.5, 4, 2), (0.5, 3, 1), (0.9, 1, 0), (0.75, 2, 1), (0.9, 10, 9), (0.29, 100, 29)],
)
def test_the_first_epochs_are_small(make, share, epochs, small):
    run = make(small_first=share, epochs=epochs)
    assert [run.how.halves(epoch) for epoch in range(epochs)] == [True] * small + [False] * (
        epochs - small
    )


def test_a_network_learns_small_pictures_first_and_answers_of_whole_ones(
    make, tmp_path, monkeypatch
):
    run, sides = make(small_first=0.5, epochs=4), []
    as_before = progressive.sized

    def noted(*given):
        sides.append(as_before(*given).views[0].shape[-1])
        return as_before(*given)

    monkeypatch.setattr("radpipe.learning.training.gradients.sized", noted)
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    side = run.store.pixels(run.train.rows[:1, 0]).shape[1]
    assert sides == [side // 2] * (2 * run.n_batches) + [side] * (2 * run.n_batches)
    whole = infer_logits(state.network, run.store, run.tune.rows, torch.device("cpu"))
    assert whole.shape == (len(run.tune), 3)


def test_a_stopped_run_goes_on_to_the_bit(make, tmp_path):
    run, steps = make(small_first=0.6, epochs=3), 0
    whole = train(run, seed=0, saved=tmp_path / "a", board=tmp_path / "board-a")

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps in (2, 5)

    for _ in range(3):
        with contextlib.suppress(StoppedError):
            parts = train(run, seed=0, saved=tmp_path / "b", board=tmp_path / "board-b", stop=stop)
    same(whole, parts)


def test_looking_whether_it_fits_changes_no_weight_and_draws_nothing(make):
    one, other = (start(make(small_first=share), seed=0) for share in (0, 0.5))
    for a, b in zip(
        one.network.state_dict().values(), other.network.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    assert torch.equal(one.generator.get_state(), other.generator.get_state())
    chance = torch.get_rng_state()
    start(make(small_first=0), seed=0)
    assert torch.equal(chance, torch.get_rng_state())


def test_small_pictures_do_not_stop_a_training_early(make, tmp_path):
    """Nothing improves by 10: one epoch is the first, and those of small pictures do not count."""
    run = make(small_first=0.5, epochs=10, stop_patience=2, stop_min_delta=10.0)
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    assert state.progress.epoch == 5 + 2


def test_exams_are_small_as_well(make_exams, tmp_path):
    run = make_exams(small_first=0.5, epochs=2, augment={"slice_step": 2})
    state = train(run, seed=0, saved=tmp_path / "state", board=tmp_path / "board")
    assert len(state.progress.history) == 2


def test_a_network_for_one_side_is_refused_before_it_trains(make):
    run = make(small_first=0.5)
    state = start(run, seed=0)
    state.network.model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3))
    whole = run.batches.take(run.train.rows[:1])
    state.network(whole)
    with pytest.raises(ConfigError, match=r"train\.small_first: compact cannot take pictures of"):
        check_small(run, state.network)
    assert state.network.training


def test_a_view_that_a_case_lacks_stays_empty():
    small = halved(Batch((torch.zeros(0, 1, 8, 8), torch.ones(2, 1, 9, 9)), ((0,), (2,))))
    assert [view.shape for view in small.views] == [(0, 1, 4, 4), (2, 1, 4, 4)]
    assert small.counts == ((0,), (2,))


@pytest.mark.parametrize("refusal", [AssertionError, ValueError, RuntimeError])
def test_a_network_that_asserts_its_side_is_refused_as_well(make, monkeypatch, refusal):
    run = make(small_first=0.5)
    state = start(run, seed=0)

    def asserts(_):
        raise refusal("Input height (8) doesn't match model (16).")

    monkeypatch.setattr(state.network, "forward", asserts)
    with pytest.raises(ConfigError, match=r"cannot take pictures of .*doesn't match model"):
        check_small(run, state.network)


def test_too_little_memory_is_not_taken_for_a_wrong_side(make, monkeypatch, caplog):
    run = make(small_first=0.5)
    state = start(run, seed=0)

    def full(_):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(state.network, "forward", full)
    check_small(run, state.network)
    assert "small pictures were not tried" in caplog.text
    assert state.network.training
