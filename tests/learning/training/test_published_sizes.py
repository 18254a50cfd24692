"""Every preset makes a step of training at its published size, in this process.

As a process of its own, a step of the pipeline would load torch and write, hash and read back up to
a gigabyte of weights each; tests/steps/test_train.py does that with small networks.
"""

from pathlib import Path
from typing import Any

import pytest

from radpipe.core.presets import load_preset
from radpipe.core.settings import Target
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.models import n_parameters
from radpipe.learning.training.run import make_run
from radpipe.learning.training.state import State
from radpipe.learning.training.train import train
from tests.small_study import (
    KL,
    LABELS,
    ROOT,
    THREE,
    TWO,
    presets,
    small_recipe,
    write_exams,
    write_knees,
    write_study,
)


def one_step(root: Path, target: Target, preset: str, **how: Any) -> State:
    """Train one step of a preset on the study below `root`, and score `tune`."""
    recipe = small_recipe(root, target, preset=preset, train={"max_steps": 1, **how})
    store, split = Store(root / "data/bones/store"), Path(recipe.split.path)
    parts = [
        read_part(split, store, target, part=part, fold=0, model=recipe.model)
        for part in ("train", "tune")
    ]
    run = make_run(recipe, store, *parts)
    state = train(run, seed=0, saved=root / "state.safetensors", board=root / "board")
    assert (state.progress.step, len(state.progress.history)) == (1, 1)
    return state


def size_of(preset: str) -> int:
    return load_preset(preset, {}, where="", root=ROOT / "presets").size


@pytest.mark.parametrize("preset", presets("bones"))
def test_of_bones(tmp_path, preset):
    """The largest networks have 207 million parameters."""
    published = load_preset(preset, {}, where="", root=ROOT / "presets")
    channels = {"grey": 1, "colour": 3}[published.channels]
    write_study(tmp_path, THREE, n=14, size=published.size, channels=channels, test=2)
    one_step(tmp_path, THREE, preset, batch_size=2)


@pytest.mark.parametrize("preset", presets("knee_mri"))
def test_of_exams(tmp_path, preset):
    write_exams(tmp_path, n=10, size=size_of(preset), test=2)
    one_step(tmp_path, LABELS, preset)


@pytest.mark.parametrize(
    "preset",
    ["kl_pretraining", "image_only", "joint_frozen", "joint_unfrozen", "multi_task"],
)
def test_of_knees(tmp_path, preset):
    """With all of VGG16's filters; a picture takes a second, so few are trained on."""
    target = KL if preset == "kl_pretraining" else TWO
    write_knees(tmp_path, target, n=10, size=224, test=2)
    state = one_step(tmp_path, target, f"knee_oa/{preset}", batch_size=2)
    assert n_parameters(state.network.model) > 14_715_000


@pytest.mark.parametrize("preset", ["densenet121_500", "efficientnet_b5", "combined_frozen"])
def test_of_chests(tmp_path, preset):
    write_study(tmp_path, LABELS, n=6, size=size_of(f"chest/{preset}"), test=2)
    one_step(tmp_path, LABELS, f"chest/{preset}", batch_size=2)
