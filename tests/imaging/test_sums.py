"""Sums of stored pixels: exact in 16 bits and in volumes, of every channel."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from radpipe.core.errors import DataError
from radpipe.core.settings import Image
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.crops import crop_image, cut_crops, regions_of
from radpipe.imaging.store import Store
from radpipe.imaging.sums import Sums
from tests.imaging import test_ingest as pictures
from tests.imaging import test_ingest_volumes as volumes
from tests.imaging.test_crops import HOW


def counted(store: Store, rows: np.ndarray) -> Sums:
    """Add up every stored pixel as a whole number of Python."""
    flat = store.pixels(rows.ravel()).reshape(-1, store.channels).astype(object)
    return Sums(len(flat), tuple(flat.sum(axis=0)), tuple((flat * flat).sum(axis=0)))


def check(store: Store) -> None:
    every = np.arange(len(store))
    for rows in (every, every[:1], every[::-2], np.stack([every, every])):
        assert store.sums(rows) == counted(store, rows)


@pytest.mark.parametrize("channels", ["grey", "colour"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("resize", ["letterbox", "squash", "crop"])
def test_sums_of_pictures(tmp_path: Path, channels: str, bits: int, resize: str) -> None:
    (tmp_path / "raw").mkdir()
    rng = np.random.default_rng(4)
    for name in "abc":
        pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        PillowImage.fromarray(pixels).save(tmp_path / f"raw/{name}.png")
    image = Image(side=16, resize=resize, channels=channels, bits=bits)
    files = {name: f"{name}.png" for name in "abc"}
    pictures.run(tmp_path / "raw", tmp_path / "store", files, image=image)
    check(Store(tmp_path / "store"))


@pytest.mark.parametrize("bits", [8, 16])
def test_sums_of_volumes(tmp_path: Path, bits: int) -> None:
    volumes.write(tmp_path / "raw", {"a": (3, 5, 2), "b": (4, 1, 6)})
    image = Image(side=16, resize="letterbox", channels="grey", bits=bits)
    volumes.run(tmp_path / "raw", tmp_path / "store", volumes.table(["a", "b"]), image)
    check(Store(tmp_path / "store"))


def test_sums_of_crops(tmp_path: Path) -> None:
    pictures.write(tmp_path / "raw", ["a.png", "b.png"])
    pictures.run(tmp_path / "raw", tmp_path / "store", {"a": "a.png", "b": "b.png"})
    store = Store(tmp_path / "store")
    how, out = crop_image(Image(side=16), HOW), tmp_path / "crops"
    cut_crops(
        store, regions_of(store), raw=tmp_path / "raw", image=how, out=out, workers=1, unsure={}
    )
    check(Store(out))


def test_mean_and_sd_by_hand() -> None:
    """1, 3 and 5, 13: means 2 and 9, SD 1 and 4; equal pixels have an SD of one grey level."""
    mean, sd = Sums(2, (4, 18), (10, 194)).mean_and_sd()
    assert (mean.tolist(), sd.tolist()) == ([2, 9], [1, 4])
    assert Sums(2, (14,), (98,)).mean_and_sd()[1].tolist() == [1]


def test_sums_of_many_rows_need_more_than_64_bits() -> None:
    most = np.full((3, 1), 2**62)
    assert Sums.of(7, most, most) == (7, (3 * 2**62,), (3 * 2**62,))


def test_a_store_without_sums_says_the_way_out(tmp_path: Path) -> None:
    pictures.write(tmp_path / "raw", ["a.png"])
    pictures.run(tmp_path / "raw", tmp_path / "store", {"a": "a.png"})
    index = tmp_path / "store/index.parquet"
    write_table(index, read_table(index).drop_columns(["sums", "squares"]))
    old = Store(tmp_path / "store")
    assert old.pixels([0]).any()
    with pytest.raises(DataError, match=r"no column sums, squares.* Run ingest again"):
        old.sums(np.arange(1))
