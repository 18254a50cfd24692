"""The step `split` as a process."""

import csv
import json

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.files import sha256_file
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import INDEX
from radpipe.imaging.writing import StoreWriter, building, write_pictures
from tests.small_study import sums_of
from tests.splitting.films import altered, films

N = 60
ARGUMENTS = ("--study", "bones")


def write_study(root, *, official=None, copies=True, order=1):
    """Write 60 cases of 40 patients; 58 copies 3's bytes and 59 is a turned copy of 4."""
    pictures = films(N, seed=6)
    if copies:
        pictures[58] = pictures[3]
        pictures[59] = altered(pictures[4:5], degrees=3, light=0.9)[0]
    case = [f"case-{k:02d}" for k in range(N)]
    patient = [f"secret-{k % 40:02d}" for k in range(N)]
    truth = np.arange(N) % 3 * 1.0
    truth[7] = np.nan
    table = pa.table(
        {
            "case": [*case, "lost"],
            "patient": [*patient, "secret-00"],
            "official": pa.array([*(official or [None] * N), None], pa.string()),
            "target": [*truth, 0.0],
            "file_image": [f"{name}.png" for name in [*case, "lost"]],
            "covariate_sex": ["f", "m"] * 30 + ["f"],
            **{f"ceiling_{name}": [0.3] * (N + 1) for name in ("healthy", "x", "beyond_repair")},
        }
    )
    write_table(root / "data/bones/cases.parquet", table[::order])
    hashes = [f"{k:064d}" for k in range(N)]
    hashes[58] = hashes[3] if copies else hashes[58]
    with building(root / "data/bones/store") as folder:
        writer = StoreWriter(folder, shape=(64, 64, 1), dtype="uint8", count=N)
        writer.allocate()
        write_pictures(folder / "pixels-0000.npy", 0, pictures[..., None])
        values = dict.fromkeys(INDEX.names, [0] * N)
        values |= {"case": case, "view": ["image"] * N, "slices": [1] * N}
        values |= {"file": [f"{name}.png" for name in case], "first": list(range(N))}
        values |= {
            "sha256": hashes,
            "pixel_hash": hashes,
            **sums_of(pictures[:, None, ..., None]),
        }
        writer.finish(pa.table(values).cast(INDEX), [], {})


