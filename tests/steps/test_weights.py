"""The step `weights`, and a training that starts from what it has made."""

import json
from runpy import run_path

import pyarrow as pa
import pytest
import torch

from radpipe.core.descriptors import LearnedFrom, read_descriptor
from radpipe.core.errors import ConfigError
from radpipe.core.files import read_json, sha256_file
from radpipe.core.settings import ModelChoice
from radpipe.core.tables import read_table, write_table
from radpipe.learning.models import build_model
from radpipe.learning.networks.network import read_about
from tests.serving import served
from tests.small_study import ROOT, TWO, plan_variant, write_study

RUN = ("--variant", "bones-x", "--fold", "0", "--seed", "0")
START = "results/starts/toy/start.json"


@pytest.fixture
def site(tmp_path):
    """Serve the folder `site`; return its address."""
    (tmp_path / "site").mkdir()
    with served(tmp_path / "site") as address:
        yield address


@pytest.fixture
def started(project, tmp_path, site, monkeypatch):
    """Return a function that plans a run which starts from a served file that has seen `images`."""
    monkeypatch.setenv("RADPIPE_WEIGHTS", str(tmp_path / "shared"))
    write_study(project.root, TWO, size=32)
    path = project.root / "data/bones/store/index.parquet"
    index = read_table(path)
    files = pa.array([f"films/{case}.png" for case in index["case"].to_pylist()])
    write_table(path, index.set_column(index.column_names.index("file"), "file", files))

    def plan(*images):
        choice = {"name": "vgg", "depth": 11, "stem": "sum"}
        shape = {"n_channels": 3, "n_outputs": 2, "size": 32}
        network = build_model(ModelChoice.model_validate(choice), **shape)
        tensors = {k: v for k, v in network.state_dict().items() if not k.startswith("last")}
        torch.save({**tensors, "classifier.0.weight": torch.zeros(3)}, tmp_path / "site/toy.pth")
        (tmp_path / "site/list.csv").write_text("\n".join(["image", *images]))
        listed = {
            "address": f"{site}/list.csv",
            "sha256": sha256_file(tmp_path / "site/list.csv"),
            "column": "image",
            "names": "images",
        }
        descriptor = json.loads((ROOT / "weights/vgg16.json").read_text()) | {
            "name": "toy",
            "addresses": [f"{site}/toy.pth"],
            "file": "toy.pth",
            "sha256": sha256_file(tmp_path / "site/toy.pth"),
            "sha256_prefix": None,
            "implementation": "vgg11",
            "learned_from": [{"data_set": "films", "list": listed}, {"data_set": "Bones"}],
        }
        (project.root / "weights/toy.json").write_text(json.dumps(descriptor))
        plan_variant(
            project.root,
            TWO,
            preset="bones/compact",
            weights="weights/toy.json",
            model=choice,
            train={"epochs": 1, "max_steps": 1, "normalize": "start"},
        )
        text = (project.root / "params.yaml").read_text()
        (project.root / "params.yaml").write_text(text.replace("starts: []", "starts: [toy]"))

    return plan


def test_a_start_is_fetched_taken_and_remembered(project, started):
    """What the file promises is taken, and the lineage of the run goes on to what it has seen."""
    started("elsewhere/films/case-009.png")
    done = project.step("weights", "--start", "toy")
    assert done.returncode == 0, done.stderr
    found = read_json(project.root / START)
    assert found["function"] == "torchvision/vgg11"
    assert found["learned_from"][0]["list"]["count"] == 1
    assert list(read_json(project.root / "results/receipts/weights/toy.json")["outputs"]) == [START]
    done = project.step("train", *RUN)
    assert done.returncode == 0, done.stderr
    assert "toy has learned from 1 of the" in done.stderr
    receipt = read_json(project.root / "results/receipts/train/bones-x-fold-0-seed-0.json")
    assert receipt["inputs"][START] == sha256_file(project.root / START)
    assert receipt["facts"]["start"]["left"] == ["classifier.0.weight"]
    assert receipt["facts"]["start"]["stem"] == "sum"
    recipe = read_json(project.root / "results/runs/bones-x/fold-0-seed-0/recipe.json")
    assert recipe["weights"] == {"path": START, "sha256": receipt["inputs"][START]}
    about = read_about(project.root / "results/runs/bones-x/fold-0-seed-0/weights.safetensors")
    assert [(each["start"], each["tune"]) for each in about["borrowed"]] == [("toy", 1)]


PLANNED = {"studies": {"bones": ["bones", "folders", "MURA"]}}


def test_a_name_is_refused_where_the_settings_say_so(monkeypatch):
    monkeypatch.chdir(ROOT)
    refuse_known = run_path("workflow/scripts/weights.py")["refuse_known"]
    found = read_descriptor("resnet18")
    seen = found.model_copy(
        update={"learned_from": [*found.learned_from, LearnedFrom(data_set="mura")]}
    )
    refuse_known(seen, {**PLANNED, "seen_by_name": "flag"})
    refuse_known(found, {**PLANNED, "seen_by_name": "refuse"})
    with pytest.raises(ConfigError) as caught:
        refuse_known(seen, {**PLANNED, "seen_by_name": "refuse"})
    assert str(caught.value).startswith(
        "weights/resnet18.json: has learned from mura, from which bones comes by its names (bones,"
        " folders, MURA), and plan.seen_by_name is refuse"
    )
    assert "The way out: other weights; a `list` of the images" in str(caught.value)
