"""Synthetic radiographs of knees, seen from behind: bones, joint space, spurs, sclerosis.

Building blocks in pure NumPy; a study's phantom composes them and knows the truth. Lengths
are in millimetres on the detector, x runs to the right and y down from the picture's upper
left corner; grey values are float32 with 0 = air and 1 = full scale. A knee has coordinates
of its own, turned by its tilt:

    x   medial (-) to lateral (+), 0 between the two spines of the tibia
    y   up (-) to down (+), 0 in the middle of the joint space

Bones are drawn at two thirds of an adult's size, so that 56 mm around the joint show what
matters; the widths of the joint space are as in adults.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radpipe.imaging.phantom.bones import Box, gain_field, linear_weights

Pixels = NDArray[np.float32]
Part = tuple[slice, slice]

# Side of the box around a joint of scale 1.
JOINT_SIDE = 56.0
# Half width of the part of the film that a leg takes, and of the soft tissue in it.
LEG_REACH = 66.0
TISSUE_REACH = 44.0
# Half height of the part where the ends of the bones are drawn; beyond it are shafts.
JOINT_REACH = 44.0
# How far the tables below reach from the joint.
FAR = 320.0
# The middle of each compartment, where its joint space is narrowest.
CONDYLE = 13.0
# (y, half width) of femur above and tibia below; the shafts go on as they end.
FEMUR = ((-150, 11), (-60, 12), (-38, 17), (-24, 24.5), (-14, 26), (-6, 25), (-1, 23))
TIBIA = ((1, 23), (3, 25.5), (8, 26), (15, 24.5), (32, 16.5), (58, 12), (150, 11))
FIBULA = ((11.9, -9), (12, 0), (14, 3.4), (18, 5), (24, 5), (40, 3.2), (150, 3))
FIBULA_AT = 20.0
# (x, y) of the four places where spurs grow: femur and tibia, medial and lateral.
SPURS_AT = ((-25.0, -7.0), (25.0, -7.0), (-25.5, 5.0), (25.5, 5.0))
# Lengths are looked up in tables with this step; a fiftieth of a pixel of 0.4 mm is a third
# of one grey value in a hundred at an edge.
STEP = 0.01
COARSE = 0.05
# Length over which the corners of outlines are rounded.
ROUNDING = 5.0
NOISE_SD = 0.015
# Cells of random density, mm, and how much they differ: trabeculae, and what makes one
# patient's bones and muscles unlike another's even in a small picture.
BONE_TEXTURE = ((4.0, 0.06), (11.0, 0.14))
TISSUE_TEXTURE = ((9.0, 0.16), (25.0, 0.22))
# Letters for the markers of the sides, 5 x 7.
LETTERS = {
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
}
LETTER_STROKE = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """One knee on a film.

    Attributes
    ----------
    centre
        (x, y) of the middle of its joint on the film, mm.
    tilt
        Turn of its axis, radians.
    lateral
        1 if its lateral side shows on the right of the picture, else -1.
    scale
        Factor on the sizes of bones; widths of the joint space do not grow with it.
    medial_width, lateral_width
        Least width of the joint space in either compartment, mm.
    spurs
        Radius of the osteophytes at `SPURS_AT`, mm; 0 is none.
    sclerosis
        How bright and deep the band below the medial plateau is, 0..1.

    """

    centre: tuple[float, float]
    tilt: float
    lateral: int
    scale: float
    medial_width: float
    lateral_width: float
    spurs: tuple[float, float, float, float]
    sclerosis: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A letter beside a leg: "R" or "L", and where its upper left corner lies, mm."""

    letter: str
    at: tuple[float, float]


