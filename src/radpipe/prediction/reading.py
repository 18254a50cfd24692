"""Raw cases in, stored squares out, exactly as `ingest` and `localize` make them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import DataError
from radpipe.core.settings import Image
from radpipe.detection.detector import Detector
from radpipe.detection.finding import ARITHMETIC, find_in
from radpipe.imaging.boxes import from_square
from radpipe.imaging.crops import squares_around
from radpipe.imaging.depth import refuse_lost
from radpipe.imaging.dicom.read import DicomFilm
from radpipe.imaging.read import MIN_SIDE, Array, Picture
from radpipe.imaging.regions import Facing, Region
from radpipe.imaging.stored import decode_file, region_shown, stored_form
from radpipe.imaging.volumes import Volume
from radpipe.learning.training.run import arithmetic
from radpipe.prediction.description import Description, Joints
from radpipe.prediction.raw import Raw, RawCase

UNKNOWN = (np.nan, np.nan)
# How the modes of pictures begin that were saved without colours, or with a palette of any kind.
GREY = ("1", "I", "L", "F", "P", "uint")


@dataclass(frozen=True)
class Squares:
    """The stored form of some cases in memory; fits `learning.data.Pixels`.

    Attributes
    ----------
    cases, views
        Names; row `k * len(views) + v` is view v of case k.
    rows
        For each row (slices, side, side, channels), uint8 or uint16.
    image
        Form of the squares.
    volumes
        Whether views may have several slices.
    notes
        Of each case what was unusual about its files, though they could be used; "" if nothing.
    regions, spacings
        Of each row the part of the file's pixels that it shows, and their distance, mm, rows before
        columns, NaN where unknown.

    """

    cases: list[str]
    views: list[str]
    rows: list[Array]
    image: Image
    volumes: bool
    notes: list[str] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    spacings: list[tuple[float, float]] = field(default_factory=list)

    @property
    def bits(self) -> int:
        """Bits of a pixel, 8 or 16."""
        return self.image.bits

    @property
    def channels(self) -> int:
        """Channels of a picture."""
        return 1 if self.image.channels == "grey" else 3

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The row of every view of every case, (cases, views)."""
        shape = (len(self.cases), len(self.views))
        return np.arange(shape[0] * shape[1], dtype=np.int64).reshape(shape)

    def slices(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of slices of rows, of the shape of `rows`."""
        counts = np.array([len(row) for row in self.rows], np.int64)
        found: NDArray[np.int64] = counts[rows]
        return found

    def pixels(self, rows: NDArray[np.int64]) -> Array:
        """Return the slices of rows, (n, side, side, channels), row by row."""
        return np.concatenate([self.rows[row] for row in rows])

    def row_of(self, case: str, view: str = "image") -> int:
        """Return the row of a view of a case."""
        return self.cases.index(case) * len(self.views) + self.views.index(view)


@dataclass(frozen=True)
class _Seen:
    """A decoded file, the part of it that shows the case, and its spacing, rows before columns."""

    raw: Raw
    found: Picture | Volume
    region: Region
    spacing: tuple[float, float]


class Reader:
    """Reads the files of cases; remembers the last one, which both knees of a film share.

    Parameters
    ----------
    what
        Says which form pixels take.
    detector
        Finds joints, if the predictor looks at crops.

    """

    def __init__(self, what: Description, detector: Detector | None) -> None:
        self.what = what
        self.detector = detector
        self._last: tuple[tuple[Path | bytes, Facing], Picture | Volume] | None = None

    @property
    def last(self) -> Picture | Volume | None:
        """The file that was decoded last; None if there was none yet."""
        return None if self._last is None else self._last[1]

    def read(self, cases: Sequence[RawCase]) -> tuple[Squares, dict[int, str]]:
        """Read some cases, at most a batch.

        Returns
        -------
        squares
            Of the cases whose every file could be used.
        problems
            Number of a case, from 0, to the reason why it could not.

        """
        seen, problems = {}, {}
        for number, case in enumerate(cases):
            try:
                seen[number] = [self._see(case, view) for view in self.what.inputs.views]
            except DataError as error:
                problems[number] = str(error)
        if self.what.joints is not None and self.detector is not None:
            unsure = _cut(seen, self.what.joints, self.detector)
            problems |= unsure
            seen = {number: views for number, views in seen.items() if number not in unsure}
        squares = Squares(
            cases=[cases[number].name for number in seen],
            views=self.what.inputs.views,
            rows=[self._square(view) for views in seen.values() for view in views],
            image=self.what.inputs.image,
            volumes=self.what.inputs.volumes,
            notes=[_notes(views, self.what) for views in seen.values()],
            regions=[view.region for views in seen.values() for view in views],
            spacings=[view.spacing for views in seen.values() for view in views],
        )
        return squares, problems

    def _see(self, case: RawCase, view: str) -> _Seen:
        """Decode a view of a case and say which part of it counts."""
        raw = case.views[view]
        facing = Facing(case.side if self.what.inputs.sides else None, case.both)
        found = self._decoded(raw, facing)
        if isinstance(found, Volume) and not self.what.inputs.volumes and len(found.pixels) > 1:
            raise DataError(f"holds {len(found.pixels)} slices, expected a picture of one")
        if not isinstance(found, DicomFilm):
            refuse_lost(found.pixels, self.what.inputs.image)
        region = region_shown(found, facing)
        spacing = found.spacing if isinstance(found, DicomFilm) else case.spacing
        return _Seen(raw, found, region, spacing or UNKNOWN)

    def _decoded(self, raw: Raw, facing: Facing) -> Picture | Volume:
        if isinstance(raw, np.ndarray):
            return self._wrapped(raw)
        joints = self.what.joints
        image = self.what.inputs.image if joints is None else joints.image
        # Both knees of a film are the same pixels, unless no more than one is decoded for.
        source = raw if isinstance(raw, bytes) else Path(raw)
        key = source, facing if image.decode == "reduced" else Facing()
        if self._last is None or self._last[0] != key:
            self._last = key, decode_file(*_file(source), image, facing)
        return self._last[1]

    def _wrapped(self, pixels: Array) -> Picture | Volume:
        """Take an array for what a file would have held."""
        if pixels.dtype not in (np.uint8, np.uint16):
            raise DataError(f"holds {pixels.dtype.name}, expected uint8 or uint16")
        volume = self.what.inputs.volumes and pixels.ndim == 3
        colour = not volume and pixels.ndim == 3 and pixels.shape[2] == 3
        if not volume and not colour and pixels.ndim != 2:
            expected = "slices x rows x columns" if self.what.inputs.volumes else "rows x columns"
            raise DataError(f"has {pixels.ndim} dimensions {pixels.shape}, expected {expected}")
        sides = pixels.shape[1:] if volume else pixels.shape[:2]
        if min(sides) < MIN_SIDE or not len(pixels):
            raise DataError(f"smaller than {MIN_SIDE} pixels {tuple(sides)}")
        whole = np.ascontiguousarray(pixels)
        return Volume(whole) if volume else Picture(whole, mode=whole.dtype.name)

    def _square(self, seen: _Seen) -> Array:
        image, found = self.what.inputs.image, seen.found
        # As for the store of crops: what finding a joint took may be another size than its crop.
        if self.what.joints and image.decode == "reduced" and not isinstance(seen.raw, np.ndarray):
            found = decode_file(*_file(seen.raw), image, Facing(), seen.region)
        return stored_form(found, seen.region, image)


def _notes(views: list[_Seen], what: Description) -> str:
    """Say what the pictures of a case are that those of the model's study were probably not."""
    image, found = what.inputs.image, set()
    for each in (view.found for view in views):
        if isinstance(each, DicomFilm):
            if each.shows == "B" and not what.inputs.sides:
                found.add("shows both sides, and was judged as one picture")
        elif isinstance(each, Picture):
            if image.channels == "grey" and not each.mode.startswith(GREY):
                found.add(f"was saved in colour ({each.mode}), and read as grey")
            if image.bits == 16 and each.pixels.dtype == np.uint8:
                found.add("has 8 bits, and the model looks at 16: a screenshot is no film")
    return "; ".join(sorted(found))


def _cut(seen: dict[int, list[_Seen]], joints: Joints, detector: Detector) -> dict[int, str]:
    """Put the square around the joint into the place of each region; return who has none."""
    if not seen:
        return {}
    firsts = [views[0] for views in seen.values()]
    regions = [each.region for each in firsts]
    halves = np.concatenate([stored_form(e.found, e.region, joints.image) for e in firsts])
    with arithmetic(ARITHMETIC):
        found = find_in(detector, halves, joints.image.bits)
    boxes = from_square(found.boxes, regions, joints.image)
    spacing = np.array([each.spacing[::-1] for each in firsts], np.float64)
    crops = squares_around(boxes, spacing, [region.mirrored for region in regions], joints)
    problems = {}
    for number, first, crop, sure in zip(seen, firsts, crops, found.confidence, strict=True):
        seen[number] = [_Seen(first.raw, first.found, crop, first.spacing)]
        if sure < joints.confidence:
            problems[number] = (
                f"no confident joint (confidence {sure:.2f}, least {joints.confidence:g})"
            )
    return problems


def _file(raw: Path | str | bytes) -> tuple[str, bytes]:
    """Return the name of a file, of which the ending counts, and all of its bytes."""
    if isinstance(raw, bytes):
        return "", raw
    path = Path(raw)
    try:
        return path.name, path.read_bytes()
    except FileNotFoundError:
        raise DataError("missing") from None
    except OSError as error:
        raise DataError(f"cannot be opened ({error.strerror})") from error
