"""What a gallery shows of a case: the slice of the highest place, and no letters."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from radpipe.explaining.explain import CaseMap
from radpipe.explaining.gallery import in_order, layers_of, lettered, top

SIDE = 320


class Volume:
    """A store of one dark volume of five slices, on the last of which stands a line of text."""

    bits = 8

    def __init__(self):
        self.slices = np.full((5, SIDE, SIDE, 1), 40, np.uint8)
        canvas = Image.new("L", (SIDE, SIDE), 40)
        font = ImageFont.load_default(size=20)
        ImageDraw.Draw(canvas).text((8, 10), "SAMPLE TEXT 1234567", fill=255, font=font)
        self.slices[4, ..., 0] = np.asarray(canvas)

    def row_of(self, case, view):
        return 0

    def pixels(self, rows):
        return self.slices


def map_of(number, value=2.0, case="a", label=0):
    values = np.zeros((5, SIDE, SIDE), np.float32)
    values[number, 60, 70] = value
    return CaseMap(case, label, {"sagittal": values})


def test_the_slice_of_the_first_methods_highest_place_is_shown():
    truth = np.zeros((5, SIDE, SIDE), bool)
    truth[2, 50:70, 60:80] = True
    (layer,) = layers_of(Volume(), [map_of(2), map_of(4)], {"sagittal": truth})
    assert (layer.view, layer.slice, layer.slices) == ("sagittal", 3, 5)
    assert layer.inside.sum() == 20 * 20
    assert [m.max() for m in layer.maps] == [1, 0]
    (layer,) = layers_of(Volume(), [map_of(1)], {"sagittal": truth})
    assert layer.inside is None


def test_letters_count_where_they_would_be_shown():
    # The middle slice is empty in both cases.
    assert not lettered(layers_of(Volume(), [map_of(2)], {}))
    assert lettered(layers_of(Volume(), [map_of(4)], {}))


def test_a_map_that_says_nothing_has_no_top_and_methods_keep_their_order():
    assert top(map_of(2, -3.0)) == 3
    assert top(CaseMap("a", 0)) == 0
    maps = {"x": [map_of(1), map_of(2, label=1)], "y": [map_of(3, label=1), map_of(4)]}
    found = list(in_order(maps, "a", 1))
    assert [int(m.views["sagittal"].max(axis=(1, 2)).argmax()) for m in found] == [2, 3]
