"""Kinds of films that are easily read wrong: each is shown as its uncompressed twin, or told of."""

import io
import itertools
import os
import struct
import subprocess
import sys
from pathlib import Path

import jpeg_ls
import numpy as np
import pydicom
import pytest
from openjpeg import decode as openjpeg_decode
from openjpeg.utils import encode_array
from PIL import Image as Pillow
from pydicom.encaps import encapsulate

from radpipe.core.errors import DataError
from radpipe.core.settings import Dicom, Image
from radpipe.imaging.dicom import decode_dicom
from radpipe.imaging.dicom.codestreams import coded_picture
from radpipe.imaging.dicom.levels import Wanted
from radpipe.imaging.resize import prepare
from tests.dicom_files import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    body,
    compressed,
    film,
    meta,
    scene,
    wrapped,
)
from tests.imaging.dicom.coding import (
    JPEG_EXTENDED,
    JPEG_LOSSLESS_SV1,
    coded_by_gdcm,
    jpeg_of_12_bits,
)

RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LS, NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000, LOSSLESS_2000 = "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.90"
ENCAPSULATED = "1.2.840.10008.1.2.1.98"
ANGIOGRAPHY, FLUOROSCOPY, RADIOGRAPHY = (
    f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("12.1", "12.2", "1.1")
)


def with_edges(bits, *, signed=False):
    """Return a scene with a white and a black block, whose edges lossy codecs overshoot."""
    pixels = scene((64, 72), bits).astype(np.int32)
    pixels[16:48, 16:56] = 2**bits - 1
    pixels[30:34, 20:50] = 0
    return (pixels - 2 ** (bits - 1)).astype(np.int16) if signed else pixels.astype(np.uint16)


def same(data, plain):
    np.testing.assert_array_equal(decode_dicom(data).pixels, decode_dicom(plain).pixels)


def lossy_2000(pixels, precision):
    return bytes(
        encode_array(
            pixels,
            bits_stored=precision,
            photometric_interpretation=2,
            codec_format=0,
            compression_ratios=[12],
        )
    )


@pytest.mark.parametrize("precision", [13, 14, 16])
@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_what_a_lossy_codec_overshoots_is_clamped(precision, bits, signed, photometric):
    pixels = with_edges(bits, signed=signed)
    coded = lossy_2000(pixels, precision)
    decoded = openjpeg_decode(coded).astype(np.int32)
    low, high = pixels.min(), pixels.max()
    assert decoded.max() > high
    clamped = np.clip(decoded, low, high).astype(pixels.dtype)
    same(
        wrapped(pixels, JPEG_2000, encapsulate([coded]), BitsStored=bits,
                PhotometricInterpretation=photometric),
        film(clamped, BitsStored=bits, PhotometricInterpretation=photometric),
    )  # fmt: skip


@pytest.mark.parametrize("bits", [10, 12])
def test_what_a_near_lossless_codec_overshoots_is_clamped(bits):
    pixels = with_edges(bits)
    coded = bytes(jpeg_ls.encode_array(pixels, lossy_error=9))
    decoded = np.asarray(jpeg_ls.decode(np.frombuffer(coded, np.uint8))).astype(np.int32)
    clamped = np.minimum(decoded, 2**bits - 1).astype(np.uint16)
    data = wrapped(pixels, NEAR, encapsulate([coded]), BitsStored=bits)
    same(data, film(clamped, BitsStored=bits))


def test_values_of_more_bits_than_stored_in_a_lossless_codec_are_clamped():
    pixels = scene(bits=12)
    beyond = pixels.copy()
    beyond[0, :4] = [4096, 5000, 40000, 65535]
    coded = bytes(jpeg_ls.encode_array(beyond))
    expected = np.minimum(beyond, 4095)
    data = wrapped(pixels, JPEG_LS, encapsulate([coded]), BitsStored=12)
    same(data, film(expected, BitsStored=12))


def lossless(words, syntax):
    """Return what a codec makes of words of 16 bits, in all of which it believes."""
    if syntax == JPEG_LS:
        return bytes(jpeg_ls.encode_array(words.view(np.uint16)))
    about = {"bits_stored": 16, "photometric_interpretation": 2, "codec_format": 0}
    return bytes(encode_array(words, **about))


