"""Every kind of picture file is read the right way up, or refused with a reason."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radpipe.core.errors import DataError
from radpipe.imaging import read
from radpipe.imaging.read import decode, pixel_hash, read_image
from radpipe.imaging.resize import to_channels

RAMP = (np.arange(8 * 12, dtype=np.uint8) * 2).reshape(8, 12)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(columns: int, rows: int) -> bytes:
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    data = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + data + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP"])
def test_grey_is_kept_exactly(form: str) -> None:
    picture = decode(encoded(Image.fromarray(RAMP), form))
    assert picture.bits == 8
    assert picture.mode == "L"
    np.testing.assert_array_equal(picture.pixels, RAMP)


def test_jpeg_is_read_nearly() -> None:
    smooth = np.tile(np.linspace(40, 200, 32, dtype=np.uint8), (16, 1))
    picture = decode(encoded(Image.fromarray(smooth), "JPEG", quality=95))
    assert np.abs(picture.pixels.astype(int) - smooth).max() <= 3


@pytest.mark.parametrize(
    "name", ["mislabelled.jpg", "two words 'quoted' \"x\".png", "Übergröße.png"]
)
def test_the_name_does_not_matter(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(encoded(Image.fromarray(RAMP)))
    np.testing.assert_array_equal(read_image(tmp_path / name).pixels, RAMP)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_is_kept(form: str) -> None:
    deep = RAMP.astype(np.uint16) * 321
    picture = decode(encoded(Image.fromarray(deep), form))
    assert (picture.pixels.dtype, picture.bits) == (np.uint16, 16)
    np.testing.assert_array_equal(picture.pixels, deep)


def test_16_bit_grey_of_a_transparent_value_is_black() -> None:
    deep = RAMP.astype(np.uint16) * 300
    data = encoded(Image.fromarray(deep))
    place = data.index(b"IDAT") - 4
    clear = png_chunk(b"tRNS", struct.pack(">H", 1200))
    picture = decode(data[:place] + clear + data[place:])
    np.testing.assert_array_equal(picture.pixels, np.where(deep == 1200, 0, deep))


def test_32_bit_integers_are_kept_if_they_fit() -> None:
    wide = RAMP.astype(np.int32) * 300
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(wide), "TIFF")).pixels, wide)
    with pytest.raises(DataError, match="32-bit pixels beyond"):
        decode(encoded(Image.fromarray(wide - 1), "TIFF"))


def test_floating_point_is_refused() -> None:
    with pytest.raises(DataError, match="kind 'F'"):
        decode(encoded(Image.fromarray(RAMP.astype(np.float32)), "TIFF"))


def test_one_bit_becomes_black_and_white() -> None:
    picture = decode(encoded(Image.fromarray(RAMP > 90)))
    np.testing.assert_array_equal(picture.pixels, np.where(RAMP > 90, 255, 0))
    assert picture.mode == "1"


def test_palette_becomes_rgb() -> None:
    image = Image.fromarray((RAMP % 2).astype(np.uint8) + (RAMP > 90)).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    picture = decode(encoded(image))
    assert picture.mode == "P"
    np.testing.assert_array_equal(picture.pixels[0, 0], [10, 20, 30])
    np.testing.assert_array_equal(picture.pixels[-1, -1], [200, 100, 50])


def test_palette_with_transparent_entry_is_laid_on_black() -> None:
    image = Image.fromarray((RAMP > 90).astype(np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    picture = decode(encoded(image, transparency=1))
    np.testing.assert_array_equal(picture.pixels[0, 0], [10, 20, 30])
    np.testing.assert_array_equal(picture.pixels[-1, -1], [0, 0, 0])


def test_alpha_is_laid_on_black() -> None:
    # By hand: 200 * 128 / 255 = 100.39 and 51 * 128 / 255 = 25.6.
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:] = (200, 51, 0, 128)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(rgba))).pixels[3, 3], [100, 26, 0])
    np.testing.assert_array_equal(
        decode(encoded(Image.fromarray(rgba[..., [0, 3]]))).pixels, np.full((8, 8), 100)
    )


def test_transparent_grey_is_laid_on_black() -> None:
    picture = decode(encoded(Image.fromarray(RAMP), transparency=10))
    np.testing.assert_array_equal(picture.pixels, np.where(RAMP == 10, 0, RAMP))


def test_cmyk_becomes_rgb() -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for form in ("JPEG", "TIFF"):
        picture = decode(encoded(image, form))
        assert picture.mode == "CMYK"
        np.testing.assert_allclose(picture.pixels[8, 8], [255, 0, 0], atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_exif_rotation_is_applied(orientation: int, form: str) -> None:
    # The camera's picture, built by doing the opposite of what each value asks for.
    right = np.zeros((16, 24), np.uint8)
    right[:8, :8] = 250  # one bright corner and one grey one tell all eight apart
    right[:8, 16:] = 120
    stored = {
        1: right,
        2: right[:, ::-1],
        3: right[::-1, ::-1],
        4: right[::-1],
        5: right.T,
        6: np.rot90(right),
        7: right[::-1, ::-1].T,
        8: np.rot90(right, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif.tobytes())
    picture = decode(data)
    assert picture.pixels.flags.c_contiguous
    np.testing.assert_allclose(picture.pixels, right, atol=4)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    "body", [b"garbage", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x02\x01\x12"]
)
def test_unreadable_exif_says_nothing(form: str, body: bytes) -> None:
    data = encoded(Image.fromarray(RAMP), form, exif=b"Exif\0\0" + body)
    assert decode(data).pixels.shape == RAMP.shape


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"empty file \(0 bytes\)"),
        (b"%PDF-1.7\n%rest", "is a PDF, not a PNG"),
        (b"GIF89a" + b"\0" * 20, "broken or truncated|is not a PNG"),
        (b"RIFF\x10\0\0\0WAVE" + b"\0" * 20, "is a RIFF file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "is a JPEG 2000 file"),
        (b"PK\x03\x04" + b"\0" * 20, "is a zip archive"),
        (b"  <!doctype html><p>Not found", "is a text or web page"),
        (b"\0" * 128 + b"DICM" + b"\0" * 20, "is DICOM"),
        (b"noise", "is not a PNG, JPEG, TIFF, BMP, WebP or GIF picture"),
        (bomb(60_000, 60_000), "more than 80 million pixels"),
        (bomb(10_000, 9_500), "more than 80 million pixels"),
        (bomb(9_000, 9_000), "more than 80 million pixels"),
        (bomb(100, 100), "broken or truncated"),
        (encoded(Image.fromarray(RAMP[:, :4])), r"smaller than 8 pixels \(4x8\)"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.9])
def test_truncated_files_are_refused(form: str, share: float) -> None:
    rng = np.random.default_rng(0)
    data = encoded(Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)), form)
    with pytest.raises(DataError):
        decode(data[: int(share * len(data))])


def test_a_tiff_whose_second_picture_has_no_size_is_refused() -> None:
    """Pillow raises a TypeError while it counts them: a width's tag (256) has become another."""
    stream, grey = io.BytesIO(), Image.fromarray(np.zeros((16, 16), np.uint8))
    grey.save(stream, "TIFF", save_all=True, append_images=[grey])
    first, tag, last = stream.getvalue().rpartition(b"\x00\x01\x04\x00")
    assert tag
    with pytest.raises(DataError, match=r"broken or truncated \(Missing dimensions\)"):
        decode(first + b"\xfe\x00\x04\x00" + last)


