"""Outlines of findings on CheXpert's films, as CheXlocalize has them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from radpipe.core.errors import DataError
from radpipe.studies.chexpert.outlines import film_name, pieces, read_outlines, run_lengths

FILM = "valid/patient00001/study1/view1_frontal.jpg"
CASES = {FILM: ("one", "image")}


def compressed(counts):
    """Encode run lengths as COCO does."""
    text = ""
    for k, count in enumerate(counts):
        value = count - counts[k - 2] if k > 2 else count
        more = True
        while more:
            bits, value = value & 0x1F, value >> 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr(bits + (32 if more else 0) + 48)
    return text


@pytest.fixture
def read(tmp_path):
    """Return a function that reads findings of one film of 8 x 6 pixels."""

    def after(findings, size=(8, 6)):
        (tmp_path / FILM).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size[::-1]).save(tmp_path / FILM)
        other = {"patient00002_study1_view1_frontal": findings}
        (tmp_path / "gt.json").write_text(json.dumps({film_name(FILM): findings} | other))
        return read_outlines(tmp_path, "gt.json", CASES).to_pylist()

    return after


def edges(rows):
    return [tuple(row[name] for name in ("x0", "y0", "x1", "y1")) for row in rows]


def test_an_empty_mask_as_it_was_published():
    """A film of 2,320 x 2,828 and one of 2,022 x 2,021 pixels without a finding."""
    assert run_lengths("PVWX6") == [2320 * 2828]
    assert run_lengths("nefl3") == [2022 * 2021]


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=9))
def test_run_lengths_come_back(counts):
    assert run_lengths(compressed(counts)) == counts


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_pieces_cover_a_mask_once(mask):
    found = np.zeros(mask.shape, int)
    for x0, y0, x1, y1 in pieces(mask):
        found[y0:y1, x0:x1] += 1
    np.testing.assert_array_equal(found, mask)


def test_masks_and_contours_of_the_same_box(read):
    """Rows 2 to 4 of columns 1 and 2 of a film of 8 x 6: column by column 10, 3, 5, 3, 27."""
    mask = {"size": [8, 6], "counts": compressed([10, 3, 5, 3, 27])}
    (one,) = read({"Airspace Opacity": mask})
    assert (one["case"], one["view"], one["slice"], one["label"]) == (
        "one",
        "image",
        0,
        "lung_opacity",
    )
    assert edges([one]) == [(1, 2, 3, 5)]
    contour = [[1, 2], [2.9, 2], [2.9, 4.9], [1, 4.9]]
    rows = read({"img_size": [8, 6], "Pleural Effusion": [contour]})
    assert {row["label"] for row in rows} == {"pleural_effusion"}
    assert edges(rows) == [(1, 2, 3, 5)]


def test_outlines_of_larger_films_fit_smaller_copies(read):
    """Drawn on 8 x 6, and the film here has 16 x 3 pixels."""
    mask = {"size": [8, 6], "counts": compressed([10, 3, 5, 3, 27])}
    assert edges(read({"Edema": mask}, size=(16, 3))) == [(0.5, 4, 1.5, 10)]


@pytest.mark.parametrize(
    ("findings", "message"),
    [
        ({"Gout": []}, "CheXpert has no finding 'Gout'"),
        ({"Edema": {"size": [8, 6], "counts": "PVWX6"}}, "an outline of 'Edema' is none"),
        ({"Edema": [[[1, 2]]]}, "an outline of 'Edema' is none"),
    ],
)
def test_what_is_no_outline_is_refused(read, findings, message):
    with pytest.raises(DataError, match=message):
        read(findings)


def test_a_file_that_is_not_there_or_no_json(tmp_path):
    with pytest.raises(DataError, match=r"layout.outlines: gt.json is missing"):
        read_outlines(tmp_path, "gt.json", CASES)
    (tmp_path / "gt.json").write_bytes(b"\x80\x04pickle")
    with pytest.raises(DataError, match=r"gt.json: no JSON"):
        read_outlines(tmp_path, "gt.json", CASES)
