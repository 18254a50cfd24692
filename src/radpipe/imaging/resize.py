"""Pictures of any shape made square, in the depth and channels that a study asks for."""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radpipe.core import settings
from radpipe.imaging.read import Array

How = Literal["letterbox", "squash", "crop"]
# (x0, y0, x1, y1) in pixels.
Box: TypeAlias = tuple[float, float, float, float]

# A picture at least twice this much too large is first averaged over whole blocks, down to
# this much too large: half the time, and on chest films 0.2 % of full scale apart on average.
REDUCING_GAP = 2.0
# Pixels of a block whose sum fits into 32 bits, however bright they are.
MAX_BLOCK = 2**16


def prepare(pixels: Array, image: settings.Image, *, box: Box | None = None) -> tuple[Array, Array]:
    """Bring a picture into the form of the store.

    Parameters
    ----------
    pixels
        (rows, columns) or (rows, columns, 3), uint8 or uint16.
    image
        Size, way of resizing, channels and bits.
    box
        (x0, y0, x1, y1) of what is wanted, in pixels with fractions; None: everything.

    Returns
    -------
    square
        (size, size, 1 or 3) in uint8 or uint16.
    content
        The same without letterbox borders, (rows, columns, 1 or 3).

    """
    seen = to_channels(pixels, image.channels)
    content = to_bits(scale(seen, size=image.side, how=image.resize, box=box), image.bits)
    if content.ndim == 2:
        content = content[..., None]
    return pad(content, size=image.side), content


def fit(pixels: Array, *, size: int, how: How) -> Array:
    """Make a picture square.

    Parameters
    ----------
    pixels
        (rows, columns) or (rows, columns, 3), uint8 or uint16.
    size
        Side of the result, pixels.
    how
        "letterbox" keeps the shape and pads with black, "squash" changes the shape, "crop"
        keeps the centre square.

    Returns
    -------
    ndarray
        (size, size) or (size, size, 3) in the type of `pixels`.

    """
    return pad(scale(pixels, size=size, how=how), size=size)


def scale(pixels: Array, *, size: int, how: How, box: Box | None = None) -> Array:
    """Resize without padding: the letterbox's content, or the whole square.

    The filter is a triangle as wide as two source pixels per pixel of the result (linear
    interpolation when enlarging), so that fine detail fades instead of turning into moiré;
    it is what torchvision calls bilinear with antialiasing. Sides at least four times too
    long are halved (or thirded, ...) by plain averaging before.

    Parameters
    ----------
    pixels
        (rows, columns) or (rows, columns, 3), uint8 or uint16.
    size, how
        As for `fit`.
    box
        As for `prepare`.

    Returns
    -------
    ndarray
        In the type of `pixels`: (size, size) or (size, size, 3); of a letterbox only the longer
        side is `size`.

    """
    x0, y0, x1, y1 = box = box or (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
    rows, columns = y1 - y0, x1 - x0
    new = (size, size)
    if how == "letterbox":
        factor = size / max(rows, columns)
        new = (max(1, round(rows * factor)), max(1, round(columns * factor)))
    elif how == "crop":
        side = min(rows, columns)
        left, top = x0 + (columns - side) / 2, y0 + (rows - side) / 2
        box = (left, top, left + side, top + side)
    if pixels.dtype == np.uint8:
        return _resample(pixels, new, box)
    channels = pixels[..., None] if pixels.ndim == 2 else pixels
    planes = [resample_deep(channels[..., k], new, box) for k in range(channels.shape[-1])]
    exact = np.stack(planes, axis=-1) if pixels.ndim == 3 else planes[0]
    return _rounded(exact)


def pad(content: Array, *, size: int) -> Array:
    """Centre a picture on a black square; an odd pixel goes to the bottom or right.

    (rows, columns) becomes (size, size), (rows, columns, channels) becomes
    (size, size, channels), in the same type; no side may be longer than `size`.
    """
    rows, columns = content.shape[:2]
    if (rows, columns) == (size, size):
        return content
    square = np.zeros((size, size, *content.shape[2:]), dtype=content.dtype)
    top, left = (size - rows) // 2, (size - columns) // 2
    square[top : top + rows, left : left + columns] = content
    return square


def to_bits(pixels: Array, bits: int) -> Array:
    """Change the depth so that full scale stays full scale: 65535 and 255 are the same grey.

    From uint8 or uint16 of any shape to the same shape in 8 or 16 bits.

    Each picture is treated alike, whatever its darkest and brightest pixel, so intensities
    stay comparable. A detector that fills only 12 of 16 bits keeps 17 grey levels in 8 bits;
    `ingest` refuses that, and `bits: 16` keeps all.
    """
    if pixels.dtype.itemsize * 8 == bits:
        return pixels
    if bits == 16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def to_channels(pixels: Array, channels: Literal["grey", "colour"]) -> Array:
    """Return (rows, columns) grey or (rows, columns, 3) colour.

    Grey is the luma of ITU-R BT.601-7, 0.299 R + 0.587 G + 0.114 B.
    """
    if channels == "colour":
        return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=-1)
    if pixels.ndim == 2:
        return pixels
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(pixels).convert("L"))
    return _rounded(pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def _rounded(exact: NDArray[Any]) -> NDArray[np.uint16]:
    rounded: NDArray[np.uint16] = np.clip(np.rint(exact), 0, 65535).astype(np.uint16)
    return rounded


def _resample(
    plane: NDArray[Any],
    shape: tuple[int, int],
    box: Box,
) -> NDArray[Any]:
    image = Image.fromarray(np.ascontiguousarray(plane))
    done = image.resize(
        (shape[1], shape[0]), Image.Resampling.BILINEAR, box=box, reducing_gap=REDUCING_GAP
    )
    return np.asarray(done)


def resample_deep(
    plane: NDArray[np.uint16], shape: tuple[int, int], box: Box
) -> NDArray[np.float32]:
    """Resample a plane of 16 bits as floating point.

    Blocks of a whole picture are averaged as integers: the same bits as Pillow gives, without
    two copies of the picture in floating point.

    Parameters
    ----------
    plane
        (rows, columns).
    shape
        (rows, columns) of the result.
    box
        (x0, y0, x1, y1) of what is wanted, in pixels with fractions.

    """
    rows, columns = plane.shape
    down = max(1, int(rows / shape[0] / REDUCING_GAP))
    across = max(1, int(columns / shape[1] / REDUCING_GAP))
    whole = box == (0.0, 0.0, float(columns), float(rows))
    if not whole or not 1 < down * across <= MAX_BLOCK:
        return _resample(plane.astype(np.float32), shape, box)
    image = Image.fromarray(block_means(plane, down, across))
    seen = (0.0, 0.0, columns / across, rows / down)
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR, box=seen))


