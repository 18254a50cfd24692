"""What steps asked for and what they used."""

import yaml

from radpipe.core.params import load_params
from radpipe.core.receipts import Receipt
from radpipe.engines.efficiency import efficiency
from tests.conftest import ROOT, SMALL


def write(step, run, **facts):
    Receipt(step, run, {}, {}, {}, {}, facts).write()


def enter(folder, monkeypatch):
    """Enter a project in which nothing was run."""
    monkeypatch.chdir(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(SMALL))
    for name in ("presets", "workflow"):
        (folder / name).symlink_to(ROOT / name)


def test_runs_of_a_step_are_summed_up(tmp_path, monkeypatch):
    """Two trainings of 60 and 180 s, busy for 240 s of 240: one processor of the two asked."""
    enter(tmp_path, monkeypatch)
    write("fetch", "bones", seconds=6.0, cpu_seconds=3.0, peak_memory_mib=90)
    asked = {"processors_asked": 2, "memory_asked_mib": 8000}
    for variant, seconds, memory in (("bones-floor", 60, 500), ("bones-v1", 180, 700)):
        facts = {"seconds": seconds, "cpu_seconds": seconds, "peak_memory_mib": memory}
        write("train", f"{variant}-fold-0-seed-0", **facts, **asked)
    head, fetch, train = (line.split() for line in efficiency(load_params()).splitlines())
    assert head[:4] == ["step", "runs", "minutes", "longest"]
    assert fetch == ["fetch", "1", "0.1", "0.1", "0.5", "-", "90", "-"]
    assert train == ["train", "2", "4.0", "3.0", "1.0", "2", "700", "8000"]


def test_nothing_was_run(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    assert len(efficiency(load_params()).splitlines()) == 1
