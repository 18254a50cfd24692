"""A run that starts from another run's weights: what is taken, and what is refused."""

import contextlib
import dataclasses
import logging

import pytest
import torch
from torch import nn

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import sha256_file
from radpipe.core.recipe import Artifact
from radpipe.core.step import StoppedError
from radpipe.learning.networks.network import save_weights
from radpipe.learning.starts.lineage import hash_of
from radpipe.learning.starts.start import names_of, start_from
from radpipe.learning.training.run import make_run
from radpipe.learning.training.train import about, start, train
from tests.learning.training.test_train import same
from tests.small_study import TWO

UNIT = torch.zeros(1), torch.ones(1)


@pytest.fixture
def weights(make, tmp_path):
    """Return the file of a run that was trained for one epoch, and its run."""
    run = make(epochs=1)
    state = train(run, seed=5, saved=tmp_path / "first", board=tmp_path / "board")
    file = tmp_path / "first.safetensors"
    save_weights(file, state.kept, about(run, state, fold=0, seed=5))
    return file, state


def started(run, file, **model):
    """Return a run like another one that starts from a file."""
    given = Artifact(path=str(file), sha256=sha256_file(file))
    recipe = run.recipe.model_copy(update={"weights": given})
    if model:
        choice = recipe.model.model_copy(update=model)
        recipe = recipe.model_copy(update={"model": choice})
    return make_run(recipe, run.store, run.train, run.tune)


def test_an_equal_network_starts_where_the_other_ended(make, weights):
    file, first = weights
    state = start(started(make(epochs=1), file), seed=9)
    for name, tensor in state.network.state_dict().items():
        assert torch.equal(tensor, first.kept[name]), name
    assert state.taken.fresh == ()
    assert state.taken.run == "bones-x (fold 0, seed 5)"
    assert state.taken.parameters == sum(w.numel() for w in state.network.parameters())


def test_what_differs_keeps_its_own_start(make, weights, caplog):
    """Another target needs another last layer; all else is taken."""
    file, first = weights
    caplog.set_level(logging.INFO)
    run = make(TWO, epochs=1, class_weights="none")
    plain, state = start(run, seed=9), start(started(run, file), seed=9)
    last = list(state.network.model.state_dict())[-1].rpartition(".")[0]
    assert state.taken.fresh == (last,)
    assert state.taken.tensors == len(first.kept) - 4  # a weight, a bias, mean and SD
    for name, tensor in state.network.state_dict().items():
        own = name.startswith(f"model.{last}.")
        expected = plain.network.state_dict() if own else first.kept
        assert torch.equal(tensor, expected[name]), name
    assert f"fresh={last}" in caplog.text


def test_normalisation_is_the_runs_own_and_told_if_it_differs(make, weights, caplog):
    file, _ = weights
    caplog.set_level(logging.INFO)
    start(started(make(epochs=1), file), seed=9)
    assert "normalised by its own" not in caplog.text
    state = start(started(make(epochs=1, normalize="unit"), file), seed=9)
    assert state.network.mean.item() == 0
    assert "normalised by its own mean=[0.0] sd=[1.0], not by the start's mean=[" in caplog.text


def test_the_lineage_grows_by_the_run_itself(make, weights, tmp_path):
    file, _ = weights
    run = started(make(epochs=1), file)
    state = train(run, seed=2, saved=tmp_path / "b", board=tmp_path / "board")
    lineage = about(run, state, fold=0, seed=2)["lineage"]
    assert [(each["variant"], each["seed"]) for each in lineage] == [("bones-x", 5), ("bones-x", 2)]
    names = run.train.table["patient"].to_pylist()
    assert lineage[1]["gradients"] == sorted(map(hash_of, names))
    assert lineage[1]["stopping"] == sorted(map(hash_of, run.tune.table["patient"].to_pylist()))
    # Which architecture, for a start that does not fit.
    assert lineage[1]["model"] == "compact"


def test_another_fold_is_refused(make, weights):
    file, _ = weights
    run = make(epochs=1)
    swapped = dataclasses.replace(run, train=run.tune, tune=run.train)
    with pytest.raises(ConfigError, match=r"learned from \d+ of the \d+ patients in `tune`"):
        started(swapped, file)


def test_a_file_that_is_no_network_is_refused(make, tmp_path):
    file = tmp_path / "other.safetensors"
    file.write_text("{}")
    with pytest.raises(DataError, match="not a whole file of weights"):
        started(make(), file)


def test_an_architecture_that_shares_nothing_is_refused_by_name(make, weights):
    file, _ = weights
    run = started(make(epochs=1), file)
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(ConfigError, match=r"architecture 'compact', has name and shape .*'compact"):
        start_from(run.recipe, run.ancestors[-1], model, *UNIT)


class Larger(nn.Module):
    """A network in which another one is a part."""

    start_prefix = "image."

    def __init__(self, image):
        super().__init__()
        self.image = image
        self.last = nn.Linear(4, 1)


def test_a_network_becomes_a_part_of_a_larger_one(make, weights):
    file, first = weights
    run = started(make(epochs=1), file)
    model = Larger(start(make(epochs=1), seed=1).network.model)
    taken = start_from(run.recipe, run.ancestors[-1], model, *UNIT)
    assert taken.fresh == ("last",)
    for name, tensor in model.image.state_dict().items():
        assert torch.equal(tensor, first.kept[f"model.{name}"]), name


@pytest.mark.parametrize(
    ("theirs", "own", "prefix", "found"),
    [
        (["model.a", "mean"], ["a", "mean"], "", {"a": "model.a"}),
        (["model.a"], ["x.a"], "", {}),
        (["model.a"], ["x.a"], "x.", {"x.a": "model.a"}),
        # A name that the model knows is not tried again with the prefix.
        (["model.a"], ["a", "x.a"], "x.", {"a": "model.a"}),
        # A name of its own comes before one with the prefix.
        (["model.x.a", "model.a"], ["x.a"], "x.", {"x.a": "model.x.a"}),
    ],
)
def test_names_are_tried_as_they_are_and_then_below_the_prefix(theirs, own, prefix, found):
    assert names_of(theirs, dict.fromkeys(own), prefix) == found


def test_a_started_run_goes_on_to_the_bit(make, weights, tmp_path):
    file, _ = weights
    run = started(make(epochs=3), file)
    straight = train(run, seed=3, saved=tmp_path / "a", board=tmp_path / "board")
    calls = iter(range(100))
    for _ in range(20):
        with contextlib.suppress(StoppedError):
            resumed = train(
                run,
                seed=3,
                saved=tmp_path / "b",
                board=tmp_path / "board",
                stop=lambda: (next(calls) + 1) % 4 == 0,
            )
            break
    same(straight, resumed)
    assert straight.taken == resumed.taken
