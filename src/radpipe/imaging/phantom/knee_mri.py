"""Synthetic MR volumes of knees: anatomy in three planes, three kinds of lesion.

Building blocks in pure NumPy; a study's phantom composes them and knows the truth. The knee
is a solid with coordinates (x, y, h), and a volume is a stack of cuts through it, so that a
lesion lies at the same place in every plane:

    x   medial (-1) to lateral (+1)
    y   front (-1) to back (+1)
    h   up (-1) to down (+1); 0 is the joint line

Lengths are in half sides of the picture, grey values are float32 with 0 = air and 1 = full
scale, arrays are (slices, rows, columns).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from radpipe.imaging.phantom.bones import checked_severity, linear_weights, noise

Pixels = NDArray[np.float32]
Place = tuple[float, float, float]
# (slice, x0, y0, x1, y1): pixels, x1 and y1 exclusive.
SliceBox = tuple[int, int, int, int, int]
Plane = Literal["axial", "coronal", "sagittal"]

# Coordinates that run rightwards, downwards and from slice to slice: 0 is x, 1 is y, 2 is h.
AXES: dict[Plane, tuple[int, int, int]] = {
    "axial": (0, 1, 2),
    "coronal": (0, 2, 1),
    "sagittal": (1, 2, 0),
}
# Where the first and the last slice lie.
DEPTH: dict[Plane, tuple[float, float]] = {
    "axial": (-0.85, 0.35),
    "coronal": (-0.65, 0.65),
    "sagittal": (-0.65, 0.65),
}
# How far a knee may lie from the middle: 10 % of the side.
SHIFT = 0.2
TILT_DEGREES = 8.0
NOISE_SD = 0.03
TEXTURE_SD = 0.06
# Grey that a lesion of severity 1 adds.
CONTRAST = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class KneeBuild:
    """What stays with a knee from plane to plane.

    Attributes
    ----------
    size
        Factor on all lengths.
    mirrored
        Whether lateral lies on the left of the picture.
    bone, muscle, fat, vessel
        Grey values.
    vessel_at
        (x, y) of the popliteal vessel, the brightest thing in most cuts.
    ligament, meniscus, pouch
        (x, y, h) of the places where a lesion lies or would lie.

    """

    size: float
    mirrored: bool
    bone: float
    muscle: float
    fat: float
    vessel: float
    vessel_at: tuple[float, float]
    ligament: Place
    meniscus: Place
    pouch: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class KneeVolume:
    """Cuts through a knee, without noise, and the geometry needed to place a lesion.

    Attributes
    ----------
    pixels
        (slices, rows, columns) float32 in 0..1.
    plane
        How the cuts lie.
    build
        The knee.
    right, down
        (rows, columns) float32: every pixel's coordinate on the knee.
    depth
        (slices,) float32: the same from slice to slice.
    exposure
        Factor on all grey values.

    """

    pixels: Pixels
    plane: Plane
    build: KneeBuild
    right: Pixels
    down: Pixels
    depth: Pixels
    exposure: float


def draw_build(rng: np.random.Generator) -> KneeBuild:
    """Draw a knee: size, side, brightness, and where its lesions lie if it has any."""
    along = float(rng.choice([0.0, 0.5, 1.0])) + float(rng.uniform(-0.1, 0.1))
    side, end = (float(rng.choice([-1.0, 1.0])) for _ in range(2))
    return KneeBuild(
        size=float(rng.uniform(0.88, 1.1)),
        mirrored=bool(rng.random() < 0.5),
        bone=float(rng.uniform(0.42, 0.55)),
        muscle=float(rng.uniform(0.22, 0.32)),
        fat=float(rng.uniform(0.3, 0.4)),
        vessel=float(rng.uniform(0.6, 1.0)),
        vessel_at=(float(rng.uniform(-0.25, 0.25)), float(rng.uniform(0.58, 0.66))),
        # The ligament runs from the back of the femur to the front of the tibia.
        ligament=(float(rng.uniform(-0.04, 0.04)), 0.22 - 0.36 * along, -0.26 + 0.24 * along),
        meniscus=(side * 0.36, end * float(rng.uniform(0.2, 0.3)), 0.03),
        pouch=(float(rng.choice([-0.28, 0.28])), -0.4, float(rng.uniform(-0.62, -0.5))),
    )


def cut(
    plane: Plane, n_slices: int, side: int, rng: np.random.Generator, *, build: KneeBuild
) -> KneeVolume:
    """Cut a knee into slices, in a pose of its own.

    Parameters
    ----------
    plane
        How the cuts lie.
    n_slices
        Slices, at least 4; they always span the same part of the knee.
    side
        Rows and columns, at least 16 pixels.
    rng
        Source of position, tilt, exposure and texture.
    build
        The knee; the same one gives the same knee in another pose.

    """
    shift = rng.uniform(-SHIFT, SHIFT, 2)
    angle = float(np.deg2rad(rng.uniform(-TILT_DEGREES, TILT_DEGREES)))
    exposure = float(rng.uniform(0.85, 1.1))
    grid = ((np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / side)) - 1
    x, y = grid[None, :] - np.float32(shift[0]), grid[:, None] - np.float32(shift[1])
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    scale = np.float32(1 / build.size)
    right, down = (cos * x + sin * y) * scale, (cos * y - sin * x) * scale
    if build.mirrored and plane != "sagittal":
        right = -right
    first, last = DEPTH[plane]
    step = (last - first) / n_slices
    start = first + step * float(rng.uniform(0.3, 0.7))
    depth = (start + step * np.arange(n_slices)).astype(np.float32)
    coordinates: list[Pixels] = [right, right, right]
    for axis, values in zip(
        AXES[plane], (right[None], down[None], depth[:, None, None]), strict=True
    ):
        coordinates[axis] = values
    pixels = _tissue(coordinates[0], coordinates[1], coordinates[2], build=build)
    pixels *= _texture((n_slices, side, side), rng)
    pixels *= np.float32(exposure)
    np.clip(pixels, 0, 1, out=pixels)
    return KneeVolume(
        pixels=pixels,
        plane=plane,
        build=build,
        right=right,
        down=down,
        depth=depth,
        exposure=exposure,
    )


def ligament_tear(volume: KneeVolume, severity: float, rng: np.random.Generator) -> list[SliceBox]:
    """Draw a bright irregular blob into the cruciate ligament, in three or four slices.

    Contrast and size grow in proportion to `severity`; 0 leaves the volume as it was.

    Parameters
    ----------
    volume
        Its pixels are changed.
    severity
        0..1.
    rng
        Source of shape and of the slices.

    Returns
    -------
    list
        Boxes, one a slice.

    """
    radius = 0.08 + 0.14 * checked_severity(severity)
    along, across = _local(volume, volume.build.ligament, float(rng.uniform(0, np.pi)))
    bearing = np.arctan2(across, along)
    lobes = 1 + 0.25 * np.sin(3 * bearing + np.float32(rng.uniform(0, 2 * np.pi)))
    lobes += 0.12 * np.sin(5 * bearing + np.float32(rng.uniform(0, 2 * np.pi)))
    mask = _soft(np.hypot(along, across * np.float32(1.3)) / (np.float32(radius) * lobes), radius)
    return _paint(volume, mask, severity, volume.build.ligament, int(rng.integers(3, 5)))


def meniscal_tear(volume: KneeVolume, severity: float, rng: np.random.Generator) -> list[SliceBox]:
    """Draw a bright line into the joint line where the meniscus lies, in three or four slices.

    Parameters, results and the meaning of `severity` are those of `ligament_tear`.
    """
    severity = checked_severity(severity)
    long, thick = 0.15 + 0.20 * severity, 0.06 + 0.09 * severity
    angle = float(np.deg2rad(rng.uniform(-20, 20)))
    along, across = _local(volume, volume.build.meniscus, angle)
    # A wedge: thick at one end, a line at the other.
    taper = np.clip(1 + float(rng.choice([-0.5, 0.5])) * along / np.float32(long), 0.3, 1.5)
    reach = np.hypot(along / np.float32(long), across / (np.float32(thick) * taper))
    mask = _soft(reach, thick)
    return _paint(volume, mask, severity, volume.build.meniscus, int(rng.integers(3, 5)))


def effusion(volume: KneeVolume, severity: float, rng: np.random.Generator) -> list[SliceBox]:
    """Draw a bright crescent in front of the femur, above the joint, in three or four slices.

    Parameters, results and the meaning of `severity` are those of `ligament_tear`.
    """
    severity = checked_severity(severity)
    long, thick = 0.14 + 0.20 * severity, 0.055 + 0.08 * severity
    upright = np.pi / 2 if volume.plane == "sagittal" else 0.0
    angle = upright + float(np.deg2rad(rng.uniform(-15, 15)))
    along, across = _local(volume, volume.build.pouch, angle)
    bow = np.float32(rng.uniform(0.8, 1.4) * (-1 if volume.plane == "sagittal" else 1))
    reach = np.hypot(along / np.float32(long), (across - bow * along**2) / np.float32(thick))
    mask = _soft(reach, thick)
    return _paint(volume, mask, severity, volume.build.pouch, int(rng.integers(3, 5)))


def with_noise(volume: KneeVolume, rng: np.random.Generator) -> Pixels:
    """Return the pixels with white noise, as the scanner would give them; not clipped."""
    return noise(volume.pixels, NOISE_SD, rng)


def _tissue(x: Pixels, y: Pixels, h: Pixels, *, build: KneeBuild) -> Pixels:
    """Turn coordinates on the knee, which may be broadcast, into grey values."""
    limb = (x / np.float32(0.84)) ** 2 + (y / np.float32(0.82)) ** 2 + 0 * h
    pixels: Pixels = np.float32(build.fat) * _inside(limb, 0.8)
    pixels = _over(pixels, _inside(limb * np.float32(1.35), 0.7), build.muscle)
    vessel = _ellipsoid((x, build.vessel_at[0], 0.06), (y, build.vessel_at[1], 0.06))
    pixels = _over(pixels, _inside(vessel, 0.06), build.vessel)
    shaft = _ellipsoid((x, 0.0, 0.36), (y, -0.05, 0.30)) + np.float32(8) * np.maximum(h + 0.4, 0)
    medial = _ellipsoid((x, -0.32, 0.28), (y, 0.02, 0.46), (h, -0.32, 0.31))
    lateral = _ellipsoid((x, 0.32, 0.28), (y, 0.02, 0.46), (h, -0.32, 0.31))
    femur = _inside(np.minimum(np.minimum(medial, lateral), shaft), 0.3)
    pixels = _over(pixels, femur, build.bone)
    taper = 1 + np.float32(0.5) * np.maximum(h, 0)
    tibia = _ellipsoid((x * taper, 0.0, 0.58), (y * taper, 0.0, 0.44))
    tibia = tibia + np.float32(25) * np.maximum(np.float32(0.08) - h, 0)
    pixels = _over(pixels, _inside(tibia, 0.5), build.bone * 0.94)
    patella = _ellipsoid((x, 0.0, 0.24), (y, -0.64, 0.10), (h, -0.32, 0.24))
    pixels = _over(pixels, _inside(patella, 0.1), build.bone * 1.05)
    # Menisci and ligament are dark: an open ring in the joint line, a band in the notch.
    ring = _ellipsoid((x, 0.0, 0.56), (y, 0.0, 0.42))
    ring = np.maximum(np.abs(ring - np.float32(0.7)) / np.float32(0.4), np.abs(h - 0.03) / 0.05)
    pixels = _over(pixels, 0.8 * _inside(ring.astype(np.float32), 0.05), 0.06)
    place = np.clip((y - np.float32(0.22)) / np.float32(-0.36), 0, 1)
    off = h - (np.float32(-0.26) + np.float32(0.24) * place)
    band = _ellipsoid((x, 0.0, 0.07), (off, 0.0, 0.06)) + 20 * np.maximum(np.abs(y) - 0.25, 0)
    return _over(pixels, 0.7 * _inside(band.astype(np.float32), 0.06), 0.1)


def _ellipsoid(*terms: tuple[Pixels, float, float]) -> Pixels:
    """Return the squared distance from the middle, 1 on the surface: (values, middle, radius)."""
    total: Pixels = np.zeros(1, dtype=np.float32)
    for values, middle, radius in terms:
        total = total + ((values - np.float32(middle)) * np.float32(1 / radius)) ** 2
    return total


def _inside(squared: Pixels, radius: float) -> Pixels:
    """Return 1 inside a surface and 0 outside, over an edge of about 0.06."""
    edge: Pixels = np.float32(radius / 0.12) * (1 - squared) + np.float32(0.5)
    np.clip(edge, 0, 1, out=edge)
    return edge


def _over(pixels: Pixels, mask: Pixels, grey: float) -> Pixels:
    """Lay a tissue over what is there."""
    laid: Pixels = pixels + mask * (np.float32(grey) - pixels)
    return laid


def _local(volume: KneeVolume, place: Place, angle: float) -> tuple[Pixels, Pixels]:
    """Return every pixel's coordinates around a place, turned by an angle in radians."""
    right, down, _ = AXES[volume.plane]
    x = volume.right - np.float32(place[right])
    y = volume.down - np.float32(place[down])
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * x + sin * y, cos * y - sin * x