@pytest.mark.parametrize("syntax", [JPEG_LS, LOSSLESS_2000])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("padding", "signed"),
    [(65535, False), (0x8000, False), (5000, False), (-32768, True), (-3000, True), (3000, True)],
)
def test_padding_beyond_bits_stored_stays_black_in_a_codec(syntax, photometric, padding, signed):
    pixels = with_edges(12, signed=signed)
    pixels[:5] = padding
    about = {
        "BitsStored": 12,
        "PhotometricInterpretation": photometric,
        "PixelPaddingValue": padding,
    }
    data = wrapped(pixels, syntax, encapsulate([lossless(pixels, syntax)]), **about)
    assert not decode_dicom(data).pixels[:5].any()
    same(data, film(pixels, **about))


def test_padding_beyond_bits_stored_uses_no_bits():
    pixels = scene(bits=10)
    pixels[:5] = 65535
    found = decode_dicom(film(pixels, BitsStored=12, PixelPaddingValue=65535))
    assert found.remarks == ("no window, and 10 of 12 bits used: those are shown",)
    assert not found.pixels[:5].any()


@pytest.mark.parametrize("syntax", [JPEG_LS, LOSSLESS_2000])
@pytest.mark.parametrize("bits", [10, 12])
def test_signed_values_without_bits_above_them_in_a_codec_of_16_bits(syntax, bits):
    """The words of an uncompressed film, whose upper bits say nothing (PS3.5, 8.1.1)."""
    pixels = with_edges(bits, signed=True)
    words = pixels.view(np.uint16) & (2**bits - 1)
    data = wrapped(pixels, syntax, encapsulate([lossless(words, syntax)]), BitsStored=bits)
    same(data, film(pixels, BitsStored=bits))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, JPEG_2000, JPEG_LOSSLESS_SV1])
def test_values_in_the_upper_bits_of_words_that_were_compressed(syntax, signed, tmp_path):
    """Objects of old: Bits Stored 12, High Bit 15; the codec keeps whole words (PS3.5, G.2)."""
    plain = film(
        (scene(bits=12) << 4).astype(np.uint16),
        BitsStored=12,
        HighBit=15,
        PixelRepresentation=int(signed),
    )
    words = film((scene(bits=12) << 4).astype(np.uint16))
    if syntax == JPEG_LOSSLESS_SV1:
        coded = coded_by_gdcm(words, syntax, tmp_path)
    else:
        lossless = JPEG_2000.replace(".91", ".90") if syntax == JPEG_2000 else syntax
        source = pydicom.dcmread(io.BytesIO(compressed(words, lossless)))
        coded = coded_picture(source.PixelData)
    about = {"BitsStored": 12, "HighBit": 15, "PixelRepresentation": int(signed)}
    same(wrapped(scene(), syntax, encapsulate([coded]), **about), plain)


def test_a_high_bit_that_the_codec_cannot_mean_is_left_aside():
    """Of 12 bits none is the sixteenth: the value lies in the lowest."""
    plain = film(scene(), BitsStored=12)
    coded = bytes(jpeg_ls.encode_array(scene()))
    same(wrapped(scene(), JPEG_LS, encapsulate([coded]), BitsStored=12, HighBit=15), plain)


def test_overlays_in_words_that_rle_keeps_make_no_difference():
    pixels = scene(bits=12)
    words = film(pixels | 0x8000)
    source = pydicom.dcmread(io.BytesIO(compressed(words, RLE)))
    data = wrapped(pixels, RLE, source.PixelData, BitsStored=12)
    same(data, film(pixels, BitsStored=12))


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_EXTENDED, JPEG_LS])
def test_8_bits_in_words_of_16(syntax):
    pixels = scene(bits=8)
    if syntax == JPEG_LS:
        coded, decoded = bytes(jpeg_ls.encode_array(pixels)), pixels
    else:
        stream = io.BytesIO()
        Pillow.fromarray(pixels).save(stream, "JPEG", quality=95)
        coded = stream.getvalue()
        decoded = np.asarray(Pillow.open(stream))
    about = {"BitsAllocated": 16, "BitsStored": 8}
    same(wrapped(pixels, syntax, encapsulate([coded]), **about), film(decoded))


