"""What can be found in a synthetic chest: twelve kinds of findings, and a device.

Each function draws one finding into a film in proportion to its severity, 0..1, and returns the box
around it. Severity 0 leaves of most nothing, and of heart and mediastinum their usual size. A
finding's place comes from a generator of its own, of which both views of a study get an equal one:
a lesion of the right lower lobe is low in either.
"""

from collections.abc import Callable, Mapping

import numpy as np

from radpipe.imaging.phantom.bones import checked_severity
from radpipe.imaging.phantom.chest import (
    DOME,
    LUNG_HEIGHT,
    LUNG_WIDTH,
    LUNG_X,
    LUNG_Y,
    Box,
    ChestFilm,
    Pixels,
    View,
    below,
    box_of,
    inside,
    squared,
)

Draw = Callable[[ChestFilm, float, np.random.Generator], Box | None]


def draw_finding(
    film: ChestFilm, finding: str, severity: float, rng: np.random.Generator
) -> Box | None:
    """Draw a finding into a film.

    Parameters
    ----------
    film
        Its pixels are changed.
    finding
        A key of `FINDINGS` for the film's view.
    severity
        0..1; more is brighter and larger.
    rng
        Source of the place; an equal one for the other view of a study.

    Returns
    -------
    Box or None
        Around what was drawn; None if nothing of it lies in the film.

    Raises
    ------
    ValueError
        The severity lies outside 0..1.

    """
    return FINDINGS[film.view][finding](film, checked_severity(severity), rng)


def _side(rng: np.random.Generator) -> float:
    """Return -1 or 1: the lung in which something lies."""
    return float(rng.choice([-1.0, 1.0]))


