"""Inference: whole files, matching recipes, and scores that do not look at neighbours."""

import numpy as np
import pytest
import torch

from radpipe.core.errors import DataError, StaleError
from radpipe.core.settings import ModelChoice
from radpipe.learning.data.cases import read_part
from radpipe.learning.models import build_model
from radpipe.learning.networks.inference import infer, predict_table
from radpipe.learning.networks.network import Network, load_network, read_about, save_weights
from radpipe.learning.training.train import about, start
from tests.learning.models.test_models import small
from tests.small_study import THREE, TWO, presets

CPU = torch.device("cpu")


class Noise:
    """A store of noise."""

    bits, channels = 8, 1

    def pixels(self, rows):
        return np.stack(
            [np.random.default_rng(r).integers(0, 256, (32, 32, 1), np.uint8) for r in rows]
        )

    def slices(self, rows):
        return np.ones(rows.shape, np.int64)


@pytest.mark.parametrize("preset", presets("bones"))
def test_a_case_does_not_see_its_batch(preset):
    """Other neighbours, another place, a shorter list: the same bits."""
    torch.manual_seed(0)
    model = build_model(small(preset), n_channels=1, n_outputs=3, size=32)
    network = Network(model, torch.tensor([0.5]), torch.tensor([0.3]))
    network.to(memory_format=torch.channels_last)
    rows = np.arange(37)[:, None]
    straight = infer(network, Noise(), rows, CPU)
    order = np.random.default_rng(0).permutation(37)
    assert torch.equal(infer(network, Noise(), rows[order], CPU), straight[order])
    assert torch.equal(infer(network, Noise(), rows[:1], CPU), straight[:1])
    assert not network.training


def test_table_holds_scores_and_what_the_split_says(make):
    run = make(TWO)
    state = start(run, seed=0)
    table = predict_table(state.network, run.store, run.tune, run.recipe, part="tune", device="cpu")
    assert table.column_names == [
        *("case", "patient", "part", "target", "score_healthy", "score_fractured"),
        *("ceiling_healthy", "covariate_sex"),
    ]
    scores = np.stack([table[name].to_numpy() for name in TWO.score_columns])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(0), 1, atol=1e-6)
    assert set(table["part"].to_pylist()) == {"tune"}
    assert table["case"].to_pylist() == sorted(table["case"].to_pylist())


def test_saved_network_is_the_same_network(make, tmp_path):
    run = make()
    state = start(run, seed=0)
    state.keep()
    file = tmp_path / "weights.safetensors"
    facts = about(run, state, fold=0, seed=0)
    save_weights(file, state.kept, facts)
    assert read_about(file) == facts
    network = load_network(file, run.recipe, run.store)
    rows = run.tune.rows
    assert torch.equal(
        infer(network, run.store, rows, CPU), infer(state.network, run.store, rows, CPU)
    )
    other = run.recipe.model_copy(update={"model": ModelChoice(name="floor")})
    with pytest.raises(StaleError, match="trained from another recipe"):
        load_network(file, other, run.store)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match="not a whole file of weights"):
        load_network(file, run.recipe, run.store)


def test_test_part_is_read_by_its_name(make, tmp_path):
    run = make()
    split = tmp_path / "data/bones/split.parquet"
    assert len(read_part(split, run.store, THREE, part="test", fold=2)) == 8
