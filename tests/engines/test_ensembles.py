"""Ensembles in both engines: a step `combine` for each, stale whenever a member is."""

import pytest

from tests.engines.conftest import Engines

NOTHING = "up to date"
BOTH = {"both": {"members": ["bones-floor", "bones-v1"]}}
AFTER = {"combine/both", "compare/all", "report/all"}


@pytest.fixture
def combined(once, tmp_path) -> Engines:
    """Return a recorded project with an ensemble."""

    def build(root):
        project = Engines(root)
        project.set("plan.ensembles", BOTH)
        project.snakemake()
        project.radpipe("record")
        project.commit("first run")

    return Engines.at(once("combined", build)).copy_to(tmp_path / "project")


@pytest.mark.engine
def test_a_change_of_the_ensemble_makes_nothing_again_but_what_reads_it(combined):
    assert combined.planned() == set()
    assert NOTHING in combined.dvc("status")
    assert "combine" in combined.radpipe("status")
    combined.set("plan.ensembles.both.mean", "logits")
    assert combined.planned() == AFTER
    combined.dvc("repro", "--quiet")
    assert combined.planned() == set()


@pytest.mark.engine
def test_a_stale_member_makes_the_ensemble_stale_in_both_engines(combined):
    combined.set("variants.bones-v1.train.epochs", 3)
    own = {f"{step}/bones-v1-fold-0-seed-0" for step in ("train", "predict")}
    assert combined.planned() == {*own, "evaluate/bones-v1", *AFTER}
    before = (combined.root / "results/scores/both/metrics.json").read_text()
    combined.dvc("repro", "--quiet")
    assert (combined.root / "results/scores/both/metrics.json").read_text() != before
    assert combined.planned() == set()
    assert NOTHING in combined.dvc("status")


@pytest.mark.engine
def test_an_ensemble_comes_and_goes_without_training_anything(recorded):
    recorded.set("plan.ensembles", BOTH)
    assert recorded.planned() == AFTER
    recorded.dvc("repro", "--quiet")
    assert recorded.planned() == set()
    recorded.set("plan.ensembles", {})
    assert recorded.planned() == {"compare/all", "report/all"}
    assert "combine" not in recorded.snakemake("--dry-run", "--forceall")
