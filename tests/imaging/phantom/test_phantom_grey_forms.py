"""Stored values by hand, from the formulas of PS3.3, C.11."""

import math

import numpy as np
import pytest

from radpipe.imaging.phantom.collimation import exposed_part
from radpipe.imaging.phantom.grey_forms import UNEXPOSED, WHITE, FormTable, FormWindow, GreyForm
from radpipe.imaging.phantom.grey_kinds import COMPUTED, DIGITAL, draw_form

LEVELS = np.array([[0, 819, 1365, WHITE]], np.int16)  # 0, 1/5, 1/3 and 1 of white


def stored(levels=LEVELS, **form):
    return GreyForm(**form).store(np.asarray(levels)).tolist()


def test_all_that_can_be_stored_is_shown_without_a_window():
    assert stored(bits=12) == [[0, 819, 1365, 4095]]
    assert stored(bits=12, signed=True) == [[-2048, -1229, -683, 2047]]
    assert stored(bits=12, inverted=True) == [[4095, 3276, 2730, 0]]


def test_windows():
    """C.11.2.1.2: LINEAR is black at c - 0.5 - (w-1)/2, and white at c - 0.5 + (w-1)/2."""
    linear = FormWindow(1000.5, 1501, "LINEAR")
    assert stored(bits=12, voi=linear) == [[250, 550, 750, 1750]]
    exact = FormWindow(1000, 1500, "LINEAR_EXACT")
    assert stored(bits=12, voi=exact) == [[250, 550, 750, 1750]]
    sigmoid = FormWindow(2000, 400, "SIGMOID")
    (values,) = stored(bits=12, voi=sigmoid)
    share = 1 / (1 + math.exp(-4 * (values[1] - 2000) / 400))
    assert share == pytest.approx(0.2, abs=0.002)
    assert (values[0], values[3]) == (1376, 2624)  # 2000 -+ 100 ln 511


def test_beyond_black_and_white():
    window = FormWindow(2000, 2000, "LINEAR_EXACT")
    (values,) = stored([[-410, 4505]], bits=12, voi=window)
    assert values == [800, 3200]
    assert stored([[-410, 4505]], bits=12) == [[0, 4095]]


def test_lines_and_signs():
    window = FormWindow(0, 1000, "LINEAR_EXACT")  # black at -500
    assert stored(bits=12, slope=0.5, intercept=-700, voi=window) == [[400, 800, 1067, 2400]]
    (values,) = stored(bits=12, signed=True, slope=-1, intercept=100, voi=window)
    assert values == [600, 400, 267, -400]


def test_tables():
    """White is 255; of the entries 0, 100, 200, 255 the nearest to 51 and 85 is 100."""
    table = FormTable(-10, 8, np.array([0, 100, 200, 255], np.uint16))
    assert stored(bits=12, signed=True, voi=table) == [[-10, -9, -9, -7]]
    assert stored(bits=12, signed=True, modality=table) == [[-10, -9, -9, -7]]
    window = FormWindow(100, 100, "LINEAR_EXACT")  # 50, 70, 83.3, 150: behind the table
    assert stored(bits=12, signed=True, modality=table, voi=window) == [[-10, -9, -9, -9]]


def test_padding_is_what_is_unexposed_and_nothing_else():
    levels = np.array([[UNEXPOSED, 0, WHITE]], np.int16)
    assert stored(levels, bits=10) == [[0, 0, 1023]]
    assert stored(levels, bits=10, padding=(0, 3)) == [[1, 4, 1023]]
    assert stored(levels, bits=10, padding=(1023, 1023)) == [[1023, 0, 1022]]
    assert stored(levels, bits=10, padding=(0, 0), inverted=True) == [[0, 1023, 1]]
    assert stored(levels, bits=10, inverted=True) == [[1023, 1023, 0]]


@pytest.mark.parametrize("kind", DIGITAL | COMPUTED)
def test_numbers_are_drawn_from_the_generator_alone(kind):
    levels = np.arange(UNEXPOSED, 5120, dtype=np.int16)[None]

    def values(seed):
        rng = np.random.default_rng(seed)
        return draw_form(kind, rng, inverted=False).store(levels)

    assert np.array_equal(values(1), values(1))
    order = np.diff(values(1)[0].astype(int)[1:])
    assert (order >= 0).all() or (order <= 0).all()
    assert any(not np.array_equal(values(1), values(seed)) for seed in range(2, 6))


def test_a_collimator_leaves_open_what_must_be_seen():
    boxes = [(30, 40, 60, 70), (100, 50, 130, 75)]
    widths = set()
    for seed in range(50):
        rng = np.random.default_rng(seed)
        down, across = exposed_part((200, 140), boxes, rng, margin=5, most=60)
        assert 0 < down.start <= 35
        assert 80 <= down.stop < 200
        assert 200 - down.stop <= 54
        assert 0 < across.start <= 25
        assert 135 <= across.stop <= 140
        widths.add(down.start)
    assert len(widths) > 10
