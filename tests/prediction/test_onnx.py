"""An ONNX file says what the predictor says, and names no folder."""

import logging
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.errors import ConfigError, DataError
from radpipe.core.files import read_json
from radpipe.core.recipe import read_recipe
from radpipe.core.settings import ModelChoice, Target
from radpipe.evaluation.calibration import apply_temperature
from radpipe.learning.data.cases import Batch
from radpipe.learning.models import build_model
from radpipe.learning.networks.network import Network
from radpipe.prediction import onnx_file
from radpipe.prediction.onnx_file import LIMIT, MODEL, OPSET, RECEIPT, cases_of, write_onnx
from radpipe.prediction.onnx_graph import OUTPUTS, calibrated, exam_logits
from radpipe.prediction.predictor import Predictor
from tests.conftest import ROOT
from tests.prediction.conftest import ONCE

RESIDUAL = {"kind": "residual", "widths": [4, 8]}
PLAIN = {"kind": "plain", "blocks": [{"filters": 4}]}


def written(made, folder):
    recipe = read_recipe(made.run / "recipe.json")
    return write_onnx(Predictor.open(made.folder), folder, *cases_of(recipe, 0))


@pytest.fixture
def trees(knees, tmp_path):
    """Boosted trees on risk factors."""
    recipe = knees.recipe("knee_oa/boosting", store="crops", model={"trees": 5}, train=ONCE)
    return knees.run(tmp_path / "trees", recipe)


@pytest.mark.parametrize("kind", ["exams", "fusion", "factors", "trees"])
def test_the_file_says_what_the_predictor_says(kind, request, tmp_path, caplog):
    made = request.getfixturevalue(kind)
    with caplog.at_level(logging.INFO):
        receipt = written(made, tmp_path)
    assert [record.name for record in caplog.records if record.name.startswith("onnx")] == []
    assert receipt.largest_difference <= LIMIT
    assert receipt.cases >= len(made.rows("tune"))
    content = (tmp_path / MODEL).read_bytes()
    for name in (str(ROOT), "site-packages", "/tmp", "radpipe", "File "):  # noqa: S108
        assert name.encode() not in content
    assert {MODEL, RECEIPT} <= {path.name for path in tmp_path.iterdir()}
    said = read_json(tmp_path / RECEIPT)
    assert (said["opset"], said["sha256"]) == (OPSET, receipt.sha256)
    assert said["outputs"] == {key: ["cases", "classes"] for key in OUTPUTS}


def test_equal_networks_give_equal_bytes_and_others_are_refused(pictures, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert written(pictures, tmp_path / name).largest_difference <= LIMIT
    content = (tmp_path / "one" / MODEL).read_bytes()
    assert content == (tmp_path / "two" / MODEL).read_bytes()
    # To export once more would take seconds.
    monkeypatch.setattr(onnx_file, "_content", lambda *_: content)
    monkeypatch.setattr(onnx_file, "LIMIT", -1.0)
    with pytest.raises(DataError, match=r"differs from the predictor by .* it was not kept"):
        written(pictures, tmp_path)
    monkeypatch.setattr(onnx_file, "_content", lambda *_: b"no graph")
    with pytest.raises(DataError, match=r"cannot run this architecture as ONNX .* without --onnx"):
        written(pictures, tmp_path)
    assert not (tmp_path / MODEL).exists()


def test_without_the_extra_the_way_out_is_said(pictures, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"pip install 'radpipe\[onnx\]'"):
        written(pictures, tmp_path)


def exam_network(choice, *, stretch=False):
    torch.manual_seed(3)
    model = build_model(choice, n_channels=1, n_outputs=2, size=16, n_views=2, volumes=True)
    for part in model.modules():
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.normal_(part.weight)
    mean, sd = torch.tensor([0.4]), torch.tensor([0.3])
    return Network(model, mean, sd, exams=True, stretch=stretch).eval()


CHOICES = {
    "max": {"name": "exam", "trunk": RESIDUAL, "pool": "max"},
    "mean": {"name": "exam", "trunk": PLAIN, "pool": "mean", "trunks": "view"},
    "attention": {"name": "exam", "trunk": RESIDUAL, "pool": "attention"},
    "views": {"name": "exam", "trunk": PLAIN, "head": "views", "trunks": "view-and-label"},
    "floor": {"name": "exam-floor", "grid": 4},
}


@pytest.mark.parametrize("stretch", [False, True])
@pytest.mark.parametrize("name", CHOICES)
def test_exams_side_by_side_are_exams_one_after_the_other(name, stretch):
    """Whatever fills up the short ones; an exam may lack a view where one head sees all."""
    network = exam_network(ModelChoice.model_validate(CHOICES[name]), stretch=stretch)
    counts = [[3, 1, 2], [2, 2, 4 if name == "views" else 0]]
    drawn = np.random.default_rng(4)
    views = [
        torch.from_numpy(drawn.random((sum(their), 1, 16, 16), dtype=np.float32))
        for their in counts
    ]
    filled = [torch.full((3, 4, 1, 16, 16), 0.7) for _ in views]
    for view, their, whole in zip(views, counts, filled, strict=True):
        for exam, part in enumerate(torch.split(view, their)):
            whole[exam, : len(part)] = part
    with torch.inference_mode():
        wanted = network(Batch(tuple(views), tuple(map(tuple, counts))))
        found = exam_logits(network, filled, [torch.tensor(their) for their in counts])
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_an_exam_network_without_a_form_is_refused():
    network = exam_network(ModelChoice.model_validate(CHOICES["floor"]))
    network.model = torch.nn.Identity()
    with pytest.raises(ConfigError, match="no ONNX form of the exam network Identity"):
        exam_logits(network, [torch.zeros(1, 1, 1, 4, 4)], [torch.ones(1, dtype=torch.int64)])


@pytest.mark.parametrize("kind", ["binary", "multi-class", "ordinal", "multi-label"])
@given(temperature=st.floats(0.05, 20), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_temperature_is_that_of_the_predictor(kind, temperature, seed):
    names = ["a", "b"] if kind == "binary" else ["a", "b", "c"]
    target = Target(kind=kind, classes=names)
    logits = 6 * np.random.default_rng(seed).normal(size=(5, len(names)))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = scores.astype(np.float32)
    found = calibrated(target, torch.from_numpy(scores), temperature).numpy()
    np.testing.assert_allclose(found, apply_temperature(target, scores, temperature), atol=2e-6)