def _heart(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw the heart, which grows to the left and up."""
    del rng
    if film.view == "frontal":
        at, radii = (0.07 + 0.10 * severity, 0.27), (0.19 + 0.26 * severity, 0.20 + 0.12 * severity)
    else:
        at, radii = (-0.16, 0.18), (0.17 + 0.22 * severity, 0.18 + 0.14 * severity)
    return film.cover(inside(squared(film.x, film.y, at, radii), radii[0]), 0.68)


def _mediastinum(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw the shadow of the large vessels, which widens."""
    del rng
    half = 0.09 + 0.17 * severity
    column = inside((film.x * np.float32(1 / half)) ** 2, half)
    upper = below(film.y, 0.15) * (1 - below(film.y, -0.78))
    return film.cover(column * upper, 0.62)


def _edema(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a haze around both hila that has the form of wings."""
    del rng
    aside = np.abs(film.x) if film.view == "frontal" else film.x
    middle = 0.24 if film.view == "frontal" else 0.0
    haze = np.exp(-squared(aside, film.y, (middle, -0.02), (0.24, 0.36)))
    return film.add(haze * film.lungs, 0.34 * severity)


def _consolidation(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a dense patch with an outline of lobes."""
    at = _place(film.view, rng, heights=(-0.35, 0.1))
    radius = 0.11 + 0.14 * severity
    bearing = np.arctan2(film.y - np.float32(at[1]), film.x - np.float32(at[0]))
    lobes = 1 + np.float32(0.25) * np.sin(4 * bearing + np.float32(rng.uniform(0, 2 * np.pi)))
    patch = inside(squared(film.x, film.y, at, (radius, radius)) / lobes, radius)
    return film.add(patch * film.lungs, 0.5 * severity)


def _pneumonia(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw four small patches beside each other, low in one lung."""
    side, radius = _side(rng), 0.055 + 0.02 * severity
    patches: Pixels = np.zeros_like(film.x)
    for right, down in rng.uniform(-0.11, 0.11, (4, 2)):
        at = (side * LUNG_X + float(right), 0.22 + float(down))
        spot = inside(squared(film.x, film.y, at, (radius, radius)), radius)
        np.maximum(patches, spot, out=patches)
    return film.add(patches * film.lungs, 0.36 * severity)


def _lesion(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a round nodule with a sharp edge."""
    at = _place(film.view, rng, heights=(-0.5, 0.2))
    radius = 0.05 + 0.055 * severity
    disc = inside(squared(film.x, film.y, at, (radius, radius)), radius, edge=0.025)
    return film.add(disc * film.lungs, 0.45 * severity)


def _atelectasis(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a band above the diaphragm, across the base of one lung."""
    at = (_side(rng) * LUNG_X, float(rng.uniform(0.26, 0.36)))
    slope = np.float32(rng.uniform(-0.25, 0.25))
    off = film.y - np.float32(at[1]) - slope * (film.x - np.float32(at[0]))
    thick = 0.03 + 0.06 * severity
    band = inside((off * np.float32(1 / thick)) ** 2, thick, edge=0.03)
    across = inside(((film.x - np.float32(at[0])) * np.float32(1 / 0.27)) ** 2, 0.27)
    return film.add(band * across, 0.55 * severity)


def _pneumothorax(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a rim without lung at one apex, and the line of the pleura within."""
    reach = _lung_reach(film, _side(rng))
    upper = below(film.y, -0.12, edge=0.1)
    edge = 1 - 0.5 * severity
    rim = (1 - below(reach, edge, edge=0.1)) * below(reach, 1.05) * upper
    film.add(rim, -0.10 * severity)
    line = inside(((reach - np.float32(edge)) * np.float32(1 / 0.09)) ** 2, 0.09) * upper
    film.add(line * film.lungs, 0.30 * severity)
    return _boxed(rim, line * film.lungs)


def _effusion(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw fluid at the base of one lung, higher at the chest wall."""
    side = _side(rng)
    if film.view == "frontal":
        outwards, here = side * film.x - np.float32(LUNG_X), below(-side * film.x, 0.0)
    else:
        outwards, here = film.x - np.float32(0.2), below(-film.x, 0.1)
    level = np.float32(DOME - 0.42 * severity) - np.float32(0.5) * outwards
    fluid = (1 - below(film.y, level)) * film.lungs * here
    return film.cover(np.float32(0.35 + 0.6 * severity) * fluid, 0.62)


def _pleural_thickening(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a bright cap at the apex of one lung."""
    reach = _lung_reach(film, _side(rng))
    cap = (1 - below(reach, 0.62, edge=0.2)) * below(film.y, -0.48) * below(reach, 1.0)
    return film.add(cap, 0.34 * severity)


def _fracture(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a break of a rib at the side: a dark gap between two bright ends."""
    at = (_side(rng) * 0.64, float(rng.uniform(-0.35, 0.25)))
    ends = inside(squared(film.x, film.y, at, (0.10, 0.07)), 0.1, edge=0.03)
    gap = inside(squared(film.x, film.y, at, (0.03, 0.10)), 0.03, edge=0.02)
    film.add(ends, 0.38 * severity)
    film.add(gap, -0.6 * severity)
    return _boxed(ends, gap)


def _device(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a catheter from one shoulder to the heart, a tube in the midline, and two electrodes."""
    side = _side(rng) if film.view == "frontal" else -1.0
    rest = np.float32(1 / 0.85) * (np.float32(0.1) - film.y)
    course = np.float32(0.03) + np.float32(side * 0.5) * rest * np.abs(rest)
    line = inside(((film.x - course) * np.float32(1 / 0.022)) ** 2, 0.022, edge=0.02)
    line *= below(film.y, 0.1) * (1 - below(film.y, -0.78))
    tube = inside((film.x * np.float32(1 / 0.022)) ** 2, 0.022, edge=0.02) * below(film.y, -0.38)
    shown = np.maximum(line, tube)
    for down in (-0.5, 0.1):
        at = (-side * 0.6, down + float(rng.uniform(-0.1, 0.1)))
        shown = np.maximum(shown, inside(squared(film.x, film.y, at, (0.05, 0.05)), 0.05))
    return film.add(shown, 0.7 * severity)


def _haze(film: ChestFilm, severity: float, rng: np.random.Generator) -> Box | None:
    """Draw a faint haze over most of one lung, of no kind in particular."""
    side = _side(rng)
    haze = np.exp(-squared(film.x, film.y, (side * LUNG_X, 0.0), (0.34, 0.5)))
    return film.add(haze * film.lungs, 0.20 * severity)


def _place(
    view: View, rng: np.random.Generator, *, heights: tuple[float, float]
) -> tuple[float, float]:
    """Return where in the lungs something lies; its height is that of the other view."""
    side, height = _side(rng), float(rng.uniform(*heights))
    aside, depth = float(rng.uniform(0.3, 0.46)), float(rng.uniform(-0.1, 0.3))
    return (side * aside if view == "frontal" else depth), height


def _lung_reach(film: ChestFilm, side: float) -> Pixels:
    """Return the squared distance from the middle of one lung, 1 at its outline, far elsewhere."""
    return squared(film.x, film.y, (side * LUNG_X, LUNG_Y), (LUNG_WIDTH, LUNG_HEIGHT))


def _boxed(*masks: Pixels) -> Box | None:
    """Return the box around several masks."""
    return box_of(np.maximum.reduce(masks))


# In the order of drawing: what covers comes before what adds, so that nothing is hidden.
FINDINGS: Mapping[View, Mapping[str, Draw]] = {
    "frontal": {
        "enlarged_cardiomediastinum": _mediastinum,
        "cardiomegaly": _heart,
        "pleural_effusion": _effusion,
        "lung_opacity": _haze,
        "edema": _edema,
        "consolidation": _consolidation,
        "pneumonia": _pneumonia,
        "lung_lesion": _lesion,
        "atelectasis": _atelectasis,
        "pneumothorax": _pneumothorax,
        "pleural_other": _pleural_thickening,
        "fracture": _fracture,
        "support_devices": _device,
    },
    # Of the others nothing can be told from the side.
    "lateral": {
        "cardiomegaly": _heart,
        "pleural_effusion": _effusion,
        "edema": _edema,
        "consolidation": _consolidation,
        "lung_lesion": _lesion,
        "support_devices": _device,
    },
}
