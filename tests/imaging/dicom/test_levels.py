"""JPEG 2000 decoded at a smaller size: what an average of the whole gives, and where it is none."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pydicom
import pytest
from openjpeg.utils import encode_array
from pydicom.encaps import encapsulate

from radpipe.core.settings import Image
from radpipe.imaging.dicom import codecs, decode_dicom
from radpipe.imaging.dicom.codestreams import coded_picture
from radpipe.imaging.dicom.levels import Wanted, levels_in
from radpipe.imaging.ingest import ingest
from radpipe.imaging.regions import Facing, Region
from radpipe.imaging.resize import prepare
from radpipe.imaging.store import Store
from radpipe.imaging.stored import decode_file, region_shown, stored_form
from tests.dicom_files import compressed, film, scene, wrapped

LOSSLESS, LOSSY = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
HALVED = "decoded at a smaller size: text in the pixels was not looked for"
SHAPE = (401, 330)
WHOLE = Wanted(48, "letterbox")


def grained(shape=SHAPE, bits=12, seed=0):
    """Return a smooth picture with the grain of a detector."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    smooth = (np.sin(rows / 40) * np.cos(columns / 33) + 1) / 2
    grain = np.random.default_rng(seed).normal(0, 0.003, shape)
    return np.clip((smooth + grain) * (2**bits - 1), 0, 2**bits - 1).astype(np.uint16)


def coded_film(pixels, *, bits=12, syntax=LOSSLESS, **elements):
    return compressed(film(pixels, BitsStored=bits, **elements), syntax)


