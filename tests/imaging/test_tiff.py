"""Grey TIFFs of every kind come out right, or are refused with what they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.core.errors import DataError
from radpipe.imaging.read import decode
from radpipe.imaging.tiff import kind_of, with_black_zero
from tests.tiff_files import tiff

RNG = np.random.default_rng(7)
GREY = {
    8: RNG.integers(0, 2**8, (9, 10), dtype=np.uint8),
    12: RNG.integers(0, 2**12, (9, 10), dtype=np.uint16),
    16: RNG.integers(0, 2**16, (9, 10), dtype=np.uint16),
}


@pytest.mark.parametrize(("packed", "differences"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_is_right_whatever_zero_and_order(order, photometric, bits, packed, differences):
    seen = GREY[bits]
    kept = seen if photometric else 2**bits - 1 - seen
    data = tiff(kept, order=order, photometric=photometric, packed=packed, differences=differences)
    found = decode(data)
    assert found.bits == bits
    np.testing.assert_array_equal(found.pixels, seen)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("packed", [False, True])
def test_big_tiffs_are_no_negatives(photometric, packed):
    kept = GREY[16] if photometric else 65535 - GREY[16]
    data = tiff(kept, photometric=photometric, packed=packed, big=True)
    np.testing.assert_array_equal(decode(data).pixels, GREY[16])
    with pytest.raises(DataError, match="does not say whether zero is black or white"):
        decode(tiff(kept, photometric=None, big=True))
    with pytest.raises(DataError, match="is a big-endian BigTIFF"):
        decode(tiff(kept, order=">", big=True))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("photometric", [0, 1])
def test_twelve_bits_stay_twelve(photometric, packed):
    kept = GREY[12] if photometric else 4095 - GREY[12]
    found = decode(tiff(kept, photometric=photometric, bits=12, packed=packed))
    np.testing.assert_array_equal(found.pixels, GREY[12])


@pytest.mark.parametrize("order", ["<", ">"])
def test_signed_numbers_are_kept_if_they_are_not_negative(order):
    deep = (GREY[16] // 2).astype(np.int16)
    np.testing.assert_array_equal(decode(tiff(deep, order=order, kind=2)).pixels, deep)
    with pytest.raises(DataError, match=r"pixels beyond 0\.\.65535"):
        decode(tiff(-deep, order=order, kind=2))


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"bits": 12, "order": ">"}, "1 x 12 bits, format 1, photometric 1, big-endian"),
        ({"kind": 2, "photometric": 0}, "1 x 16 bits, format 2, photometric 0, little-endian"),
    ],
)
def test_what_is_not_understood_is_said(options, kind):
    pixels = GREY[12].astype(np.int16) if "kind" in options else GREY[12]
    with pytest.raises(DataError, match=rf"a TIFF of a kind that is not understood \({kind}\)"):
        decode(tiff(pixels, **options))


@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_with_transparency_of_16_bits_is_refused(order):
    pair = np.stack([GREY[16], GREY[16]], axis=-1)
    with pytest.raises(DataError, match=r"not understood \(2 x 16 bits"):
        decode(tiff(pair, order=order))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_that_does_not_say_what_zero_is(bits):
    with pytest.raises(DataError, match="does not say whether zero is black or white"):
        decode(tiff(GREY[bits], photometric=None))


@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_colour_that_is_dark_is_refused(order):
    colour = np.stack([GREY[16]] * 3, axis=-1)
    np.testing.assert_array_equal(
        decode(tiff(colour, order=order, photometric=2)).pixels, (colour >> 8).astype(np.uint8)
    )
    with pytest.raises(DataError, match="half empty"):
        decode(tiff(colour // 16, order=order, photometric=2))


@given(st.binary(max_size=64))
def test_a_broken_directory_is_no_kind(rest):
    for mark in (b"II*\0", b"MM\0*"):
        try:
            data, white = with_black_zero(mark + rest)
        except DataError:
            continue  # a directory without the entry
        assert len(data) == len(mark + rest)
        assert white is None or kind_of(mark + rest) is not None
    assert kind_of(rest) is None or rest[:2] in (b"II", b"MM")