def draw_film(
    shape: tuple[int, int],
    spacing: float,
    knees: Sequence[Knee],
    markers: Sequence[Marker],
    rng: np.random.Generator,
) -> Pixels:
    """Draw a film with its knees and markers, and noise; nothing is clipped.

    Parameters
    ----------
    shape
        Rows and columns.
    spacing
        Side of a pixel, mm.
    knees
        One or two; legs that overlap add up.
    markers
        Letters of lead.
    rng
        Source of densities, exposure, texture and noise.

    Returns
    -------
    ndarray of shape (rows, columns)
        float32, about 0..1.

    """
    film = np.full(shape, rng.uniform(0.03, 0.07), dtype=np.float32)
    marrow, cortex = float(rng.uniform(0.26, 0.36)), float(rng.uniform(0.20, 0.30))
    tissue = float(rng.uniform(0.16, 0.26))
    for knee in knees:
        _draw_knee(film, knee, spacing, rng, greys=(tissue, marrow, cortex))
    film *= gain_field(shape, rng, strength=0.12)
    film *= np.float32(rng.uniform(0.85, 1.15))
    for marker in markers:
        _draw_letter(film, marker, spacing)
    white: Pixels = rng.standard_normal(shape, dtype=np.float32)
    white *= np.float32(NOISE_SD)
    white += film
    return white


def joint_box(knee: Knee, spacing: float) -> Box:
    """Return the box around a knee's joint, (x0, y0, x1, y1) in pixels, x1 and y1 exclusive."""
    half = JOINT_SIDE / 2 * knee.scale
    x, y = knee.centre
    edges = (x - half, y - half, x + half, y + half)
    x0, y0, x1, y1 = (round(edge / spacing) for edge in edges)
    return x0, y0, x1, y1


def marker_box(marker: Marker, spacing: float) -> Box:
    """Return the box around a letter, as `joint_box` does; it may reach beyond the film."""
    stroke = _stroke(spacing)
    x0, y0 = (round(place / spacing) for place in marker.at)
    return x0, y0, x0 + 5 * stroke, y0 + 7 * stroke


class _Leg:
    """The part of a film that a knee takes: coordinates, tables, and what is drawn so far."""

    def __init__(self, shape: tuple[int, int], knee: Knee, spacing: float) -> None:
        self.knee, self.spacing = knee, spacing
        self.part = _window(shape, spacing, knee.centre, (LEG_REACH, FAR))
        down, right = self.part
        to_right = _places(right, spacing, knee.centre[0])
        to_bottom = _places(down, spacing, knee.centre[1])
        cos, sin = np.float32(np.cos(knee.tilt)), np.float32(np.sin(knee.tilt))
        side = np.float32(knee.lateral)
        self.x: Pixels = (side * sin * to_bottom)[:, None] + (side * cos * to_right)[None, :]
        self.y: Pixels = (cos * to_bottom)[:, None] - (sin * to_right)[None, :]
        self.bone: Pixels = np.zeros_like(self.x)

    def near(self, place: tuple[float, float], reach: tuple[float, float]) -> Part:
        """Return the part of the leg around a place on the knee, both in its coordinates."""
        knee = self.knee
        cos, sin = np.cos(knee.tilt), np.sin(knee.tilt)
        x = knee.centre[0] + knee.lateral * cos * place[0] - sin * place[1]
        y = knee.centre[1] + knee.lateral * sin * place[0] + cos * place[1]
        first = (self.part[0].start, self.part[1].start)
        return _window(self.bone.shape, self.spacing, (float(x), float(y)), reach, first)

    def covered(self, inside: Pixels) -> Pixels:
        """Return how much of each pixel is covered, from how far inside a surface it lies, mm."""
        share: Pixels = inside * np.float32(1 / self.spacing)
        share += np.float32(0.5)
        np.clip(share, 0, 1, out=share)
        return share


class _Ends:
    """Where femur and tibia end, by x in `STEP`s."""

    def __init__(self, knee: Knee) -> None:
        self.start = -2 * LEG_REACH
        x = np.arange(self.start, 2 * LEG_REACH, STEP) / knee.scale
        widths = (knee.medial_width, knee.lateral_width)
        half = np.interp(x, (-0.45 * CONDYLE, 0.45 * CONDYLE), widths) / 2
        off = np.abs(x) - CONDYLE
        # Round condyles with a notch between them; a plateau with two spines.
        bow = off**2 / np.where(off > 0, 34.0, 16.0)
        spines = 5.0 * np.exp(-(((np.abs(x) - 4.0) / 2.0) ** 2))
        self.femur = _with_slope(-half - knee.scale * bow)
        self.tibia = _with_slope(half + knee.scale * (off**2 / 120.0 - spines))


