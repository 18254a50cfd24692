"""Colour of all depths, orders and codecs: shown as the pixels that it was made of."""

import io
import itertools

import jpeg_ls
import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.encaps import encapsulate

from radpipe.core.errors import DataError
from radpipe.imaging.dicom import decode_dicom
from radpipe.imaging.dicom.codestreams import coded_picture
from tests.dicom_files import BIG_ENDIAN, EXPLICIT, IMPLICIT, compressed, film, scene, wrapped
from tests.imaging.dicom.coding import JPEG_LOSSLESS_SV1, coded_by_gdcm

RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000, LOSSLESS_2000 = "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.90"


def colours(bits=8, shape=(48, 40)):
    return np.stack([scene(shape, bits, seed=k) for k in range(3)], axis=-1)


def full_scale(pixels, bits):
    """Return what is shown: uint8 if that holds all of it."""
    shown, kind = (255, np.uint8) if bits <= 8 else (65535, np.uint16)
    return np.floor(pixels / (2**bits - 1) * shown + 0.5).astype(kind)


def to_ybr(rgb, bits):
    """PS3.3, C.7.6.3.1.2, with half of full scale for no colour."""
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    half = 2 ** (bits - 1)
    ybr = np.stack([y, (blue - y) / 1.772 + half, (red - y) / 1.402 + half], axis=-1)
    return np.clip(np.rint(ybr), 0, 2**bits - 1).astype(rgb.dtype)


def coded(words, syntax):
    """Return the compressed picture of words that are all kept."""
    if syntax == JPEG_LS:
        # From words with few bits it makes another picture.
        few = words.dtype == np.uint16 and words.max() < 256
        return bytes(jpeg_ls.encode_array(words.astype(np.uint8) if few else words))
    return coded_picture(pydicom.dcmread(io.BytesIO(compressed(film(words), syntax))).PixelData)


def in_codec(words, syntax, **elements):
    return wrapped(words, syntax, encapsulate([coded(words, syntax)]), **elements)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, RLE, JPEG_LS, LOSSLESS_2000])
@pytest.mark.parametrize(("stored", "high_bit"), [(12, 11), (12, 13), (12, 15), (8, 7), (8, 15)])
@pytest.mark.parametrize("planar", [0, 1])
def test_colour_lies_where_high_bit_says(syntax, stored, high_bit, planar):
    """PS3.5, 8.1.1; and what lies beside it, as overlays of old do, makes no difference."""
    pixels = colours(stored).astype(np.uint16)
    beside = ~np.uint16((2**stored - 1) << (high_bit + 1 - stored)) & np.uint16(0x4101)
    if high_bit < 15 and syntax in (JPEG_LS, LOSSLESS_2000):
        beside = np.uint16(0)  # a codec hands over values, of which all bits count (PS3.5, 8.2)
    words = pixels << (high_bit + 1 - stored) | beside
    about = {"BitsStored": stored, "HighBit": high_bit, "PlanarConfiguration": planar}
    if syntax in (EXPLICIT, IMPLICIT, BIG_ENDIAN):
        order = ">u2" if syntax == BIG_ENDIAN else "<u2"
        laid = (np.moveaxis(words, -1, 0) if planar else words).astype(order).tobytes()
        data = film(words, syntax, PixelData=("OW", laid), **about)
    else:
        data = in_codec(words, syntax, **about)
    if syntax in (JPEG_LS, LOSSLESS_2000) and stored - 1 < high_bit < 15:
        # 16 bits reach up to a High Bit of 13, which is none of a codec's.
        assert decode_dicom(data).pixels.shape == pixels.shape
        return
    np.testing.assert_array_equal(decode_dicom(data).pixels, full_scale(pixels, stored))


def test_colour_of_few_bits_in_the_upper_ones_of_bytes():
    pixels = colours() >> 2
    data = film(pixels << 2, BitsStored=6, HighBit=7)
    np.testing.assert_array_equal(decode_dicom(data).pixels, full_scale(pixels, 6))


