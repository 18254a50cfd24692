"""Variants that train on crops, which a step makes between the split and their recipe."""

import pytest

from tests.engines.conftest import Engines
from tests.engines.test_agreement import CROPS
from tests.engines.test_sequences import NOTHING

CROPPED = {"predict/bones-v1-fold-0-seed-0", "train/bones-v1-fold-0-seed-0"}


@pytest.fixture
def cropped(once, tmp_path) -> Engines:
    """Return a recorded project in which one of two variants trains on crops."""

    def build(root):
        project = Engines(root)
        project.set("localize", CROPS)
        project.set("variants.bones-v1.store", "data/bones/crops")
        project.snakemake()
        project.radpipe("record")
        project.commit("first run")

    return Engines.at(once("cropped", build)).copy_to(tmp_path / "project")


@pytest.mark.engine
def test_other_crops_train_what_looks_at_them(cropped):
    assert cropped.planned() == set()
    assert NOTHING in cropped.dvc("status")
    cropped.set("localize.bones.confidence", 0.5)
    planned = cropped.planned()
    assert {"localize/bones", *CROPPED} <= planned
    assert not {name for name in planned if "bones-floor" in name}
    cropped.snakemake()
    assert cropped.planned() == set()
    cropped.radpipe("record")
    assert NOTHING in cropped.dvc("status")


@pytest.mark.engine
def test_work_upstream_that_leaves_the_crops_alone_trains_nothing(cropped):
    """An edit of the adapter makes films, split and crops again, and they come out as before."""
    adapter = cropped.root / "src/radpipe/studies/folders/__init__.py"
    adapter.write_text(adapter.read_text() + "EDITED = 1\n")
    before = cropped.bytes_of("results/receipts/train/*.json")
    text = cropped.snakemake()
    assert "localize" in text
    assert cropped.bytes_of("results/receipts/train/*.json") == before
    assert cropped.planned() == set()


@pytest.mark.engine
def test_dvc_makes_crops_and_snakemake_agrees(cropped):
    cropped.set("localize.bones.side", 48)
    cropped.dvc("repro", "--quiet")
    assert cropped.planned() == set()


@pytest.mark.engine
def test_crops_that_nobody_makes_are_refused(engines):
    engines.set("variants.bones-v1.store", "data/bones/crops")
    text = engines.snakemake("--dry-run", check=False)
    assert "localize has no block 'bones'" in text
    engines.set("localize", {"bones": {**CROPS["bones"], "remote": "vault"}})
    text = engines.snakemake("--dry-run", check=False)
    assert "localize.bones.remote must repeat studies.bones.remote" in text