def _soft(reach: Pixels, radius: float) -> Pixels:
    """Return 1 where `reach` (1 on the outline) is small, falling to 0 over about a pixel."""
    mask: Pixels = (1 - reach) * np.float32(radius / 0.04) + np.float32(0.5)
    return np.clip(mask, 0, 1)


def _paint(
    volume: KneeVolume, mask: Pixels, severity: float, place: Place, n_slices: int
) -> list[SliceBox]:
    """Add a lesion to the slices nearest to its place; the one in their middle in full."""
    severity = checked_severity(severity)
    through = AXES[volume.plane][2]
    distance = np.abs(volume.depth - np.float32(place[through]))
    nearest = np.sort(np.argsort(distance, kind="stable")[:n_slices])
    centre = int(np.argmin(distance))
    rows, columns = (np.flatnonzero(mask.max(axis=axis) > 0.25) for axis in (1, 0))
    boxes: list[SliceBox] = []
    for index in map(int, nearest):
        share = 1.0 if index == centre else 0.8
        grey = np.float32(share * severity * CONTRAST * volume.exposure)
        volume.pixels[index] += grey * mask
        if len(rows) and len(columns):
            x, y = int(columns[0]), int(rows[0])
            boxes.append((index, x, y, int(columns[-1]) + 1, int(rows[-1]) + 1))
    return boxes


def _texture(shape: tuple[int, int, int], rng: np.random.Generator) -> Pixels:
    """Interpolate a coarse grid of random factors around 1, a cell about 8 pixels wide."""
    counts = (max(2, shape[0] // 3), shape[1] // 8, shape[2] // 8)
    grid = rng.standard_normal(counts).astype(np.float32)
    for axis, (length, count) in enumerate(zip(shape, counts, strict=True)):
        grid = np.moveaxis(
            np.tensordot(linear_weights(length, count), grid, axes=(1, axis)), 0, axis
        )
    field: Pixels = 1 + np.float32(TEXTURE_SD) * np.clip(grid, -2, 2)
    return field
