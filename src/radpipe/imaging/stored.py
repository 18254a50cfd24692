"""From the bytes of one file to the squares that a store holds of it.

The step `ingest` and a predictor outside any project both come this way, so that the same file
gives the same pixels.
"""

from collections.abc import Iterator

import numpy as np

from radpipe.core.settings import Image
from radpipe.imaging.dicom.levels import Wanted
from radpipe.imaging.dicom.read import DicomFilm, decode_dicom, is_dicom
from radpipe.imaging.read import Array, Picture, decode
from radpipe.imaging.regions import Facing, Region, cut, region_of
from radpipe.imaging.resize import Box, prepare
from radpipe.imaging.volumes import Volume, decode_volume, is_volume


def decode_file(
    name: str, data: bytes, image: Image, facing: Facing, region: Region | None = None
) -> Picture | Volume:
    """Decode a picture, a DICOM film or a volume.

    Parameters
    ----------
    name
        Of the file; only its ending counts, and only to tell pictures from volumes.
    data
        All of the file.
    image
        Says what is done about DICOM films that break the standard, whether JPEG 2000 is decoded
        at no larger a size than is needed, and whether colour is.
    facing, region
        The side or the part of a film that is needed.

    Raises
    ------
    DataError
        A short reason without a file name.

    """
    if is_dicom(data):
        wanted = Wanted(image.side, image.resize, facing, region)
        return decode_dicom(data, image.dicom, wanted=wanted if image.decode == "reduced" else None)
    return decode_volume(data) if is_volume(name, data) else decode(data, image.channels)


def region_shown(found: Picture | Volume, facing: Facing) -> Region:
    """Return the part of a file that shows its case; of a volume, all.

    Raises
    ------
    DataError
        The file says that it shows the other side only.

    """
    if isinstance(found, DicomFilm):
        return region_of(found.grid, facing, shows=found.shows, toward=found.columns_go or "L")
    if isinstance(found, Volume):
        return region_of(found.pixels.shape[1:], Facing())
    return region_of(found.grid, facing)


def slices_shown(found: Picture | Volume, region: Region) -> tuple[Array, Box | None]:
    """Return the slices of a region, (slices, rows, columns, ...), and its box in them."""
    if isinstance(found, Volume):
        return found.slices, None
    if isinstance(found, DicomFilm):
        region = region.seen_at(found.step, found.origin)
    pixels, box = cut(found.pixels, region)
    return np.ascontiguousarray(pixels)[None], box


def stored_squares(slices: Array, box: Box | None, image: Image) -> Iterator[tuple[Array, Array]]:
    """Yield the stored square of each slice, and the same without borders; see `prepare`.

    Slices (slices, rows, columns) or (slices, rows, columns, 3), uint8 or uint16, give squares
    (size, size, 1 or 3).
    """
    for pixels in slices:
        yield prepare(pixels, image, box=box)


def stored_form(found: Picture | Volume, region: Region, image: Image) -> Array:
    """Return what a store holds of a file: (slices, side, side, 1 or 3), uint8 or uint16.

    Parameters
    ----------
    found, region
        The decoded file, and the part of it that is wanted.
    image
        Side, way of resizing, channels and bits of the store.

    """
    slices, box = slices_shown(found, region)
    return np.stack([square for square, _ in stored_squares(slices, box, image)])
