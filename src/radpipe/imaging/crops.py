"""Squares around joints, cut from the raw pixels and packed into a store of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import Image
from radpipe.imaging.boxes import Boxes
from radpipe.imaging.ingest import Packed, Rejected, pack
from radpipe.imaging.regions import Region
from radpipe.imaging.store import Store
from radpipe.imaging.worker import Task


class CropForm(Protocol):
    """What decides the form of crops; `core.settings.Localize` fits."""

    @property
    def side(self) -> int:
        """Side of the stored square, pixels."""

    @property
    def extent_mm(self) -> float:
        """Side of the square around the joint, mm."""

    @property
    def extent(self) -> float:
        """The same where the spacing is unknown, times the box's longer side."""


def regions_of(store: Store) -> list[Region]:
    """Return the part of its file that each row of a store shows."""
    columns = [store.index[name].to_pylist() for name in ("x0", "y0", "x1", "y1", "mirrored")]
    return [Region(*values) for values in zip(*columns, strict=True)]


def spacing_of(store: Store) -> NDArray[np.float64]:
    """Return the distance of columns and of rows of each row's file, (n, 2) mm; NaN unknown."""
    columns = [store.index[name].to_numpy() for name in ("column_mm", "row_mm")]
    return np.stack(columns, axis=1).astype(np.float64)


def stretch_of(store: Store) -> NDArray[np.float64]:
    """Return what takes boxes from each row's file to where its pixels are square, (n, 4)."""
    columns = [store.index[f"stretch_{axis}"].to_numpy() for axis in ("x", "y")]
    return np.stack(columns * 2, axis=1).astype(np.float64)


def squares_around(
    boxes: Boxes, spacing: NDArray[np.float64], mirrored: Sequence[bool], how: CropForm
) -> list[Region]:
    """Return the square around each box that a crop shows.

    Parameters
    ----------
    boxes
        (n, 4) in pixels of the files.
    spacing
        (n, 2) distance of columns and of rows, mm; NaN where unknown.
    mirrored
        Whether a crop is turned round.
    how
        `extent_mm` is the square's side where the spacing is known, so that a millimetre has the
        same length in every crop, whatever the film; else `extent` times the box's longer side.

    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    known = np.isfinite(spacing).all(axis=1, keepdims=True)
    mm = np.where(known, spacing, 1.0)
    half = np.where(known, how.extent_mm / mm, how.extent * longer) / 2
    corners = np.concatenate([centre - half, centre + half], axis=1).tolist()
    squares = []
    for (x0, y0, x1, y1), turned in zip(corners, mirrored, strict=True):
        squares.append(Region(x0, y0, x1, y1, turned))
    return squares


def crop_image(image: Image, how: CropForm) -> Image:
    """Return the form of the crops of a study's pictures."""
    return image.model_copy(update={"side": how.side, "resize": "squash"})


def cut_crops(
    store: Store,
    squares: Sequence[Region],
    *,
    raw: Path,
    image: Image,
    out: Path,
    workers: int,
    unsure: dict[int, str],
) -> Packed:
    """Make the store of crops.

    Parameters
    ----------
    store
        The study's own, which tells the files.
    squares
        What each of its n rows is cut to.
    raw
        Folder of the files.
    image
        From `crop_image`.
    out
        Folder to make; one that is there is replaced.
    workers
        Number of processes; the store's bytes do not depend on it.
    unsure
        Number of a row to the reason why it gets no crop.

    """
    index = store.index
    names = ("case", "view", "file", "sha256")
    rows = list(zip(*(index[name].to_pylist() for name in names), strict=True))
    tasks = [
        Task(case, view, file, sha256, region=square)
        for k, ((case, view, file, sha256), square) in enumerate(zip(rows, squares, strict=True))
        if k not in unsure
    ]
    set_aside: Rejected = [(rows[k][2], rows[k][0], reason) for k, reason in unsure.items()]
    return pack(tasks, raw, image, out, workers=workers, set_aside=set_aside)
