"""Synthetic radiographs of long bones: anatomy, two kinds of lesion, gain and noise.

Building blocks in pure NumPy; a study's phantom composes them and knows the truth. Lengths
are in pixels, grey values are float32 with 0 = air and 1 = full scale, rows run downwards.
What is random is drawn once (`draw_build` a patient, `bone` a picture) and kept in the
`Anatomy`, so that a lesion is drawn into the very bone that was shown without it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoneBuild:
    """What stays with a patient from picture to picture; lengths relative to the bone.

    Attributes
    ----------
    width
        Half width of the shaft as a share of the picture's short side.
    flare
        How much wider the shaft is at its ends, as a share of its width.
    bend
        Sag of the axis over one short side, as a share of the short side.
    cortex, marrow, tissue
        Grey values that cortical bone, marrow and soft tissue add.
    partner
        Width of the second, parallel bone as a share of the first; 0 if there is none.
    side
        -1 or 1: on which side the second bone lies.

    """

    width: float
    flare: float
    bend: float
    cortex: float
    marrow: float
    tissue: float
    partner: float
    side: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """A bone without a lesion, and the geometry needed to place one.

    Attributes
    ----------
    pixels
        (rows, columns) float32 in 0..1.
    build
        The patient.
    centre
        (row, column) of the point where the axis starts, pixels.
    angle
        Tilt of the axis against the picture's long side, radians.
    along, across
        (rows, columns) float32: every pixel's coordinate on the bone's axis and its signed
        distance from it, pixels.
    short
        Short side of the picture, pixels; the unit of `BoneBuild`'s lengths.
    exposure
        Factor on all grey values.
    texture
        (rows, columns) float32: factors around 1 of trabeculae and overlying tissue, which
        make every picture one of its kind, as real ones are.

    """

    pixels: Pixels
    build: BoneBuild
    centre: tuple[float, float]
    angle: float
    along: Pixels
    across: Pixels
    short: int
    exposure: float
    texture: Pixels

    @property
    def half_width(self) -> float:
        """Half width of the shaft in its middle, pixels."""
        return self.build.width * self.short


def draw_build(rng: np.random.Generator) -> BoneBuild:
    """Draw a patient: width, shape and brightness of bone and soft tissue."""
    return BoneBuild(
        width=float(rng.uniform(0.10, 0.15)),
        flare=float(rng.uniform(0.2, 0.7)),
        bend=float(rng.uniform(-0.06, 0.06)),
        cortex=float(rng.uniform(0.45, 0.60)),
        marrow=float(rng.uniform(0.25, 0.38)),
        tissue=float(rng.uniform(0.12, 0.24)),
        partner=float(rng.uniform(0.45, 0.8)) if rng.random() < 0.6 else 0.0,
        side=int(rng.choice([-1, 1])),
    )


def bone(
    shape: tuple[int, int], rng: np.random.Generator, *, build: BoneBuild | None = None
) -> Anatomy:
    """Draw a bone with varying position, tilt and exposure.

    Parameters
    ----------
    shape
        (rows, columns) of the picture, at least 16 each; the bone follows the long side.
    rng
        Source of the pose, and of the patient if none is given.
    build
        The patient; the same one gives the same bone in another pose.

    """
    build = build or draw_build(rng)
    rows, columns = shape
    short = min(shape)
    centre = (float(rows * rng.uniform(0.42, 0.58)), float(columns * rng.uniform(0.42, 0.58)))
    angle = float(np.deg2rad(rng.uniform(-18, 18)))
    exposure = float(rng.uniform(0.8, 1.05))
    y = (np.arange(rows, dtype=np.float32) + np.float32(0.5 - centre[0]))[:, None]
    x = (np.arange(columns, dtype=np.float32) + np.float32(0.5 - centre[1]))[None, :]
    if columns > rows:
        y, x = x, y
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along = cos * y + sin * x
    sag = np.float32(build.bend / short)
    across = cos * x - sin * y - sag * along * along
    texture = _texture(shape, rng)
    pixels = _render(build, short, texture * np.float32(exposure), along=along, across=across)
    return Anatomy(
        pixels=pixels,
        build=build,
        centre=centre,
        angle=angle,
        along=along,
        across=across,
        short=short,
        exposure=exposure,
        texture=texture,
    )


def fracture(anatomy: Anatomy, severity: float, rng: np.random.Generator) -> tuple[Pixels, Box]:
    """Break the shaft once: a jagged oblique gap, the far part shifted sideways.

    The gap opens, darkens and shifts in proportion to `severity`; 0 gives the bone as it
    was, 1 a gap of about half the shaft's half width that is plain to see at 64 pixels.

    Parameters
    ----------
    anatomy
        The bone.
    severity
        0..1.
    rng
        Source of place, obliquity, direction and jaggedness.

    Returns
    -------
    pixels
        (rows, columns) float32 in 0..1.
    box
        (x0, y0, x1, y1) around the lesion, pixels, x1 and y1 exclusive.

    """
    severity = checked_severity(severity)
    width = anatomy.half_width
    place = _place(anatomy, 0.8 * width, rng)
    slope, direction = float(rng.uniform(-0.6, 0.6)), float(rng.choice([-1.0, 1.0]))
    phase, pitch = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(4, 7)) / width
    amplitude = 0.10 * width
    view = _Window(anatomy, place, 2.2 * width)
    jag = np.float32(amplitude) * np.sin(view.across * np.float32(pitch) + np.float32(phase))
    distance = view.along - np.float32(place) - np.float32(slope) * view.across - jag
    shift = severity * direction * float(rng.uniform(0.35, 0.55)) * width
    # The far part comes back to the axis so that the picture changes near the lesion only.
    far = (distance > 0) * np.clip(1 - distance / np.float32(1.6 * width), 0, 1)
    gap = _notch(distance, severity * 0.28 * width)
    pixels = view.paint(np.float32(shift) * far, gap * np.float32(severity))
    box = anatomy_box(anatomy, place, 0.9 * width, 1.6 * width)
    return pixels, box


def shatter(anatomy: Anatomy, severity: float, rng: np.random.Generator) -> tuple[Pixels, Box]:
    """Break the shaft into many displaced pieces over about two widths of its length.

    Parameters, results and the meaning of `severity` are those of `fracture`: pieces move
    apart, turn lighter or darker and part from each other in proportion to it.
    """
    severity = checked_severity(severity)
    width = anatomy.half_width
    reach = 1.6 * width
    place = _place(anatomy, reach, rng)
    view = _Window(anatomy, place, reach + 0.8 * width)
    cuts = place + reach * (np.linspace(-0.9, 0.9, 5) + rng.uniform(-0.12, 0.12, 5))
    slopes = rng.uniform(-0.9, 0.9, 5)
    moves = np.concatenate([[0.0], rng.uniform(0.3, 0.7, 4) * rng.choice([-1.0, 1.0], 4), [0.0]])
    tones = np.concatenate([[0.0], rng.uniform(-0.2, 0.35, 4), [0.0]])
    piece = np.zeros(view.along.shape, dtype=np.intp)
    gap = np.zeros(view.along.shape, dtype=np.float32)
    for cut, slope in zip(cuts, slopes, strict=True):
        distance = view.along - np.float32(cut) - np.float32(slope) * view.across
        piece += distance > 0
        np.maximum(gap, _notch(distance, severity * 0.16 * width), out=gap)
    # One crack along the axis divides the middle pieces.
    split = view.across - np.float32(rng.uniform(-0.3, 0.3) * width)
    middle = (piece > 0) & (piece < len(cuts))
    np.maximum(gap, _notch(split, severity * 0.12 * width) * middle, out=gap)
    shift = (severity * width * moves).astype(np.float32)[piece]
    gain = (1 + severity * tones).astype(np.float32)[piece]
    pixels = view.paint(shift, gap * np.float32(severity), gain=gain)
    return pixels, anatomy_box(anatomy, place, 1.25 * reach, 1.8 * width)


def gain_field(shape: tuple[int, int], rng: np.random.Generator, *, strength: float) -> Pixels:
    """Return a smooth field of factors, 1 on average, as uneven exposure gives.

    Parameters
    ----------
    shape
        (rows, columns).
    rng
        Source of the three coefficients of a plane and a saddle.
    strength
        Largest deviation from 1, 0..1.

    """
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    a, b, c = (rng.uniform(-1, 1, 3) * strength / 3).astype(np.float32)
    field: Pixels = 1 + a * x + b * y + c * (x * y)
    return field


def noise(pixels: Pixels, sd: float, rng: np.random.Generator) -> Pixels:
    """Add white normal noise of standard deviation `sd`; nothing is clipped."""
    white: Pixels = rng.standard_normal(pixels.shape, dtype=np.float32)
    white *= np.float32(sd)
    white += pixels
    return white


def to_bytes(pixels: Pixels) -> NDArray[np.uint8]:
    """Round grey values 0..1, of any shape, to 0..255; what lies outside is clipped."""
    return (np.clip(pixels, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def anatomy_box(anatomy: Anatomy, place: float, along: float, across: float) -> Box:
    """Return the upright box around a part of the shaft, cut at the picture's edge.

    Parameters
    ----------
    anatomy
        The bone.
    place
        Coordinate on the axis, pixels.
    along, across
        Half extent on and beside the axis, pixels.

    """
    rows, columns = anatomy.pixels.shape
    sag = anatomy.build.bend / anatomy.short * place**2
    cos, sin = float(np.cos(anatomy.angle)), float(np.sin(anatomy.angle))
    u = np.array([place - along, place - along, place + along, place + along])
    v = np.array([-across, across, -across, across]) + sag
    y, x = cos * u - sin * v, sin * u + cos * v
    if columns > rows:
        y, x = x, y
    y, x = y + anatomy.centre[0], x + anatomy.centre[1]
    return (
        int(np.clip(np.floor(x.min()), 0, columns - 1)),
        int(np.clip(np.floor(y.min()), 0, rows - 1)),
        int(np.clip(np.ceil(x.max()), 1, columns)),
        int(np.clip(np.ceil(y.max()), 1, rows)),
    )


class _Window:
    """The part of a picture near a lesion: only that is rendered again."""

    def __init__(self, anatomy: Anatomy, place: float, reach: float) -> None:
        self.anatomy = anatomy
        x0, y0, x1, y1 = anatomy_box(anatomy, place, reach, 2.4 * anatomy.half_width)
        self.part = (slice(y0, y1), slice(x0, x1))
        self.along = anatomy.along[self.part]
        self.across = anatomy.across[self.part]

    def paint(self, shift: Pixels, gap: Pixels, *, gain: Pixels | None = None) -> Pixels:
        """Render the first bone `shift` pixels aside with `gap` (0..1) taken out of it."""
        anatomy = self.anatomy
        whole = anatomy.pixels.copy()
        whole[self.part] = _render(
            anatomy.build,
            anatomy.short,
            anatomy.texture[self.part] * np.float32(anatomy.exposure),
            along=self.along,
            across=self.across,
            shift=shift,
            gap=gap,
            gain=gain,
        )
        return whole


def _render(
    build: BoneBuild,
    short: int,
    exposure: Pixels,
    *,
    along: Pixels,
    across: Pixels,
    shift: Pixels | None = None,
    gap: Pixels | None = None,
    gain: Pixels | None = None,
) -> Pixels:
    """Turn bone coordinates into grey values; the lesion touches the first bone only."""
    width = np.float32(build.width * short)
    end = np.abs(along) * np.float32(1 / (0.9 * short))
    np.minimum(end, 1, out=end)
    half = width * (1 + np.float32(build.flare) * end * end * end)
    first = _shaft(build, across if shift is None else across - shift, half)
    if gap is not None:
        first *= 1 - gap
    if gain is not None:
        first *= gain
    offset = np.float32(0)
    pixels = first
    if build.partner:
        offset = np.float32(build.side * (1.35 + build.partner)) * width
        pixels = np.maximum(first, _shaft(build, across - offset, half * np.float32(build.partner)))
    soft: Pixels = (across - offset / 2) / (np.abs(offset) / 2 + np.float32(2.3) * width)
    soft = 1 - soft * soft
    np.clip(soft, 0, np.float32(0.5), out=soft)
    pixels = pixels + soft * np.float32(2 * build.tissue)
    pixels += np.float32(0.03)
    pixels *= exposure
    np.clip(pixels, 0, 1, out=pixels)
    return pixels


def _shaft(build: BoneBuild, across: Pixels, half: Pixels) -> Pixels:
    """Return what a hollow shaft adds: marrow in the middle, bright cortex at its rims."""
    distance = np.abs(across)
    edge = half - distance
    edge += np.float32(0.5)
    np.clip(edge, 0, 1, out=edge)  # one pixel of antialiasing
    distance /= half
    distance *= distance
    distance *= distance
    distance *= np.float32(build.cortex - build.marrow)
    distance += np.float32(build.marrow)
    distance *= edge
    return distance


def _notch(distance: Pixels, half: float) -> Pixels:
    """Return 1 within `half` pixels of a line, falling to 0 over one more pixel."""
    notch: Pixels = np.float32(half + 0.5) - np.abs(distance)
    np.clip(notch, 0, 1, out=notch)
    return notch


def _texture(shape: tuple[int, int], rng: np.random.Generator, spread: float = 0.1) -> Pixels:
    """Interpolate a coarse grid of random factors, about 14 cells along the short side."""
    cell = min(shape) / 14
    counts = [max(2, round(length / cell)) for length in shape]
    grid = 1 + spread * rng.standard_normal(counts).astype(np.float32)
    down, right = (linear_weights(n, k) for n, k in zip(shape, counts, strict=True))
    texture: Pixels = down @ np.clip(grid, 1 - 2 * spread, 1 + 2 * spread) @ right.T
    return texture


def linear_weights(length: int, count: int) -> Pixels:
    """Return (length, count) weights of linear interpolation between `count` knots."""
    place = np.linspace(0, count - 1, length, dtype=np.float32)
    weights: Pixels = 1 - np.abs(place[:, None] - np.arange(count, dtype=np.float32))
    np.maximum(weights, 0, out=weights)
    return weights


def _place(anatomy: Anatomy, reach: float, rng: np.random.Generator) -> float:
    """Draw where on the axis a lesion lies, so that all of it is in the picture."""
    rows, columns = anatomy.pixels.shape
    long, start = (columns, anatomy.centre[1]) if columns > rows else (rows, anatomy.centre[0])
    room = max(0.8 * min(start, long - start) - reach, 0.0)
    return float(rng.uniform(-room, room))


def checked_severity(severity: float) -> float:
    """Return a severity as it is; one outside 0..1 is a `ValueError`."""
    if not 0 <= severity <= 1:
        raise ValueError(f"severity must lie in 0..1, got {severity!r}")
    return float(severity)
