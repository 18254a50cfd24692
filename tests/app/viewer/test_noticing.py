"""What is odd about a file that can be read."""

import numpy as np
import pytest

from radpipe.app.viewer.noticing import coloured, remarks_on
from radpipe.core.errors import DataError
from radpipe.imaging.dicom.read import decode_dicom
from radpipe.imaging.read import decode
from tests.app.viewer.odd_files import marked, photograph, png
from tests.dicom_files import film, scene


def test_colour_is_counted_by_hand():
    """One of four pixels differs by more than a tenth of 255; a difference of 25 is no colour."""
    pixels = np.array([[[0, 0, 0], [255, 0, 0]], [[100, 125, 100], [9, 9, 9]]], np.uint8)
    assert coloured(pixels) == 0.25
    assert coloured(pixels[..., 0]) == 0


def test_only_photographs_are_refused(exported):
    data = png(photograph())
    with pytest.raises(DataError, match="a photograph or a drawing, and the model learned"):
        remarks_on(decode(data, "grey"), data, exported.what)
    data = png(marked())
    (said,) = remarks_on(decode(data, "grey"), data, exported.what)
    assert said.startswith("3.3 % of its pixels are coloured")
    colour = exported.what.inputs.image.model_copy(update={"channels": "colour"})
    inputs = exported.what.inputs.model_copy(update={"image": colour})
    taken = exported.what.model_copy(update={"inputs": inputs})
    data = png(photograph())
    assert remarks_on(decode(data), data, taken) == []


def test_a_film_of_both_sides_is_noticed_where_one_is_taken(exported):
    inputs = exported.what.inputs.model_copy(update={"sides": True})
    one = exported.what.model_copy(update={"inputs": inputs})
    data = png(scene((40, 80), bits=8))
    (said,) = remarks_on(decode(data), data, one)
    assert said.startswith("It is wider than high, like a film of both sides")
    data = png(scene((80, 40), bits=8))
    assert remarks_on(decode(data), data, one) == []


def test_what_a_film_says_of_itself_is_repeated(exported):
    pixels = scene((64, 48))
    told = []
    for elements in ({"Modality": "MR"}, {"Modality": "DX"}, {"BurnedInAnnotation": "YES"}):
        data = film(pixels, BitsStored=12, **elements)
        told.append(
            remarks_on(decode_dicom(data, exported.what.inputs.image.dicom), data, exported.what)
        )
    assert "it is MR and no radiograph" in told[0][0]
    assert told[1] == []
    assert "Text is likely to stand in the pixels" in told[2][0]
    assert remarks_on(None, b"", exported.what) == []
