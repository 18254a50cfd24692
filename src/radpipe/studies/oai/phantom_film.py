"""The films of a phantom of OAI: which there are, and how they are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from radpipe.imaging.phantom import knee_radiograph as radiograph
from radpipe.imaging.phantom.bones import Box
from radpipe.imaging.phantom.collimation import exposed_part
from radpipe.imaging.phantom.grey_forms import (
    BRIGHTEST,
    DARKEST,
    UNEXPOSED,
    WHITE,
    GreyForm,
    Levels,
)
from radpipe.imaging.phantom.grey_kinds import COMPUTED, DIGITAL, Padding, draw_form
from radpipe.studies.oai.phantom_plan import Person, PlannedKnee

# 28 x 36 cm, landscape, or one half of it; default and full-size films.
HEIGHT_MM, HALF_MM = 280.0, 180.0
SPACING, FULL_SPACING = 0.4, 0.12
# A joint lies in the middle of its half, give or take an eighth of the film either way.
SHIFT_MM = 35.0
TILT_DEGREES = 5.0
# A collimator leaves so much around joints and markers, and covers no more than this, mm.
OPEN_MM, COVERED_MM = 2.0, 40.0
# Plug-ins are named, because another one would give other bytes.
PLUGINS = {RLELossless: "pylibjpeg", JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg"}
# One film of so many has full size; shares of other films, at least one each. A film may have
# several of these.
ONE_FULL_IN = 30
SHARE_OF = {"inverted": 0.15, "mirrored": 0.1, "imager_only": 0.1, "computed": 0.3}
SHARE_COMPRESSED = 0.04
# Films with borders that the collimator has left, and by turns how padding is named in them.
SHARE_COLLIMATED = 0.3
PADDINGS: tuple[Padding, ...] = ("", "range", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFilm:
    """One file of the phantom.

    Attributes
    ----------
    person
        Whom it shows.
    knees
        What it shows, right first.
    number
        Its number among the person's films.
    syntax
        Transfer syntax.
    full
        Whether it has the pixels of a real detector.
    inverted
        MONOCHROME1: bone is dark as stored.
    mirrored
        Columns run to the patient's right.
    imager_only
        Pixel Spacing is left out, and Imager Pixel Spacing is there.
    computed
        Computed radiography, and not digital X-ray.
    grey
        How its grey is kept, a kind of `radpipe.imaging.phantom.grey_kinds`.
    collimated
        Whether it has unexposed borders.
    padding
        How they are named in the header.

    """

    person: Person
    knees: tuple[PlannedKnee, ...]
    number: int
    syntax: UID
    full: bool
    inverted: bool
    mirrored: bool
    imager_only: bool
    computed: bool
    grey: str
    collimated: bool
    padding: Padding

    @property
    def series(self) -> str:
        """Name of its folder, the end of its barcode."""
        return f"90{self.person.number:05d}{self.number}"

    @property
    def barcode(self) -> str:
        """Barcode as it stands in the table of readings."""
        return f"0166{self.series}"

    @property
    def date(self) -> str:
        """Invented day of the visit."""
        number = self.person.number
        return f"1900{1 + number % 12:02d}{1 + number % 28:02d}"

    @property
    def file(self) -> str:
        """Path below the root of the phantom."""
        above = "OAIScreeningImages/results/00m/0.C.2"
        return f"{above}/{self.person.id}/{self.date}/{self.series}/001"

    @property
    def side(self) -> str | None:
        """Which knee it shows; None: both."""
        return self.knees[0].side if len(self.knees) == 1 else None

    @property
    def spacing(self) -> float:
        """Side of a pixel, mm."""
        return FULL_SPACING if self.full else SPACING

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        width = HALF_MM * len(self.knees)
        return round(HEIGHT_MM / self.spacing), round(width / self.spacing)


def plan_films(people: Sequence[Person], *, seed: int) -> list[PlannedFilm]:
    """Draw which films there are of whom, and in which of DICOM's forms."""
    rng = np.random.default_rng([seed, 1])
    shown = [
        (person, number, knees)
        for person in people
        if person.seen
        for number, knees in enumerate(
            [person.knees] if person.films == "both" else [(knee,) for knee in person.knees]
        )
    ]
    n = len(shown)
    has = {name: _some(share, n, rng) for name, share in SHARE_OF.items()}
    full = rng.permutation(n) < n // ONE_FULL_IN
    order = rng.permutation(n)
    each = max(1, round(SHARE_COMPRESSED * n))
    syntaxes = dict(zip(order.tolist(), [s for s in PLUGINS for _ in range(each)], strict=False))
    kinds = np.random.default_rng([seed, 4])
    greys = _greys(has["computed"], kinds)
    paddings = _paddings(n, kinds)
    return [
        PlannedFilm(
            person=person,
            knees=knees,
            number=number,
            syntax=syntaxes.get(row, ExplicitVRLittleEndian),
            full=bool(full[row]),
            grey=greys[row],
            collimated=row in paddings,
            padding=paddings.get(row, ""),
            **{name: bool(chosen[row]) for name, chosen in has.items()},
        )
        for row, (person, number, knees) in enumerate(shown)
    ]


