"""Ingest of volumes: three views with unequal slices, whole in shards and in cases."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image as PillowImage

from radpipe.core.errors import DataError, StaleError
from radpipe.core.settings import Image
from radpipe.imaging import ingest as module
from radpipe.imaging import writing
from radpipe.imaging.hashing import perceptual_hash
from radpipe.imaging.ingest import ingest
from radpipe.imaging.read import pixel_hash
from radpipe.imaging.resize import fit
from radpipe.imaging.store import Store

VIEWS = ("axial", "coronal", "sagittal")
IMAGE = Image(side=16, resize="letterbox", channels="grey", bits=8)
SLICE = 16 * 16


def volume(seed: int, slices: int, dtype: str = "uint8") -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, (slices, 24, 32), dtype=dtype, endpoint=True)


def write(raw: Path, slices: dict[str, tuple[int, int, int]]) -> dict[str, np.ndarray]:
    """Write three volumes a case, with so many slices; return what each file holds."""
    written = {}
    for case, counts in slices.items():
        for view, count in zip(VIEWS, counts, strict=True):
            name = f"{view}/{case}.npy"
            (raw / view).mkdir(parents=True, exist_ok=True)
            written[name] = volume(len(written), count)
            np.save(raw / name, written[name])
    return written


def manifest(raw: Path) -> dict[str, str]:
    files = (path for path in raw.rglob("*") if path.is_file())
    return {
        path.relative_to(raw).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def table(cases: list[str]) -> pa.Table:
    files = {f"file_{view}": [f"{view}/{case}.npy" for case in cases] for view in VIEWS}
    return pa.table({"case": cases, **files})


def run(raw: Path, out: Path, cases: pa.Table, image: Image = IMAGE, workers: int = 1) -> dict:
    return ingest(cases, raw, image, out, manifest=manifest(raw), workers=workers)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rejected(out: Path) -> dict[str, str]:
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as stream:
        return {row["file"]: row["reason"] for row in csv.DictReader(stream)}


def squares(pixels: np.ndarray) -> np.ndarray:
    return np.stack([fit(one, size=16, how="letterbox") for one in pixels])[..., None]


def test_index_and_pixels_of_three_views(tmp_path: Path) -> None:
    written = write(tmp_path / "raw", {"b": (4, 1, 6), "a": (3, 5, 2)})
    summary = run(tmp_path / "raw", tmp_path / "store", table(["b", "a"]))
    store = Store(tmp_path / "store")
    rows = store.index.to_pylist()
    assert [(row["case"], row["view"]) for row in rows] == [(c, v) for c in "ab" for v in VIEWS]
    assert [row["slices"] for row in rows] == [3, 5, 2, 4, 1, 6]
    assert [row["first"] for row in rows] == [0, 3, 8, 10, 14, 15]
    for number, row in enumerate(rows):
        original = written[row["file"]]
        stored = store.pixels([number])
        np.testing.assert_array_equal(stored, squares(original))
        middle = stored[len(stored) // 2]
        assert row["phash"] == perceptual_hash(middle[2:14])
        np.testing.assert_array_equal(store.middles([number])[0], middle)
        assert row["mean"] == pytest.approx(stored.mean() / 255)
        assert row["sd"] == pytest.approx(stored.std() / 255)
        whole = stored.astype(int)
        assert (row["sums"], row["squares"]) == ([whole.sum()], [(whole**2).sum()])
        assert (row["rows"], row["columns"]) == (24, 32)
        assert row["pixel_hash"] == pixel_hash(original)
        data = (tmp_path / "raw" / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert store.volumes
    assert (summary["n_pictures"], summary["n_cases_stored"]) == (6, 2)
    found = store.fingerprint
    assert found == summary["fingerprint"]
    assert (found["n_slices"], found["modes"]) == (21, {"uint8": 6})
    assert list(found["slices"]) == list(VIEWS)
    assert [found["slices"]["coronal"][q] for q in ("0", "0.5", "1")] == [1, 3, 5]


@pytest.mark.parametrize(("channels", "bits"), [("grey", 8), ("colour", 16)])
def test_bytes_do_not_depend_on_the_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: str, bits: int
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0)
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(writing, "SHARD_BYTES", 9 * SLICE)
    counts = [(3, 5, 2), (7, 1, 6), (12, 1, 1), (2, 2, 2), (1, 1, 1)]
    written = write(tmp_path / "raw", {f"c{k}": slices for k, slices in enumerate(counts)})
    (tmp_path / "raw/coronal/c3.npy").write_bytes(b"%PDF")
    image = Image(side=16, resize="letterbox", channels=channels, bits=bits)
    for workers in (1, 2):
        cases = table([f"c{k}" for k in range(5)])
        run(tmp_path / "raw", tmp_path / str(workers), cases, image, workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    store = Store(tmp_path / "2")
    assert (store.channels, store.bits) == (1 if channels == "grey" else 3, bits)
    for number, row in enumerate(store.index.to_pylist()):
        expected = squares(written[row["file"]]).astype(int) * (1 if bits == 8 else 257)
        assert (store.pixels([number]) == expected).all()


def test_volumes_lie_whole_in_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHARD_BYTES", 6 * SLICE)
    written = write(tmp_path / "raw", {"a": (4, 2, 3), "b": (4, 9, 1)})
    run(tmp_path / "raw", tmp_path / "store", table(["a", "b"]))
    store = Store(tmp_path / "store")
    assert store.index["shard"].to_pylist() == [0, 0, 1, 2, 3, 4]
    sizes = [len(np.load(tmp_path / f"store/pixels-{k:04}.npy")) for k in range(5)]
    assert sizes == [6, 3, 4, 9, 1]
    order = [5, 0, 4, 4, 2]
    files = store.index["file"].to_pylist()
    expected = np.concatenate([squares(written[files[row]]) for row in order])
    np.testing.assert_array_equal(store.pixels(order), expected)


def test_a_case_that_loses_one_view_is_left_out_wholly(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, {"a": (2, 2, 2), "b": (2, 3, 4), "c": (1, 1, 1), "d": (3, 3, 3)})
    np.save(raw / "sagittal/b.npy", volume(0, 4).astype(np.float32))
    cases = table(["a", "b", "c", "d"])
    files = cases["file_sagittal"].to_pylist()
    place = cases.column_names.index("file_sagittal")
    cases = cases.set_column(place, "file_sagittal", pa.array([*files[:2], None, files[3]]))
    summary = run(raw, tmp_path / "store", cases)
    store = Store(tmp_path / "store")
    assert store.cases == ["a", "d"]
    assert rejected(tmp_path / "store") == {
        "axial/b.npy": "another view of this case was refused (sagittal)",
        "coronal/b.npy": "another view of this case was refused (sagittal)",
        "sagittal/b.npy": "holds floating point, expected uint8 or uint16 (float32)",
        "axial/c.npy": "no file named (sagittal)",
        "coronal/c.npy": "no file named (sagittal)",
    }
    assert summary["rejected"] == {
        "another view of this case was refused": 2,
        "holds floating point, expected uint8 or uint16": 1,
        "no file named": 2,
    }
    counts = ("n_cases", "n_cases_stored", "n_cases_lost", "n_pictures", "n_rejected")
    assert [summary[name] for name in counts] == [4, 2, 2, 6, 5]
    # Case a fills 0..6, b's 2 + 3 slices and one place for the refused view are black.
    shard = np.load(tmp_path / "store/pixels-0000.npy")
    assert shard.shape[0] == 6 + 6 + 9
    assert [bool(one.any()) for one in shard] == [True] * 6 + [False] * 6 + [True] * 9


def test_only_cases_without_some_view_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "raw", {"a": (2, 2, 2)})
    cases = table(["a"]).drop_columns(["file_axial"])
    cases = cases.append_column("file_axial", pa.array([None], pa.string()))
    with pytest.raises(DataError, match=r"no file named \(axial\): 2 like 'x'"):
        run(tmp_path / "raw", tmp_path / "store", cases)
    assert not (tmp_path / "store").exists()


def test_a_volume_that_changes_after_the_first_look_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "raw", {"a": (2, 3, 4)})
    monkeypatch.setattr(module, "count_slices", lambda file: 3)
    message = r"2 files are not as fetch saw them \(2 changed\)"
    with pytest.raises(StaleError, match=message):
        run(tmp_path / "raw", tmp_path / "store", table(["a"]))
    assert not (tmp_path / "store").exists()


def test_a_picture_may_be_one_of_the_views(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    written = write(raw, {"a": (3, 2, 2)})
    PillowImage.fromarray(written["axial/a.npy"][0]).save(raw / "scout.png")
    cases = table(["a"]).append_column("file_scout", pa.array(["scout.png"]))
    run(raw, tmp_path / "store", cases)
    store = Store(tmp_path / "store")
    assert store.slices(np.array([0, 3])).tolist() == [3, 1]
    np.testing.assert_array_equal(store.pixels([3]), squares(written["axial/a.npy"][:1]))


def test_an_array_named_like_a_picture_is_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, {"a": (3, 2, 2), "b": (2, 2, 2)})
    (raw / "axial/a.npy").rename(raw / "axial/a.png")
    cases = table(["a", "b"])
    cases = cases.set_column(1, "file_axial", pa.array(["axial/a.png", "axial/b.npy"]))
    run(raw, tmp_path / "store", cases)
    assert rejected(tmp_path / "store")["axial/a.png"].startswith("is a NumPy array, not a PNG")
    assert Store(tmp_path / "store").cases == ["b"]


def test_deep_volumes_keep_their_bits(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    written = write(raw, {"a": (3, 2, 2)})
    written["axial/a.npy"] = volume(9, 5, "uint16")
    np.save(raw / "axial/a.npy", np.asfortranarray(written["axial/a.npy"]))
    image = Image(side=16, resize="letterbox", channels="grey", bits=16)
    run(raw, tmp_path / "store", table(["a"]), image)
    store = Store(tmp_path / "store")
    np.testing.assert_array_equal(store.pixels([0]), squares(written["axial/a.npy"]))
    assert store.fingerprint["bits"] == {"16": 1, "8": 2}