def test_grey_lies_where_high_bit_says_in_either_order_of_bytes():
    words = (scene() << 4).astype(np.uint16)
    expected = decode_dicom(film(scene(), BitsStored=12)).pixels
    for syntax in (EXPLICIT, IMPLICIT, BIG_ENDIAN):
        found = decode_dicom(film(words | 7, syntax, BitsStored=12, HighBit=15))
        np.testing.assert_array_equal(found.pixels, expected)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN, RLE, JPEG_LS, LOSSLESS_2000])
@pytest.mark.parametrize(
    ("allocated", "stored", "high_bit"),
    [(8, 8, 7), (16, 8, 7), (16, 8, 15), (16, 12, 11), (16, 12, 15), (16, 16, 15)],
)
def test_ybr_of_any_depth(syntax, allocated, stored, high_bit):
    """C.7.6.3.1.2: of other depths, too, half of full scale stands for no colour."""
    pixels = colours(stored)
    words = to_ybr(pixels, stored).astype(f"u{allocated // 8}") << (high_bit + 1 - stored)
    about = {"PhotometricInterpretation": "YBR_FULL", "BitsStored": stored, "HighBit": high_bit}
    if syntax in (EXPLICIT, BIG_ENDIAN):
        order = ">" if syntax == BIG_ENDIAN else "<"
        kind = "OB" if allocated == 8 else "OW"
        laid = words.astype(words.dtype.newbyteorder(order)).tobytes()
        data = film(words, syntax, PixelData=(kind, laid), **about)
    else:
        data = in_codec(words, syntax, **about)
    found = decode_dicom(data).pixels
    expected = full_scale(pixels, stored)
    assert found.dtype == expected.dtype
    step = 65535 / (2**stored - 1) if stored > 8 else 1
    assert np.abs(found.astype(float) - expected).max() <= 2 * step + 1


def shared(shape):
    """Return smooth grey of three channels, and its YBR with a colour for each two columns."""
    grey = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 200 + 20
    ybr = np.stack([grey, np.full(shape, 128), np.full(shape, 128)], axis=-1).astype(np.uint8)
    pairs = ybr[:, : shape[1] // 2 * 2]
    halved = np.stack(
        [pairs[:, 0::2, 0], pairs[:, 1::2, 0], pairs[:, 0::2, 1], pairs[:, 0::2, 2]], axis=-1
    )
    return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8), ybr, halved.tobytes()


def test_colour_that_two_columns_share():
    """C.7.6.3.1.2: only by pixel; Columns are even (C.7.6.3.1.4)."""
    about = {"PhotometricInterpretation": "YBR_FULL_422"}
    grey, ybr, halved = shared((47, 40))
    data = film(ybr, PixelData=("OB", halved), **about)
    np.testing.assert_array_equal(decode_dicom(data).pixels, grey)
    with pytest.raises(DataError, match="share their colour, by planes"):
        decode_dicom(film(ybr, PixelData=("OB", halved), PlanarConfiguration=1, **about))
    _, odd, _ = shared((48, 41))
    for pairs in (20, 21):  # of each row the last column left out, or two of its like
        laid = b"\x80" * (48 * pairs * 4 + 96 * (21 - pairs))
        with pytest.raises(DataError, match="share their colour, and 41"):
            decode_dicom(film(odd, PixelData=("OB", laid), **about))


@pytest.mark.parametrize("shape", [(48, 40), (47, 41)])
@pytest.mark.parametrize("planar", [0, 1])
def test_colour_that_two_columns_could_share_and_do_not(shape, planar):
    """Left by software that undid a compression and kept the name: all of it is there."""
    grey, ybr, _ = shared(shape)
    laid = (np.moveaxis(ybr, -1, 0) if planar else ybr).tobytes()
    laid += b"\0" * (len(laid) % 2)
    about = {"PhotometricInterpretation": "YBR_FULL_422", "PlanarConfiguration": planar}
    found = decode_dicom(film(ybr, PixelData=("OB", laid), **about)).pixels
    np.testing.assert_array_equal(found, grey)


def moved(pixels, **how):
    stream = io.BytesIO()
    about = {"no_jp2": True, "tile_offset": (0, 0), "tile_size": (512, 512)} | how
    Pillow.fromarray(pixels).save(stream, "JPEG2000", **about)
    return stream.getvalue()


