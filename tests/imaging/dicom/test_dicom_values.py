"""Stored values to grey, against values worked out by hand and a slow reference."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.core.errors import DataError
from radpipe.core.settings import Dicom
from radpipe.imaging.dicom.read import decode_dicom
from radpipe.imaging.dicom.values import Grey, LookUpTable, Window, grey_table, look_up
from tests.dicom_files import BIG_ENDIAN, EXPLICIT, IMPLICIT, film, scene


def shown(values, dtype=np.uint16, syntax=EXPLICIT, **elements):
    """Decode a film whose first pixels are `values`; return what these are shown as."""
    pixels = np.zeros((8, 8), dtype)
    pixels.ravel()[: len(values)] = values
    return decode_dicom(film(pixels, syntax, **elements)).pixels.ravel()[: len(values)].tolist()


def test_without_a_window_the_range_that_bits_allow_is_shown():
    assert shown([0, 1, 2048, 4095], BitsStored=12) == [0, 16, 32776, 65535]
    assert shown([0, 1, 65535]) == [0, 1, 65535]
    assert shown([0, 1, 255], np.uint8) == [0, 257, 65535]
    assert shown([-2048, -1, 0, 2047], np.int16, BitsStored=12) == [0, 32759, 32776, 65535]
    assert shown([-32768, 0, 32767], np.int16) == [0, 32768, 65535]


def test_a_picture_does_not_change_with_its_brightest_pixel():
    assert shown([100, 1100], BitsStored=12) == shown([100, 1100, 4095], BitsStored=12)[:2]


@pytest.mark.parametrize(
    ("values", "white", "elements"),
    [
        ([0, 700, 4000], 4095, {}),
        # 11 bits come from a detector of 12, so that its films are shown alike.
        ([0, 700, 2000], 4095, {}),
        ([0, 700, 1000], 1023, {}),
        ([0, 3, 7], 255, {}),
        ([0, 700, 9000], 16383, {}),
        ([0, 700, 1000], 1023, {"BitsStored": 12}),
        ([0, 700, 4000], 4095, {"BitsStored": 14}),
        # Too little is left unused to say anything.
        ([0, 700, 17000], 65535, {}),
        ([0, 700, 1100], 4095, {"BitsStored": 12}),
        ([0, 700, 800], 1023, {"BitsStored": 10}),
        # Padding is no grey, and bits beyond Bits Stored are no part of a value.
        ([0, 700, 4000, 65535], 4095, {"PixelPaddingValue": 65535}),
        ([0, 700, 1000, 60000], 1023, {"PixelPaddingValue": 5000, "PixelPaddingRangeLimit": 65000}),
        ([0, 700, 0x8000 + 1000], 1023, {"BitsStored": 14}),
        # A window that cannot be applied is none.
        ([0, 700, 4000], 4095, {"WindowCenter": "0", "WindowWidth": "0"}),
        # A rescale keeps its place.
        ([0, 700, 4000], 4095, {"RescaleSlope": "2", "RescaleIntercept": "-99"}),
    ],
)
def test_without_a_window_the_detector_that_bits_come_from_is_shown(values, white, elements):
    pixels = np.zeros((8, 8), np.uint16)
    pixels.ravel()[: len(values)] = values
    found = decode_dicom(film(pixels, **elements))
    assert found.pixels.ravel()[:2].tolist() == [0, round(values[1] / white * 65535)]
    stored = elements.get("BitsStored", 16)
    used = white.bit_length()
    said = [f"no window, and {used} of {stored} bits used: those are shown"]
    assert [text for text in found.remarks if "no window" in text] == said * (used < stored)
    turned = decode_dicom(film(pixels, PhotometricInterpretation="MONOCHROME1", **elements))
    assert turned.pixels.ravel()[1] == 65535 - found.pixels.ravel()[1]


def test_signed_values_that_use_few_bits():
    assert shown([-500, 0, 400], np.int16) == [769, 32800, 58424]
    assert shown([0, 700, 4000], np.int16) == [0, 11203, 64015]


def test_a_linear_window_by_hand():
    """Centre 2048, width 4096: the standard's identity for 12 bits (C.11.2.1.2, note 4)."""
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    assert shown([0, 1, 4094, 4095], BitsStored=12, **window) == [0, 16, 65519, 65535]
    # Centre 100, width 11: middle 99.5, black to 94.5, white from 104.5, a tenth a step.
    window = {"WindowCenter": "100", "WindowWidth": "11"}
    assert shown([94, 95, 99, 100, 104, 105], **window) == [0, 3277, 29491, 36044, 62258, 65535]


