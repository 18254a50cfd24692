"""The step `features`, heads that learn from what it has made, and predictors of both."""

import pytest

from radpipe.core.files import read_json
from radpipe.learning.data.features import FeatureStore
from radpipe.learning.networks.network import read_about
from tests.small_study import TWO, plan_of, write_study

RUN = ("--variant", "bones-x", "--fold", "0", "--seed", "0")
FEATURES = "data/bones/features/drawn"
WEIGHTS = "results/runs/bones-x/fold-0-seed-0/weights.safetensors"
BLOCK = {
    "study": "bones",
    "store": "data/bones/store",
    "weights": "weights/random.json",
    "remote": None,
    "model": {"name": "compact", "widths": [4, 8]},
    "normalize": "unit",
}


@pytest.fixture
def planned(project):
    """Return a function that plans a head on features of a network that was drawn."""
    write_study(project.root, TWO, size=32)

    def plan(preset="heads/linear", *, block=None, **variant):
        project.params = plan_of(TWO, preset=preset, store=FEATURES, **variant)
        project.params["features"] = {"drawn": {**BLOCK, **(block or {})}}
        project.save()

    return plan


def done(project, step, *arguments):
    found = project.step(step, *arguments)
    assert found.returncode == 0, found.stderr
    return found.stderr


def test_features_are_made_once_and_heads_learn_from_them(project, planned):
    planned(train={"epochs": 2})
    assert "computed features drawn: cases=48 features=16" in done(
        project, "features", "--study", "bones", "--backbone", "drawn"
    )
    features = FeatureStore(project.root / FEATURES)
    assert features.features(features.cases).shape == (1, 48, 16)
    done(project, "train", *RUN)
    about = read_about(project.root / WEIGHTS)
    assert about["parameters"] == 2 * 16 + 16 + 1
    assert len(about["lineage"]) == 1
    done(project, "predict", *RUN)
    described = read_json(project.root / WEIGHTS.replace("weights.safetensors", "predictor.json"))
    assert described["backbone"]["weights"]["sha256"] == features.frozen.sha256
