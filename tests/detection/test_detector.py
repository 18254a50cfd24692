"""The detector's maps, its loss by hand, and that it learns where a joint is."""

import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from radpipe.core.settings import Detection
from radpipe.detection.detector import Detector, Maps, best_boxes, detection_loss
from radpipe.detection.finding import _changed, find, train_detector
from radpipe.imaging.boxes import overlap
from radpipe.imaging.store import INDEX, Store
from radpipe.imaging.writing import StoreWriter, building, write_pictures
from tests.small_study import sums_of


def maps(heat: float = -20.0, *, side: int = 4) -> Maps:
    return Maps(
        torch.full((1, side, side), heat),
        torch.full((1, 2, side, side), 0.5),
        torch.zeros(1, 2, side, side),
    )


def test_a_box_is_read_off_the_hottest_cell():
    seen = maps()
    seen.heat[0, 1, 2] = 2.0
    seen.corner[0, :, 1, 2] = torch.tensor([0.25, 0.75])
    seen.extent[0, :, 1, 2] = torch.tensor([2.0, 1.0]).log()
    boxes, confidence = best_boxes(seen)
    # Centre (2.25, 1.75) cells of 4 pixels, 2 x 1 cells large.
    torch.testing.assert_close(boxes, torch.tensor([[5.0, 5.0, 13.0, 9.0]]))
    assert float(confidence) == pytest.approx(1 / (1 + math.exp(-2)))


def test_the_loss_by_hand():
    """One cell holds the centre; of its neighbours' heat little is wanted, but some."""
    box = torch.tensor([[8.0, 4.0, 12.0, 8.0]])  # centre (2.5, 1.5) cells, one cell large
    seen = maps(0.0, side=3)
    near, diagonal = math.exp(-0.5), math.exp(-1.0)
    far = [math.exp(-k / 2) for k in (4, 5)]
    log_half, square = math.log(2), 0.25
    # Cell (2, 1) is the centre: one neighbour left, above and below, two diagonal ones.
    misses = 3 * (1 - near) ** 4 + 2 * (1 - diagonal) ** 4
    misses += (1 - far[0]) ** 4 + 2 * (1 - far[1]) ** 4
    focal = (1 + misses) * square * log_half
    assert float(detection_loss(seen, box)) == pytest.approx(focal, rel=1e-5)
    seen.corner[0, 0, 1, 2] = 0.4
    seen.extent[0, 1, 1, 2] = math.log(2)
    expected = focal + 0.1 + math.log(2)
    assert float(detection_loss(seen, box)) == pytest.approx(expected, rel=1e-5)


def test_a_perfect_answer_costs_nothing():
    box = torch.tensor([[8.0, 4.0, 12.0, 8.0]])
    seen = maps(-20.0)
    seen.heat[0, 1, 2] = 20.0
    assert float(detection_loss(seen, box)) == pytest.approx(0, abs=1e-6)


def test_a_centre_on_the_rim_counts_for_the_last_cell():
    seen = maps(side=4)
    assert torch.isfinite(detection_loss(seen, torch.tensor([[14.0, 14.0, 40.0, 40.0]])))


def test_maps_have_a_quarter_of_the_side():
    seen = Detector(0.5, 0.2)(torch.rand(2, 1, 64, 48))
    assert seen.heat.shape == (2, 16, 12)
    assert seen.corner.shape == seen.extent.shape == (2, 2, 16, 12)
    torch.testing.assert_close(seen.heat, torch.full_like(seen.heat, -4.0))


def test_boxes_move_with_their_pictures():
    pictures = torch.zeros(20, 1, 40, 40)
    pictures[:, :, 10:14, 20:26] = 1.0
    boxes = torch.tensor([[20.0, 10.0, 26.0, 14.0]]).repeat(20, 1)
    moved, there = _changed(pictures, boxes, torch.Generator().manual_seed(3))
    assert len(torch.unique(there, dim=0)) > 10
    for picture, (x0, y0, x1, y1) in zip(moved, there.long().tolist(), strict=True):
        inside = picture[0, y0:y1, x0:x1]
        assert float(inside.min()) > 0
        assert float(picture.sum()) == pytest.approx(float(inside.sum()))


@pytest.fixture
def joints(tmp_path):
    """Return a store of 40 dark pictures with one bright box each, and the boxes."""
    rng = np.random.default_rng(2)
    pictures = rng.integers(0, 40, (40, 60, 60, 1)).astype(np.uint8)
    corner = rng.integers(4, 30, (40, 2))
    boxes = np.concatenate([corner, corner + np.array([22, 12])], axis=1)
    for picture, (x0, y0, x1, y1) in zip(pictures, boxes, strict=True):
        picture[y0:y1, x0:x1] = 220
    with building(tmp_path / "store") as folder:
        writer = StoreWriter(folder, shape=(60, 60, 1), dtype="uint8", count=40)
        writer.allocate()
        write_pictures(folder / "pixels-0000.npy", 0, pictures)
        values = dict.fromkeys(INDEX.names, [0] * 40)
        values |= {name: [""] * 40 for name in ("file", "sha256", "pixel_hash")}
        values |= {"case": [f"{k:02d}" for k in range(40)], "view": ["image"] * 40}
        values |= {"slices": [1] * 40, "first": list(range(40)), **sums_of(pictures[:, None])}
        writer.finish(pa.table(values).cast(INDEX), [], {})
    return Store(tmp_path / "store"), boxes.astype(float)


def test_a_detector_learns_and_is_the_same_twice(joints):
    store, boxes = joints
    rows = np.arange(30)
    how = Detection(epochs=25, batch_size=8, lr=4e-3)
    detector = train_detector(store, rows, boxes[rows], how)
    found = find(detector, store)
    assert np.median(overlap(found.boxes[30:], boxes[30:])) > 0.7
    short = Detection(epochs=1, batch_size=8)
    one, other = (train_detector(store, rows, boxes[rows], short).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