def test_several_pictures_in_a_file_are_refused() -> None:
    pages = [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())]
    for form in ("TIFF", "PNG", "GIF", "WEBP"):
        data = encoded(pages[0], form, save_all=True, append_images=pages[1:])
        with pytest.raises(DataError, match="holds 2 pictures"):
            decode(data)


@pytest.mark.parametrize(("form", "options"), [("GIF", {}), ("WEBP", {"lossless": True})])
def test_webp_and_gif_of_one_picture_are_kept_exactly(form: str, options: dict[str, bool]) -> None:
    picture = decode(encoded(Image.fromarray(RAMP), form, **options))
    grey = to_channels(picture.pixels, "grey")
    np.testing.assert_array_equal(grey, RAMP)
    assert picture.bits == 8


def test_transparent_gif_and_webp_are_laid_on_black() -> None:
    image = Image.fromarray((RAMP > 90).astype(np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    pixels = decode(encoded(image, "GIF", transparency=1)).pixels
    np.testing.assert_array_equal(pixels[[0, -1], [0, -1]], [[10, 20, 30], [0, 0, 0]])
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:] = (200, 51, 0, 128)
    pixels = decode(encoded(Image.fromarray(rgba), "WEBP", lossless=True, exact=True)).pixels
    np.testing.assert_array_equal(pixels[3, 3], [100, 26, 0])


@pytest.mark.parametrize("shape", [(8, 12, 2), (8, 12, 3)])
def test_deep_colour_or_transparency_that_would_lose_its_levels_is_refused(
    shape: tuple[int, ...],
) -> None:
    """A PNG of 16-bit grey with alpha, or colour, by hand; Pillow reads the upper 8 bits."""
    kind = {2: 4, 3: 2}[shape[-1]]
    rng = np.random.default_rng(0)

    def png(top: int) -> bytes:
        deep = rng.integers(0, top, shape, dtype=np.uint16)
        if kind == 4:
            deep[..., 1] = 65535
        lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
        header = struct.pack(">IIBBBBB", shape[1], shape[0], 16, kind, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)

    assert decode(png(65536)).bits == 8
    with pytest.raises(DataError, match=r"upper 8 bits can be read, .*half empty \(save it as"):
        decode(png(4096))


def test_of_a_camera_s_mpo_the_first_picture_counts() -> None:
    first = Image.fromarray(np.full((16, 16), 90, np.uint8))
    second = Image.fromarray(np.full((16, 16), 10, np.uint8))
    picture = decode(encoded(first, "MPO", save_all=True, append_images=[second]))
    np.testing.assert_allclose(picture.pixels, 90, atol=2)


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing"):
        read_image(tmp_path / "none.png")
    with pytest.raises(DataError, match="cannot be opened"):
        read_image(tmp_path)


def test_pixel_hash_knows_pixels_shape_and_depth_and_nothing_else() -> None:
    grey = decode(encoded(Image.fromarray(RAMP), "PNG")).pixels
    again = decode(encoded(Image.fromarray(RAMP), "TIFF")).pixels
    assert pixel_hash(grey) == pixel_hash(again)
    others = [RAMP.reshape(12, 8), RAMP.astype(np.uint16), RAMP + 1, RAMP.T]
    assert len({pixel_hash(one) for one in [grey, *others]}) == 5


def test_the_limit_on_pixels_comes_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_PIXELS", 95)
    broken_body = bomb(12, 8)
    with pytest.raises(DataError, match="million pixels"):
        decode(broken_body)