def _with_slope(y: NDArray[np.float64]) -> tuple[Pixels, Pixels]:
    """Return a line, and by what a vertical distance from it is to be shortened."""
    slope = 1 / np.sqrt(1 + np.gradient(y, STEP) ** 2)
    return y.astype(np.float32), slope.astype(np.float32)


def _draw_knee(
    film: Pixels,
    knee: Knee,
    spacing: float,
    rng: np.random.Generator,
    *,
    greys: tuple[float, float, float],
) -> None:
    """Add a leg to a film: soft tissue, and bones with their texture."""
    tissue, marrow, cortex = greys
    leg = _Leg(film.shape, knee, spacing)
    _bones(leg, marrow, cortex)
    _patella(leg)
    _sclerosis(leg)
    for place, radius in zip(SPURS_AT, knee.spurs, strict=True):
        _spur(leg, place, radius, marrow + 0.7 * cortex)
    leg.bone *= _texture(leg.bone.shape, spacing, BONE_TEXTURE, rng)
    flesh = leg.x * np.float32(1 / (TISSUE_REACH * knee.scale))
    np.square(flesh, out=flesh)
    np.subtract(1, flesh, out=flesh)
    np.maximum(flesh, 0, out=flesh)
    np.sqrt(flesh, out=flesh)
    flesh *= np.float32(tissue)
    flesh *= _texture(flesh.shape, spacing, TISSUE_TEXTURE, rng)
    flesh += leg.bone
    film[leg.part] += flesh


def _bones(leg: _Leg, marrow: float, cortex: float) -> None:
    """Draw femur, tibia and fibula: marrow, and bright cortex along every outline."""
    knee = leg.knee
    inside = _look_up(_half_widths((*FEMUR, *TIBIA), knee.scale), leg.y, COARSE, -FAR)
    inside -= np.abs(leg.x)
    rows = leg.near((0.0, 0.0), (2 * LEG_REACH, JOINT_REACH))
    x, y, ends = leg.x[rows], leg.y[rows], _Ends(knee)
    place = _index(x, STEP, ends.start)
    above, below = (
        (line.take(place, mode="clip"), slope.take(place, mode="clip"))
        for line, slope in (ends.femur, ends.tibia)
    )
    within = np.maximum((above[0] - y) * above[1], (y - below[0]) * below[1])
    np.minimum(inside[rows], within, out=inside[rows])
    depth = np.arange(-2.0, 60.0, STEP, dtype=np.float32)
    grey = np.float32(marrow) + np.float32(cortex) * np.exp(-np.maximum(depth, 0) / 1.3)
    grey *= leg.covered(depth)
    leg.bone = _look_up(grey, inside, STEP, -2.0)
    # The fibula stands behind the tibia.
    beside = _look_up(_half_widths(FIBULA, knee.scale), leg.y, COARSE, -FAR)
    beside -= np.abs(leg.x - np.float32(FIBULA_AT * knee.scale))
    np.maximum(leg.bone, _look_up(np.float32(0.85) * grey, beside, STEP, -2.0), out=leg.bone)


def _patella(leg: _Leg) -> None:
    """Add the faint disc of the patella, which lies before the femur."""
    scale = leg.knee.scale
    part = leg.near((0.0, -23 * scale), (20 * scale, 22 * scale))
    x, y = leg.x[part] / np.float32(14 * scale), leg.y[part] / np.float32(16 * scale)
    inside = 1 - np.square(x) - np.square(y + np.float32(23 / 16))
    leg.bone[part] += np.float32(0.07) * np.clip(inside * 4, 0, 1)


def _sclerosis(leg: _Leg) -> None:
    """Brighten the bone below the medial plateau: more grey and deeper with severity."""
    knee = leg.knee
    top = knee.medial_width / 2
    depth = 2.5 + 6.0 * knee.sclerosis
    part = leg.near((-CONDYLE * knee.scale, top + depth / 2), (12 * knee.scale, 7.0))
    y = leg.y[part] - np.float32(top)
    aside = (leg.x[part] + np.float32(CONDYLE * knee.scale)) / np.float32(10 * knee.scale)
    band = leg.covered(y) * np.clip((np.float32(depth) - y) * np.float32(0.5), 0, 1)
    band *= np.clip(2 - 2 * np.abs(aside), 0, 1)
    leg.bone[part] += np.float32(0.02 + 0.22 * knee.sclerosis) * band