def test_colour_of_8_bits_in_words_of_16():
    pixels = np.stack([scene(bits=8, seed=k) for k in range(3)], axis=-1)
    coded = bytes(jpeg_ls.encode_array(pixels))
    data = wrapped(pixels, JPEG_LS, encapsulate([coded]), BitsAllocated=16, BitsStored=8)
    np.testing.assert_array_equal(decode_dicom(data).pixels, pixels)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("offset", [(7, 5), (0, 1), (64, 3)])
def test_jpeg_2000_that_does_not_begin_where_its_grid_does(bits, offset):
    """XOsiz and YOsiz (ISO 15444-1, A.5.1, B.2)."""
    pixels = scene((64, 72), bits)
    stream = io.BytesIO()
    about = {"offset": offset, "tile_offset": (0, 0), "tile_size": (512, 512)}
    Pillow.fromarray(pixels).save(stream, "JPEG2000", no_jp2=True, **about)
    data = wrapped(pixels, LOSSLESS_2000, encapsulate([stream.getvalue()]), BitsStored=bits)
    same(data, film(pixels))
    halved = decode_dicom(data, wanted=Wanted(8, "letterbox"))
    np.testing.assert_array_equal(halved.pixels, decode_dicom(data).pixels)


def blocks():
    """Even blocks of 8 x 8 pixels, black and white among them."""
    values = np.random.default_rng(3).integers(0, 4096, (6, 5))
    values[0, :2] = 0, 4095
    return values


def test_jpeg_of_12_bits():
    pixels = np.kron(blocks(), np.ones((8, 8), int)).astype(np.uint16)
    value = encapsulate([jpeg_of_12_bits(blocks())])
    same(wrapped(pixels, JPEG_EXTENDED, value, BitsStored=12), film(pixels, BitsStored=12))


def test_a_film_in_jpeg_of_12_bits():
    """From pydicom; what imagecodecs 2026.3.6 decodes with libjpeg-turbo: 0 to 264, mean 14.370."""
    path = Path(pydicom.__file__).parent / "data/test_files/JPGExtended.dcm"
    found = decode_dicom(path.read_bytes())
    assert found.remarks == ("no window, and 10 of 12 bits used: those are shown",)
    values = found.pixels / 65535 * 1023
    assert values.min() == 0
    assert values.max() == pytest.approx(264, abs=0.01)
    assert values.mean() == pytest.approx(14.369991302490234, abs=0.001)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\xff\xc1", b"\xff\xc2"),  # progressive
        (b"\xff\xc1", b"\xff\xc9"),  # arithmetic coding
        (b"\xff\xc1\0\x0b\x0c", b"\xff\xc1\0\x0b\x10"),  # 16 bits, which JPEG cannot lose
    ],
)
def test_jpeg_of_12_bits_that_cannot_be_decoded_says_what_to_do(old, new):
    pixels = np.zeros((48, 40), np.uint16)
    value = encapsulate([jpeg_of_12_bits(blocks()).replace(old, new)])
    with pytest.raises(DataError, match="12 bits of a kind that GDCM does not decode"):
        decode_dicom(wrapped(pixels, JPEG_EXTENDED, value, BitsStored=12))


