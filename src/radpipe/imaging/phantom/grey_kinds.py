"""The kinds of grey that films of a phantom have: numbers of windows, tables and lines.

Every kind shows the same greys; `grey_forms` works out what is stored for them.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from radpipe.imaging.phantom.grey_forms import FormTable, FormWindow, GreyForm

Padding = Literal["", "range", "value"]
Numbers = dict[str, Any]

DEPTHS = (10, 12, 14)
# Where black and white of a window or table lie, as shares of what can be stored.
BLACK_AT, WHITE_AT = (0.08, 0.18), (0.75, 0.90)
# Width of a SIGMOID that rises from 1/512 of white to 511/512 between them: 4 / (2 ln 511).
SIGMOID_WIDTH = 0.3207
# Values of a range of padding.
RANGE = 4


def linear(bits: int, rng: np.random.Generator) -> Numbers:
    """Return a LINEAR window (C.11.2.1.2.1)."""
    return {"voi": _window("LINEAR", *_span(bits, rng))}


def exact(bits: int, rng: np.random.Generator) -> Numbers:
    """Return a LINEAR_EXACT window (C.11.2.1.3.2)."""
    return {"voi": _window("LINEAR_EXACT", *_span(bits, rng))}


def sigmoid(bits: int, rng: np.random.Generator) -> Numbers:
    """Return a SIGMOID window (C.11.2.1.3.1)."""
    return {"voi": _window("SIGMOID", *_span(bits, rng))}


def table(bits: int, rng: np.random.Generator) -> Numbers:
    """Return a VOI LUT, of 12 bits or 16; in digital X-ray only both are right (C.11.2.1.1)."""
    low, high = _span(bits, rng)
    return {"voi": _table(low, high, int(rng.choice([12, 16])), _film_curve)}


def plain(_bits: int, _rng: np.random.Generator) -> Numbers:
    """Return nothing: all that can be stored is shown."""
    return {}


def rescaled(bits: int, rng: np.random.Generator) -> Numbers:
    """Return a line to other units, and a LINEAR window in them (C.11.1.1.2)."""
    slope, intercept = float(rng.choice([0.25, 0.5, 2.0])), float(rng.integers(-500, 500))
    low, high = (value * slope + intercept for value in _span(bits, rng))
    return {"slope": slope, "intercept": intercept, "voi": _window("LINEAR", low, high)}


def signed(bits: int, rng: np.random.Generator) -> Numbers:
    """Return values with a sign, and a line that may fall: then MONOCHROME2 stores bone dark."""
    slope, half = float(rng.choice([-1.0, 1.0])), 2 ** (bits - 1)
    low, high = sorted((value - half) * slope + half for value in _span(bits, rng))
    voi = _window("LINEAR_EXACT", low, high)
    return {"signed": True, "slope": slope, "intercept": float(half), "voi": voi}


def signed_table(bits: int, rng: np.random.Generator) -> Numbers:
    """Return values with a sign, and a VOI LUT that begins below 0."""
    low, high = (value - 2 ** (bits - 1) for value in _span(bits, rng))
    return {"signed": True, "voi": _table(low, high, 16, _film_curve)}


def modality(bits: int, _rng: np.random.Generator) -> Numbers:
    """Return a modality LUT alone (C.11.1.1)."""
    return {"modality": _table(0, 2**bits - 1, 16, _detector_curve)}


def modality_window(bits: int, rng: np.random.Generator) -> Numbers:
    """Return a modality LUT, and a SIGMOID window behind it."""
    low, high = _span(16, rng)
    return {**modality(bits, rng), "voi": _window("SIGMOID", low, high)}


# Digital X-ray has no line but slope 1 and intercept 0, no sign, and always a window or a table
# (C.8.11.3); computed radiography is free.
DIGITAL = {make.__name__: make for make in (linear, exact, sigmoid, table)}
COMPUTED = {
    make.__name__: make
    for make in (plain, rescaled, signed, signed_table, modality, modality_window)
}


def draw_form(
    kind: str, rng: np.random.Generator, *, inverted: bool, padding: Padding = ""
) -> GreyForm:
    """Draw the numbers of a kind.

    Parameters
    ----------
    kind
        A key of `DIGITAL` or `COMPUTED`.
    rng
        Source of depth and numbers.
    inverted
        Whether it is MONOCHROME1.
    padding
        "range": values at the black end; "value": the one at the white end; "": none is named.

    """
    bits = int(rng.choice(DEPTHS))
    numbers = (DIGITAL | COMPUTED)[kind](bits, rng)
    low, high = GreyForm(bits=bits, signed=numbers.get("signed", False)).ends
    ends: tuple[int, int] | None = None
    if padding == "range":
        # C.7.5.1.1.2: from the end that is black, ahead of inversion, inwards.
        ends = (high, high - RANGE + 1) if inverted else (low, low + RANGE - 1)
    elif padding == "value":
        ends = (low, low) if inverted else (high, high)
    return GreyForm(bits=bits, inverted=inverted, padding=ends, **numbers)


def _span(bits: int, rng: np.random.Generator) -> tuple[int, int]:
    """Draw the values that are black and white, of unsigned values of so many bits."""
    low, high = (round(rng.uniform(*at) * 2**bits) for at in (BLACK_AT, WHITE_AT))
    return low, high


def _window(
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"], low: float, high: float
) -> FormWindow:
    """Return the window that shows one value as black and another as white."""
    middle = (low + high) / 2
    if function == "LINEAR":
        return FormWindow(middle + 0.5, high - low + 1, function)
    width = high - low
    return FormWindow(middle, width if function == "LINEAR_EXACT" else _sigmoid(width), function)


def _sigmoid(width: float) -> float:
    return float(round(SIGMOID_WIDTH * width))


def _table(
    low: int, high: int, bits: int, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> FormTable:
    """Return a table from black at one value to white at another, both ends included."""
    place = np.arange(high - low + 1) / (high - low)
    entries = np.rint(curve(place) * (2**bits - 1)).astype(np.uint16)
    return FormTable(low, bits, entries)


def _film_curve(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rise slowly at both ends, as film does: slopes of 0.5 to 1.25."""
    return place * (1 + 3 * place - 2 * place * place) / 2


def _detector_curve(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rise ever more slowly: slopes of 1.5 to 0.5."""
    return place * (3 - place) / 2
