"""The step ingest as a process."""

import csv
import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from radpipe.core.tables import write_table
from radpipe.imaging.store import Store
from tests.conftest import Project

COMMAND = ("--study", "bones")


def fill(project: Project, count: int, side: int = 40) -> Path:
    """Write random pictures outside the project, and the tables that name them."""
    raw = project.root / "my pictures"
    raw.mkdir()
    rng = np.random.default_rng(0)
    for k in range(count):
        pixels = rng.integers(0, 256, (side, side + k % 9), dtype=np.uint8)
        Image.fromarray(pixels).save(raw / f"ü {k:04}.png", compress_level=0)
    project.set("studies.bones.source", {"kind": "path", "path": str(raw)})
    list_files(project, raw)
    return raw


def list_files(project: Project, raw: Path) -> None:
    files = sorted(path.name for path in raw.iterdir())
    (project.root / "data/bones").mkdir(parents=True, exist_ok=True)
    with (project.root / "data/bones/manifest.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "bytes", "sha256"])
        for name in files:
            data = (raw / name).read_bytes()
            writer.writerow([name, len(data), hashlib.sha256(data).hexdigest()])
    cases = pa.table({"case": [f"case {name}" for name in files], "file_image": files})
    write_table(project.root / "data/bones/cases.parquet", cases)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_store_a_summary_and_a_picture_come_out(project: Project) -> None:
    raw = fill(project, 12)
    (raw / "paper.png").write_bytes(b"%PDF-1.7")
    list_files(project, raw)
    done = project.step("ingest", *COMMAND)
    assert done.returncode == 0, done.stderr
    store = Store(project.root / "data/bones/store")
    assert (len(store), store.size, store.channels, store.bits) == (12, 32, 1, 8)
    assert "refused: is a PDF" in done.stderr
    assert "refused 1 in all; which ones: data/bones/store/rejected.csv" in done.stderr
    text = (project.root / "results/studies/bones/ingest.json").read_text()
    summary = json.loads(text)
    assert (summary["n_cases"], summary["n_cases_lost"]) == (13, 1)
    assert list(summary["rejected"].values()) == [1]
    assert summary["fingerprint"] == store.fingerprint
    assert "ü" not in text
    receipt = json.loads((project.root / "results/receipts/ingest/bones.json").read_text())
    assert receipt["facts"]["n_pictures"] == 12
    first = contents(project.root / "data/bones/store")
    assert project.step("ingest", *COMMAND).returncode == 0
    assert contents(project.root / "data/bones/store") == first


def test_volumes_of_three_views(project: Project) -> None:
    raw = fill(project, 0)
    rng = np.random.default_rng(0)
    files: dict[str, list[str]] = {"axial": [], "coronal": [], "sagittal": []}
    for k in range(4):
        for view, names in files.items():
            slices = int(rng.integers(17, 62))
            names.append(f"{view} {k:04}.npy")
            np.save(raw / names[-1], rng.integers(0, 256, (slices, 40, 40), dtype=np.uint8))
    np.save(raw / "coronal 0002.npy", np.full((20, 40, 40), np.nan))
    list_files(project, raw)
    columns = {f"file_{view}": names for view, names in files.items()}
    cases = pa.table({"case": [f"{k:04}" for k in range(4)], **columns})
    write_table(project.root / "data/bones/cases.parquet", cases)
    done = project.step("ingest", *COMMAND)
    assert done.returncode == 0, done.stderr
    store = Store(project.root / "data/bones/store")
    assert (store.cases, len(store), store.volumes) == (["0000", "0001", "0003"], 9, True)
    assert "refused: holds floating point" in done.stderr
    text = (project.root / "results/studies/bones/ingest.json").read_text()
    summary = json.loads(text)
    assert (summary["n_cases"], summary["n_cases_lost"], summary["n_rejected"]) == (4, 1, 3)
    assert summary["fingerprint"]["n_slices"] == store.slices(np.arange(9)).sum()
    assert set(summary["fingerprint"]["slices"]) == set(files)
    assert ".npy" not in text
    first = contents(project.root / "data/bones/store")
    assert project.step("ingest", *COMMAND).returncode == 0
    assert contents(project.root / "data/bones/store") == first


def test_a_file_changed_since_fetch_stops_the_step(project: Project) -> None:
    raw = fill(project, 3)
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(raw / "ü 0001.png")
    done = project.step("ingest", *COMMAND)
    assert done.returncode == 2
    assert "1 file is not as fetch saw them (1 changed)" in done.stderr
    assert "0001" not in done.stderr
    assert not (project.root / "data/bones/store").exists()


def test_only_bad_pictures_stop_the_step(project: Project) -> None:
    raw = fill(project, 0)
    (raw / "a.png").write_bytes(b"")
    list_files(project, raw)
    done = project.step("ingest", *COMMAND)
    assert done.returncode == 2
    assert "not one of 1 files is a usable picture" in done.stderr
    assert not (project.root / "data/bones/store").exists()


def test_a_full_disk_is_an_error_that_leaves_nothing(project: Project) -> None:
    fill(project, 40)
    project.set("studies.bones.image.side", 128)
    disk = project.root / "data/bones"
    kept = contents(disk)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        for name, data in kept.items():
            (disk / name).write_bytes(data)
        done = project.step("ingest", *COMMAND)
        left = {path.name for path in disk.iterdir()} - {".store.lock"}
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert left == set(kept)


def test_killing_it_leaves_no_half_store(project: Project) -> None:
    fill(project, 120, side=300)
    command = [sys.executable, "workflow/scripts/ingest.py", *COMMAND]
    process = subprocess.Popen(command, cwd=project.root, stderr=subprocess.DEVNULL)
    shard = project.root / "data/bones/.store.building/pixels-0000.npy"
    while process.poll() is None and not (shard.exists() and any(shard.read_bytes()[128:])):
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (project.root / "data/bones/store").exists()
    assert not (project.root / "results/receipts/ingest/bones.json").exists()
    done = project.step("ingest", *COMMAND)
    assert done.returncode == 0, done.stderr
    assert len(Store(project.root / "data/bones/store")) == 120
    assert not shard.parent.exists()