@pytest.mark.parametrize(("bits", "samples"), list(itertools.product([8, 12, 16], [1, 3])))
def test_pixels_in_fragments_that_are_not_compressed(bits, samples):
    pixels = scene(bits=bits)
    if samples == 3:
        pixels = np.stack([scene(bits=bits, seed=k) for k in range(3)], axis=-1)
    raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    middle = len(raw) // 4 * 2
    for fragments in ([raw], [raw[:middle], raw[middle:]]):
        value = encapsulate(fragments, has_bot=False)
        same(wrapped(pixels, ENCAPSULATED, value, BitsStored=bits), film(pixels, BitsStored=bits))
    with pytest.raises(DataError, match="broken or truncated"):
        decode_dicom(wrapped(pixels, ENCAPSULATED, encapsulate([raw[:-90]]), BitsStored=bits))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_fragments_in_a_syntax_that_has_none(syntax):
    """Undefined length means that they are there (PS3.5, A.4); their heads are no pixels."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    raw = scene().astype(f"{order}u2").tobytes()
    items = [struct.pack(f"{order}HHI", 0xFFFE, 0xE000, len(some)) + some for some in (b"", raw)]
    end = struct.pack(f"{order}HHI", 0xFFFE, 0xE0DD, 0)
    head = struct.pack(f"{order}HH", 0x7FE0, 0x0010) + (b"OW\0\0" if syntax != IMPLICIT else b"")
    about = body(scene(), syntax, PixelData=None, BitsStored=12)
    for some in (items, items[1:], items[:1]):
        data = meta(syntax) + about + head + b"\xff\xff\xff\xff" + b"".join(some) + end
        if syntax == BIG_ENDIAN or some != items:
            # Fragments are only ever little endian, and a table of offsets comes first.
            with pytest.raises(DataError, match="broken or truncated"):
                decode_dicom(data)
        else:
            same(data, film(scene(), BitsStored=12))


TO_BEAM = {
    "ModalityLUTSequence": [
        {"LUTDescriptor": [4096, 0, 16], "LUTData": ("OW", np.arange(4096, dtype="<u2").tobytes())}
    ]
}


@pytest.mark.parametrize("relation", ["LOG", "DISP"])
@pytest.mark.parametrize("kind", [ANGIOGRAPHY, FLUOROSCOPY])
def test_a_modality_lut_to_beam_intensity_is_not_for_display(kind, relation):
    about = {
        "SOPClassUID": kind.encode(),
        "PixelIntensityRelationship": relation,
        "BitsStored": 12,
        "WindowCenter": "2000",
        "WindowWidth": "3000",
    }
    data = film(scene(), **about, **TO_BEAM)
    same(data, film(scene(), **about))
    said = "a modality LUT that leads back to beam intensity, not applied"
    assert decode_dicom(data).remarks == (said,)


def test_other_modality_luts_are_for_display():
    for kind, relation in ((ANGIOGRAPHY, "LIN"), (ANGIOGRAPHY, None), (RADIOGRAPHY, "LOG")):
        about = {"SOPClassUID": kind.encode(), "PixelIntensityRelationship": relation}
        found = decode_dicom(film(scene(), BitsStored=12, **about, **TO_BEAM))
        assert not any("beam" in text for text in found.remarks)


def disc(down, across, *, colour=False):
    """Return a disc of 8 mm as pixels of `down` by `across` mm see it."""
    rows, columns = round(20 / down), round(20 / across)
    y, x = np.mgrid[:rows, :columns]
    inside = ((y + 0.5) * down - 10) ** 2 + ((x + 0.5) * across - 10) ** 2 < 8**2
    if colour:
        return np.repeat((inside * 200).astype(np.uint8)[..., None], 3, axis=-1)
    return (inside * 4000).astype(np.uint16)


def sides(mask):
    return [np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (1, 0)]


SPACINGS = ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"]


@pytest.mark.parametrize("keyword", SPACINGS)
@pytest.mark.parametrize(("down", "across"), [(0.2, 0.1), (0.1, 0.2), (0.1, 0.13), (0.4, 0.1)])
@pytest.mark.parametrize("colour", [False, True])
def test_a_disc_stays_round(keyword, down, across, colour):
    pixels = disc(down, across, colour=colour)
    text = f"{down * 100:g}\\{across * 100:g}" if "Aspect" in keyword else f"{down}\\{across}"
    about, half = ({}, 100) if colour else ({"BitsStored": 12}, 32000)
    found = decode_dicom(film(pixels, **{keyword: text}, **about))
    high, wide = sides(found.pixels.reshape(*found.pixels.shape[:2], -1)[..., 0] > half)
    assert abs(high - wide) <= 2
    assert found.remarks == ("pixels that are not square, made so",)
    if "Aspect" in keyword:
        assert found.spacing is None
    else:
        assert found.spacing == pytest.approx((min(down, across),) * 2, rel=0.01)
        assert high * found.spacing[0] == pytest.approx(16, abs=0.4)
    square, _ = prepare(found.pixels, Image(side=100, bits=8))
    high, wide = sides(square[..., 0] > 100)
    assert abs(high - wide) <= 2


@pytest.mark.parametrize("text", ["0.2\\0.1\\", " 0.2\\ 0.1\\\\", "2E-1\\1e-1", "+.2\\.10000 "])
def test_spacing_is_read_however_it_is_written(text):
    found = decode_dicom(film(scene(), BitsStored=12, PixelSpacing=text))
    assert found.pixels.shape == (96, 40)
    assert found.spacing == (0.1, 0.1)


def test_pixels_that_are_square_or_nearly_so_are_left_alone():
    plain = decode_dicom(film(scene(), BitsStored=12))
    for text in (r"0.143\0.1435", r"1\1", r"0.1\0.1"):
        found = decode_dicom(film(scene(), BitsStored=12, PixelSpacing=text))
        np.testing.assert_array_equal(found.pixels, plain.pixels)
        assert found.remarks == ()
    # Spacing counts more than a ratio, and a ratio that is none is not given.
    for about in (
        {"PixelSpacing": r"1\1", "PixelAspectRatio": r"2\1"},
        {"PixelAspectRatio": "0\\1"},
    ):
        assert decode_dicom(film(scene(), BitsStored=12, **about)).pixels.shape == (48, 40)


def test_pixels_of_a_shape_that_cannot_be_are_refused():
    with pytest.raises(DataError, match="more than 5 times as long as wide"):
        decode_dicom(film(scene(), PixelSpacing=r"0.1\5"))


def test_films_for_processing_are_refused_unless_they_are_wanted():
    raw = {"PresentationIntentType": "FOR PROCESSING", "BitsStored": 12}
    with pytest.raises(DataError, match=r"image.dicom.on_for_processing: read"):
        decode_dicom(film(scene(), **raw))
    found = decode_dicom(film(scene(), **raw), Dicom(on_for_processing="read"))
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(scene(), BitsStored=12)).pixels)
    assert found.remarks == ("FOR PROCESSING: raw values of the detector",)
    shown = {"PresentationIntentType": "FOR PRESENTATION", "BitsStored": 12}
    assert decode_dicom(film(scene(), **shown)).remarks == ()


def test_monochrome2_that_says_inverse_is_refused_or_believed():
    """What is left of a MONOCHROME1 film when software has turned its pixels and no tags."""
    left = {
        "PresentationLUTShape": "INVERSE",
        "BitsStored": 12,
        "WindowCenter": "100",
        "WindowWidth": "50",
        "PixelPaddingValue": 4095,
    }
    with pytest.raises(DataError, match=r"image.dicom.on_inverse: read"):
        decode_dicom(film(scene(), **left))
    found = decode_dicom(film(scene(), **left), Dicom(on_inverse="read"))
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(scene(), BitsStored=12)).pixels)
    assert found.remarks == ("MONOCHROME2 with INVERSE: window and padding not believed",)
    one = decode_dicom(film(scene(), **left | {"PhotometricInterpretation": "MONOCHROME1"}))
    assert one.remarks == ()


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, JPEG_2000, JPEG_LOSSLESS_SV1, JPEG_EXTENDED])
def test_codecs_say_nothing_on_standard_error(syntax, tmp_path):
    """Asked of a process of its own, because codecs in C and Rust write past Python."""
    if syntax == JPEG_EXTENDED:
        coded = jpeg_of_12_bits(blocks())
    elif syntax == JPEG_LOSSLESS_SV1:
        coded = coded_by_gdcm(film(scene(), BitsStored=12), syntax, tmp_path)
    else:
        lossless = syntax.replace(".91", ".90")
        source = pydicom.dcmread(io.BytesIO(compressed(film(scene(), BitsStored=12), lossless)))
        coded = coded_picture(source.PixelData)
    broken = coded[: len(coded) // 2] + b"\0" * 40 + b"\xff\xd9"
    for name, some in (("whole", coded), ("broken", broken)):
        (tmp_path / name).write_bytes(wrapped(scene(), syntax, encapsulate([some]), BitsStored=12))
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from radpipe.core.errors import DataError\n"
        "from radpipe.imaging.dicom import decode_dicom\n"
        "for name in sys.argv[1:]:\n"
        "    try: decode_dicom(Path(name).read_bytes())\n"
        "    except DataError as error: print(error)\n"
        "print('still here', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "whole"), str(tmp_path / "broken")],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.stderr == b"still here\n"
    assert EXPLICIT not in done.stdout.decode()
