"""Ingest: the same bytes however many workers, every refusal listed, nothing half-written."""

import csv
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from radpipe.core.errors import DataError, StaleError
from radpipe.core.settings import Dicom, Image
from radpipe.imaging import ingest as module
from radpipe.imaging import writing
from radpipe.imaging.hashing import perceptual_hash
from radpipe.imaging.ingest import ingest, list_tasks
from radpipe.imaging.read import pixel_hash
from radpipe.imaging.store import Store
from radpipe.imaging.stored import decode_file
from radpipe.imaging.worker import Chunk, ChunkOutcome, work
from tests.dicom_files import film

IMAGE = Image(side=16, resize="letterbox", channels="grey", bits=8)


def picture(seed: int, rows: int = 24, columns: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)


def write(raw: Path, names: list[str]) -> None:
    for seed, name in enumerate(names):
        path = raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(picture(seed)).save(path)


def manifest(raw: Path) -> dict[str, str]:
    return {
        str(path.relative_to(raw)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(raw.rglob("*"))
        if path.is_file()
    }


def table(files: dict[str, str | None]) -> pa.Table:
    return pa.table({"case": list(files), "file_image": pa.array(files.values(), pa.string())})


def run(raw: Path, out: Path, files: dict[str, str | None], **changes: object) -> dict:
    options = {"manifest": manifest(raw), "workers": 1, **changes}
    return ingest(table(files), raw, options.pop("image", IMAGE), out, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*"))}


def rejected(out: Path) -> list[tuple[str, ...]]:
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as stream:
        return [tuple(row) for row in csv.reader(stream)][1:]


def test_index_and_pixels_of_a_picture(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, ["a.png", "sub/b.png"])
    run(raw, tmp_path / "store", {"case-b": "sub/b.png", "case-a": "a.png"})
    opened = Store(tmp_path / "store")
    first, second = opened.index.to_pylist()
    assert (first["case"], first["file"]) == ("case-a", "a.png")
    assert (second["case"], second["file"], second["first"]) == ("case-b", "sub/b.png", 1)
    assert (first["rows"], first["columns"], first["slices"]) == (24, 32, 1)
    assert first["sha256"] == hashlib.sha256((raw / "a.png").read_bytes()).hexdigest()
    assert first["pixel_hash"] == pixel_hash(picture(0))
    stored = opened.pixels([0])[0]
    assert first["phash"] == perceptual_hash(stored[2:14])
    assert first["mean"] == pytest.approx(stored.mean() / 255)
    assert first["sd"] == pytest.approx(stored.std() / 255)
    assert not stored[:2].any()
    assert not stored[14:].any()


def test_views_are_rows_of_their_own(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, ["a1.png", "a2.png", "b1.png", "b2.png"])
    cases = pa.table(
        {
            "case": ["a", "b"],
            "file_side": ["a1.png", "b1.png"],
            "file_front": ["a2.png", "b2.png"],
        }
    )
    ingest(cases, raw, IMAGE, tmp_path / "store", manifest=manifest(raw), workers=1)
    opened = Store(tmp_path / "store")
    assert opened.views == ["front", "side"]
    assert opened.index["file"].to_pylist() == ["a2.png", "a1.png", "b2.png", "b1.png"]


@pytest.mark.parametrize(("channels", "bits"), [("grey", 8), ("colour", 16)])
def test_bytes_do_not_depend_on_the_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: str, bits: int
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0)
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(writing, "SHARD_BYTES", 6 * 16 * 16)
    raw = tmp_path / "raw"
    write(raw, [f"{k}.png" for k in range(15)])
    (raw / "7.png").write_bytes(b"%PDF")
    image = Image(side=16, resize="crop", channels=channels, bits=bits)
    files = {f"c{k:02}": f"{k}.png" for k in range(15)}
    for workers in (1, 2, 3):
        run(raw, tmp_path / str(workers), files, image=image, workers=workers)
    one, two, three = (contents(tmp_path / str(workers)) for workers in (1, 2, 3))
    assert one == two == three
    assert len([name for name in one if name.startswith("pixels")]) > 2
    opened = Store(tmp_path / "2")
    assert (opened.channels, opened.bits) == (1 if channels == "grey" else 3, bits)
    for k in (0, 6, 8, 14):
        row = opened.index.slice(opened.row_of(f"c{k:02}"), 1).to_pylist()[0]
        assert row["pixel_hash"] == pixel_hash(picture(k))


def test_every_bad_picture_is_listed_and_the_rest_is_kept(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    names = ["gut 'eins' \"zwei\", Größe.png", "b.png"]
    write(raw, names)
    data = (raw / "b.png").read_bytes()
    bad = {
        "empty.png": b"",
        "cut short ü.png": data[: len(data) // 2],
        "paper.png": b"%PDF-1.4 text",
    }
    for name, content in bad.items():
        (raw / name).write_bytes(content)
    (raw / "png named.jpg").write_bytes(data)
    files = {name: name for name in [*names, *bad, "png named.jpg"]}
    summary = run(raw, tmp_path / "store", {**files, "no file": None})
    assert set(Store(tmp_path / "store").cases) == {*names, "png named.jpg"}
    found = {name: reason for name, _, reason in rejected(tmp_path / "store")}
    assert set(found) == {*bad, ""}
    assert found["empty.png"] == "empty file (0 bytes)"
    assert found["paper.png"].startswith("is a PDF")
    assert found["cut short ü.png"].startswith("broken or truncated")
    assert found[""] == "no file named"
    counts = {key: value for key, value in summary.items() if key.startswith("n_")}
    assert counts == {
        "n_cases": 7, "n_cases_stored": 3, "n_cases_lost": 4, "n_pictures": 3, "n_rejected": 4,
        "n_burned_in": 0,
        "n_equal_pixels": 1,
    }  # fmt: skip
    assert summary["remarks"] == {}
    assert summary["rejected"]["empty file"] == 1
    assert sum(summary["rejected"].values()) == 4
    assert not any(name in str(summary) for name in files)


def test_nothing_usable_is_an_error_and_no_store(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.png").write_bytes(b"")
    with pytest.raises(
        DataError,
        match=r"not one of 1 files is .* volume:\n  empty file \(0 bytes\): 1 like",
    ):
        run(raw, tmp_path / "store", {"a": "a.png"})
    assert not (tmp_path / "store").exists()


def test_changed_and_vanished_files_stop_the_run(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, ["a.png", "b.png", "c.png"])
    seen = manifest(raw)
    PillowImage.fromarray(picture(9)).save(raw / "b.png")
    (raw / "c.png").unlink()
    files = {name: f"{name}.png" for name in "abc"}
    message = r"2 files are not as fetch saw them \(1 changed, 1 missing\).*run fetch"
    with pytest.raises(StaleError, match=message):
        run(raw, tmp_path / "store", files, manifest=seen)
    assert not (tmp_path / "store").exists()
    with pytest.raises(StaleError, match=r"names 1 file that the manifest does not have"):
        run(raw, tmp_path / "store", files)


def test_a_long_list_of_files_is_cut(tmp_path: Path) -> None:
    with pytest.raises(StaleError, match=r"names 15 files .*: 10 like 'x0', 5 like 'x00'"):
        list_tasks(table({f"c{k}": f"f{k}.png" for k in range(15)}), {})
    assert not list(tmp_path.iterdir())


def test_a_table_without_files_is_an_error() -> None:
    with pytest.raises(DataError, match="names no file"):
        list_tasks(table({"a": None}), {})


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, ["a.png"])
    (raw / "folder.png").mkdir()
    seen = {**manifest(raw), "folder.png": "0"}
    run(raw, tmp_path / "store", {"a": "a.png", "b": "folder.png"}, manifest=seen)
    assert rejected(tmp_path / "store") == [
        ("folder.png", "b", "cannot be opened (Is a directory)")
    ]


def test_a_killed_worker_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0)
    monkeypatch.setattr(module, "CHUNK", 1)
    monkeypatch.setattr(module, "start", os.abort)
    raw = tmp_path / "raw"
    write(raw, ["a.png", "b.png"])
    with pytest.raises(DataError, match="a worker of ingest was killed"):
        run(raw, tmp_path / "store", {"a": "a.png", "b": "b.png"}, workers=2)
    assert not (tmp_path / "store").exists()


SLOW = """
import sys, time
from pathlib import Path
import pyarrow as pa
from radpipe.core.settings import Image
from radpipe.imaging import ingest as module

def slowly(chunk):
    module.write_pictures(chunk.shard, chunk.first, module.np.ones((1, *chunk.shape), "uint8"))
    time.sleep(0.2)
    return [module.ChunkOutcome(task, reason="none") for task in chunk.tasks]

if __name__ == "__main__":
    module.PATIENCE, module.CHUNK, module.work = 0, 1, slowly
    names = [str(k) for k in range(1000)]
    cases = pa.table({"case": names, "file_image": names})
    out = Path(sys.argv[1]) / "store"
    module.ingest(cases, out, Image(side=16), out, manifest=dict.fromkeys(names, ""), workers=2)
"""


def session(number: int) -> list[str]:
    """List the command lines of a session's processes that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(group) == number and state != "Z":
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue  # it ended meanwhile
    return found


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    process = subprocess.Popen(
        [sys.executable, script, tmp_path], start_new_session=True, stderr=subprocess.DEVNULL
    )

    def workers() -> list[str]:
        return [line for line in session(process.pid) if "spawn_main" in line]

    assert eventually(lambda: len(workers()) == 2)
    process.kill()
    process.wait()
    assert eventually(lambda: session(process.pid) == [])
    assert not (tmp_path / "store").exists()


def eventually(condition: Callable[[], bool]) -> bool:
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_a_full_disk_leaves_no_store(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        raw = tmp_path / "raw"
        write(raw, ["a.png", "b.png"])
        image = Image(side=512, resize="squash", channels="grey", bits=8)
        with pytest.raises(OSError, match="No space left on device"):
            run(raw, disk / "store", {"a": "a.png", "b": "b.png"}, image=image)
        assert [path.name for path in disk.iterdir()] == [".store.lock"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_second_ingest_replaces_the_first(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, ["a.png", "b.png"])
    run(raw, tmp_path / "store", {"a": "a.png", "b": "b.png"})
    run(raw, tmp_path / "store", {"b": "b.png"})
    assert Store(tmp_path / "store").cases == ["b"]


def test_a_film_in_which_text_stands_is_counted_once_for_both_knees(tmp_path: Path) -> None:
    """No tag says so: the pixels do."""
    raw = tmp_path / "raw"
    raw.mkdir()
    drawn = PillowImage.new("L", (300, 100), 20)
    ImageDraw.Draw(drawn).text(
        (8, 2), "DOE^JANE 1234567", fill=255, font=ImageFont.load_default(12)
    )
    (raw / "both.dcm").write_bytes(film(np.asarray(drawn).astype(np.uint16), BitsStored=8))
    cases = table({"a_L": "both.dcm", "a_R": "both.dcm"})
    cases = cases.append_column("side", pa.array(["L", "R"]))
    cases = cases.append_column("shows_both", pa.array([True, True]))
    image = Image(side=20, resize="letterbox")
    found = ingest(cases, raw, image, tmp_path / "store", manifest=manifest(raw), workers=1)
    assert (found["n_pictures"], found["n_burned_in"]) == (2, 1)


def test_films_keep_their_spacing_and_text_in_pixels_is_counted(tmp_path: Path, caplog) -> None:
    """Two halves of a film of both knees, and a film that says text stands in it."""
    raw = tmp_path / "raw"
    raw.mkdir()
    pixels = np.zeros((20, 30), np.uint16)
    pixels[:, :10] = 4000
    tags = {"BitsStored": 12, "PixelSpacing": b"0.5\\0.5 ", "PatientOrientation": b"L\\F "}
    (raw / "both.dcm").write_bytes(film(pixels, **tags))
    (raw / "text.dcm").write_bytes(film(pixels, BurnedInAnnotation=b"YES ", **tags))
    cases = table({"a_L": "both.dcm", "a_R": "both.dcm", "b_R": "text.dcm"})
    cases = cases.append_column("side", pa.array(["L", "R", "R"]))
    cases = cases.append_column("shows_both", pa.array([True, True, False]))
    image = Image(side=20, resize="letterbox")
    found = ingest(cases, raw, image, tmp_path / "store", manifest=manifest(raw), workers=1)
    assert (found["n_pictures"], found["n_burned_in"], found["n_rejected"]) == (3, 1, 0)
    assert "captures or scans, say so themselves, or show lines of letters: 1." in caplog.text
    index = Store(tmp_path / "store").index.to_pylist()
    assert [(row["row_mm"], row["column_mm"]) for row in index] == [(0.5, 0.5)] * 3
    assert [(row["x0"], row["x1"], row["mirrored"]) for row in index] == [
        (15, 30, True),
        (0, 15, False),
        (0, 30, False),
    ]


def test_large_files_are_shared_out_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "raw"
    files = {f"c{k}": f"{k}.png" for k in range(5)}
    write(raw, list(files.values()))
    run(raw, tmp_path / "together", files)
    sizes = []

    def watched(chunk: Chunk) -> list[ChunkOutcome]:
        sizes.append(len(chunk.tasks))
        return work(chunk)

    monkeypatch.setattr(module, "work", watched)
    monkeypatch.setattr(module, "CHUNK_BYTES", 1)
    run(raw, tmp_path / "apart", files)
    assert sizes == [1] * 5
    assert contents(tmp_path / "apart") == contents(tmp_path / "together")


@pytest.mark.parametrize(("decode", "often"), [("full", 2), ("reduced", 3)])
def test_both_knees_of_a_film_are_decoded_once_where_all_of_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decode: str, often: int
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, start in (("both", 0), ("one", 100)):
        pixels = start + np.arange(600, dtype=np.uint16).reshape(20, 30)
        (raw / f"{name}.dcm").write_bytes(film(pixels, BitsStored=12, PatientOrientation=b"L\\F "))
    names = {"a_L": "both.dcm", "a_R": "both.dcm", "b_R": "one.dcm"}
    cases = table(names).append_column("side", pa.array(["L", "R", "R"]))
    cases = cases.append_column("shows_both", pa.array([True, True, False]))
    image = Image(side=20, decode=decode)

    def pixels_of(rows: list[int], out: Path) -> np.ndarray:
        ingest(cases.take(rows), raw, image, out, manifest=manifest(raw), workers=1)
        return Store(out).pixels(np.arange(len(rows)))

    alone = [pixels_of([row], tmp_path / "alone") for row in range(3)]
    decoded = []

    def counted(name: str, *rest: Any) -> Any:
        decoded.append(name)
        return decode_file(name, *rest)

    monkeypatch.setattr("radpipe.imaging.worker.decode_file", counted)
    # Less than one film: what shares a file is worked on together all the same.
    monkeypatch.setattr(module, "CHUNK_BYTES", 1)
    assert_array_equal(pixels_of([0, 1, 2], tmp_path / "store"), np.concatenate(alone))
    assert len(decoded) == often


def test_films_that_break_the_standard_are_counted_and_settings_reach_them(
    tmp_path: Path, caplog
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30) * 6
    tags = {"BitsStored": 12, "PatientOrientation": b"L\\F "}
    bad = {"WindowCenter": "0", "WindowWidth": "0"}
    (raw / "both.dcm").write_bytes(film(pixels, PixelSpacing=b"0.5\\0.25", **bad, **tags))
    (raw / "raw.dcm").write_bytes(film(pixels, PresentationIntentType="FOR PROCESSING", **tags))
    cases = table({"a_L": "both.dcm", "a_R": "both.dcm", "b_R": "raw.dcm"})
    cases = cases.append_column("side", pa.array(["L", "R", "R"]))
    cases = cases.append_column("shows_both", pa.array([True, True, False]))
    window = "a window that cannot be applied: all grey levels are shown"
    square = "pixels that are not square, made so"
    image = Image(side=20)
    found = ingest(cases, raw, image, tmp_path / "store", manifest=manifest(raw), workers=1)
    assert found["remarks"] == {window: 1, square: 1}
    assert f"films with {window}: 1" in caplog.text
    assert [case for _, case, _ in rejected(tmp_path / "store")] == ["b_R"]
    how = Dicom(on_bad_window="refuse", on_for_processing="read")
    image = Image(side=20, dicom=how)
    found = ingest(cases, raw, image, tmp_path / "store", manifest=manifest(raw), workers=1)
    assert found["remarks"] == {"FOR PROCESSING: raw values of the detector": 1}
    assert {case for _, case, _ in rejected(tmp_path / "store")} == {"a_L", "a_R"}


def test_messages_hold_no_name_of_a_case(tmp_path: Path, caplog) -> None:
    """Where a case is named by its file, its name may be a patient's."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "DOE_JANE_19531224.png").write_bytes(b"")
    (raw / "ROE_RICHARD_19480229.png").write_bytes(b"GIF89a")
    PillowImage.fromarray(np.zeros((9, 9), np.uint8)).save(raw / "good.png")
    files = {path.name: path.name for path in raw.iterdir()}
    run(raw, tmp_path / "store", files)
    said = [caplog.text]
    del files["good.png"]
    with pytest.raises(DataError) as caught:
        run(raw, tmp_path / "store", files)
    said.append(str(caught.value))
    known = manifest(raw)
    for path in raw.iterdir():
        path.write_bytes(b"changed")
    with pytest.raises(StaleError) as changed:
        ingest(table(files), raw, Image(side=9), tmp_path / "s", manifest=known, workers=1)
    said.append(str(changed.value))
    with pytest.raises(StaleError) as unknown:
        ingest(table(files), raw, Image(side=9), tmp_path / "s", manifest={}, workers=1)
    said.append(str(unknown.value))
    assert not [word for word in ("DOE", "ROE", "JANE", "1953", "0229") if word in " ".join(said)]