def squared(shape: tuple[int, int], row_to_column: float) -> tuple[int, int]:
    """Return the rows and columns that `with_square_pixels` gives."""
    rows, columns = shape
    return max(rows, round(rows * row_to_column)), max(columns, round(columns / row_to_column))


def with_square_pixels(pixels: Array, row_to_column: float) -> Array:
    """Enlarge a picture along the longer side of its pixels, so that discs are round.

    Parameters
    ----------
    pixels
        (rows, columns) or (rows, columns, 3), uint8 or uint16.
    row_to_column
        How many times as far apart rows are as columns.

    Returns
    -------
    ndarray
        In the type of `pixels`, with more rows or more columns.

    """
    rows, columns = pixels.shape[:2]
    shape = squared((rows, columns), row_to_column)
    box = (0.0, 0.0, float(columns), float(rows))
    if pixels.dtype == np.uint8:
        return _resample(pixels, shape, box)
    if pixels.ndim == 2:
        return _rounded(resample_deep(pixels, shape, box))
    planes = [resample_deep(pixels[..., k], shape, box) for k in range(pixels.shape[-1])]
    return _rounded(np.stack(planes, axis=-1))


def block_means(plane: NDArray[np.uint16], down: int, across: int) -> NDArray[np.float32]:
    """Average whole blocks of a plane; those at its lower and right edge may be smaller.

    Parameters
    ----------
    plane
        (rows, columns).
    down, across
        Rows and columns of a block, at most `MAX_BLOCK` pixels together.

    Returns
    -------
    ndarray
        (ceil(rows / down), ceil(columns / across)).

    """
    rows, columns = plane.shape
    full, rest = divmod(rows, down)
    strips = np.empty((full + (rest > 0), columns), np.uint32)
    blocks = plane[: full * down].reshape(full, down, columns)
    np.sum(blocks, axis=1, dtype=np.uint32, out=strips[:full])
    if rest:
        np.sum(plane[full * down :], axis=0, dtype=np.uint32, out=strips[full])
    sums = np.zeros((len(strips), -(-columns // across)), np.uint32)
    for k in range(across):
        part = strips[:, k::across]
        sums[:, : part.shape[1]] += part
    high = np.minimum(down, rows - np.arange(0, rows, down))
    wide = np.minimum(across, columns - np.arange(0, columns, across))
    # Pillow multiplies by the inverse, which differs from a division in the last bit.
    means: NDArray[np.float32] = (sums * (1.0 / (high[:, None] * wide))).astype(np.float32)
    return means
