"""`radpipe export`: what leaves the house, and what does not."""

import os
import shutil
import subprocess
import sys

import pytest

from radpipe.app import predictor as app
from radpipe.app.model_card import card_text
from radpipe.core.descriptors import Licence
from radpipe.core.errors import ConfigError, DataError, StaleError
from radpipe.core.params import load_params
from radpipe.prediction.description import BorrowedFrom
from radpipe.prediction.export import gather
from radpipe.prediction.predictor import Predictor

COMMERCE = "commercial"
CROPS = {"side": 32, "extent_mm": 60}


@pytest.fixture
def house(project, pictures, monkeypatch):
    """A project whose run bones-v1 is the small one of pictures."""
    run = project.root / "results/runs/bones-v1/fold-0-seed-0"
    shutil.copytree(pictures.run, run)
    monkeypatch.chdir(project.root)
    return project


@pytest.fixture
def fresh(monkeypatch):
    """Let every receipt agree."""
    monkeypatch.setattr(app.Freshness, "reasons", lambda *_: [])


def test_a_stale_run_stays(house, tmp_path):
    with pytest.raises(StaleError, match="bones-v1-fold-0-seed-0 is not what would be made now"):
        app.export(load_params(), run="bones-v1", folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_exported_run_answers(house, fresh, pictures, tmp_path):
    out = tmp_path / "out"
    app.export(load_params(), run="bones-v1-fold-0-seed-0", folder=out)
    assert sorted(file.name for file in out.iterdir()) == [
        *("likeness.safetensors", "model-card.md", "predictor.json", "weights.safetensors")
    ]
    scores = Predictor.open(out).predict(pictures.raw_cases("test")).scores
    assert scores.tobytes() == pictures.scores("test").tobytes()
    with pytest.raises(ConfigError, match="holds something already"):
        app.export(load_params(), run="bones-v1", folder=out)


def test_an_archive_holds_the_same_and_has_the_same_bytes_each_time(house, fresh, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        app.export(load_params(), run="bones-v1", folder=tmp_path / name / "m.zip", archive=True)
    content = (tmp_path / "one/m.zip").read_bytes()
    assert content == (tmp_path / "two/m.zip").read_bytes()
    shutil.unpack_archive(tmp_path / "one/m.zip", tmp_path)
    Predictor.open(tmp_path / "m")
    with pytest.raises(DataError, match=r"m\.zip: a file, .* Unpack an archive first"):
        Predictor.open(tmp_path / "one/m.zip")
    with pytest.raises(ConfigError, match=r"an archive ends in \.zip; say m\.tar\.zip"):
        app.export(load_params(), run="bones-v1", folder=tmp_path / "m.tar", archive=True)
    with pytest.raises(ConfigError, match="exists already"):
        app.export(load_params(), run="bones-v1", folder=tmp_path / "one/m.zip", archive=True)


def test_the_card_is_made_of_what_the_predictor_knows(pictures, fusion, tmp_path):
    what = Predictor.open(pictures.folder).description
    text = card_text(what, ["weights.safetensors"], tmp_path)
    for said in (what.weights.sha256, "research use only", "started from random numbers"):
        assert said in text
    assert f"{what.study.tune.patients} patients" in text
    assert "From the project's report" not in text
    name = tmp_path / f"{what.study.name}-model-card.md"
    for variant, there in ((what.variant, True), ("another", False)):
        name.write_text(f"# Model card: {variant}\n\n## Results\n\nGood.\n")
        text = card_text(what, [], tmp_path)
        assert ("### Results" in text) == there
    restricted = Licence(spdx="CC-BY-NC-4.0", restricted=True, says="No trade.", forbids=[COMMERCE])
    start = BorrowedFrom(start="w", function="f", data_sets=["D"], licence=restricted)
    text = card_text(what.model_copy(update={"borrowed": [start]}), [], tmp_path)
    assert "CC-BY-NC-4.0: No trade. Forbidden use: commercial." in text
    text = card_text(Predictor.open(fusion.folder).description, [], tmp_path)
    assert "A case is a side of the patient" in text


def test_what_learned_from_restricted_data_leaves_only_when_asked_by_name(house, fresh, tmp_path):
    house.set("studies.bones.remote", "locked")
    house.set("studies.other", {**house.params["studies"]["bones"], "remote": None})
    child = {**house.params["variants"]["bones-v1"], "study": "other", "store": "data/other/store"}
    weights = "results/runs/bones-v1/fold-0-seed-0/weights.safetensors"
    house.set("variants.child", {**child, "weights": weights})
    house.set("variants.apart", child)
    house.set("variants.crops", {**child, "store": "data/bones/crops"})
    house.set("plan.variants", list(house.params["variants"]))
    house.set("localize", {"bones": {"remote": "locked", **CROPS}})
    params = load_params()
    found = {name: app.restricted_studies(params, name) for name in params.variants}
    bones = {name: ["bones"] for name in ("bones-floor", "bones-v1", "child", "crops")}
    assert found == {**bones, "apart": []}
    with pytest.raises(ConfigError, match=r"has learned from bones, whose data .* --restricted"):
        app.export(params, run="bones-v1", folder=tmp_path / "out")
    app.export(params, run="bones-v1", folder=tmp_path / "out", restricted=True)


def test_the_detector_comes_along_or_nothing_does(fusion, tmp_path):
    with pytest.raises(DataError, match=r"detector\.safetensors: missing"):
        gather(fusion.run, tmp_path / "out", detector=None)
    assert not (tmp_path / "out").exists()
    gather(fusion.run, tmp_path / "out", detector=fusion.detector)
    # A copy can be copied.
    gather(tmp_path / "out", tmp_path / "again", detector=None)
    assert (tmp_path / "again/detector.safetensors").exists()


def test_predict_is_a_command_for_any_folder(pictures, tmp_path):
    """No params.yaml, no Snakemake, no DVC, no store; and no pickle is opened."""
    case = pictures.raw_cases("test")[0]
    shutil.copytree(pictures.folder, tmp_path / "model")
    code = (
        "import sys; sys.argv = ['radpipe', 'predict', 'model', sys.argv[1]];"
        "import pickle; pickle.load = pickle.loads = pickle.Unpickler = None;"
        "from radpipe.app.cli import main; main();"
        "assert not {'snakemake', 'dvc'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(case.views["image"])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[1]
    assert line.startswith(str(case.views["image"]))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
