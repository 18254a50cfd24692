"""A head and the frozen network before it: what was stored is what both say of raw files."""

import shutil

import numpy as np
import pytest
import torch

from radpipe.core.errors import DataError
from radpipe.core.recipe import read_recipe
from radpipe.core.settings import Image
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.models import build_model
from radpipe.learning.networks.inference import infer
from radpipe.learning.networks.network import Network
from radpipe.prediction.export import gather
from radpipe.prediction.onnx_file import cases_of, write_onnx
from radpipe.prediction.predictor import CPU, Predictor
from tests.prediction.conftest import ONCE, PLANES, RESIDUAL, THREE
from tests.prediction.made import PARTS, Made, Maker

COMPACT = {"name": "compact", "widths": [4, 8]}
FEATURES = "features/drawn"


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Radiographs of bones, and what a network that was drawn says of them."""
    layout = {"path": "{class}/{patient}-{_}"}
    root = tmp_path_factory.mktemp("maker")
    found = Maker(root, "folders", THREE, layout, image=Image(side=32))
    found.look(model=COMPACT)
    return found


@pytest.fixture(scope="module")
def linear(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A linear head of it."""
    recipe = maker.recipe("heads/linear", store=FEATURES, train={**ONCE, "lr": 0.1})
    return maker.run(tmp_path_factory.mktemp("linear"), recipe)


@pytest.fixture(scope="module")
def neighbours(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A memory of its features."""
    recipe = maker.recipe("heads/neighbours", store=FEATURES)
    return maker.run(tmp_path_factory.mktemp("neighbours"), recipe)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Logistic regression of three labels on exams of three planes."""
    root = tmp_path_factory.mktemp("exam")
    maker = Maker(root, "mrnet", PLANES, {}, image=Image(side=32), patients=32)
    maker.look(model={"name": "exam", **RESIDUAL})
    return maker.run(root, maker.recipe("heads/logistic", store=FEATURES))


@pytest.mark.parametrize("kind", ["linear", "neighbours", "exam"])
def test_raw_files_get_the_scores_of_stored_features(kind, request):
    made = request.getfixturevalue(kind)
    names = sorted(file.name for file in made.folder.iterdir())
    assert names == [
        *("backbone.safetensors", "likeness.safetensors", "predictor.json", "weights.safetensors")
    ]
    predictor = Predictor.open(made.folder)
    for part in PARTS:
        answers = predictor.predict(made.raw_cases(part))
        assert not any(answers.problems)
        assert None not in answers.unlike
        np.testing.assert_allclose(answers.scores, made.scores(part), rtol=0, atol=1e-5)


def test_onnx_has_the_frozen_network_and_its_head_in_one_graph(neighbours, tmp_path):
    recipe = read_recipe(neighbours.run / "recipe.json")
    receipt = write_onnx(Predictor.open(neighbours.folder), tmp_path, *cases_of(recipe, 0))
    assert receipt.largest_difference < 1e-5
    assert "table" not in receipt.inputs


def test_both_say_what_the_network_in_one_piece_says(maker, linear):
    """The head's weights, with its mean and SD in them, as the last layer of the whole network."""
    what = Predictor.open(linear.folder)
    head = what.network.model
    shape = {"n_channels": 1, "n_outputs": 3, "size": 32}
    choice = what.description.backbone.model
    whole = build_model(choice, **shape)
    last = [layer for layer in whole.modules() if isinstance(layer, torch.nn.Linear)][-1]
    weight = head.layers[-1].weight / head.encoder.sd
    whole.load_state_dict(what.backbone.model.state_dict(), strict=False)
    with torch.no_grad():
        last.weight.copy_(weight)
        last.bias.copy_(head.layers[-1].bias - weight @ head.encoder.mean)
    store = Store(maker.store)
    cases = read_part(maker.split, store, THREE, part="test", fold=0)
    in_one_piece = Network(whole, torch.zeros(1), torch.ones(1)).eval()
    logits = infer(in_one_piece, store, cases.rows, CPU)
    assert logits.std(dim=0).min() > 0.1
    np.testing.assert_allclose(logits.softmax(1), linear.scores("test"), rtol=0, atol=1e-5)


def test_a_predictor_without_its_backbone_is_no_predictor(linear, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(linear.folder, copy)
    # One that was exported can be copied as it is.
    assert gather(copy, tmp_path / "again", detector=None).backbone is not None
    (copy / "backbone.safetensors").write_bytes(b"0")
    with pytest.raises(DataError, match=r"backbone\.safetensors: not the file that"):
        Predictor.open(copy)
    (copy / "backbone.safetensors").unlink()
    with pytest.raises(DataError, match=r"backbone\.safetensors: missing"):
        Predictor.open(copy)
