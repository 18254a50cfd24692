"""Squares around joints, in millimetres where the film tells them."""

import numpy as np
from PIL import Image as PillowImage

from radpipe.core.hashes import Hashes
from radpipe.core.settings import Image, Localize
from radpipe.imaging.crops import crop_image, cut_crops, regions_of, squares_around
from radpipe.imaging.regions import Region
from radpipe.imaging.store import INDEX, Store
from tests.imaging.test_ingest import run

HOW = Localize(remote=None, side=24, extent_mm=60)


def test_squares_by_hand():
    """60 mm are 150 pixels of 0.4 mm and 300 of 0.2 mm; without spacing 1.5 x the longer side."""
    boxes = np.array([[100, 80, 140, 100], [0, 0, 40, 20]], float)
    spacing = np.array([[0.4, 0.2], [np.nan, 0.4]])
    found = squares_around(boxes, spacing, [True, False], HOW)
    assert found == [Region(45, -60, 195, 240, mirrored=True), Region(-10, -20, 50, 40)]


def test_crops_are_squares_of_the_studys_depth():
    image = Image(side=64, resize="letterbox", bits=16)
    assert crop_image(image, HOW) == Image(side=24, resize="squash", bits=16)


def test_crops_come_from_the_raw_pixels(tmp_path):
    """Detail that the store has lost is there, and what reaches beyond the film is black."""
    raw = tmp_path / "raw"
    raw.mkdir()
    film = np.zeros((240, 240), np.uint8)
    film[100:124:2, 100:124] = 200
    PillowImage.fromarray(film).save(raw / "a.png")
    PillowImage.fromarray(film[::-1]).save(raw / "b.png")
    run(raw, tmp_path / "store", {"a": "a.png", "b": "b.png"})
    store = Store(tmp_path / "store")
    assert regions_of(store) == [Region(0, 0, 240, 240)] * 2
    squares = [Region(100, 100, 124, 124), Region(-12, -12, 12, 12)]
    image = crop_image(Image(side=32), HOW)
    packed = cut_crops(
        store, squares, raw=raw, image=image, out=tmp_path / "crops", workers=1, unsure={}
    )
    crops = Store(tmp_path / "crops")
    assert len(packed.stored) == len(crops) == 2
    lines = crops.pixels([0])[0, ..., 0]
    np.testing.assert_array_equal(lines[::2], 200)
    assert not lines[1::2].any()
    assert not crops.pixels([1]).any()
    assert crops.index.schema.equals(INDEX)
    assert regions_of(crops) == squares
    cut_crops(
        store, squares, raw=raw, image=image, out=tmp_path / "one", workers=1, unsure={1: "why"}
    )
    assert (tmp_path / "one/rejected.csv").read_text() == "file,case,reason\nb.png,b,why\n"
    assert Hashes().of(tmp_path / "one") != Hashes().of(tmp_path / "crops")


def test_seven_tenths_of_a_millimetre_survive(tmp_path):
    """A joint space that narrows by 0.7 mm looks narrower in the crop, by that much."""
    raw = tmp_path / "raw"
    raw.mkdir()
    mm = 0.2
    for name, width in (("a", 4.0), ("b", 3.3)):
        film = np.full((400, 400), 200, np.uint8)
        y = (np.arange(400) + 0.5) * mm - 40
        film[np.abs(y) < width / 2] = 40
        PillowImage.fromarray(film).save(raw / f"{name}.png")
    run(raw, tmp_path / "store", {"a": "a.png", "b": "b.png"})
    how = HOW.model_copy(update={"side": 64})
    boxes, spacing = np.array([[150.0, 180, 250, 220]] * 2), np.full((2, 2), mm)
    squares = squares_around(boxes, spacing, [False, False], how)
    cut_crops(
        Store(tmp_path / "store"),
        squares,
        raw=raw,
        image=crop_image(Image(side=32), how),
        out=tmp_path / "crops",
        workers=1,
        unsure={},
    )
    pixels = Store(tmp_path / "crops").pixels([0, 1])[..., 32, 0].astype(float)
    # Dark area across the joint, mm: each pixel of the crop is 60 / 64 mm.
    widths = ((200 - pixels) / 160).sum(axis=1) * 60 / 64
    # The film itself has 20 and 16 dark rows of 0.2 mm.
    np.testing.assert_allclose(widths, [4.0, 3.2], atol=0.05)
