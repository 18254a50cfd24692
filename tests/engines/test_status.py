"""What is done, running, stale or failed."""

from dataclasses import replace

import pytest
import yaml

from radpipe.core.jobs import new_note
from radpipe.core.params import load_params
from radpipe.engines import status
from radpipe.engines.status import Standing, standings, table
from tests.conftest import ROOT, SMALL

RUN = "bones-v1-fold-0-seed-0"


@pytest.fixture
def params(tmp_path, monkeypatch):
    """Enter a project in which nothing was run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(SMALL))
    for name in ("presets", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(status, "listed_jobs", lambda: None)
    monkeypatch.setattr(status, "waiting_jobs", dict)
    return load_params()


def standing_of(params, run=RUN):
    return next(s for s in standings(params) if (s.step, s.run) == ("train", run))


def test_nothing_was_run(params):
    assert {s.state for s in standings(params)} == {"to do"}


def test_a_running_job_shows_its_last_line(params):
    note = new_note("train", RUN)
    note.write()
    note.log.parent.mkdir(parents=True)
    note.log.write_text("2026-01-01 INFO trained epoch 3/25: lr=0.1\n")
    found = standing_of(params)
    assert found.state == "running"
    assert found.why.endswith("trained epoch 3/25: lr=0.1")


@pytest.mark.parametrize(
    ("code", "state"), [(1, "failed"), (2, "failed"), (75, "stopped"), (0, "to do")]
)
def test_how_a_job_ended(params, code, state):
    """Exit code 0 without a receipt, say after `git clean`, is still to do."""
    new_note("train", RUN).end(code, "first line\nsecond line")
    found = standing_of(params)
    assert found.state == state
    assert "second line" not in found.why or state == "stopped"


def test_a_job_that_slurm_no_longer_lists_was_killed(params, monkeypatch):
    replace(new_note("train", RUN), host="node7", slurm_job="41").write()
    monkeypatch.setattr(status, "listed_jobs", lambda: frozenset({"41"}))
    assert standing_of(params).state == "running"
    assert "SLURM job 41 on node7" in standing_of(params).why
    monkeypatch.setattr(status, "listed_jobs", lambda: frozenset({"40"}))
    assert standing_of(params).state == "killed"


def test_a_job_that_waits_says_for_what(params, monkeypatch):
    waiting = {
        "rule_train_wildcards_bones-v1_0_0": "SLURM job 7 waits (Resources)",
        "rule_report": "SLURM job 8 waits (Priority)",
    }
    monkeypatch.setattr(status, "waiting_jobs", lambda: waiting)
    found = [(s.step, s.run, s.why) for s in standings(params) if s.state == "queued"]
    assert found == [
        ("train", RUN, "SLURM job 7 waits (Resources)"),
        ("report", "all", "SLURM job 8 waits (Priority)"),
    ]


def test_the_table_is_one_screen():
    """Counts by step; of many stale runs eight are named and the rest counted."""
    runs = [Standing("train", f"run-{k}", "stale", "lr: 1 when made, 2 now") for k in range(50)]
    text = table([Standing("fetch", "bones", "done"), *runs])
    assert text.splitlines()[0].split() == ["step", "done", "stale"]
    assert "train                 50" in text
    assert "stale: train run-7: lr: 1 when made, 2 now" in text
    assert text.endswith("stale: 42 more")
    assert len(text.splitlines()) < 25


@pytest.mark.engine
def test_the_command_follows_a_change(engines):
    engines.snakemake()
    assert "stale" not in engines.radpipe("status")
    engines.set("variants.bones-v1.train.lr", 0.5)
    text = engines.radpipe("status")
    assert "stale: train bones-v1-fold-0-seed-0: recipe.bones-v1.train.lr: 0.001 when" in text
    assert "stale: predict bones-v1-fold-0-seed-0: train bones-v1-fold-0-seed-0 is made" in text
