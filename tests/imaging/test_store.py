"""The store: gathering pixels across shards, and being either whole or absent."""

import fcntl
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from radpipe.core.errors import DataError
from radpipe.imaging import writing
from radpipe.imaging.store import INDEX, Store, shard_name
from radpipe.imaging.writing import StoreWriter, building, write_pictures

SHAPE = (8, 8, 1)


def row(case: str, shard: int, first: int, *, view: str = "image", slices: int = 1) -> dict:
    return {
        "case": case, "view": view, "shard": shard, "first": first, "slices": slices,
        "file": f"{case}.png", "rows": 8, "columns": 8, "sha256": "0", "pixel_hash": "0",
        "phash": 2**64 - 1, "mean": 0.5, "sd": 0.1,
    }  # fmt: skip


def make(path: Path, index: list[dict], counts: list[int], dtype: str = "uint8") -> np.ndarray:
    """Write a store whose k-th picture is filled with k."""
    path.mkdir(exist_ok=True)
    pixels = np.arange(sum(counts))[:, None, None, None] * np.ones(SHAPE)
    start = 0
    for number, count in enumerate(counts):
        np.save(path / shard_name(number), pixels[start : start + count].astype(dtype))
        start += count
    writer = StoreWriter(path, shape=SHAPE, dtype=dtype, count=0)
    writer.finish(pa.Table.from_pylist(index, schema=INDEX), [("b", "y", "why")], {"a": 1})
    return pixels.astype(dtype)


def test_pixels_are_gathered_in_any_order_from_all_shards(tmp_path: Path) -> None:
    index = [row("a", 0, 0), row("b", 0, 2), row("c", 1, 0), row("d", 1, 1)]
    pixels = make(tmp_path, index, [3, 2])
    opened = Store(tmp_path)
    np.testing.assert_array_equal(opened.pixels([3, 0, 2, 0, 1]), pixels[[4, 0, 3, 0, 2]])
    np.testing.assert_array_equal(opened.pixels(np.array([1])), pixels[[2]])
    assert opened.pixels([]).shape == (0, *SHAPE)
    assert len(opened) == 4


def test_slices_of_a_volume_come_together(tmp_path: Path) -> None:
    pixels = make(tmp_path, [row("a", 0, 0, slices=2), row("b", 0, 2, slices=3)], [5])
    np.testing.assert_array_equal(Store(tmp_path).pixels([1, 0]), pixels[[2, 3, 4, 0, 1]])


def test_slices_of_volumes_come_together_from_all_shards(tmp_path: Path) -> None:
    index = [row("a", 0, 0, slices=2), row("b", 0, 2), row("c", 1, 0, slices=3)]
    pixels = make(tmp_path, index, [3, 3])
    opened = Store(tmp_path)
    np.testing.assert_array_equal(opened.pixels([2, 1, 0, 2]), pixels[[3, 4, 5, 2, 0, 1, 3, 4, 5]])
    assert opened.pixels([]).shape == (0, *SHAPE)


def test_middle_slices(tmp_path: Path) -> None:
    index = [row("a", 0, 0, slices=2), row("b", 0, 2), row("c", 1, 0, slices=3)]
    pixels = make(tmp_path, index, [3, 3])
    np.testing.assert_array_equal(Store(tmp_path).middles([2, 1, 0, 2]), pixels[[4, 2, 1, 4]])


def test_slices_are_counted_in_any_shape(tmp_path: Path) -> None:
    make(tmp_path, [row("a", 0, 0, slices=2), row("b", 0, 2)], [3])
    opened = Store(tmp_path)
    assert opened.volumes
    counts = opened.slices(np.array([[0, 1, 0], [1, 1, 0]]))
    assert counts.tolist() == [[2, 1, 2], [1, 1, 2]]
    assert counts.dtype == np.int64
    make(tmp_path / "pictures", [row("a", 0, 0), row("b", 0, 1)], [2])
    assert not Store(tmp_path / "pictures").volumes


def test_what_a_store_says_of_itself(tmp_path: Path) -> None:
    index = [row("a", 0, 0, view="axial"), row("a", 0, 1), row("b", 0, 2)]
    make(tmp_path, index, [3], "uint16")
    opened = Store(tmp_path)
    assert (opened.size, opened.channels, opened.bits) == (8, 1, 16)
    assert opened.cases == ["a", "b"]
    assert opened.views == ["axial", "image"]
    assert opened.fingerprint == {"a": 1}
    assert (opened.row_of("a"), opened.row_of("a", "axial"), opened.row_of("b")) == (1, 0, 2)
    assert opened.index["phash"].to_pylist() == [2**64 - 1] * 3
    with pytest.raises(DataError, match=r"no picture of the asked case and view 'axial'.*axial"):
        opened.row_of("b", "axial")


