"""Compressed films: lossless ones exactly, missing codecs by name, wrong sizes refused."""

import functools
import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, get_frame

from radpipe.core.errors import DataError
from radpipe.imaging.dicom import codecs as dicom_codecs
from radpipe.imaging.dicom.codecs import CODECS, Codec, missing_codec, preflight
from radpipe.imaging.dicom.codestreams import Frame
from radpipe.imaging.dicom.read import decode_dicom
from tests.dicom_files import body, compressed, film, meta, scene
from tests.imaging.dicom.coding import JPEG_LOSSLESS, JPEG_LOSSLESS_SV1, by_gdcm

RLE = "1.2.840.10008.1.2.5"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
LOSSLESS = [RLE, JPEG_LS, JPEG_2000, JPEG_LOSSLESS, JPEG_LOSSLESS_SV1]


def encode(data, syntax, tmp_path):
    if syntax in (JPEG_LOSSLESS, JPEG_LOSSLESS_SV1):
        return by_gdcm(data, syntax, tmp_path)
    return compressed(data, syntax)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_pixels_are_the_uncompressed_ones(syntax, bits, tmp_path):
    plain = film(scene(bits=bits), BitsStored=bits, WindowCenter="99", WindowWidth="150")
    data = encode(plain, syntax, tmp_path)
    found = decode_dicom(data)
    assert found.syntax == CODECS[syntax].name
    np.testing.assert_array_equal(found.pixels, decode_dicom(plain).pixels)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_signed_lossless_pixels_are_the_uncompressed_ones(syntax, bits, tmp_path):
    pixels = (scene(bits=bits).astype(np.int32) - 2 ** (bits - 1)).astype(np.int16)
    plain = film(pixels, BitsStored=bits, PixelPaddingValue=-7)
    found = decode_dicom(encode(plain, syntax, tmp_path))
    np.testing.assert_array_equal(found.pixels, decode_dicom(plain).pixels)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_colour_is_the_uncompressed_one(syntax, tmp_path):
    pixels = np.stack([scene(bits=8, seed=k)[::, :: 1 - 2 * (k % 2)] for k in range(3)], axis=-1)
    plain = film(pixels)
    np.testing.assert_array_equal(decode_dicom(plain).pixels, pixels)
    np.testing.assert_array_equal(decode_dicom(encode(plain, syntax, tmp_path)).pixels, pixels)


