"""Synthetic radiographs of chests, frontal and lateral, without what is found in them.

Building blocks in pure NumPy; `chest_findings` draws into them, and a study's phantom composes both
and knows the truth. Coordinates on the chest are in half sides of the film:

    x   of a frontal film the patient's right (-1) to left (+1); of a lateral one front to back
    y   up (-1) to down (+1)

Grey values are float32 with 0 = air and 1 = full scale, arrays are (rows, columns).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from radpipe.imaging.phantom.bones import linear_weights, noise

Pixels = NDArray[np.float32]
# (x0, y0, x1, y1): pixels, x1 and y1 exclusive.
Box = tuple[int, int, int, int]
View = Literal["frontal", "lateral"]

SHIFT = 0.06
TILT_DEGREES = 3.0
NOISE_SD = 0.03
TEXTURE_SD = 0.05
# Where lungs lie in a frontal film: middle of either, half width and half height, and the dome
# of the diaphragm that cuts them off below.
LUNG_X, LUNG_Y, LUNG_WIDTH, LUNG_HEIGHT, DOME = 0.39, -0.08, 0.29, 0.64, 0.44
# A mask counts as the place of a finding from here on.
SHOWN_FROM = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestBuild:
    """What stays with a patient from film to film.

    Attributes
    ----------
    size
        Factor on all lengths.
    lung, tissue, bone
        Grey values; bone is what ribs, clavicles and spine add.
    ribs
        Phase of the ribs, radians.

    """

    size: float
    lung: float
    tissue: float
    bone: float
    ribs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestFilm:
    """A chest without findings, heart or noise, and the geometry needed to draw these.

    Attributes
    ----------
    pixels
        (rows, columns) float32; findings are drawn into it.
    view
        How it was taken.
    x, y
        (rows, columns) float32: every pixel's coordinates on the chest.
    lungs
        (rows, columns) float32: 1 in the lungs, 0 elsewhere.
    exposure
        Factor on all grey values.

    """

    pixels: Pixels
    view: View
    x: Pixels
    y: Pixels
    lungs: Pixels
    exposure: float

    def add(self, mask: Pixels, grey: float) -> Box | None:
        """Add a grey value where the mask (0..1) is; return the box around it."""
        self.pixels[...] += np.float32(grey * self.exposure) * mask
        return box_of(mask)

    def cover(self, mask: Pixels, grey: float) -> Box | None:
        """Lay tissue of a grey value over the film; return the box around it."""
        self.pixels[...] += mask * (np.float32(grey * self.exposure) - self.pixels)
        return box_of(mask)


def draw_build(rng: np.random.Generator) -> ChestBuild:
    """Draw a patient: size, brightness of tissues, where ribs lie."""
    return ChestBuild(
        size=float(rng.uniform(0.94, 1.04)),
        lung=float(rng.uniform(0.14, 0.20)),
        tissue=float(rng.uniform(0.42, 0.50)),
        bone=float(rng.uniform(0.05, 0.08)),
        ribs=float(rng.uniform(0, 2 * np.pi)),
    )


def chest(
    view: View, shape: tuple[int, int], rng: np.random.Generator, *, build: ChestBuild
) -> ChestFilm:
    """Draw a chest in a pose of its own.

    Parameters
    ----------
    view
        How the film is taken.
    shape
        (rows, columns) of the film, at least 32 each; the chest fills both.
    rng
        Source of position, tilt, exposure and texture.
    build
        The patient; the same one gives the same chest in another pose.

    """
    x, y = _coordinates(shape, rng, build.size)
    exposure = float(rng.uniform(0.9, 1.08))
    lungs = _frontal_lungs(x, y) if view == "frontal" else _lateral_lungs(x, y)
    pixels = _trunk(x, y, build, view)
    pixels += lungs * (np.float32(build.lung) - pixels)
    pixels += np.float32(build.bone) * _bones(x, y, build, view)
    pixels *= _texture(shape, rng) * np.float32(exposure)
    return ChestFilm(pixels=pixels, view=view, x=x, y=y, lungs=lungs, exposure=exposure)


def with_noise(film: ChestFilm, rng: np.random.Generator) -> Pixels:
    """Return the pixels with white noise; not clipped."""
    return noise(film.pixels, NOISE_SD, rng)


def box_of(mask: Pixels) -> Box | None:
    """Return the upright box around what a mask shows, None if that is nothing."""
    shown = mask > SHOWN_FROM
    rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def squared(x: Pixels, y: Pixels, at: tuple[float, float], radii: tuple[float, float]) -> Pixels:
    """Return the squared distance from the middle of an ellipse, 1 on its outline."""
    across = (x - np.float32(at[0])) * np.float32(1 / radii[0])
    down = (y - np.float32(at[1])) * np.float32(1 / radii[1])
    distance: Pixels = across * across + down * down
    return distance


def inside(distance: Pixels, radius: float, *, edge: float = 0.05) -> Pixels:
    """Return 1 where a squared distance is below 1, falling to 0 over about `edge` half sides."""
    mask: Pixels = (1 - distance) * np.float32(radius / (2 * edge)) + np.float32(0.5)
    return np.clip(mask, 0, 1)


def below(values: Pixels, limit: Pixels | float, *, edge: float = 0.05) -> Pixels:
    """Return 1 where values are smaller than a limit, falling to 0 over `edge`."""
    mask: Pixels = (np.float32(1) * limit - values) * np.float32(1 / edge) + np.float32(0.5)
    return np.clip(mask, 0, 1).astype(np.float32)


def _coordinates(
    shape: tuple[int, int], rng: np.random.Generator, size: float
) -> tuple[Pixels, Pixels]:
    """Return x and y of every pixel for a chest that is moved and tilted."""
    right, down = rng.uniform(-SHIFT, SHIFT, 2)
    angle = float(np.deg2rad(rng.uniform(-TILT_DEGREES, TILT_DEGREES)))
    rows, columns = (
        (np.arange(n, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / n) - 1 for n in shape
    )
    x, y = columns[None, :] - np.float32(right), rows[:, None] - np.float32(down)
    cos, sin = np.float32(np.cos(angle) / size), np.float32(np.sin(angle) / size)
    return cos * x + sin * y, cos * y - sin * x


def _frontal_lungs(x: Pixels, y: Pixels) -> Pixels:
    """Return the mask of both lungs, cut off by the domes of the diaphragm."""
    aside = np.abs(x)
    lungs = inside(
        squared(aside, y, (LUNG_X, LUNG_Y), (LUNG_WIDTH, LUNG_HEIGHT)), LUNG_WIDTH, edge=0.04
    )
    dome = np.float32(DOME) + np.float32(1.6) * (aside - np.float32(LUNG_X)) ** 2
    return lungs * below(y, dome)


def _lateral_lungs(x: Pixels, y: Pixels) -> Pixels:
    """Return the mask of the lungs, one before the other, above a diaphragm that slopes back."""
    lungs = inside(squared(x, y, (0.0, -0.06), (0.56, 0.68)), 0.56, edge=0.04)
    return lungs * below(y, np.float32(0.36) + np.float32(0.18) * x)


def _trunk(x: Pixels, y: Pixels, build: ChestBuild, view: View) -> Pixels:
    """Return soft tissue: the trunk, denser below the diaphragm, and the neck's air above."""
    width = 0.86 if view == "frontal" else 0.72
    trunk = inside(squared(x, y, (0.0, 0.35), (width, 1.35)), width, edge=0.06)
    belly = np.float32(0.14) * (1 - below(y, 0.45, edge=0.2))
    pixels: Pixels = np.float32(0.05) + trunk * (np.float32(build.tissue) + belly)
    return pixels