def test_a_linear_window_of_width_one_is_a_threshold():
    """C.11.2.1.2, note 5."""
    window = {"WindowCenter": "100", "WindowWidth": "1"}
    assert shown([99, 100, 101], **window) == [0, 65535, 65535]


def test_an_exact_window_by_hand():
    """Centre 100, width 10: black to 95, white from 105."""
    window = {"WindowCenter": "100", "WindowWidth": "10", "VOILUTFunction": "LINEAR_EXACT"}
    assert shown([95, 96, 100, 104, 105], **window) == [0, 6554, 32768, 58982, 65535]
    narrow = {"WindowCenter": "100", "WindowWidth": "0.5", "VOILUTFunction": "LINEAR_EXACT"}
    assert shown([99, 100, 101], **narrow) == [0, 32768, 65535]


def test_a_sigmoid_by_hand():
    window = {"WindowCenter": "100", "WindowWidth": "40", "VOILUTFunction": "SIGMOID"}
    by_hand = [65535 / (1 + math.exp(4)), 65535 / 2, 65535 / (1 + math.exp(-1))]
    assert by_hand == pytest.approx([1178.71, 32767.5, 47909.9], abs=0.05)
    assert shown([60, 100, 110], **window) == [1179, 32768, 47910]


def test_the_first_of_several_windows_counts():
    many = {"WindowCenter": r"100\5000\1", "WindowWidth": r"11\9000\2"}
    one = {"WindowCenter": "100", "WindowWidth": "11"}
    assert shown(range(90, 110), **many) == shown(range(90, 110), **one)


def test_rescale_comes_before_the_window():
    """As in CT: -1024 + stored, then centre 40 and width 401, so that 39.5 is the middle."""
    ct = {"RescaleIntercept": "-1024", "RescaleSlope": "1"}
    window = {"WindowCenter": "40", "WindowWidth": "401"}
    # -160.5 is black; HU 0 lies (0 - 39.5) / 400 + 0.5 = 0.40125 of the way up.
    assert shown([863, 864, 1024, 1264], BitsStored=12, **ct, **window) == [0, 82, 26296, 65535]
    # Without a window the rescaled range is the stored one.
    assert shown([0, 2048, 4095], BitsStored=12, **ct) == [0, 32776, 65535]


def test_a_falling_rescale_turns_grey_round():
    falling = {"RescaleIntercept": "4095", "RescaleSlope": "-1"}
    assert shown([0, 1, 4095], BitsStored=12, **falling) == [65535, 65519, 0]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_a_modality_lut_by_hand(syntax):
    """Entries for 10, 11, 12 of 10 bits; what lies below and above gets the ends."""
    item = {"LUTDescriptor": [3, 10, 10], "LUTData": [0, 512, 1023], "ModalityLUTType": "US"}
    lut = {"ModalityLUTSequence": [item]}
    assert shown([0, 10, 11, 12, 99], syntax=syntax, **lut) == [0, 0, 32800, 65535, 65535]
    # The table takes the place of the line, and the window sees what comes out of it.
    window = {"WindowCenter": "512.5", "WindowWidth": "2", "RescaleSlope": "5"}
    assert shown([10, 11, 12], syntax=syntax, **lut, **window) == [0, 32768, 65535]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_a_voi_lut_by_hand(syntax):
    item = {"LUTDescriptor": [4, 100, 12], "LUTData": [0, 1000, 3000, 4095]}
    lut = {"VOILUTSequence": [item], "WindowCenter": "5", "WindowWidth": "9"}
    expected = [0, 0, 16004, 48011, 65535, 65535]
    assert shown([0, 100, 101, 102, 103, 9999], syntax=syntax, **lut) == expected


