"""Picture files in (PNG, JPEG, TIFF, BMP, WebP, GIF), upright arrays out; refusals have reasons.

What a file is decides its content, never its name: a PNG named `.jpg` is read, a PDF named
`.png` is refused. Pixels are counted before anything is decoded, so that a small file
cannot claim all memory. Of 16-bit colour, and of grey with transparency, which Pillow does not
keep, the upper 8 bits are read, if they are used; 16-bit grey stays as it is.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from radpipe.core.errors import DataError
from radpipe.imaging.tiff import kind_of, white_of, with_black_zero

# uint8 or uint16; NumPy's types cannot say "either, and the same comes out".
Array = NDArray[Any]

# A side of the patient, and what a film can show.
Side: TypeAlias = Literal["R", "L"]
Shown: TypeAlias = Literal["R", "L", "B"]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
KINDS = "PNG, JPEG, TIFF, BMP, WebP or GIF picture"
# The largest detectors give 20 million pixels; Pillow itself warns from 89 million.
MAX_PIXELS = 80_000_000
MIN_SIDE = 8
# Half of 0..255: the highest of 8 bits.
HALF_BYTE = 128
ORIENTATION = 0x0112  # EXIF 2.32, section 4.6.4
# How other files begin, for a reason that helps more than "unknown".
SIGNATURES = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<", "a text or web page"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"RIFF", "a RIFF file"),
    (b"MM\0+", "a big-endian BigTIFF"),
    (b"II+\0", "a BigTIFF of a kind that is not understood"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 file"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
)
# All that Pillow is known to raise on broken files; anything else is a bug of ours.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes
    ----------
    pixels
        (rows, columns) or (rows, columns, 3), uint8 or uint16, upright.
    mode
        How the file kept them, in Pillow's words: "L", "RGB", "I;16", "P", "CMYK", ...

    """

    pixels: Array
    mode: str

    @property
    def bits(self) -> int:
        """Bits per channel, 8 or 16."""
        return self.pixels.dtype.itemsize * 8

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns in which regions of it are given."""
        rows, columns = self.pixels.shape[:2]
        return rows, columns

    @property
    def slices(self) -> Array:
        """The picture as a volume of one slice, (1, rows, columns) or (1, rows, columns, 3)."""
        return self.pixels[None]


def read_image(path: Path) -> Picture:
    """Read one picture file; see `decode` for what is accepted.

    Raises
    ------
    DataError
        The file cannot be read, with a short reason.

    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError("missing") from None
    except OSError as error:
        raise DataError(f"cannot be opened ({error.strerror})") from error
    return decode(data)


def decode(data: bytes, channels: Literal["grey", "colour"] = "colour") -> Picture:
    """Decode the bytes of one picture file.

    Palettes and CMYK become RGB, 1-bit becomes 0 and 255, transparent pixels are laid on
    black, grey whose zero is white is turned, and the rotation noted by a camera (EXIF) is applied.

    Parameters
    ----------
    data
        A whole PNG, JPEG, TIFF, BMP, WebP or GIF file of one picture.
    channels
        "grey" lets RGB of 8 bits become its luma while it is with Pillow; see `to_channels`.

    Returns
    -------
    Picture
        At least `MIN_SIDE` pixels on each side, at most `MAX_PIXELS` in all.

    Raises
    ------
    DataError
        A short reason without a file name; it goes into `rejected.csv`.

    """
    if not data:
        raise DataError("empty file (0 bytes)")
    with _strict():
        try:
            shown, white = with_black_zero(data)
            with Image.open(io.BytesIO(shown), formats=FORMATS) as image:
                _check_header(image)
                mode, deep = image.mode, _is_deep(image)
                white = white_of(getattr(image, "tag_v2", {})) if white is None else white
                image.load()
                plain = image.mode == "RGB" and "transparency" not in image.info and not deep
                seen = image.convert("L") if plain and channels == "grey" else image
                pixels = _upright(_pixels(seen), _orientation(image))
        except UnidentifiedImageError:
            raise DataError(_foreign(data)) from None
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise DataError(f"more than {MAX_PIXELS // 10**6} million pixels") from None
        except BROKEN as error:
            raise DataError(f"broken or truncated ({_short(error)})") from error
    if deep and pixels.dtype == np.uint8 and pixels.max() < HALF_BYTE:
        raise DataError(
            "16-bit colour or transparency, of which the upper 8 bits can be read, and they are"
            " half empty (save it as 16-bit grey or 8-bit colour)"
        )
    if white is not None:
        pixels = np.uint16(white) - pixels
    return Picture(pixels=np.ascontiguousarray(pixels), mode=mode)


