"""The step `localize` as a process."""

import csv
import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import Store
from radpipe.studies.base.contract import BOX_SCHEMA

N = 80
WIDE, HIGH = 44, 22
BONES = ("--study", "bones")


def film(rng):
    """Draw two "joints", bright with a dark middle line, and return their boxes, right first."""
    pixels = rng.integers(20, 60, (160, 240)).astype(np.uint8)
    boxes = []
    for left in (0, 120):
        x, y = left + rng.integers(4, 120 - WIDE - 4), rng.integers(4, 160 - HIGH - 4)
        pixels[y : y + HIGH, x : x + WIDE] = 200
        pixels[y + 9 : y + 13, x : x + WIDE] = 80
        boxes.append((x, y, x + WIDE, y + HIGH))
    return pixels, boxes


@pytest.fixture
def study(project):
    """Write films of two joints each, the last without any, and everything up to the split."""
    root = project.root
    raw = root / "films"
    raw.mkdir()
    rng = np.random.default_rng(5)
    rows, boxes, lines = [], [], []
    for k in range(N // 2):
        pixels, there = film(rng)
        if k == N // 2 - 1:
            pixels[:] = rng.integers(20, 60, pixels.shape)
        file = f"{k:03d}.png"
        Image.fromarray(pixels).save(raw / file)
        data = (raw / file).read_bytes()
        lines.append([file, len(data), hashlib.sha256(data).hexdigest()])
        for side, box in zip("RL", there, strict=True):
            case = f"p{k:03d}_{side}"
            rows.append({"case": case, "file_image": file, "side": side, "shows_both": True})
            boxes.append(
                dict(zip(BOX_SCHEMA.names, [case, "image", 0, *box, "joint"], strict=True))
            )
    (root / "data/bones").mkdir(parents=True)
    with (root / "data/bones/manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["file", "bytes", "sha256"], *lines])
    rows.sort(key=lambda row: row["case"])
    write_table(root / "data/bones/cases.parquet", pa.Table.from_pylist(rows))
    known = pa.Table.from_pylist(boxes[:-2], schema=BOX_SCHEMA)
    write_table(root / "data/bones/boxes.parquet", known)
    fold = [-1 if k % 4 == 0 else k % 4 - 1 for k in range(N)]
    split = {
        "case": [row["case"] for row in rows],
        "patient": [row["case"][:4] for row in rows],
        "part": ["test" if f < 0 else "train" for f in fold],
        "fold": fold,
        "target": [0.0] * N,
    }
    write_table(root / "data/bones/split.parquet", pa.table(split))
    project.set("studies.bones.source", {"kind": "path", "path": str(raw)})
    project.set("studies.bones.image.side", 80)
    block = {"remote": None, "side": 32, "extent_mm": 60, "extent": 1.5}
    detection = {"epochs": 60, "batch_size": 8, "lr": 4.0e-3}
    project.set("localize", {"bones": {**block, "detection": detection}})
    done = project.step("ingest", *BONES)
    assert done.returncode == 0, done.stderr
    return project


def test_joints_are_found_cut_out_and_summed_up(study):
    done = study.step("localize", *BONES)
    assert done.returncode == 0, done.stderr
    root = study.root
    summary = json.loads((root / "results/studies/bones/localize.json").read_text())
    assert summary["sides"] == {"n_known": N - 2, "n_right": N - 2}
    assert summary["overlap"]["test"]["median"] > 0.7
    assert summary["overlap"]["test"]["median"] > summary["fixed_box"]["test"]["median"] + 0.2
    assert summary["n_without_spacing"] == N
    joints = read_table(root / "data/bones/joints.parquet")
    assert joints["case"].to_pylist() == sorted(joints["case"].to_pylist())
    crops = Store(root / "data/bones/crops")
    assert (crops.size, len(crops)) == (32, summary["n_crops"])
    assert summary["n_crops"] + summary["n_unsure"] + summary["n_rejected"] == N
    # Both sides look alike: a joint fills two thirds of its crop, in the middle of it.
    middle = crops.pixels(np.arange(len(crops)))[:, 14:18, 8:24].mean(axis=(0, 1, 2, 3))
    rim = crops.pixels(np.arange(len(crops)))[:, :3].mean(axis=(0, 1, 2, 3))
    assert middle > 1.5 * rim
    done = study.step("review", *BONES)
    assert done.returncode == 0, done.stderr
    with Image.open(root / "results/studies/bones/joints.png") as picture:
        assert picture.width > 800
    first = (root / "data/bones/detector.safetensors").read_bytes()
    pixels = (root / "data/bones/crops/pixels-0000.npy").read_bytes()
    assert study.step("localize", *BONES).returncode == 0
    assert (root / "data/bones/detector.safetensors").read_bytes() == first
    assert (root / "data/bones/crops/pixels-0000.npy").read_bytes() == pixels


def test_cases_without_a_confident_joint_are_listed(study):
    study.set("localize.bones.detection.epochs", 25)
    study.set("localize.bones.confidence", 0.2)
    done = study.step("localize", *BONES)
    assert done.returncode == 0, done.stderr
    lines = (study.root / "data/bones/crops/rejected.csv").read_text().splitlines()
    listed = [line for line in lines if "no confident joint (confidence 0." in line]
    summary = json.loads((study.root / "results/studies/bones/localize.json").read_text())
    assert len(listed) == summary["n_unsure"] >= 2
    assert any("p039_R" in line for line in listed)
    assert "no confident joint" in done.stderr


def test_without_boxes_there_is_a_way_out(study):
    write_table(study.root / "data/bones/boxes.parquet", BOX_SCHEMA.empty_table())
    done = study.step("localize", *BONES)
    assert done.returncode == 2
    assert "0 cases of train have a box labelled 'joint'" in done.stderr
    assert "draw boxes around the joints" in done.stderr
    assert not (study.root / "data/bones/crops").exists()
