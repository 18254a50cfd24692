"""Ceiling and boxes that a study ships."""

import math

import pytest

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.studies.base.contract import File
from radpipe.studies.base.truth import read_boxes, read_ceiling

THREE = Target(kind="multi-class", classes=["healthy", "fractured", "beyond_repair"])
TWO = Target(kind="binary", classes=["healthy", "injured"])
BOTH = {"ceiling.csv": File(1, "x"), "boxes.csv": File(1, "x")}
CEILING = "file,healthy,fractured,beyond_repair\na.png,0.5,0.3,0.2\nb.png,0,0,1\n"


def ceiling(tmp_path, text, target, names=None):
    (tmp_path / "ceiling.csv").write_text(text)
    translate = (names or {name: name for name in target.classes}).get
    return read_ceiling(tmp_path, files=BOTH, target=target, translate=translate)


def test_ceiling_as_it_stands(tmp_path):
    found = ceiling(tmp_path, CEILING, THREE)
    assert found == {"a.png": (0.5, 0.3, 0.2), "b.png": (0, 0, 1)}


def test_classes_that_go_together_are_added_up(tmp_path):
    names = {"healthy": "healthy", "fractured": "injured", "beyond_repair": "injured"}
    assert ceiling(tmp_path, CEILING, TWO, names)["a.png"] == pytest.approx((0.5, 0.5))


def test_what_is_left_out_is_divided_away(tmp_path):
    """Without beyond_repair, 0.5 and 0.3 become 0.625 and 0.375; 0 and 0 say nothing."""
    names = {"healthy": "healthy", "fractured": "injured"}
    found = ceiling(tmp_path, CEILING, TWO, names)
    assert found["a.png"] == pytest.approx((0.625, 0.375))
    assert found["b.png"] == pytest.approx((math.nan, math.nan), nan_ok=True)


def test_labels_are_not_divided(tmp_path):
    target = Target(kind="multi-label", classes=["x", "y"])
    assert ceiling(tmp_path, "file,x,y\na.png,0.9,0.8\n", target) == {"a.png": (0.9, 0.8)}


@pytest.mark.parametrize("value", ["1.5", "x", "", "-0.1"])
def test_what_is_no_probability_is_refused(tmp_path, value):
    with pytest.raises(DataError, match=r"ceiling.csv, line 2: healthy should be a prob"):
        ceiling(tmp_path, f"file,healthy,injured\na.png,{value},0\n", TWO)


def test_a_class_without_a_column_is_refused(tmp_path):
    """Or its probability would be 0 everywhere."""
    with pytest.raises(DataError, match=r"ceiling.csv has no column for beyond_repair\. The way"):
        ceiling(tmp_path, "file,healthy,fractured\na.png,0.5,0.3\n", THREE)


def test_two_rows_of_one_file_must_say_the_same(tmp_path):
    same = CEILING + "a.png,0.50,0.3,0.2\n"
    assert ceiling(tmp_path, same, THREE) == ceiling(tmp_path, CEILING, THREE)
    with pytest.raises(DataError, match=r"ceiling.csv, lines 2 and 4: say two things of one file"):
        ceiling(tmp_path, CEILING + "a.png,0.2,0.3,0.5\n", THREE)


def test_shares_do_not_depend_on_how_python_adds_up(tmp_path):
    """0.1 + 0.2 + 0.3 is 0.6000000000000001 before Python 3.12."""
    found = ceiling(tmp_path, "file,healthy,fractured,beyond_repair\na.png,0.1,0.2,0.3\n", THREE)
    assert found["a.png"] == (0.1 / 0.6, 0.2 / 0.6, 0.3 / 0.6)


def test_boxes_of_known_files_are_kept(tmp_path):
    (tmp_path / "boxes.csv").write_text(
        "file,x0,y0,x1,y1,label,slice\nb.png,1,2,3,4.5,gap,7\na.png,0,0,1,1,,\nz.png,0,0,1,1,,\n"
    )
    cases = {"a.png": ("a", "image"), "b.png": ("b", "image")}
    rows = read_boxes(tmp_path, files=BOTH, cases=cases).to_pylist()
    keys = ("case", "view", "slice", "x0", "y0", "x1", "y1", "label")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("a", "image", 0, 0, 0, 1, 1, ""),
        ("b", "image", 7, 1, 2, 3, 4.5, "gap"),
    ]


def test_edges_that_are_no_numbers_are_refused(tmp_path):
    (tmp_path / "boxes.csv").write_text("file,x0,y0,x1,y1,label\na.png,0,left,1,1,\n")
    with pytest.raises(DataError, match=r"boxes.csv, line 2: y0 should be a number"):
        read_boxes(tmp_path, files=BOTH, cases={"a.png": ("a", "image")})


def test_without_the_files_nothing_is_known(tmp_path):
    assert read_ceiling(tmp_path, files={}, target=TWO, translate=str) == {}
    assert read_boxes(tmp_path, files={}, cases={}).num_rows == 0
