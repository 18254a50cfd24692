"""What was published of the system for knee osteoarthritis, stage by stage."""

import pytest
import torch

from radpipe.core.presets import Preset, load_preset
from radpipe.learning.models import auxiliary_of, table_of
from radpipe.learning.training.optimisers import end_epoch, make_optimizer, make_schedule
from tests.small_study import ROOT


def preset(name: str) -> Preset:
    return load_preset(f"knee_oa/{name}", {}, where="", root=ROOT / "presets")


STAGES = {
    "kl_pretraining": (1e-4, 10, "accuracy", [1e-4] * 5 + [5e-5] * 5),
    "image_only": (5e-5, 15, "auc", [5e-5] * 5 + [2.5e-5] * 5 + [1.25e-5] * 5),
    "joint_frozen": (1e-3, 10, "auc", [1e-3] * 3 + [8e-4] * 3 + [6.4e-4] * 3 + [5.12e-4]),
    "joint_unfrozen": (5e-5, 20, "auc", [5e-5 * 0.8**k for k in range(6) for _ in range(3)]),
    "multi_task": (1e-4, 20, "auc", [1e-4 * 0.5**k for k in range(4) for _ in range(5)]),
}


@pytest.mark.parametrize("name", list(STAGES))
def test_stages_have_the_published_settings(name):
    """Adam with torch's defaults, 16 films of 224 pixels a step, turned by up to 5 degrees."""
    lr, epochs, metric, _ = STAGES[name]
    found = preset(name)
    train = found.train
    adam = {"optimizer": "adam", "betas": (0.9, 0.999), "epsilon": 1e-8, "weight_decay": 0.0}
    rest = {"lr": lr, "epochs": epochs, "best_metric": metric, "stop_patience": None}
    rest |= {"batch_size": 16, "normalize": "unit", "loss": "auto", "class_weights": "none"}
    assert {**adam, **rest}.items() <= vars(train).items()
    assert (found.size, found.channels) == (224, "grey")
    assert found.augment.model_dump(exclude_defaults=True) == {"rotate": 5.0}
    assert train.sampler == ("shuffle" if name == "kl_pretraining" else "downsample")


@pytest.mark.parametrize("name", list(STAGES))
def test_the_rate_falls_in_the_published_steps(name):
    train, expected = preset(name).train, STAGES[name][3]
    optimizer = make_optimizer(torch.nn.Linear(1, 1), train)
    schedule = make_schedule(optimizer, train, steps_per_epoch=1)
    seen = []
    for _ in range(train.epochs):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        end_epoch(schedule, train, {"loss": 0.0})
    assert seen[: len(expected)] == pytest.approx(expected)
    assert seen[len(expected) :] == pytest.approx([5e-5 * 0.8**6] * (len(seen) - len(expected)))


def test_layers_are_frozen_as_published():
    frozen = {name: preset(name).train.freeze for name in STAGES}
    first = frozen["joint_frozen"], frozen["joint_unfrozen"]
    assert [(f.layers, f.epochs, f.lr) for f in first] == [
        (["image"], None, None),
        (["image"], 1, 1e-3),
    ]
    assert [name for name, freeze in frozen.items() if freeze] == ["joint_frozen", "joint_unfrozen"]


def test_risk_factors_are_the_published_ones():
    published = table_of(preset("joint_frozen").model)
    assert published.numbers == {
        **dict.fromkeys(["age", "sex", "bmi", "alignment"], "mean"),
        "injury": "zero",
    }
    assert published.categories == {"race": [0, 1, 2, 3], "kl": [0, 1, 2, 3, 4]}
    assert (published.n_inputs, published.standardise) == (14, False)
    for name in ("joint_unfrozen", "boosting"):
        assert table_of(preset(name).model) == published
    for name in ("table_floor", "compact_joint"):
        theirs = table_of(preset(name).model)
        assert theirs == published.model_copy(update={"standardise": True})
    assert table_of(preset("image_only").model) is None


def test_the_grade_is_asked_beside_progression_with_the_same_weight():
    asked = auxiliary_of(preset("multi_task").model)
    assert (asked.column, asked.classes, asked.weight) == ("kl", 5, 1.0)
    assert table_of(preset("multi_task").model) is None
    assert auxiliary_of(preset("joint_frozen").model) is None