def test_pixels_stay_on_disk(tmp_path: Path) -> None:
    make(tmp_path, [row("a", 0, 0)], [1])
    assert isinstance(Store(tmp_path)._shards[0], np.memmap)


@pytest.mark.parametrize("damage", ["gone", "cut", "pickle"])
def test_a_damaged_shard_is_refused(tmp_path: Path, damage: str) -> None:
    make(tmp_path, [row("a", 0, 0)], [1])
    shard = tmp_path / shard_name(0)
    if damage == "gone":
        shard.unlink()
    elif damage == "cut":
        shard.write_bytes(shard.read_bytes()[:-1])
    else:
        np.save(shard, np.array([{"code": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"pixels-0000\.npy: missing or not a shard"):
        Store(tmp_path)


def test_an_empty_store_is_refused(tmp_path: Path) -> None:
    make(tmp_path, [], [])
    with pytest.raises(DataError, match="holds no picture"):
        Store(tmp_path)


def test_writing_picture_by_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHARD_BYTES", 3 * 64)
    writer = StoreWriter(tmp_path, shape=SHAPE, dtype="uint8", count=5)
    writer.allocate()
    sizes = [np.load(tmp_path / shard_name(k)).shape[0] for k in range(2)]
    assert sizes == [3, 2]
    assert [writer.place(k) for k in (0, 2, 3)] == [(0, 0), (0, 2), (1, 0)]
    write_pictures(tmp_path / shard_name(1), 1, np.full((1, *SHAPE), 7, np.uint8))
    assert np.load(tmp_path / shard_name(1)).max(axis=(1, 2, 3)).tolist() == [0, 7]


def test_writing_volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHARD_BYTES", 4 * 64)
    slices = np.array([3, 1, 2, 7, 1])
    writer = StoreWriter(tmp_path, shape=SHAPE, dtype="uint8", count=5, slices=slices)
    writer.allocate()
    sizes = [np.load(tmp_path / shard_name(k)).shape[0] for k in range(4)]
    assert sizes == [4, 2, 7, 1]
    assert [writer.place(k) for k in range(5)] == [(0, 0), (0, 3), (1, 0), (2, 0), (3, 0)]
    assert all((tmp_path / shard_name(k)).stat().st_size == 128 + 64 * sizes[k] for k in range(4))


def test_a_foreign_shard_is_not_written_to(tmp_path: Path) -> None:
    with (tmp_path / "x.npy").open("wb") as stream:
        np.lib.format.write_array(stream, np.zeros((1, *SHAPE), np.uint8), version=(2, 0))
    with pytest.raises(DataError, match="not a shard of this program"):
        write_pictures(tmp_path / "x.npy", 0, np.zeros((1, *SHAPE), np.uint8))


def test_rejected_files_are_listed_with_odd_names(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, shape=SHAPE, dtype="uint8", count=0)
    rejected = [('ü "b", c.png', "2", "why"), ("a.png", "1", "because, so")]
    writer.finish(pa.Table.from_pylist([], schema=INDEX), rejected, {})
    assert (tmp_path / "rejected.csv").read_text(encoding="utf-8") == (
        'file,case,reason\na.png,1,"because, so"\n"ü ""b"", c.png",2,why\n'
    )


def test_building_replaces_a_folder_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "store"
    for text in ("first", "second"):
        with building(out) as folder:
            (folder / "file").write_text(text)
            assert not list(folder.parent.glob("*.old"))
        assert (out / "file").read_text() == text
    assert {path.name for path in tmp_path.iterdir()} == {"store", ".store.lock"}


def test_a_failure_keeps_the_old_folder(tmp_path: Path) -> None:
    out = tmp_path / "store"
    with building(out) as folder:
        (folder / "file").write_text("old")
    with pytest.raises(IsADirectoryError), building(out) as folder:
        folder.write_text("a folder cannot be written like a file")
    assert (out / "file").read_text() == "old"
    assert not (tmp_path / ".store.building").exists()


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".store.building"
    left.mkdir()
    (left / "half").write_text("half")
    with building(tmp_path / "store") as folder:
        assert not list(folder.iterdir())


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with (tmp_path / ".store.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        message = "another process is writing it"
        with pytest.raises(DataError, match=message), building(tmp_path / "store"):
            pass
    assert not (tmp_path / "store").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(PermissionError), building(tmp_path / "store"):
        pass
