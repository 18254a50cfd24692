"""Parts of a fold, pixels as tensors, and their normalisation."""

import logging
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from radpipe.core.errors import DataError
from radpipe.core.tables import read_table, write_table
from radpipe.imaging.store import Store
from radpipe.imaging.sums import Sums
from radpipe.learning.data.cases import gather, read_part
from radpipe.learning.data.normalisation import normalisation
from tests.learning.networks.test_losses import how
from tests.small_study import THREE, write_exams, write_study

CPU = torch.device("cpu")


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path, THREE, channels=3)
    return tmp_path / "data/bones/split.parquet", Store(tmp_path / "data/bones/store")


def test_parts_of_every_fold_share_no_case(study):
    split, store = study
    for fold in range(3):
        names = [
            read_part(split, store, THREE, part=part, fold=fold).table["case"].to_pylist()
            for part in ("train", "tune", "test")
        ]
        assert sorted([name for part in names for name in part]) == store.cases
        assert [len(part) for part in names] == [40 - len(names[1]), len(names[1]), 8]
    tunes = [set(read_part(split, store, THREE, part="tune", fold=f).rows[:, 0]) for f in range(3)]
    assert len(set.union(*tunes)) == 40


def test_targets_and_rows_belong_together(study):
    split, store = study
    cases = read_part(split, store, THREE, part="tune", fold=1)
    assert cases.targets.dtype == np.float32
    assert cases.targets[:, 0].tolist() == [row % 3 for row in cases.rows[:, 0]]


def test_cases_without_any_target_are_not_trained_on(study):
    split, store = study
    table = read_table(split)
    truth = table["target"].to_numpy().copy()
    truth[-3:] = np.nan
    write_table(split, table.set_column(4, "target", pa.array(truth)))
    lengths = [len(read_part(split, store, THREE, part="train", fold=f)) for f in range(3)]
    tunes = [len(read_part(split, store, THREE, part="tune", fold=f)) for f in range(3)]
    assert sum(tunes) == 40
    assert sum(lengths) == 2 * (40 - 3)


def test_an_empty_part_is_refused(study):
    with pytest.raises(DataError, match="part 'tune' of fold 7 has no case"):
        read_part(*study, THREE, part="tune", fold=7)


def test_pixels_come_as_fractions_of_white_with_channels_first(study):
    _, store = study
    batch = gather(store, np.array([[5], [2]]), CPU)
    assert batch.counts == ((1, 1),)
    (images,) = batch.views
    assert images.shape == (2, 3, 16, 16)
    assert images.is_contiguous(memory_format=torch.channels_last)
    expected = store.pixels(np.array([5, 2])).transpose(0, 3, 1, 2) / np.float32(255)
    assert np.array_equal(images.numpy(), expected)


def test_sixteen_bits_have_a_whiter_white():
    class Deep:
        bits, channels = 16, 1

        def pixels(self, rows):
            return np.full((len(rows), 2, 2, 1), 65535, dtype=np.uint16)

        def slices(self, rows):
            return np.ones(rows.shape, np.int64)

        def sums(self, rows):
            n = rows.size * 4
            return Sums(n, (n * 65535,), (n * 65535**2,))

    assert gather(Deep(), np.arange(2)[:, None], CPU).views[0].eq(1).all()
    mean, sd = normalisation(Deep(), np.arange(3000), how(normalize="standard"))
    assert (mean.item(), sd.item()) == (1.0, pytest.approx(1 / 65535))


