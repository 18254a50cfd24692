"""The real steps, end to end, on a small plan: two engines, kills, opened and closed tests."""

import json
import os
import re
import shutil
import signal
import sys
import time

import pyarrow.parquet as pq
import pytest

from tests.engines.conftest import Engines

PREDICTIONS = "results/runs/*/*/predictions.parquet"
WEIGHTS = "results/runs/*/*/weights.safetensors"


@pytest.fixture(scope="module")
def made(once) -> Engines:
    """Return a project in which Snakemake made everything."""
    return Engines.at(once("whole", lambda root: Engines(root, stubs=False).snakemake()))


@pytest.mark.engine
def test_a_newcomer_gets_a_report_with_intervals(made):
    page = (made.root / "results/report.html").read_text()
    assert "bones-v1" in page
    assert "95" in page
    assert not re.search(r'(src|href)="https?://(?!doi|creativecommons)', page)
    assert made.planned() == set()


@pytest.mark.engine
def test_dvc_makes_the_same_bytes(made, repeated):
    """Predictions, weights, stores and report of both engines are equal."""
    for pattern in (PREDICTIONS, WEIGHTS, "data/bones/store/*", "results/report.html"):
        ours, theirs = made.bytes_of(pattern), repeated.bytes_of(pattern)
        assert ours, pattern
        if pattern != "results/report.html":  # the page shows when test was opened
            assert ours == theirs, pattern
    shown = repeated.dvc("metrics", "show", "--json")
    assert '"best": "bones-' in shown
    assert repeated.dvc("exp", "show", "--csv")
    assert repeated.dvc("plots", "show")


@pytest.mark.engine
def test_dvc_compares_two_versions(repeated, tmp_path):
    """Settings, scores and all figures of a commit and of an experiment, side by side."""
    project = repeated.copy_to(tmp_path / "compared")
    setting = "variants.bones-floor.train.lr"
    project.dvc("exp", "run", "--quiet", "--name", "faster", "-S", f"+{setting}=0.03")
    changed = json.loads(project.dvc("exp", "diff", "HEAD", "faster", "--json"))
    settings = json.loads(project.dvc("params", "diff", "HEAD", "faster", "--json"))
    assert settings == changed["params"] == {"params.yaml": {setting: {"old": None, "new": 0.03}}}
    scores = json.loads(project.dvc("metrics", "diff", "HEAD", "faster", "--json"))
    assert scores == changed["metrics"]
    assert {key.split(".")[0] for key in scores.get("results/metrics.json", {})} <= {"bones"}
    before = json.loads(project.git("show", "HEAD:results/variants.json"))
    after = json.loads((project.root / "results/variants.json").read_text())
    assert [name for name in before if before[name] != after[name]] == ["bones-floor"]

    folder = tmp_path / "plots"
    project.dvc("plots", "diff", "--out", str(folder), "HEAD", "faster")
    names = [path.name for path in (folder / "static").iterdir()]
    curves = ("roc", "pr", "reliability", "smooth", "decision")
    kinds = ("ranking", *curves, "history", "confusion")
    assert len(names) == 2 * len(kinds)
    assert all(sum(f"bones-{kind}.png" in name for name in names) == 2 for kind in kinds)


@pytest.mark.engine
@pytest.mark.parametrize("step", ["ingest", "train"])
def test_a_kill_leaves_nothing_half_done(made, tmp_path, step):
    """`kill -9` in the middle; the same command again ends with the same bytes."""
    project = made.copy_to(tmp_path / "killed")
    started = "logs/ingest/bones.log" if step == "ingest" else ".state/train"
    shutil.rmtree(project.root / "logs")
    shutil.rmtree(project.root / ("data" if step == "ingest" else "results/runs"))
    process = project.start(sys.executable, "-m", "radpipe.app", "run")
    deadline = time.monotonic() + 180
    while not list(project.root.glob(started + "*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    project.kill(process, signal.SIGKILL)
    project.run(sys.executable, "-m", "radpipe.app", "run")
    for pattern in (PREDICTIONS, WEIGHTS, "data/bones/store/*.npy"):
        assert project.bytes_of(pattern) == made.bytes_of(pattern)
    assert not list(project.root.glob(".state/train/*/*"))
    assert project.planned() == set()


@pytest.mark.engine
def test_a_flipped_byte_in_raw_data_stops_ingest(made, tmp_path):
    project = made.copy_to(tmp_path / "flipped")
    project.set("studies.bones.image.side", 24)
    picture = next((project.root / "data/bones/raw").rglob("*.png"))
    raw = bytearray(picture.read_bytes())
    raw[-20] ^= 1
    picture.write_bytes(raw)
    text = project.snakemake("--until", "ingest", check=False)
    assert "1 file is not as fetch saw them (1 changed)" in text


@pytest.mark.engine
def test_a_closed_test_stays_closed(made, tmp_path):
    """Without its study in plan.open_test, nothing of `test` is predicted or shown."""
    project = made.copy_to(tmp_path / "closed")
    opened = (project.root / "openings.csv").read_text()
    project.set("plan.open_test", [])
    assert not any("train/" in run for run in project.planned())
    project.snakemake()
    for file in project.root.glob(PREDICTIONS):
        assert set(pq.read_table(file, columns=["part"])["part"].to_pylist()) == {"tune"}
    assert (project.root / "openings.csv").read_text() == opened
    assert "tune" in (project.root / "results/comparison/bones-ranking.csv").read_text()


@pytest.mark.engine
def test_read_only_results_are_told(made, tmp_path):
    """A read-only output folder is a clear error, also for root."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a read-only folder; CI runs as root")
    project = made.copy_to(tmp_path / "readonly")
    project.set("evaluation.seed", 2)
    scores = project.root / "results/scores/bones-v1"
    project.run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(scores))
    try:
        command = "python workflow/scripts/evaluate.py --variant bones-v1"
        text = project.run("sh", "-c", command, check=False)
    finally:
        project.run("umount", str(scores))
    assert "Read-only file system" in text
    assert "make room or give access" in text
    assert "Traceback" not in text