def pixel_hash(pixels: Array) -> str:
    """Return the XXH3 hash of decoded pixels, their shape and depth: 128 bits as hexadecimal.

    Two files with equal pixels have equal hashes, however they are compressed or named; a
    picture never has that of a volume. It tells equal from unequal, fifteen times as fast as
    SHA-256, and proves nothing against somebody who wants two pictures to have one hash.
    """
    digest = xxhash.xxh3_128(f"{pixels.dtype.name} {pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


@contextmanager
def _strict() -> Iterator[None]:
    # Pillow only warns of a bomb; its other warnings (odd EXIF and the like) do not
    # concern the pixels and must not stop a run that treats warnings as errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _check_header(image: Image.Image) -> None:
    """Refuse by what the header says, before any pixel is decoded."""
    columns, rows = image.size
    if rows * columns > MAX_PIXELS:
        raise DataError(f"more than {MAX_PIXELS // 10**6} million pixels")
    if min(rows, columns) < MIN_SIDE:
        raise DataError(f"smaller than {MIN_SIDE} pixels ({columns}x{rows})")
    frames = getattr(image, "n_frames", 1)
    # A camera's MPO is a JPEG followed by smaller versions of itself: the first one counts.
    if frames > 1 and image.format != "MPO":
        moving = " (animated)" if image.format in ("GIF", "WEBP") else ""
        raise DataError(f"holds {frames} pictures, expected one{moving}")


def _is_deep(image: Image.Image) -> bool:
    """Tell whether the file keeps 16 bits, asked before loading."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", []))


def _pixels(image: Image.Image) -> Array:
    """Turn any mode that is understood into grey or RGB."""
    mode = image.mode
    if mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16)
        clear = image.info.get("transparency")
        return np.where(deep == clear, np.uint16(0), deep) if isinstance(clear, int) else deep
    if mode == "I":
        return _narrow(np.asarray(image))
    if "transparency" in image.info and mode in ("1", "L", "P", "RGB"):
        image = image.convert("LA" if mode in ("1", "L") else "RGBA")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        grey = image.mode in ("LA", "La")
        return _on_black(np.asarray(image.convert("LA" if grey else "RGBA")))
    if image.mode in ("L", "RGB"):
        return np.asarray(image)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode in ("P", "CMYK", "YCbCr", "RGBX"):
        return np.asarray(image.convert("RGB"))
    raise DataError(f"pixels of kind {mode!r} are not understood")


def _narrow(wide: NDArray[np.int32]) -> NDArray[np.uint16]:
    if wide.min() < 0 or wide.max() > np.iinfo(np.uint16).max:
        raise DataError("signed or 32-bit pixels beyond 0..65535")
    return wide.astype(np.uint16)


def _on_black(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Weight each channel with alpha: what lies behind is black."""
    alpha = pixels[..., -1:].astype(np.uint16)
    solid = ((pixels[..., :-1] * alpha + 127) // 255).astype(np.uint8)
    return solid[..., 0] if solid.shape[-1] == 1 else solid


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8; asked after loading, since TIFF applies its own."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except BROKEN:
        return 1  # EXIF that cannot be parsed says nothing
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(pixels: Array, orientation: int) -> Array:
    """Undo an EXIF orientation: 5..8 swap rows and columns, the rest mirror or turn."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _foreign(data: bytes) -> str:
    """Say what a file is that is no picture."""
    if kind := kind_of(data):
        return f"is a TIFF of a kind that is not understood ({kind})"
    start = data[:512].lstrip()
    for signature, name in SIGNATURES:
        if start.startswith(signature):
            return f"is {name}, not a {KINDS}"
    if data[128:132] == b"DICM":
        return f"is DICOM, not a {KINDS}"
    return f"is not a {KINDS}"


def _short(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:80] if lines else type(error).__name__