@pytest.mark.parametrize(
    "grid",
    [
        {"offset": (7, 5)},
        {"offset": (0, 1)},
        {"offset": (64, 3)},
        {"offset": (7, 5), "tile_size": (32, 32)},
        {"offset": (7, 5), "tile_offset": (3, 2), "tile_size": (48, 40)},
        {"offset": (0, 0), "tile_size": (32, 32)},
    ],
)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL"])
def test_jpeg_2000_in_colour_that_does_not_begin_where_its_grid_does(grid, photometric):
    """XOsiz and YOsiz, XTOsiz and YTOsiz (ISO 15444-1, A.5.1)."""
    pixels = colours(shape=(64, 72))
    source = to_ybr(pixels, 8) if photometric == "YBR_FULL" else pixels
    lossy = photometric == "YBR_ICT"
    picture = moved(
        source, mct=int(photometric in ("YBR_RCT", "YBR_ICT")), irreversible=lossy, **grid
    )
    value = encapsulate([picture])
    syntax = JPEG_2000 if lossy else LOSSLESS_2000
    found = decode_dicom(wrapped(pixels, syntax, value, PhotometricInterpretation=photometric))
    expected, near = pixels, 2 if photometric == "YBR_FULL" else 0
    if lossy:
        expected, near = np.asarray(Pillow.open(io.BytesIO(picture))), 1
    assert found.pixels.dtype == np.uint8
    assert np.abs(found.pixels.astype(int) - expected).max() <= near


def test_jpeg_2000_in_colour_that_cannot_be_shown_says_why():
    plain = coded(colours(12), LOSSLESS_2000)
    edge = bytearray(plain)
    for at, by in ((8, 1), (16, 1)):  # Xsiz and XOsiz
        edge[at + 3] += by
    signed, depths, sizes = (bytearray(plain) for _ in range(3))
    for k in range(3):
        signed[42 + 3 * k] |= 0x80
    depths[45] = 7
    sizes[46] = 2
    for broken, reason in (
        (edge, "of 16 bits that does not begin where its grid does, expected up to 8"),
        (signed, "signed colour"),
        (depths, "samples differ in size or depth"),
        (sizes, "samples differ in size or depth"),
    ):
        value = encapsulate([bytes(broken)])
        with pytest.raises(DataError, match=reason):
            decode_dicom(wrapped(colours(12), LOSSLESS_2000, value, BitsStored=12))


@pytest.mark.parametrize(
    ("marks", "photometric"), list(itertools.product([True, False], ["RGB", "YBR_FULL"]))
)
def test_jpeg_whose_samples_are_called_red_green_and_blue(marks, photometric):
    """Libraries believe it, with Adobe's mark or without (ISO 10918-6, 6.5.3)."""
    pixels = np.full((48, 40, 3), (200, 40, 90), np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "JPEG", quality=98, subsampling=0, keep_rgb=True)
    picture = stream.getvalue()
    assert picture[2:4] == b"\xff\xee"
    if not marks:
        picture = picture[:2] + picture[4 + int.from_bytes(picture[4:6], "big") :]
    value = encapsulate([picture])
    data = wrapped(pixels, JPEG_BASELINE, value, PhotometricInterpretation=photometric)
    assert np.abs(decode_dicom(data).pixels.astype(int) - pixels).max() <= 2


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_LOSSLESS_SV1, JPEG_LS, LOSSLESS_2000, RLE])
def test_planar_configuration_says_nothing_of_a_codec(syntax, photometric, tmp_path):
    """PS3.5, A.4: what it was before the film was compressed is often left in its place."""
    pixels = colours()
    if syntax == JPEG_BASELINE:
        stream = io.BytesIO()
        Pillow.fromarray(pixels).save(stream, "JPEG")
        picture = stream.getvalue()
    elif syntax == JPEG_LOSSLESS_SV1:
        picture = coded_by_gdcm(film(pixels), syntax, tmp_path)
    else:
        picture = coded(pixels, syntax)
    about = {"PhotometricInterpretation": photometric}
    one, other = (
        decode_dicom(
            wrapped(pixels, syntax, encapsulate([picture]), PlanarConfiguration=k, **about)
        )
        for k in (0, 1)
    )
    np.testing.assert_array_equal(one.pixels, other.pixels)
    if photometric == "RGB" and syntax != JPEG_BASELINE:
        np.testing.assert_array_equal(one.pixels, pixels)