def means(pixels, step):
    """Average blocks, those at the edges of what there is of them."""
    shape = [-(-side // step) for side in pixels.shape]
    found = np.zeros(shape)
    for row in range(shape[0]):
        for column in range(shape[1]):
            block = pixels[row * step : (row + 1) * step, column * step : (column + 1) * step]
            found[row, column] = block.mean()
    return found


@pytest.mark.parametrize(
    ("side", "step"), [(201, 1), (200, 1), (101, 1), (100, 2), (51, 2), (50, 4), (26, 4), (25, 8)]
)
def test_no_more_is_decoded_than_twice_what_is_stored(side, step):
    found = decode_dicom(coded_film(grained()), wanted=Wanted(side, "letterbox"))
    # One row and one column more repeat the last, where what is left is moved.
    more = int(step > 1)
    assert found.pixels.shape == (-(-401 // step) + more, -(-330 // step) + more)
    assert found.step == (step, step)
    assert found.grid == (401, 330)
    assert found.remarks == ((HALVED,) if step > 1 else ())


@pytest.mark.parametrize("rows", range(96, 104))
def test_sides_of_any_length_are_rounded_up(rows):
    for columns in (rows, 99):
        data = coded_film(grained((rows, columns)))
        for side, step in ((24, 2), (12, 4)):
            found = decode_dicom(data, wanted=Wanted(side, "squash"))
            assert found.pixels.shape == (-(-rows // step) + 1, -(-columns // step) + 1)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [False, True])
def test_smaller_sizes_are_what_averages_of_the_whole_are(bits, photometric, signed):
    pixels = grained(bits=bits)
    if signed:
        pixels = (pixels.astype(np.int32) - 2 ** (bits - 1)).astype(np.int16)
    data = coded_film(pixels, bits=bits, PhotometricInterpretation=photometric)
    full = decode_dicom(data).pixels
    for side, step in ((100, 2), (50, 4)):
        found = decode_dicom(data, wanted=Wanted(side, "letterbox"))
        assert found.step == (step, step)
        rows, columns = -(-401 // step), -(-330 // step)
        apart = found.pixels[:rows, :columns] - means(full.astype(float), step)
        # Of 65,535; each level rounds, which lifts by a part of one grey level of the film, and the
        # picture is moved by less than half a pixel.
        assert abs(apart.mean()) < 2 * 65535 / 2**bits + 60
        assert apart.std() < 1000


@pytest.mark.parametrize("side", [13, 20, 26, 40, 52])
@pytest.mark.parametrize("mirrored", [False, True])
def test_what_is_decoded_smaller_stays_in_its_place(side, mirrored):
    """The centre of a blurred disc, in pixels of the square."""
    rows, columns = np.mgrid[:416, :416]
    disc = np.exp(-((rows - 150.0) ** 2 + (columns - 283.0) ** 2) / (2 * 40**2)) * 4000
    data = coded_film(disc.astype(np.uint16))
    region = Region(0, 0, 416, 416, mirrored)
    centres = []
    for decode in ("full", "reduced"):
        image = Image(side=side, bits=16, decode=decode)
        found = decode_file("a", data, image, Facing())
        square = stored_form(found, region, image)[0, ..., 0].astype(float)
        y, x = np.mgrid[:side, :side] + 0.5
        centres.append([(y * square).sum() / square.sum(), (x * square).sum() / square.sum()])
    assert found.is_halved
    expected = np.array([150.5, 416 - 283.5 if mirrored else 283.5]) * side / 416
    np.testing.assert_allclose(centres[0], expected, atol=0.2)
    np.testing.assert_allclose(centres[1], centres[0], atol=0.02)


def test_a_store_holds_nearly_the_same():
    data = coded_film(grained(), WindowCenter="2000", WindowWidth="3000")
    for side in (24, 48, 90):
        for resize in ("letterbox", "squash", "crop"):
            squares = []
            for decode in ("full", "reduced"):
                image = Image(side=side, resize=resize, decode=decode)
                found = decode_file("a", data, image, Facing())
                square = stored_form(found, region_shown(found, Facing()), image)
                squares.append(square.astype(int))
            assert np.abs(squares[0] - squares[1]).mean() < 1.2
            assert np.abs(squares[0] - squares[1]).max() <= 12


@pytest.mark.parametrize("side", ["R", "L"])
def test_the_half_of_a_side_and_a_crop(side):
    pixels = grained((400, 660))
    data = coded_film(pixels, PatientOrientation=b"L\\F ")
    facing = Facing(side, both=True)
    full, reduced = (Image(side=64, decode=decode) for decode in ("full", "reduced"))
    one, other = (decode_file("a", data, image, facing) for image in (full, reduced))
    assert other.step == (2, 2)
    assert region_shown(one, facing) == region_shown(other, facing)
    squares = [
        stored_form(found, region_shown(found, facing), full).astype(int) for found in (one, other)
    ]
    assert np.abs(squares[0] - squares[1]).max() <= 4
    crop = Region(100.5, 80.25, 300.5, 280.25, mirrored=side == "L")
    image = Image(side=30, resize="squash", decode="reduced")
    some = decode_file("a", data, image, Facing(), crop)
    assert some.step == (2, 2)
    squares = [stored_form(found, crop, image).astype(int) for found in (one, some)]
    assert np.abs(squares[0] - squares[1]).max() <= 4
    # A crop that is hardly larger than what is stored takes all pixels.
    small = Region(100, 80, 150, 130)
    assert decode_file("a", data, image, Facing(), small).step == (1, 1)


def test_pixels_that_are_not_square():
    data = coded_film(grained((200, 330)), PixelSpacing=r"0.2\0.1")
    one = decode_dicom(data)
    other = decode_dicom(data, wanted=WHOLE)
    assert one.grid == other.grid == (400, 330)
    # Of the 200 rows that were enlarged to 400, twice what is stored is left.
    assert other.step == (2, 2)
    assert one.spacing == other.spacing == (0.1, 0.1)
    assert one.stretch == other.stretch == (2, 1)
    image = Image(side=48)
    squares = [
        stored_form(film, Region(0, 0, 330, 400), image).astype(int) for film in (one, other)
    ]
    assert np.abs(squares[0] - squares[1]).max() <= 4


@pytest.mark.parametrize("spacing", [r"0.2\0.1", r"0.1\0.2", r"0.4\0.1", r"0.1\0.5"])
def test_stripes_across_the_longer_side_of_pixels(spacing):
    """They are as well to be seen as where nothing was decoded smaller."""
    down, across = map(float, spacing.split("\\"))
    rows, columns = np.mgrid[:400, :400]
    along = rows if down > across else columns
    stripes = (2048 + 1500 * np.sin(2 * np.pi * along / 14)).astype(np.uint16)
    data = coded_film(stripes, PixelSpacing=spacing)
    squares = []
    for decode in ("full", "reduced"):
        image = Image(side=48, resize="squash", decode=decode)
        found = decode_file("a", data, image, Facing())
        square = stored_form(found, region_shown(found, Facing()), image)
        squares.append(square.astype(int))
    assert np.abs(squares[0] - squares[1]).max() <= 12


@pytest.mark.parametrize("rows", [33, 40, 65])
def test_strips(rows):
    """What is left of their shorter side says little of how often they were halved."""
    pixels = grained((rows, 3000))
    data = coded_film(pixels)
    full, reduced = (Image(side=24, decode=decode) for decode in ("full", "reduced"))
    one, other = (decode_file("a", data, image, Facing()) for image in (full, reduced))
    assert other.step == (32, 32)
    squares = [
        stored_form(found, region_shown(found, Facing()), full).astype(int)
        for found in (one, other)
    ]
    assert np.abs(squares[0] - squares[1]).mean() < 1


def grey_of(pixels, brightest):
    """Return few grey levels, and brighter points that averages do not show."""
    few = (pixels >> 3).astype(np.uint16)
    few[::9, ::7] = brightest
    return few


@pytest.mark.parametrize("brightest", [600, 1100, 4095])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("elements", [{}, {"RescaleSlope": "2", "RescaleIntercept": "-5"}])
def test_bits_that_are_used_are_those_of_all_pixels(brightest, signed, elements):
    few = grey_of(grained(), brightest)
    few = (few.astype(np.int32) // 2 - 20).astype(np.int16) if signed else few
    data = coded_film(few, **elements)
    one, other = decode_dicom(data), decode_dicom(data, wanted=WHOLE)
    unused = [text for text in one.remarks if "bits used" in text]
    assert [text for text in other.remarks if "bits used" in text] == unused
    assert bool(unused) == (brightest == 600)
    crop = Region(100.0, 80.0, 300.0, 280.0)
    image = Image(side=40, decode="reduced")
    some = decode_file("a", data, image, Facing(), crop)
    squares = [stored_form(found, crop, image).astype(int) for found in (one, some)]
    assert np.abs(squares[0] - squares[1]).mean() < 3


def test_films_that_use_all_bits_are_decoded_smaller():
    assert decode_dicom(coded_film(grained()), wanted=WHOLE).step == (4, 4)
    some = decode_dicom(coded_film(grained() >> 3), wanted=WHOLE)
    assert some.step == (1, 1)
    assert some.remarks == ("no window, and 10 of 12 bits used: those are shown",)
    window = {"WindowCenter": "200", "WindowWidth": "500"}
    assert decode_dicom(coded_film(grained() >> 3, **window), wanted=WHOLE).step == (4, 4)


@pytest.mark.parametrize(
    "elements",
    [
        {"PixelPaddingValue": 0},
        {"HighBit": 15},
    ],
)
def test_films_that_need_all_their_pixels(elements):
    coded = coded_picture(pydicom.dcmread(io.BytesIO(coded_film(grained()))).PixelData)
    data = wrapped(grained(), LOSSLESS, encapsulate([coded]), BitsStored=12, **elements)
    found = decode_dicom(data, wanted=WHOLE)
    assert (found.step, found.remarks) == ((1, 1), ())
    np.testing.assert_array_equal(found.pixels, decode_dicom(data).pixels)


def test_signed_values_in_an_unsigned_codestream_need_all_their_pixels():
    """They wrap round from -1 to the largest, and an average of the two is neither."""
    values = (grained().astype(np.int32) - 2048).astype(np.int16)
    coded = bytes(
        encode_array(
            (values & 0xFFF).astype(np.uint16),
            bits_stored=12,
            photometric_interpretation=2,
            codec_format=0,
        )
    )
    data = wrapped(values, LOSSLESS, encapsulate([coded]), BitsStored=12)
    found = decode_dicom(data, wanted=WHOLE)
    np.testing.assert_array_equal(found.pixels, decode_dicom(film(values, BitsStored=12)).pixels)
    assert found.step == (1, 1)


def test_other_syntaxes_and_colour_are_decoded_whole():
    colour = np.stack([grained(bits=8, seed=k).astype(np.uint8) for k in range(3)], axis=-1)
    for data in (film(grained(), BitsStored=12), compressed(film(colour), LOSSLESS)):
        assert decode_dicom(data, wanted=WHOLE).pixels.shape[:2] == SHAPE


def test_what_cannot_be_halved_so_often_is_halved_less(monkeypatch):
    data = coded_film(grained())
    coded = coded_picture(pydicom.dcmread(io.BytesIO(data)).PixelData)
    assert levels_in(coded) >= 2
    monkeypatch.setattr(codecs, "levels_in", lambda _: 1)
    assert decode_dicom(data, wanted=Wanted(8, "letterbox")).step == (2, 2)

    def fails(*_):
        raise OSError("no")

    monkeypatch.setattr(codecs, "decode_halved", fails)
    found = decode_dicom(data, wanted=Wanted(8, "letterbox"))
    np.testing.assert_array_equal(found.pixels, decode_dicom(data).pixels)


def test_ingest_counts_films_that_were_decoded_smaller(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    files = {"a": coded_film(grained()), "b": film(scene((300, 200)), BitsStored=12)}
    for name, data in files.items():
        (raw / name).write_bytes(data)
    cases = pa.table({"case": list(files), "file_image": list(files)})
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    image = Image(side=48, decode="reduced")
    done = ingest(cases, raw, image, tmp_path / "store", manifest=hashes, workers=1)
    assert done["remarks"] == {HALVED: 1}
    index = Store(tmp_path / "store").index.to_pylist()
    assert [(row["rows"], row["columns"]) for row in index] == [SHAPE, (300, 200)]
    assert [(row["x1"], row["y1"]) for row in index] == [(330, 401), (200, 300)]
    whole, _ = prepare(decode_dicom(files["a"]).pixels, image)
    stored = Store(tmp_path / "store").pixels([0])[0]
    assert np.abs(stored.astype(int) - whole).max() <= 4