def _spur(leg: _Leg, place: tuple[float, float], radius: float, grey: float) -> None:
    """Let a spur grow outwards from a margin."""
    scale = leg.knee.scale
    x, y = place[0] * scale, place[1] * scale
    part = leg.near((x, y), (radius + 2, radius + 2))
    # Flat, and pointing away from the joint space.
    aside, along = np.abs(leg.x[part]) - np.float32(abs(x)), leg.y[part] - np.float32(y)
    along = along - np.float32(np.sign(y) * 0.5) * aside
    off = np.hypot(aside, along * np.float32(1.6))
    spur = np.float32(grey) * leg.covered(np.float32(radius) - off)
    np.maximum(leg.bone[part], spur, out=leg.bone[part])


def _draw_letter(film: Pixels, marker: Marker, spacing: float) -> None:
    """Lay a letter of lead on the film."""
    rows = np.array([[sign == "1" for sign in row] for row in LETTERS[marker.letter]])
    stroke = _stroke(spacing)
    letter = np.kron(rows, np.ones((stroke, stroke), dtype=bool))
    left, top, right, bottom = marker_box(marker, spacing)
    part = film[top:bottom, left:right]
    part[letter[: part.shape[0], : part.shape[1]]] = np.float32(0.95)


def _stroke(spacing: float) -> int:
    """Return the width of a letter's strokes, pixels."""
    return max(1, round(LETTER_STROKE / spacing))


def _half_widths(points: Sequence[tuple[float, float]], scale: float) -> Pixels:
    """Return half widths of a bone over y in `COARSE` steps; negative where there is none."""
    y = np.arange(-FAR, FAR, COARSE) / scale
    ends, widths = zip(*points, strict=True)
    width = round(ROUNDING * scale / COARSE)
    half = scale * np.interp(y, ends, widths)
    return np.convolve(half, np.full(width, 1 / width), mode="same").astype(np.float32)


def _texture(
    shape: tuple[int, int],
    spacing: float,
    scales: Sequence[tuple[float, float]],
    rng: np.random.Generator,
) -> Pixels:
    """Interpolate coarse grids of random factors around 1: cells in mm, and their SD."""
    texture: Pixels = np.ones(shape, dtype=np.float32)
    for cell, sd in scales:
        counts = [max(2, round(length * spacing / cell)) for length in shape]
        grid = 1 + np.float32(sd) * rng.standard_normal(counts, dtype=np.float32)
        down, right = (linear_weights(n, k) for n, k in zip(shape, counts, strict=True))
        texture *= down @ grid @ right.T
    return texture


def _window(
    shape: tuple[int, ...],
    spacing: float,
    middle: tuple[float, float],
    reach: tuple[float, float],
    first: tuple[int, int] = (0, 0),
) -> Part:
    """Return the pixels within `reach` (x, y) of a point of the film, in mm.

    `first` are row and column of the film at which an array of this shape begins.
    """
    spans = []
    for axis, length in enumerate(shape):
        place, far = middle[1 - axis] / spacing - first[axis], reach[1 - axis] / spacing
        low, high = (int(np.clip(edge, 0, length)) for edge in (place - far, place + far + 1))
        spans.append(slice(low, high))
    return spans[0], spans[1]


def _places(span: slice, spacing: float, middle: float) -> Pixels:
    """Return how far the middles of pixels lie from a point, mm."""
    columns: Pixels = np.arange(span.start, span.stop, dtype=np.float32)
    return (columns + np.float32(0.5)) * np.float32(spacing) - np.float32(middle)


def _index(values: Pixels, step: float, start: float) -> NDArray[np.intp]:
    """Return places in a table; what lies outside is left to `take`."""
    return ((values - np.float32(start)) * np.float32(1 / step)).astype(np.intp)


def _look_up(table: Pixels, values: Pixels, step: float, start: float) -> Pixels:
    """Return table values by place."""
    found: Pixels = table.take(_index(values, step, start), mode="clip")
    return found