def test_a_voi_lut_that_begins_below_zero():
    """After a rescale that goes below zero its first value is signed (C.11.2.1.1)."""
    item = {"LUTDescriptor": ("SS", np.array([3, -1, 16], "<i2").tobytes()), "LUTData": [0, 7, 9]}
    lut = {"VOILUTSequence": [item], "RescaleIntercept": "-100", "RescaleSlope": "1"}
    assert shown([98, 99, 100, 101], **lut) == [0, 0, 7, 9]


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(
    ("entries", "white"),
    [
        ([0, 1000, 4095], 4095),
        ([0, 1000, 3000], 4095),
        ([0, 100, 255], 255),
        ([0, 1000, 32767], 32767),
        ([0, 1000, 32768], 65535),
        # A table of nothing but black is believed.
        ([0, 10, 20], 65535),
    ],
)
def test_a_table_that_says_16_bits_and_holds_fewer_is_scaled_to_what_it_holds(
    sequence, entries, white
):
    item = {"LUTDescriptor": [3, 0, 16], "LUTData": entries}
    assert shown([0, 1, 2], **{sequence: [item]}) == [round(e / white * 65535) for e in entries]
    found = decode_dicom(film(scene((8, 8)), **{sequence: [item]}))
    held = [f"a lookup table that says 16 bits and holds {white.bit_length()}"]
    assert list(found.remarks) == held * (white < 65535)


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(
    ("bits", "entries", "white"),
    [
        (12, [0, 9000, 65535], 65535),
        (10, [0, 1000, 4000], 4095),
        (8, [0, 200, 3000], 4095),
        # A little more than is allowed is white.
        (10, [0, 1000, 1023], 1023),
        (10, [0, 1000, 1024], 1023),
        (12, [0, 1000, 4500], 4095),
    ],
)
def test_a_table_that_holds_far_more_than_it_says(sequence, bits, entries, white):
    item = {"LUTDescriptor": [3, 0, bits], "LUTData": entries}
    expected = [round(min(entry / white, 1) * 65535) for entry in entries]
    assert shown([0, 1, 2], **{sequence: [item]}) == expected
    found = decode_dicom(film(scene((8, 8)), **{sequence: [item]}))
    held = [f"a lookup table that says {bits} bits and holds {white.bit_length()}"]
    assert list(found.remarks) == held * (white >= 2**bits)


@pytest.mark.parametrize("empty", [{"LUTDescriptor": ("US", b""), "LUTData": ("OW", b"")}, {}])
@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_table_of_which_nothing_is_said_is_none(sequence, empty):
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    plain = shown([0, 1, 4095], BitsStored=12, **window)
    assert shown([0, 1, 4095], BitsStored=12, **window, **{sequence: [empty]}) == plain
    # The first that says something counts.
    item = {"LUTDescriptor": [2, 0, 12], "LUTData": [4095, 0]}
    both = shown([0, 1], BitsStored=12, **{sequence: [empty, item]})
    assert both == shown([0, 1], BitsStored=12, **{sequence: [item]}) == [65535, 0]


def test_lookup_tables_of_bytes_and_of_full_length():
    packed = {"LUTDescriptor": [4, 0, 8], "LUTData": ("OW", bytes([0, 10, 200, 255]))}
    assert shown([0, 1, 2, 3], VOILUTSequence=[packed]) == [0, 2570, 51400, 65535]
    whole = np.arange(65535, -1, -1).astype("<u2").tobytes()
    falling = {"LUTDescriptor": [0, 0, 16], "LUTData": ("OW", whole)}
    assert shown([0, 1, 65535], VOILUTSequence=[falling]) == [65535, 65534, 0]


@pytest.mark.parametrize(
    "item",
    [
        {"LUTDescriptor": [4, 0, 16], "LUTData": [1, 2, 3]},
        {"LUTDescriptor": [3, 0, 17], "LUTData": [1, 2, 3]},
        {"LUTDescriptor": [3, 0], "LUTData": [1, 2, 3]},
        {"LUTDescriptor": [3, 0, 16]},
        {"LUTDescriptor": ("LO", b"WORTHINGTON"), "LUTData": ("LO", b"WORTHINGTON ")},
    ],
)
@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_broken_lookup_table_is_refused(sequence, item):
    with pytest.raises(DataError, match="lookup table"):
        shown([1], **{sequence: [item]})


BAD_WINDOWS = [
    ({"WindowCenter": "40", "WindowWidth": "0"}, "narrower than 1"),
    ({"WindowCenter": "0", "WindowWidth": "0"}, "narrower than 1"),
    ({"WindowCenter": "40", "WindowWidth": "-7"}, "narrower than 1"),
    ({"WindowCenter": "40", "WindowWidth": "0.5"}, "narrower than 1"),
    ({"WindowCenter": "40", "WindowWidth": "x"}, "no number"),
    ({"WindowCenter": "40", "WindowWidth": ""}, "no number"),
    ({"WindowCenter": "nan", "WindowWidth": "9"}, "no number"),
    ({"WindowCenter": "40\\", "WindowWidth": "\\9"}, "no number"),
    ({"WindowCenter": "4", "WindowWidth": "0", "VOILUTFunction": "SIGMOID"}, "no width"),
    ({"WindowCenter": "4", "WindowWidth": "0", "VOILUTFunction": "LINEAR_EXACT"}, "no width"),
    ({"WindowCenter": "4", "WindowWidth": "9", "VOILUTFunction": "CUBIC"}, "VOI LUT Function"),
]


