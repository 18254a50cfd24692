"""An ONNX file says what the predictor says, and names no folder."""

import json
from pathlib import Path

import pytest

from radpipe.core.recipe import read_recipe
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.data.features import FeatureStore, open_store
from radpipe.prediction.onnx_file import LIMIT, MODEL, RECEIPT, write_onnx
from radpipe.prediction.predictor import Predictor

ROOT = Path(__file__).parents[2]
KINDS = ("pictures", "exams", "halves", "fusion", "factors")


def asked(made):
    """Return the pixels of a run's study and the cases of its tune."""
    recipe = read_recipe(made.run / "recipe.json")
    store, model = open_store(Path(recipe.store.path)), recipe.model
    if isinstance(store, FeatureStore):
        model = store.frozen.recipe.model
        store = Store(Path(store.frozen.recipe.store.path))
    split = Path(recipe.split.path)
    return store, read_part(split, store, recipe.target, part="tune", fold=0, model=model)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_says_what_the_predictor_says(kind, request, tmp_path):
    made = request.getfixturevalue(kind)
    receipt = write_onnx(Predictor.open(made.folder), tmp_path, *asked(made))
    assert receipt.largest_difference <= LIMIT
    assert receipt.cases == len(made.rows("tune"))
    content = (tmp_path / MODEL).read_bytes()
    for name in (b".py", b"radpipe", b"/tmp", str(ROOT).encode(), b"site-packages"):
        assert name not in content
    assert json.loads((tmp_path / RECEIPT).read_text())["opset"] == 20