def draw(film: PlannedFilm, *, seed: int) -> tuple[Levels, list[Box]]:
    """Draw a film.

    Parameters
    ----------
    film
        What to draw.
    seed
        Seed of the study.

    Returns
    -------
    levels
        (rows, columns), grey as it is to be shown, in the levels of
        `radpipe.imaging.phantom.grey_forms`: bone is bright, columns run as stored.
    boxes
        Around the joint of each knee, in pixels as stored.

    """
    # Noise is most of the work, and this generator is the fastest.
    entropy = np.random.SeedSequence([seed, 2, film.person.number, film.number])
    rng = np.random.Generator(np.random.SFC64(entropy))
    # In front of the reader the patient's right is on the left, as in any frontal film.
    knees = [
        _placed(knee, 0.0 if len(film.knees) == 1 or knee.side == "R" else HALF_MM, rng)
        for knee in film.knees
    ]
    markers = _markers(film, rng)
    levels = _levels(radiograph.draw_film(film.shape, film.spacing, knees, markers, rng))
    boxes = [radiograph.joint_box(knee, film.spacing) for knee in knees]
    if film.collimated:
        lead = [radiograph.marker_box(marker, film.spacing) for marker in markers]
        levels = _collimate(levels, [*boxes, *lead], film, seed)
    return _mirror(levels, boxes) if film.mirrored else (levels, boxes)


def draw_grey(film: PlannedFilm, *, seed: int) -> GreyForm:
    """Draw the numbers of a film's kind of grey."""
    rng = np.random.default_rng([seed, 5, film.person.number, film.number])
    return draw_form(film.grey, rng, inverted=film.inverted, padding=film.padding)


def _levels(pixels: radiograph.Pixels) -> Levels:
    """Bring a film of about 0..1 to levels, in place; what is beyond black and white is kept."""
    pixels *= np.float32(WHITE)
    np.clip(pixels, DARKEST, BRIGHTEST, out=pixels)
    return pixels.astype(np.int16)


def _collimate(levels: Levels, seen: Sequence[Box], film: PlannedFilm, seed: int) -> Levels:
    """Leave what a collimator leaves open, with all of `seen`."""
    rng = np.random.default_rng([seed, 6, film.person.number, film.number])
    margin, most = OPEN_MM / film.spacing, COVERED_MM / film.spacing
    part = exposed_part(film.shape, seen, rng, margin=margin, most=most)
    exposed = np.full_like(levels, UNEXPOSED)
    exposed[part] = levels[part]
    return exposed


def _mirror(levels: Levels, boxes: Sequence[Box]) -> tuple[Levels, list[Box]]:
    """Turn columns round, and boxes with them."""
    columns = levels.shape[1]
    turned = [(columns - x1, y0, columns - x0, y1) for x0, y0, x1, y1 in boxes]
    return np.ascontiguousarray(levels[:, ::-1]), turned


def _placed(knee: PlannedKnee, left: float, rng: np.random.Generator) -> radiograph.Knee:
    """Place a knee in its half of the film, which begins at `left` mm."""
    shift = rng.uniform(-SHIFT_MM, SHIFT_MM, 2)
    spread = rng.uniform(0.85, 1.15, 4)
    top = 0.3 + 3.8 * knee.severity
    spurs = tuple(float(top * factor) for factor in spread)
    return radiograph.Knee(
        centre=(left + HALF_MM / 2 + float(shift[0]), HEIGHT_MM / 2 + float(shift[1])),
        tilt=float(np.deg2rad(rng.uniform(-TILT_DEGREES, TILT_DEGREES))),
        lateral=-1 if knee.side == "R" else 1,
        scale=float(rng.uniform(0.93, 1.07)),
        medial_width=knee.medial_width,
        lateral_width=knee.lateral_width,
        spurs=(spurs[0], spurs[1], spurs[2], spurs[3]),
        sclerosis=knee.reaction,
    )


def _markers(film: PlannedFilm, rng: np.random.Generator) -> list[radiograph.Marker]:
    """Place a letter beside each leg, near the outer rim; one of two may be missing."""
    width = HALF_MM * len(film.knees)
    both = rng.random() < 0.5
    only = int(rng.integers(len(film.knees)))
    places = rng.uniform([4, 10], [10, 90], (len(film.knees), 2))
    return [
        radiograph.Marker(
            letter=knee.side,
            at=(float(x if knee.side == "R" else width - 9 - x), float(y)),
        )
        for order, (knee, (x, y)) in enumerate(zip(film.knees, places, strict=True))
        if both or order == only
    ]


def _greys(computed: NDArray[np.bool_], rng: np.random.Generator) -> list[str]:
    """Deal every kind of grey to films by turns; which there are depends on the detector."""
    turns = {
        True: cycle(rng.permutation(list(COMPUTED))),
        False: cycle(rng.permutation(list(DIGITAL))),
    }
    greys = [""] * len(computed)
    for row in rng.permutation(len(computed)):
        greys[row] = str(next(turns[bool(computed[row])]))
    return greys


def _paddings(n: int, rng: np.random.Generator) -> dict[int, Padding]:
    """Choose the films that are collimated, and how each of them names its padding."""
    chosen = np.flatnonzero(_some(SHARE_COLLIMATED, n, rng))
    return dict(zip(rng.permutation(chosen).tolist(), cycle(PADDINGS), strict=False))


def _some(share: float, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose a share of n things at random, at least one."""
    chosen: NDArray[np.bool_] = rng.permutation(n) < max(1, round(share * n))
    return chosen