@pytest.mark.parametrize(("elements", "reason"), BAD_WINDOWS)
def test_a_window_that_cannot_be_applied_shows_everything_or_is_refused(elements, reason):
    data = film(scene(), BitsStored=12, **elements)
    found = decode_dicom(data)
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(scene(), BitsStored=12)).pixels)
    assert found.remarks == ("a window that cannot be applied: all grey levels are shown",)
    with pytest.raises(DataError, match=reason):
        decode_dicom(data, Dicom(on_bad_window="refuse"))


def test_a_narrow_window_of_small_units_is_taken_as_exact():
    """Optical densities: a window of 0.4 is far wider than the step of 0.0001."""
    small = {"RescaleIntercept": "0", "RescaleSlope": "0.0001"}
    window = {"WindowCenter": "0.2", "WindowWidth": "0.4"}
    assert shown([0, 1000, 2000, 4000], **small, **window) == [0, 16384, 32768, 65535]
    found = decode_dicom(film(scene(), BitsStored=12, **small, **window))
    assert found.remarks == ("a window narrower than 1, taken as LINEAR_EXACT",)


@pytest.mark.parametrize(
    ("center", "width"),
    [("2048\\ ", "4096\\ "), ("2048\\", "4096\\9"), ("\\2048", "7\\4096"), ("2048\\x", "4096\\x")],
)
def test_the_first_window_of_which_both_numbers_are_there_counts(center, width):
    plain = shown([0, 1, 4095], BitsStored=12, WindowCenter="2048", WindowWidth="4096")
    assert shown([0, 1, 4095], BitsStored=12, WindowCenter=center, WindowWidth=width) == plain


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"RescaleSlope": "0", "RescaleIntercept": "3"}, "no range"),
        ({"RescaleSlope": "1e308", "RescaleIntercept": "1e308"}, "no range"),
        ({"RescaleSlope": "steep", "RescaleIntercept": "3"}, "no number"),
    ],
)
def test_what_breaks_the_standard_is_refused_instead_of_guessed_at(elements, reason):
    with pytest.raises(DataError, match=reason):
        shown([1], **elements)


@pytest.mark.parametrize(
    "elements", [{"WindowCenter": "", "WindowWidth": ""}, {"WindowCenter": "4"}]
)
def test_a_window_without_values_is_none(elements):
    assert shown([0, 9, 65535], **elements) == [0, 9, 65535]


def test_bits_beyond_bits_stored_make_no_difference():
    """Overlays of old lie in the upper four bits (PS3.5, 8.1.1)."""
    clean = [0, 5, 4095]
    assert shown([0xF000, 0x8005, 0x1FFF], BitsStored=12) == shown(clean, BitsStored=12)
    signed = np.array([0x07FF, 0x0800, 0x0FFF], np.uint16)
    assert shown(signed, BitsStored=12, PixelRepresentation=1) == [65535, 0, 32759]
    # A value in the upper bits, as High Bit says; and a High Bit that cannot be is left aside.
    upper = shown([0x0050, 0xFFF0], BitsStored=12, HighBit=15)
    assert upper == shown([5, 4095], BitsStored=12) == shown([5, 4095], BitsStored=12, HighBit=3)


def test_padding_is_black_in_both_kinds_of_grey():
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        both = {"PhotometricInterpretation": photometric, "BitsStored": 12}
        found = shown([3000, 4000, 4090, 4095], PixelPaddingValue=4090, **both)
        assert found[2] == 0
        assert found[1] == shown([4000], **both)[0]
        limit = {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4000}
        assert shown([3999, 4000, 4050, 4095], **limit, **both)[1:] == [0, 0, 0]
        assert shown([3999], **limit, **both)[0] > 0


def test_padding_of_signed_values_in_either_representation():
    """-2000 and 63536 are the same word; writers mix them up."""
    for value in (-2000, 63536):
        found = shown([-2001, -2000, -1999], np.int16, PixelPaddingValue=value)
        assert found[1] == 0 < found[0] < found[2]
    found = shown([1, 0xF001, 4095], BitsStored=12, PixelPaddingValue=0xF001)
    assert found == [16, 0, 65535]


WINDOWS = [
    {},
    {"WindowCenter": "1999", "WindowWidth": "1234"},
    {"WindowCenter": "1999.5", "WindowWidth": "3"},
    {"WindowCenter": "1500.25", "WindowWidth": "777.5", "VOILUTFunction": "LINEAR_EXACT"},
    {"WindowCenter": "1500", "WindowWidth": "777", "VOILUTFunction": "SIGMOID"},
]