def test_normalisation(study):
    _, store = study
    rows = np.arange(20)
    assert [v.tolist() for v in normalisation(store, rows, how(normalize="unit"))] == [
        [0, 0, 0],
        [1, 1, 1],
    ]
    mean, sd = normalisation(store, rows, how(normalize="standard"))
    pixels = store.pixels(rows) / 255
    np.testing.assert_allclose(mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(sd, pixels.std(axis=(0, 1, 2)), rtol=1e-5)
    mean, sd = normalisation(store, rows, how(normalize="imagenet"))
    torch.testing.assert_close(mean, torch.tensor([0.485, 0.456, 0.406]))
    store_grey = type("Grey", (), {"channels": 1, "bits": 8})()
    mean, sd = normalisation(store_grey, rows, how(normalize="imagenet"))
    assert (mean.item(), sd.item()) == pytest.approx((0.449, 0.226))


def from_pixels(store, rows):
    """Work mean and SD out as runs did before stores kept sums: pixel by pixel, in chunks."""
    total, squares, count = 0.0, 0.0, 0
    step = max(1, 1024 // int(store.slices(rows).max()))
    for start in range(0, len(rows), step):
        pixels = store.pixels(rows[start : start + step]).astype(np.float64)
        total = total + pixels.sum(axis=(0, 1, 2))
        squares = squares + np.square(pixels).sum(axis=(0, 1, 2))
        count += pixels.size // store.channels
    mean = total / count
    sd = np.sqrt(np.maximum(squares / count - mean**2, 1.0))
    white = 2**store.bits - 1
    return [torch.tensor(v / white, dtype=torch.float32) for v in (mean, sd)]


@pytest.mark.parametrize("write", ["grey", "colour", "exams"])
def test_normalisation_is_to_the_bit_what_the_pixels_give(tmp_path, write):
    if write == "exams":
        write_exams(tmp_path)
    else:
        write_study(tmp_path, THREE, channels=1 if write == "grey" else 3)
    store = Store(tmp_path / "data/bones/store")
    chance = np.random.default_rng(3)
    for n in (1, 2, 7, len(store)):
        rows = chance.permutation(len(store))[:n]
        found = normalisation(store, rows, how(normalize="standard"))
        assert all(map(torch.equal, found, from_pixels(store, rows)))


def test_normalisation_asks_for_no_pixel(study, monkeypatch):
    _, store = study
    monkeypatch.setattr(Store, "pixels", None)
    mean, _ = normalisation(store, np.arange(6).reshape(3, 2), how(normalize="standard"))
    assert mean.shape == (3,)


def test_cases_without_pixels_are_left_out_and_counted(tmp_path, caplog):
    """As where no joint was found; models that take no pixels keep them."""
    write_study(tmp_path, THREE)
    split = tmp_path / "data/bones/split.parquet"
    store = Store(tmp_path / "data/bones/store")
    whole = read_part(split, store, THREE, part="train", fold=0)
    gone = whole.table["case"].to_pylist()[3]
    names = [case for case in store.cases if case != gone]
    few = SimpleNamespace(cases=names, views=store.views, row_of=store.row_of)
    with caplog.at_level(logging.WARNING, "radpipe.data"):
        part = read_part(split, few, THREE, part="train", fold=0)
    assert part.table["case"].to_pylist() == [
        c for c in whole.table["case"].to_pylist() if c != gone
    ]
    assert f"1 of {len(whole)} cases of train are not in the store" in caplog.text
    few.cases = []
    with pytest.raises(DataError, match="no case in the store with a known target"):
        read_part(split, few, THREE, part="train", fold=0)


class Exams:
    """A store of two exams of two views; every voxel says its row."""

    bits, channels, views, volumes = 8, 1, ["axial", "coronal"], True
    counts = np.array([2, 1, 3, 2])

    def slices(self, rows):
        return self.counts[rows]

    def pixels(self, rows):
        return np.concatenate(
            [np.full((self.counts[r], 2, 2, 1), 10 * r + 5, dtype=np.uint8) for r in rows]
        )

    def sums(self, rows):
        pixels = self.pixels(rows.ravel()).astype(int)
        return Sums(pixels.size, (int(pixels.sum()),), (int((pixels**2).sum()),))

    def row_of(self, case, view="image"):
        return 2 * int(case) + self.views.index(view)


def test_volumes_of_a_view_lie_one_after_the_other():
    batch = gather(Exams(), np.array([[2, 3], [0, 1]]), CPU)
    assert batch.counts == ((3, 2), (2, 1))
    assert len(batch) == 2
    axial, coronal = (view[:, 0, 0, 0].mul(255).round().tolist() for view in batch.views)
    assert axial == [25, 25, 25, 5, 5]
    assert coronal == [35, 35, 15]


def test_a_batch_is_divided_by_exams():
    first, second = gather(Exams(), np.array([[2, 3], [0, 1]]), CPU).chunk(2)
    assert (first.counts, second.counts) == (((3,), (2,)), ((2,), (1,)))
    assert [len(view) for view in second.views] == [2, 1]


def test_all_views_and_slices_are_normalised_alike():
    """8 slices of 4 pixels: 2 of 5, 1 of 15, 3 of 25, 2 of 35."""
    mean, sd = normalisation(Exams(), np.array([[0, 1], [2, 3]]), how(normalize="standard"))
    values = np.repeat([5, 15, 25, 35], [2, 1, 3, 2]) / 255
    assert (mean.item(), sd.item()) == pytest.approx((values.mean(), values.std()))
