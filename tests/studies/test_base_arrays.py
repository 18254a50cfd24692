"""Arrays of pictures and labels: what becomes of them, and what is refused."""

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image as Pillow

from radpipe.core.errors import DataError
from radpipe.core.settings import Arrays
from radpipe.studies.base import unpack
from radpipe.studies.base.arrays import unpack_arrays

DRAW = np.random.default_rng(1)
GREY = DRAW.integers(0, 256, (4, 6, 5), dtype=np.uint8)
BOTH = Arrays(images="pictures", labels="grades")


def unpacked(tmp_path, how=None, *, save=np.savez, **arrays):
    """Save arrays and unpack them; return the rows of the table."""
    save(tmp_path / "x.npz", **arrays)
    unpack_arrays(tmp_path / "x.npz", tmp_path / "raw", how or Arrays())
    with (tmp_path / "raw/labels.csv").open() as stream:
        return list(csv.reader(stream))


def shown(tmp_path, name):
    return np.asarray(Pillow.open(tmp_path / "raw" / name))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_parts_become_folders_and_a_table(tmp_path, save):
    rows = unpacked(
        tmp_path,
        save=save,
        train_images=GREY[:3],
        train_labels=np.array([[0], [1], [1]], np.uint8),
        val_images=GREY[3:],
        val_labels=np.array([[0]], np.uint8),
    )
    assert rows == [
        ["file", "part", "label"],
        ["train/000000.png", "train", "0"],
        ["train/000001.png", "train", "1"],
        ["train/000002.png", "train", "1"],
        ["val/000000.png", "val", "0"],
    ]
    for row, pixels in zip(rows[1:], GREY, strict=True):
        np.testing.assert_array_equal(shown(tmp_path, row[0]), pixels)


def test_several_labels_have_a_column_each(tmp_path):
    labels = np.array([[0, 1, 0], [1, 0, 0]])
    rows = unpacked(tmp_path, train_images=GREY[:2], train_labels=labels)
    assert rows[0] == ["file", "part", "label_0", "label_1", "label_2"]
    assert rows[1][2:] == ["0", "1", "0"]


def test_arrays_of_one_name_have_no_part(tmp_path):
    rows = unpacked(tmp_path, BOTH, pictures=GREY, grades=np.arange(4.0))
    assert rows[1] == ["images/000000.png", "", "0"]
    assert rows[4][2] == "3"


@pytest.mark.parametrize(
    "pixels",
    [
        DRAW.integers(0, 256, (2, 6, 5, 3), dtype=np.uint8),
        DRAW.integers(0, 256, (2, 6, 5, 1), dtype=np.uint8),
        DRAW.integers(0, 65536, (2, 6, 5), dtype=np.uint16),
        DRAW.integers(0, 65536, (2, 6, 5)).astype(">u2"),
        DRAW.integers(0, 256, (2, 6, 5)).astype(np.float32),
        DRAW.integers(0, 256, (2, 6, 5)).astype(np.int64),
        DRAW.integers(0, 2, (2, 6, 5)).astype(bool),
    ],
)
def test_every_form_keeps_its_pixels(tmp_path, pixels):
    unpacked(tmp_path, BOTH, pictures=pixels, grades=np.zeros(2, np.int64))
    expected = pixels[1].astype(np.int64)
    found = shown(tmp_path, "images/000001.png").astype(np.int64)
    np.testing.assert_array_equal(found, expected.reshape(found.shape))


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"grades": np.zeros(4, np.int64)}, "no array 'pictures'. Found: grades"),
        ({"pictures": GREY}, "no array 'grades'. Found: pictures. The way out"),
        ({"pictures": GREY, "grades": np.zeros(3, int)}, "has 4 pictures, and there are 3 labels"),
        ({"pictures": GREY[0], "grades": np.zeros(6, int)}, r"shape \(6, 5\); pictures are"),
        ({"pictures": GREY / 7, "grades": np.zeros(4, int)}, "no whole numbers from 0 to 255"),
        ({"pictures": -GREY.astype(int), "grades": np.zeros(4, int)}, "no whole numbers from 0"),
        ({"pictures": GREY, "grades": np.full(4, 0.5)}, "labels that are no whole numbers"),
        ({"pictures": GREY, "grades": np.zeros((4, 2, 2), int)}, r"labels are \(n,\) or"),
        ({"pictures": GREY, "grades": np.array(list("abcd"))}, "and no numbers"),
        ({"pictures": np.asfortranarray(GREY), "grades": np.zeros(4, int)}, "column by column"),
        (
            {"pictures": np.zeros((4, 6, 5, 3), np.uint16), "grades": np.zeros(4, int)},
            "colours of 16 bits",
        ),
    ],
)
def test_what_is_something_else_is_refused(tmp_path, arrays, told):
    with pytest.raises(DataError, match=rf"x\.npz: refused, .*{told}"):
        unpacked(tmp_path, BOTH, **arrays)


def test_an_array_of_objects_is_never_opened(tmp_path):
    """It would be a pickle, which can run anything."""
    things = np.array([{"a": 1}] * 4, dtype=object)
    with pytest.raises(DataError, match="'pictures' holds object, and no numbers"):
        unpacked(tmp_path, BOTH, pictures=things, grades=np.zeros(4, int))


def test_parts_must_be_alike(tmp_path):
    arrays = {"train_images": GREY, "train_labels": np.zeros((4, 1), int)}
    arrays |= {"test_images": GREY, "test_labels": np.zeros((4, 2), int)}
    with pytest.raises(DataError, match="unequal numbers of labels"):
        unpacked(tmp_path, **arrays)
    with pytest.raises(DataError, match=r"no array like '{part}_pictures'\. Found: train_images"):
        how = Arrays(images="{part}_pictures", labels="{part}_labels")
        unpack_arrays(tmp_path / "x.npz", tmp_path / "raw", how)
    with pytest.raises(ValueError, match="in both names or in none"):
        Arrays(images="pictures")


def test_a_file_that_ends_early_is_told(tmp_path):
    whole = io.BytesIO()
    np.save(whole, GREY)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as stream:
        stream.writestr("pictures.npy", whole.getvalue()[:-1])
        grades = io.BytesIO()
        np.save(grades, np.zeros(4, int))
        stream.writestr("grades.npy", grades.getvalue())
    with pytest.raises(DataError, match="'pictures' ends before its 4 entries do"):
        unpack_arrays(tmp_path / "x.npz", tmp_path / "raw", BOTH)


@pytest.mark.parametrize("content", [b"", b"abc", b"\x93NUMPY\x01\0"])
def test_what_is_no_npz_is_told(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz: damaged, or no \.npz"):
        unpack_arrays(tmp_path / "x.npz", tmp_path / "raw", BOTH)


def test_what_is_out_of_proportion_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "SMALL_BYTES", 1000)
    nothing = np.zeros((90, 64, 64), np.uint8)
    np.savez_compressed(tmp_path / "x.npz", pictures=nothing, grades=np.zeros(90))
    with pytest.raises(DataError, match="looks like a decompression bomb"):
        unpack_arrays(tmp_path / "x.npz", tmp_path / "raw", BOTH)
    assert not list((tmp_path / "raw").iterdir())


def test_damage_inside_is_told(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", pictures=np.repeat(GREY, 50, 0), grades=np.zeros(200))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"x\.npz: "):
        unpack_arrays(tmp_path / "x.npz", tmp_path / "raw", BOTH)