def read_leaks(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture
def bones(project):
    write_study(project.root)
    project.set("studies.bones.split.correlation", 0.92)
    return project


def test_group_is_written_whole(bones):
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    split = read_table(bones.root / "data/bones/split.parquet")
    assert split["case"].to_pylist() == [f"case-{k:02d}" for k in range(N)]
    assert split.column_names == [
        "case",
        "patient",
        "named",
        "part",
        "fold",
        "target",
        "covariate_sex",
        "ceiling_healthy",
        "ceiling_x",
        "ceiling_beyond_repair",
    ]
    patient, fold = split["patient"].to_pylist(), split["fold"].to_pylist()
    assert split["named"].to_pylist()[58] == "secret-18"
    # 58 belongs to patient 18, 59 to 19; their originals 3 and 4 name the groups.
    assert (patient[58], patient[18]) == ("secret-03", "secret-03")
    assert (patient[59], patient[19]) == ("secret-04", "secret-04")
    assert set(fold) == {-1, 0, 1, 2}
    for name in set(patient):
        assert len({f for f, p in zip(fold, patient, strict=True) if p == name}) == 1
    rows = read_leaks(bones.root / "data/bones/leaks.csv")
    assert [(row["file_a"], row["file_b"], row["kind"]) for row in rows] == [
        ("case-03.png", "case-58.png", "bytes"),
        ("case-04.png", "case-59.png", "near"),
    ]
    assert {row["decision"] for row in rows} == {"grouped"}
    text = (bones.root / "results/studies/bones/split.json").read_text()
    assert "secret" not in text
    assert "case-" not in text
    counts = json.loads(text)
    assert counts["cases"] == {"indexed": 61, "rejected": 1, "dropped": 0, "placed": 60}
    assert counts["patients"] == {"named": 40, "after_grouping": 38, "placed": 38}
    assert counts["parts"]["test"]["n_cases"] == fold.count(-1)
    assert sum(one["n_cases"] for one in counts["folds"]) == 60 - fold.count(-1)
    known = [sum(counts["parts"][p]["n_per_class"]) for p in ("train", "test")]
    assert sum(known) == 59
    assert counts["leaks"] == [
        {"kind": "bytes", "decision": "grouped", "n": 1},
        {"kind": "near", "decision": "grouped", "n": 1},
    ]


def test_what_is_uncertain_is_kept_and_counted(bones):
    path = bones.root / "data/bones/cases.parquet"
    table = read_table(path)
    doubts = [name == "case-07" for name in table["case"].to_pylist()]
    write_table(path, table.append_column("uncertain", pa.array(doubts)))
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    split = read_table(bones.root / "data/bones/split.parquet")
    assert split["uncertain"].to_pylist() == [k == 7 for k in range(N)]
    counts = json.loads((bones.root / "results/studies/bones/split.json").read_text())
    assert sum(counts["parts"][part]["n_uncertain"] for part in ("train", "test")) == 1
    assert sum(counts["parts"][part]["n_unknown"] for part in ("train", "test")) == 1


def test_the_order_of_cases_changes_no_byte(bones):
    bones.step("split", *ARGUMENTS)
    before = sha256_file(bones.root / "data/bones/split.parquet")
    write_study(bones.root, order=-1)
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert sha256_file(bones.root / "data/bones/split.parquet") == before


def test_refusal_shows_the_cases_and_leaves_the_table(bones):
    bones.set("studies.bones.split.on_leak", "refuse")
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 2
    assert "2 pairs of cases would leak" in done.stderr
    assert "case-03" not in done.stderr
    assert "studies.bones.split.accept" in done.stderr
    assert "secret" not in done.stderr
    assert not (bones.root / "data/bones/split.parquet").exists()
    rows = read_leaks(bones.root / "data/bones/leaks-refused.csv")
    assert [row["decision"] for row in rows] == ["refused", "refused"]

    bones.set("studies.bones.split.accept", ["case-58.png", "case-59.png"])
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert not (bones.root / "data/bones/leaks-refused.csv").exists()
    counts = json.loads((bones.root / "results/studies/bones/split.json").read_text())
    assert counts["accepted_files"] == 2
    assert counts["patients"]["after_grouping"] == 40


def test_drop_keeps_the_first_copy(bones):
    bones.set("studies.bones.split.on_leak", "drop")
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    cases = read_table(bones.root / "data/bones/split.parquet")["case"].to_pylist()
    assert {"case-03", "case-04"} <= set(cases)
    assert not {"case-58", "case-59"} & set(cases)


def test_official_parts_are_kept(project):
    official = ["test" if k % 40 < 10 else "train" for k in range(N)]
    write_study(project.root, official=official, copies=False)
    done = project.step("split", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert read_table(project.root / "data/bones/split.parquet")["part"].to_pylist() == official


def test_a_class_that_a_fold_lacks_is_refused(bones):
    bones.set("studies.bones.target.classes", ["healthy", "x", "beyond_repair", "absent"])
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 2
    assert "has no case of 'absent', which 0 cases of 0 patients have" in done.stderr


def test_an_unknown_accepted_file_is_refused(bones):
    bones.set("studies.bones.split.accept", ["case-85.png"])
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 2
    assert "no stored picture comes from 'case-85.png'" in done.stderr


def test_a_store_of_other_cases_is_refused(bones):
    table = read_table(bones.root / "data/bones/cases.parquet")
    write_table(bones.root / "data/bones/cases.parquet", table[5:])
    done = bones.step("split", *ARGUMENTS)
    assert done.returncode == 2
    assert "5 of its cases are not in the table of cases" in done.stderr