@pytest.mark.parametrize("window", WINDOWS)
def test_a_monochrome1_twin_has_the_same_pixels(window):
    """Mirrored values, mirrored window, MONOCHROME1: the same picture, bit by bit."""
    pixels = scene((64, 64))
    twin = dict(window)
    if window:
        # LINEAR's middle is half a value below its centre (C.11.2.1.2), the others' is not.
        mirror = 4095 if "VOILUTFunction" in window else 4096
        twin["WindowCenter"] = str(mirror - float(window["WindowCenter"]))
    one = decode_dicom(film(pixels, BitsStored=12, **window)).pixels
    other = decode_dicom(
        film(4095 - pixels, BitsStored=12, PhotometricInterpretation="MONOCHROME1", **twin)
    ).pixels
    np.testing.assert_array_equal(one, other)


def test_presentation_lut_shape_turns_nothing_a_second_time():
    inverse = {"PresentationLUTShape": "INVERSE", "PhotometricInterpretation": "MONOCHROME1"}
    assert shown([0, 65535], **inverse) == [65535, 0]
    assert shown([0, 65535], PresentationLUTShape="IDENTITY") == [0, 65535]


def reference(word, grey, container):
    """Show one word, slowly and in floating point."""
    value = (word >> (grey.high_bit + 1 - grey.stored)) % 2**grey.stored
    if grey.signed and value >= 2 ** (grey.stored - 1):
        value -= 2**grey.stored
    if grey.padding and grey.padding[0] <= value <= grey.padding[1]:
        return 0.0
    same = grey.padding and grey.padding[0] == grey.padding[1]
    if same and grey.padding[0] % 2**container == word:
        return 0.0
    bottom = -(2 ** (grey.stored - 1)) if grey.signed else 0
    seen = value * grey.slope + grey.intercept
    ends = sorted((bottom + k) * grey.slope + grey.intercept for k in (0, 2**grey.stored - 1))
    window = grey.voi
    if window is None:
        share = (seen - ends[0]) / (ends[1] - ends[0])
    elif window.function == "SIGMOID":
        share = 1 / (1 + math.exp(min(500, -4 * (seen - window.center) / window.width)))
    elif window.function == "LINEAR_EXACT":
        share = (seen - window.center) / window.width + 0.5
    elif seen <= window.center - 0.5 - (window.width - 1) / 2:
        share = 0.0
    elif seen > window.center - 0.5 + (window.width - 1) / 2:
        share = 1.0
    else:
        share = (seen - (window.center - 0.5)) / (window.width - 1) + 0.5
    share = min(max(share, 0.0), 1.0)
    return 65535 * ((1 - share) if grey.inverted else share)


@st.composite
def greys(draw):
    container = draw(st.sampled_from([8, 16]))
    stored = draw(st.integers(1, container))
    low = draw(st.integers(-300, 5000))
    centers, widths = st.integers(-2000, 6000), st.integers(1, 9000)
    function = st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"])
    return container, Grey(
        stored=stored,
        high_bit=draw(st.integers(stored - 1, container - 1)),
        signed=draw(st.booleans()),
        padding=draw(st.none() | st.just((low, low)) | st.just((low, low + 40))),
        slope=draw(st.sampled_from([1.0, -1.0, 0.25, 2.0])),
        intercept=draw(st.sampled_from([0.0, -1024.0, 0.5])),
        voi=draw(st.none() | st.builds(Window, centers, widths, function)),
        inverted=draw(st.booleans()),
    )


@given(drawn=greys(), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_table_agrees_with_a_slow_reference(drawn, seed):
    container, grey = drawn
    table = grey_table(grey, container)
    words = np.random.default_rng(seed).integers(0, 2**container, 50).astype(f"u{container // 8}")
    found = look_up(table, words.reshape(5, 10)).ravel()
    expected = np.array([reference(int(word), grey, container) for word in words])
    np.testing.assert_allclose(found, expected, atol=0.501)


def test_looking_up_takes_every_row():
    table = np.arange(65536)[::-1].astype(np.uint16)
    words = np.random.default_rng(0).integers(0, 65536, (130, 3)).astype(np.uint16)
    np.testing.assert_array_equal(look_up(table, words), 65535 - words)


def test_a_table_knows_its_ends():
    table = LookUpTable(first=-1, bits=10, entries=np.array([5, 6], np.uint16))
    assert table(np.array([-9.0, -1.0, 0.0, 9.0])).tolist() == [5, 5, 6, 6]
    assert table.high == 1023
