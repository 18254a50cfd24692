"""A study and a run for tests that train in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radpipe.core.settings import Target
from radpipe.imaging.store import Store
from radpipe.learning.data.cases import read_part
from radpipe.learning.training.run import TrainingRun, make_run
from tests.small_study import LABELS, THREE, small_recipe, write_exams, write_study

TINY = {"widths": [4, 8]}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., TrainingRun]:
    """Return a function that makes a run of a tiny network; keywords are `train`'s."""

    def build(target: Target = THREE, *, augment: Any = None, **train: Any) -> TrainingRun:
        if not (tmp_path / "data").exists():
            write_study(tmp_path, target)
        how = {"epochs": 3, "batch_size": 8, **train}
        recipe = small_recipe(tmp_path, target, model=TINY, train=how, augment=augment or {})
        store, split = Store(tmp_path / "data/bones/store"), Path(recipe.split.path)
        parts = [read_part(split, store, target, part=p, fold=0) for p in ("train", "tune")]
        return make_run(recipe, store, *parts)

    return build


SMALL_EXAM = {"trunk": {"kind": "residual", "widths": [4, 8]}}


@pytest.fixture
def make_exams(tmp_path: Path) -> Callable[..., TrainingRun]:
    """Return a function that makes a run of a tiny network for exams of two views."""

    def build(*, model: Any = None, augment: Any = None, **train: Any) -> TrainingRun:
        if not (tmp_path / "data").exists():
            write_exams(tmp_path)
        how = {"epochs": 3, "batch_size": 4, "precision": "float32", **train}
        settings = {"model": {**SMALL_EXAM, **(model or {})}, "train": how}
        settings["augment"] = augment or {}
        recipe = small_recipe(tmp_path, LABELS, preset="knee_mri/attention", **settings)
        store, split = Store(tmp_path / "data/bones/store"), Path(recipe.split.path)
        parts = [read_part(split, store, LABELS, part=p, fold=0) for p in ("train", "tune")]
        return make_run(recipe, store, *parts)

    return build
