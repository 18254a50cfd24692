"""Numbers as text: worked by hand."""

import math

import pytest

from radpipe.app.report.estimates import (
    Scale,
    ShownEstimate,
    decimal,
    number,
    percent,
    probability,
    whole,
)


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        pytest.param(0.91249, {}, "0.912", id="three decimals"),
        pytest.param(-0.0104, {}, "−0.010", id="true minus sign"),
        pytest.param(0.02, {"sign": True}, "+0.020", id="difference"),
        pytest.param(-0.0001, {"sign": True}, "0.000", id="no sign before nothing"),
        pytest.param(0.41, {"digits": 2}, "0.41", id="digits"),
        pytest.param(None, {}, "–", id="missing"),
    ],
)
def test_decimal(value, options, expected):
    assert decimal(value, **options) == expected


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.0004, "< 0.001"), (0.001, "0.001"), (0.0496, "0.050"), (1.0, "1.000"), (None, "–")],
)
def test_probability(p, expected):
    assert probability(p) == expected


def test_counts_and_shares():
    assert whole(11_171_779) == "11\u202f171\u202f779"
    assert whole(None) == "–"
    assert percent(0.95) == "95\u202f%"
    assert percent(0.999) == "99.9\u202f%"


@pytest.mark.parametrize("value", ["", None, "nan", math.nan, math.inf, "text"])
def test_number_reads_only_finite_numbers(value):
    assert number(value) is None


def test_estimate_needs_its_interval():
    """A number without an interval must not be compared, so it is not even read."""
    assert ShownEstimate.of({"value": 0.9, "low": 0.8, "high": 0.95}) == ShownEstimate(
        0.9, 0.8, 0.95
    )
    assert ShownEstimate.of({"value": 0.9}) is None
    assert ShownEstimate.of({"value": 0.9, "low": None, "high": 0.95}) is None
    assert ShownEstimate.of(None) is None


def test_estimate_as_text():
    estimate = ShownEstimate(0.9124, 0.8841, 0.9336)
    assert (estimate.text, estimate.interval) == ("0.912", "0.884 to 0.934")
    assert estimate.signed == "+0.912"


def test_scale_spans_all_intervals_with_room():
    """From 0.5 to 1.0 with 4 % of 0.5 at each end: 0.48 to 1.02, so 0.75 is the middle."""
    scale = Scale.around([ShownEstimate(0.9, 0.5, 0.95), None, ShownEstimate(0.9, 0.8, 1.0)])
    assert scale.percent(0.75) == 50.0
    assert scale.percent(0.48) == 0.0
    assert scale.percent(2.0) == 100.0
    assert Scale.around([ShownEstimate(0.5, 0.5, 0.5)]).percent(0.5) == 50.0