def _bones(x: Pixels, y: Pixels, build: ChestBuild, view: View) -> Pixels:
    """Return what bones add, in units of their grey value: ribs, and clavicles or the spine."""
    aside = np.abs(x) if view == "frontal" else x + np.float32(0.6)
    course = y * np.float32(15) - aside * aside * np.float32(9) + np.float32(build.ribs)
    ribs = np.clip(np.sin(course), 0, 1) * inside(squared(x, y, (0, -0.05), (0.75, 0.72)), 0.7)
    if view == "lateral":
        spine = inside(squared(x, y, (0.58, 0.0), (0.13, 1.6)), 0.13)
        return ribs + np.float32(4) * spine
    height = np.float32(-0.66) - np.float32(0.25) * aside
    clavicles = inside((y - height) ** 2 * np.float32(1 / 0.045**2), 0.045) * below(aside, 0.7)
    spine = inside(squared(x, y, (0.0, 0.0), (0.085, 1.6)), 0.085)
    bones: Pixels = ribs + np.float32(2) * clavicles + np.float32(3.5) * spine
    return bones


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Interpolate a coarse grid of random factors around 1, a cell about a tenth of the film."""
    grid = rng.standard_normal((10, 10)).astype(np.float32)
    down, right = (linear_weights(length, 10) for length in shape)
    field: Pixels = 1 + np.float32(TEXTURE_SD) * (down @ np.clip(grid, -2, 2) @ right.T)
    return field