def test_colour_by_plane_and_in_other_depths():
    pixels = np.stack([scene(bits=8, seed=k) for k in range(3)], axis=-1)
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    data = film(pixels, PlanarConfiguration=1, PixelData=("OW", planes.tobytes()))
    found = decode_dicom(data)
    np.testing.assert_array_equal(found.pixels, pixels)
    assert (found.mode, found.bits, found.slices.shape) == ("RGB/8", 8, (1, 48, 40, 3))
    deep = np.stack([scene(bits=12, seed=k) for k in range(3)], axis=-1)
    found = decode_dicom(film(deep, BitsStored=12)).pixels
    np.testing.assert_array_equal(found, (deep.astype(int) * 65535 + 2047) // 4095)
    dim = decode_dicom(film(pixels // 4, BitsStored=6)).pixels
    np.testing.assert_array_equal(dim, (pixels.astype(int) // 4 * 255 + 31) // 63)


def test_ybr_becomes_rgb():
    """Grey in YBR_FULL (C.7.6.3.1.2): no colour, so R, G and B are Y."""
    grey = scene(bits=8)
    ybr = np.stack([grey, np.full_like(grey, 128), np.full_like(grey, 128)], axis=-1)
    found = decode_dicom(film(ybr, PhotometricInterpretation="YBR_FULL"))
    np.testing.assert_array_equal(found.pixels, np.repeat(grey[..., None], 3, axis=-1))


def test_palette_colours():
    index = (np.arange(64) % 4).astype(np.uint8).reshape(8, 8)
    tables = {
        f"{name}PaletteColorLookupTable{part}": value
        for name, shift in (("Red", 0), ("Green", 1), ("Blue", 2))
        for part, value in (
            ("Descriptor", [3, 1, 16]),
            ("Data", ("OW", np.roll(np.array([0, 0x8000, 0xFFFF], "<u2"), shift).tobytes())),
        )
    }
    found = decode_dicom(film(index, PhotometricInterpretation="PALETTE COLOR", **tables))
    colours = [[0, 255, 128], [0, 255, 128], [128, 0, 255], [255, 128, 0]]
    np.testing.assert_array_equal(found.pixels[0, :4], colours)
    assert found.mode == "PALETTE_COLOR/8"


def palette(tables, bits, first=0):
    """Return the elements of a palette; `tables` are red, green and blue, uint16."""
    return {
        "PhotometricInterpretation": "PALETTE COLOR",
        **{
            f"{name}PaletteColorLookupTable{part}": value
            for name, table in zip(("Red", "Green", "Blue"), tables, strict=True)
            for part, value in (
                ("Descriptor", [len(table), first, bits]),
                ("Data", ("OW", table.astype("<u2").tobytes())),
            )
        },
    }


@pytest.mark.parametrize(
    ("said", "factor", "held"),
    [(16, 257, None), (16, 256, None), (8, 1, None), (16, 1, 8), (12, 1, 8), (8, 257, 16)],
)
def test_palettes_of_other_bits_than_they_say(said, factor, held):
    """Of three tables one may be black; all of them count."""
    index = scene(bits=8)
    red, green, blue = np.arange(256), np.arange(255, -1, -1), np.zeros(256, int)
    tables = [factor * red, factor * green, blue]
    found = decode_dicom(film(index, **palette(tables, said)))
    np.testing.assert_array_equal(found.pixels, np.stack([index, 255 - index, 0 * index], -1))
    told = f"a lookup table that says {said} bits and holds {held}"
    assert found.remarks == ((told,) if held else ())


def test_signed_values_and_upper_bits_of_a_palette():
    index = scene(bits=8)
    tables = [257 * np.arange(256)] * 3
    expected = np.repeat(index[..., None], 3, axis=-1)
    signed = (index.astype(np.int16) - 128).astype(np.int8)
    for first in (-128, 65536 - 128):
        found = decode_dicom(film(signed, **palette(tables, 16, first)))
        np.testing.assert_array_equal(found.pixels, expected)
    upper = index.astype(np.uint16) << 8 | 0x0F
    found = decode_dicom(film(upper, BitsStored=8, HighBit=15, **palette(tables, 16)))
    np.testing.assert_array_equal(found.pixels, expected)


def test_lossy_grey_is_close(tmp_path):
    from PIL import Image

    pixels = scene(bits=8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95)
    value = encapsulate([stream.getvalue()])
    for uid in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"):
        raw = body(pixels, PixelData=None) + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value
        found = decode_dicom(meta(uid) + raw + b"\xfe\xff\xdd\xe0\0\0\0\0")
        assert np.abs(found.pixels / 257 - pixels).mean() < 2


def test_every_codec_is_here():
    assert preflight() == {}
    assert {missing_codec(uid) for uid in CODECS} == {""}
    assert missing_codec("1.2.840.10008.1.2.1") == ""


@pytest.fixture
def no_rle(monkeypatch):
    """As if the package for RLE were not installed."""
    absent = Codec("RLE Lossless", "absent", "pylibjpeg-rle")
    monkeypatch.setitem(dicom_codecs.CODECS, RLE, absent)


def test_a_missing_codec_is_named_with_its_package(no_rle):
    assert preflight() == {"pylibjpeg-rle": ["RLE Lossless"]}
    text = "RLE Lossless needs a codec that is missing (pip install pylibjpeg-rle)"
    assert missing_codec(RLE) == text
    with pytest.raises(DataError) as caught:
        decode_dicom(compressed(film(scene()), RLE))
    assert str(caught.value) == text


def test_a_syntax_that_is_not_read_is_named_if_it_is_of_the_standard():
    with pytest.raises(DataError, match=r"not read \(MPEG2 Main Profile / Main Level\)"):
        decode_dicom(meta("1.2.840.10008.1.2.4.100") + body(scene()))
    with pytest.raises(DataError, match=r"not read$"):
        decode_dicom(meta("1.2.3.4.19531224.5") + body(scene()))
    # The UID of something else is no transfer syntax.
    with pytest.raises(DataError, match=r"not read$"):
        decode_dicom(meta("1.2.840.10008.1.1") + body(scene()))


@functools.cache
def small(syntax):
    return compressed(film(scene(), BitsStored=12), syntax)


@pytest.mark.parametrize("syntax", [JPEG_2000, JPEG_LS])
def test_a_frame_of_another_size_than_the_header_says_is_refused_before_it_is_decoded(syntax):
    for keyword, value in (("Rows", 47), ("Columns", 41)):
        found = dcmread(io.BytesIO(small(syntax)))
        setattr(found, keyword, value)
        stream = io.BytesIO()
        found.save_as(stream, enforce_file_format=False)
        with pytest.raises(DataError, match="pixels of 40x48x1, expected"):
            decode_dicom(stream.getvalue())


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("keep", [0.97, 0.6, 0.3])
def test_compressed_pixels_that_end_early_are_refused(syntax, keep, tmp_path):
    found = dcmread(io.BytesIO(encode(film(scene(), BitsStored=12), syntax, tmp_path)))
    frame = get_frame(found.PixelData, 0, number_of_frames=1)
    found.PixelData = encapsulate([frame[: int(len(frame) * keep) // 2 * 2]])
    stream = io.BytesIO()
    found.save_as(stream, enforce_file_format=False)
    with pytest.raises(DataError, match="broken or truncated"):
        decode_dicom(stream.getvalue())


@pytest.mark.parametrize("syntax", sorted(CODECS))
def test_noise_in_place_of_compressed_pixels_is_refused(syntax):
    noise = np.random.default_rng(0).bytes(400)
    value = encapsulate([noise])
    raw = body(scene(), PixelData=None) + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value
    with pytest.raises(DataError, match="broken or truncated"):
        decode_dicom(meta(syntax) + raw + b"\xfe\xff\xdd\xe0\0\0\0\0")


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS, JPEG_LOSSLESS_SV1])
def test_pictures_with_gaps_are_not_given_to_gdcm(syntax, tmp_path, monkeypatch):
    """It ends the process over them, and with it a whole step."""
    monkeypatch.setattr(dicom_codecs, "is_without_gaps", lambda _: False)
    monkeypatch.setattr(dicom_codecs, "_decoded", None)
    data = by_gdcm(film(scene(), BitsStored=12), syntax, tmp_path)
    with pytest.raises(DataError, match="pixels cannot be decoded"):
        decode_dicom(data)


@pytest.mark.parametrize(("bits", "asked"), [(2, 8), (7, 8), (8, 8), (9, 9), (12, 12), (16, 16)])
def test_gdcm_is_asked_for_no_less_than_8_bits(bits, asked, tmp_path, monkeypatch):
    """Fewer end the process, though the standard allows them (ISO 10918-1, table B.2)."""
    size = (48, 40)
    seen = []

    def decoded(*args, **_):
        seen.append(args[3]["bits_stored"])
        return np.ones(size, np.uint8 if bits <= 8 else np.uint16)

    monkeypatch.setattr(dicom_codecs, "read_frame", lambda _: Frame(*size, 1, bits))
    monkeypatch.setattr(dicom_codecs, "_decoded", decoded)
    found = decode_dicom(by_gdcm(film(scene(size), BitsStored=12), JPEG_LOSSLESS, tmp_path))
    assert seen == [asked]
    assert found.pixels.shape == size


def test_a_panic_of_a_codec_is_a_refusal():
    """Runs of RLE that go beyond the picture make the decoder panic, which is no Exception."""
    found = dcmread(io.BytesIO(small(RLE)))
    frame = bytearray(get_frame(found.PixelData, 0, number_of_frames=1))
    frame[64:] = b"\x81\xff" * 2000
    found.PixelData = encapsulate([bytes(frame)])
    stream = io.BytesIO()
    found.save_as(stream, enforce_file_format=False)
    with pytest.raises(DataError, match="RLE Lossless pixels cannot be decoded"):
        decode_dicom(stream.getvalue())
