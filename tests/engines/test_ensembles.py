"""Ensembles and imported predictions in both engines: steps `combine` and `admit` for each.

The former is stale whenever a member is, the latter whenever its table is another.
"""

import pytest

from tests.engines.conftest import Engines

NOTHING = "up to date"
BOTH = {"both": {"members": ["bones-floor", "bones-v1"]}}
TABLE = "imported/one.csv"
ONE = {"one": {"study": "bones", "predictions": TABLE, "by": {"kind": "system", "name": "other"}}}
AFTER = {"combine/both", "compare/all", "report/all"}


@pytest.fixture
def combined(once, tmp_path) -> Engines:
    """Return a recorded project with an ensemble and imported predictions."""

    def build(root):
        project = Engines(root)
        project.set("plan.ensembles", BOTH)
        project.set("plan.imported", ONE)
        (root / TABLE).parent.mkdir()
        (root / TABLE).write_text("case,healthy\n")
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


@pytest.mark.engine
def test_another_table_makes_nothing_stale_but_what_was_imported_from_it(combined):
    (combined.root / TABLE).write_text("case,fractured\n")
    assert combined.planned() == {"admit/one", "compare/all", "report/all"}
    combined.dvc("repro", "--quiet")
    assert combined.planned() == set()
    assert NOTHING in combined.dvc("status")
