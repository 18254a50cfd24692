"""The phantom of adapter `chexpert`: chests with fourteen labels, tables, and known truth.

Writes what a release with its test films holds, in its layout, with invented people, and beside it
what is known of the truth: `ceiling.csv` and `boxes.csv` (see `studies.base.truth`).
docs/how-to/chexpert.md says how the ideal observer and networks fare on it.
"""

import csv
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from radpipe.core.settings import PhantomSource
from radpipe.imaging.phantom.bones import to_bytes
from radpipe.imaging.phantom.chest import (
    Box,
    ChestFilm,
    Pixels,
    View,
    chest,
    draw_build,
    with_noise,
)
from radpipe.imaging.phantom.chest_findings import FINDINGS as DRAWN
from radpipe.imaging.phantom.chest_findings import draw_finding
from radpipe.studies.base.contract import Signals
from radpipe.studies.base.drawing import draw_all
from radpipe.studies.base.truth import BOXES, CEILING
from radpipe.studies.chexpert.layout import LABELS, header_of
from radpipe.studies.chexpert.phantom_plan import (
    FINDINGS,
    OPACITIES,
    OPACITY,
    PlannedStudy,
    draw_plan,
    posterior,
)
from radpipe.studies.chexpert.phantom_tables import film_name, missing_film, write_tables

# As the small release has them: compressed, grey.
QUALITY = 95
# Every film shows a trace of each finding; from here on it gets a box, whatever its labels.
BOXED_FROM = 0.3
VIEW_NUMBERS: dict[View, int] = {"frontal": 0, "lateral": 1}

# File, finding, and where it lies.
FindingBox = tuple[str, str, Box]


def write_phantom(out: Path, *, source: PhantomSource, workers: int | None = None) -> None:
    """Write a phantom study; its bytes do not depend on the number of workers.

    Parameters
    ----------
    out
        Folder to write into.
    source
        Seed, number of patients, and which hospital.
    workers
        Processes; by default the cores this process may use.

    """
    planned = draw_plan(source)
    missing = missing_film(planned)
    write = partial(write_study, out, seed=source.seed, missing=missing)
    found = draw_all(write, planned, unit="studies", workers=workers)
    write_tables(out, planned)
    _write_ceiling(out / CEILING, planned, elsewhere=source.elsewhere)
    _write_boxes(out / BOXES, [box for boxes in found for box in boxes])


def write_study(out: Path, study: PlannedStudy, *, seed: int, missing: str) -> list[FindingBox]:
    """Draw and write the films of a study but a missing one; return the boxes of findings."""
    boxes: list[FindingBox] = []
    for view in VIEW_NUMBERS:
        file = film_name(study, view)
        if view not in study.views or file == missing:
            continue
        pixels, found = draw(study, view, seed=seed)
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(to_bytes(pixels)).save(out / file, quality=QUALITY)
        boxes += [(file, finding, box) for finding, box in found]
    return boxes


def draw(study: PlannedStudy, view: View, *, seed: int) -> tuple[Pixels, list[tuple[str, Box]]]:
    """Draw a film: the patient's chest, findings, noise.

    Parameters
    ----------
    study
        What to draw.
    view
        Which of its films.
    seed
        Seed of the phantom.

    Returns
    -------
    pixels
        (rows, columns) float32, 0..1 and, with noise, a little beyond.
    found
        Finding and box of each that can be seen.

    """
    rng = np.random.default_rng([seed, 2, study.number, VIEW_NUMBERS[view]])
    film, found = _film(study, view, rng, seed=seed)
    return with_noise(film, rng), found


def signals(source: PhantomSource) -> Signals:
    """Return what tells where a label shows; see `studies.base.contract.Adapter.signals`.

    Of lung opacity all kinds of it; nothing of no finding, which is what cannot be seen.
    """
    films = {
        film_name(study, view): (study, view)
        for study in draw_plan(source)
        for view in VIEW_NUMBERS
        if view in study.views
    }

    def signal(file: str, label: str) -> Pixels | None:
        findings = OPACITIES if label == OPACITY else (label,)
        if file not in films or not set(findings) & set(FINDINGS):
            return None
        return finding_signal(*films[file], findings, seed=source.seed)

    return signal


def finding_signal(
    study: PlannedStudy, view: View, findings: Collection[str], *, seed: int
) -> Pixels:
    """Return the square of what findings change in a film, (1, rows, columns), without noise.

    Against the same film in which their severity is 0: the heart of its usual size, for example.
    """
    kept = zip(FINDINGS, study.severity, strict=True)
    severity = tuple(0.0 if name in findings else each for name, each in kept)
    shown, without = (
        _film(
            one, view, np.random.default_rng([seed, 2, study.number, VIEW_NUMBERS[view]]), seed=seed
        )
        for one in (study, replace(study, severity=severity))
    )
    signal: Pixels = (shown[0].pixels - without[0].pixels)[None] ** 2
    return signal


def _film(
    study: PlannedStudy, view: View, rng: np.random.Generator, *, seed: int
) -> tuple[ChestFilm, list[tuple[str, Box]]]:
    """Draw a film without noise, and the boxes of the findings that can be seen."""
    build = draw_build(np.random.default_rng([seed, 1, study.patient]))
    shape = study.shape if view == "frontal" else study.shape[::-1]
    film = chest(view, shape, rng, build=build)
    found = []
    for finding in DRAWN[view]:
        number = FINDINGS.index(finding)
        severity = study.severity[number]
        # The same for both views, so that a finding lies equally high in either.
        place = np.random.default_rng([seed, 3, study.number, number])
        box = draw_finding(film, finding, severity, place)
        if box is not None and severity >= BOXED_FROM:
            found.append((finding, box))
    return film, found


def _write_ceiling(path: Path, planned: Sequence[PlannedStudy], *, elsewhere: bool) -> None:
    """Write what an ideal observer says of every film."""
    severity = np.array([study.severity for study in planned])
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", *map(header_of, LABELS)])
        for view in VIEW_NUMBERS:
            shares = posterior(severity, elsewhere=elsewhere, seen=tuple(DRAWN[view]))
            for row, study in enumerate(planned):
                if view in study.views:
                    said = [repr(float(shares[label][row])) for label in LABELS]
                    writer.writerow([film_name(study, view), *said])


def _write_boxes(path: Path, boxes: Sequence[FindingBox]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "x0", "y0", "x1", "y1", "label"])
        writer.writerows([file, *box, finding] for file, finding, box in boxes)
