"""A server of real files of weights, and descriptors of what it serves."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from radpipe.core.borrowed import Borrowed, Learned
from radpipe.core.descriptors import Descriptor, read_descriptor
from radpipe.core.files import sha256_file, write_json
from radpipe.core.recipe import Artifact
from radpipe.learning.models import build_model
from radpipe.learning.models.base import Part
from radpipe.learning.networks.network import shape_of
from radpipe.learning.starts import borrowing, obtaining, unpickle
from radpipe.learning.starts.obtaining import obtain
from radpipe.learning.training.run import TrainingRun, make_run
from radpipe.studies.base import download
from tests.serving import served


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the folder `site`, work in an empty project and an empty shared folder."""
    (tmp_path / "site").mkdir()
    (tmp_path / "project/weights").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("RADPIPE_WEIGHTS", str(tmp_path / "shared"))
    monkeypatch.setattr(download, "BACK_OFF_SECONDS", 0.0)
    monkeypatch.setattr(download, "TRIES", 2)
    with served(tmp_path / "site") as address:
        yield address


@pytest.fixture
def describe(site: str, tmp_path: Path) -> Callable[..., Descriptor]:
    """Return a function that describes a file of the server, with other fields where given."""

    def write(file: str, **fields: Any) -> Descriptor:
        path = tmp_path / "site" / file
        found = {
            "name": "toy",
            "about": "Toy weights.",
            "addresses": [f"{site}/{file}"],
            "file": file,
            "sha256": sha256_file(path) if path.exists() else "0" * 64,
            "licence": {"spdx": "MIT", "restricted": False, "says": "All is allowed."},
            "library": "torchvision",
            "implementation": "resnet18",
            "version": ">=0.13",
            "input": {
                "side": 16,
                "channels": 3,
                "interpolation": "bilinear",
                "mean": [0.485, 0.456, 0.406],
                "sd": [0.229, 0.224, 0.225],
            },
            "learned_from": [{"data_set": "ImageNet-1k"}],
            "heads": ["fc."],
            **fields,
        }
        Path("weights/toy.json").write_text(json.dumps(found))
        return read_descriptor("toy")

    return write


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Read pickles without the process that the step starts for it."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        code = unpickle.main(Path(command[3]), Path(command[4]), command[5])
        return subprocess.CompletedProcess(command, code, "", capsys.readouterr().err)

    monkeypatch.setattr(obtaining.subprocess, "run", run)


def borrowed_of(descriptor: Descriptor, tensors: str, **fields: Any) -> Borrowed:
    """Describe a start as the step weights does, without its lists."""
    learned = [Learned(data_set=each.data_set) for each in descriptor.learned_from]
    found = Borrowed.of(descriptor, file="0" * 64, tensors=tensors, learned_from=learned)
    return found.model_copy(update=fields)


def starter(
    make: Callable[..., TrainingRun],
    describe: Callable[..., Descriptor],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[TrainingRun, dict[str, torch.Tensor]]]:
    """Return a function that makes a run which starts from a served file of its own tensors.

    Its keywords are `learned_from` of the start, and those of `make`; `tensors` changes what is
    served. It returns the run, and the tensors that it is to take.
    """
    part = Part("toy/compact", own=("6.",))

    def build(
        tensors: Any = dict, learned_from: Any = None, **train: Any
    ) -> tuple[TrainingRun, dict[str, torch.Tensor]]:
        monkeypatch.setattr(borrowing, "parts_of", lambda model: {"": part})
        # A recipe may say so only if it names a start, and this one is to get it.
        how = {key: train.pop(key) for key in ("normalize",) if key in train}
        run = make(**train)
        shape = shape_of(run.store, run.recipe)
        own = build_model(run.recipe.model, **shape).state_dict()
        own = {name: tensor + 1 for name, tensor in own.items() if not name.startswith("6.")}
        torch.save({**tensors(own), "fc.weight": torch.zeros(2)}, root / "site/a.pth")
        descriptor = describe("a.pth", library="toy", implementation="compact")
        found = borrowed_of(descriptor, obtain(descriptor)[1])
        if learned_from is not None:
            found = found.model_copy(update={"learned_from": learned_from})
        path = root / "results/starts/toy/start.json"
        write_json(path, found.model_dump(mode="json"))
        given = Artifact(path=str(path), sha256=sha256_file(path))
        trained = run.recipe.train.model_copy(update=how)
        recipe = run.recipe.model_copy(update={"weights": given, "train": trained})
        return make_run(recipe, run.store, run.train, run.tune), own

    return build
