"""Boxes of files become masks of what the store holds of them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.errors import DataError
from radpipe.core.settings import Image, Target
from radpipe.explaining.truth import located, rasterised, shown_by, truth_of
from radpipe.studies.base.contract import BOX_SCHEMA

TARGET = Target(kind="multi-class", classes=["healthy", "fractured", "shattered"])


def boxes(*rows):
    """Lay out boxes: case, view, slice, edges, label."""
    keys = BOX_SCHEMA.names
    return pa.Table.from_pylist([dict(zip(keys, row, strict=True)) for row in rows], BOX_SCHEMA)


class Rows:
    """A store of which only the index counts: case, view, slices, region, mirrored, stretch."""

    def __init__(self, *rows, size=8):
        names = (
            "case",
            "view",
            "slices",
            "x0",
            "y0",
            "x1",
            "y1",
            "mirrored",
            "stretch_x",
            "stretch_y",
        )
        self.index = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
        self.size = size

    def row_of(self, case, view):
        keys = zip(self.index["case"].to_pylist(), self.index["view"].to_pylist(), strict=True)
        places = {key: row for row, key in enumerate(keys)}
        if (case, view) not in places:
            raise DataError("there is none")
        return places[case, view]

    def slices(self, rows):
        return self.index["slices"].to_numpy()[rows]


def test_boxes_show_labels_of_their_own_name_or_those_that_settings_say():
    table = boxes(
        ("a", "image", 0, 0, 0, 1, 1, "fractured"), ("a", "image", 0, 0, 0, 1, 1, "crack")
    )
    assert shown_by(TARGET, table, {}) == {"fractured": ("fractured",)}
    asked = {"fractured": [], "shattered": ["crack", "fractured"]}
    assert shown_by(TARGET, table, asked) == {"shattered": ("crack", "fractured")}
    with pytest.raises(
        DataError, match=r"boxes\.healthy: no box .* 'cracks', did you mean 'crack'\?"
    ):
        shown_by(TARGET, table, {"healthy": ["cracks"]})
    assert shown_by(TARGET, BOX_SCHEMA.empty_table(), {}) == {}


def test_places_that_are_known_need_no_pixel():
    table = boxes(("a", "front", 0, 0, 0, 1, 1, "crack"), ("b", "side", 0, 0, 0, 1, 1, "other"))
    shown = {"fractured": ["crack"], "shattered": ["crack"]}
    assert located(table, shown, TARGET) == {("a", "front", 1), ("a", "front", 2)}


def test_regions_sides_and_stretch_are_followed():
    """By hand: 16 x 16 of a file in 8 x 8; the left half mirrored; rows that count twice."""
    store = Rows(
        ("whole", "image", 1, 0, 0, 16, 16, False, 1.0, 1.0),
        ("left", "image", 1, 0, 0, 8, 8, True, 1.0, 1.0),
        ("flat", "image", 1, 0, 0, 16, 16, False, 1.0, 2.0),
    )
    rows = [(case, "image", 0, 0, 2, 4, 4, "fractured") for case in ("whole", "left", "flat")]
    how = {"shown": {"fractured": ["fractured"]}, "cases": ["whole", "left", "flat", "gone"]}
    image = Image(side=8, resize="squash")
    truth = truth_of(boxes(*rows, ("gone", *rows[0][1:])), store, image, TARGET, **how)
    expected = {"whole": (slice(1, 2), slice(0, 2)), "left": (slice(2, 4), slice(4, 8))}
    expected["flat"] = (slice(2, 4), slice(0, 2))
    assert {case for case, _, _ in truth.masks} == set(expected)
    for case, place in expected.items():
        mask = np.zeros((1, 8, 8), bool)
        mask[0][place] = True
        np.testing.assert_array_equal(truth.of(case, 1)["image"], mask)
    assert truth.of("whole", 2) == {}


def test_a_finding_beyond_the_crop_is_not_known():
    store = Rows(("a", "image", 1, 10, 10, 18, 18, False, 1.0, 1.0))
    table = boxes(("a", "image", 0, 0, 0, 5, 5, "fractured"))
    image, shown = Image(side=8), {"fractured": ["fractured"]}
    assert truth_of(table, store, image, TARGET, shown=shown, cases=["a"]).masks == {}


def test_slices_get_their_own_boxes_and_those_that_do_not_exist_none():
    found = rasterised(np.array([[0, 0, 2, 2], [2, 2, 4, 4], [0, 0, 4, 4]]), [0, 2, 3], (3, 4))
    assert [int(part.sum()) for part in found] == [4, 0, 4]
    assert found[2, 2:, 2:].all()


@given(
    st.tuples(*[st.floats(-2, 10)] * 2),
    st.tuples(*[st.floats(0.01, 8)] * 2),
)
def test_a_box_is_as_large_as_its_pixels_or_at_least_one(corner, size):
    box = np.array([[*corner, corner[0] + size[0], corner[1] + size[1]]])
    mask = rasterised(box, [0], (1, 8))[0]
    inside = np.clip(box[0, 2:], 0, 8) - np.clip(box[0, :2], 0, 8)
    assert mask.any() == bool((inside > 0).all())
    # Rounding moves each edge by at most half a pixel, and corners are rounded off.
    assert mask.sum() <= np.prod(inside + 1) + 1


def test_pieces_of_an_outline_count_together():
    """Thin strips, each too thin for a pixel."""
    strips = np.array([[1, y / 4, 3, y / 4 + 0.25] for y in range(4, 12)])
    found = rasterised(strips, [0] * len(strips), (1, 4))[0]
    np.testing.assert_array_equal(np.argwhere(found), [[1, 1], [1, 2], [2, 1], [2, 2]])
