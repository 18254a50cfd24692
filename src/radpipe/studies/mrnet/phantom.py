"""The phantom of adapter `mrnet`: exams of three planes with known findings.

Writes what MRNet-v1.0 holds, in its layout and with its proportions, at 64 x 64 pixels, and
beside it what is known of the truth: `ceiling.csv` and `boxes.csv` (see
`studies.base.truth`). docs/how-to/mrnet.md says how the ideal observer and networks fare on it.
"""

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radpipe.core.settings import PhantomSource
from radpipe.imaging.phantom import knee_mri as knee
from radpipe.imaging.phantom.bones import to_bytes
from radpipe.studies.base.contract import Signals
from radpipe.studies.base.drawing import draw_all
from radpipe.studies.base.truth import BOXES, CEILING
from radpipe.studies.mrnet.layout import LABELS, table_name, volume_name
from radpipe.studies.mrnet.phantom_plan import (
    FINDINGS,
    STATE_COUNTS,
    PlannedExam,
    draw_plan,
    posterior,
)

SIDE = 64
PLANES: tuple[knee.Plane, ...] = ("axial", "coronal", "sagittal")
Draw = Callable[[knee.KneeVolume, float, np.random.Generator], list[knee.SliceBox]]
DRAW: dict[str, Draw] = {
    "acl": knee.ligament_tear,
    "meniscus": knee.meniscal_tear,
    "effusion": knee.effusion,
}
# The planes in which a finding can be seen.
SEEN = {
    "acl": ("coronal", "sagittal"),
    "meniscus": ("coronal", "sagittal"),
    "effusion": ("axial", "sagittal"),
}
# Every exam shows a trace of each finding; from here on it gets a box, whatever its labels.
BOXED_FROM = 0.3

# File, finding, and where it lies.
LesionBox = tuple[str, str, knee.SliceBox]


def write_phantom(out: Path, *, source: PhantomSource, workers: int | None = None) -> None:
    """Write a phantom study; its bytes do not depend on the number of workers.

    Parameters
    ----------
    out
        Folder to write into.
    source
        Seed, and number of exams (`patients`); a fifth of them stands in valid.
    workers
        Processes; by default the cores this process may use.

    """
    planned = draw_plan(source)
    for part in STATE_COUNTS:
        for plane in PLANES:
            (out / part / plane).mkdir(parents=True, exist_ok=True)
    write = partial(write_exam, out, seed=source.seed)
    found = draw_all(write, planned, unit="exams", workers=workers)
    _write_tables(out, planned)
    _write_ceiling(out / CEILING, planned)
    _write_boxes(out / BOXES, [box for boxes in found for box in boxes])


def write_exam(out: Path, exam: PlannedExam, *, seed: int) -> list[LesionBox]:
    """Draw and write the three volumes of an exam; return the boxes of its lesions."""
    boxes = []
    for plane in PLANES:
        pixels, lesions = draw(exam, plane, seed=seed)
        file = volume_name(exam.part, plane, exam.exam)
        np.save(out / file, pixels, allow_pickle=False)
        boxes += [(file, finding, box) for finding, box in lesions]
    return boxes


def draw(
    exam: PlannedExam, plane: knee.Plane, *, seed: int
) -> tuple[NDArray[np.uint8], list[tuple[str, knee.SliceBox]]]:
    """Draw a volume: the exam's knee, its findings, noise.

    Parameters
    ----------
    exam
        What to draw.
    plane
        Which of the three volumes.
    seed
        Seed of the study.

    Returns
    -------
    pixels
        (slices, 64, 64) uint8.
    lesions
        Finding and box, one a slice.

    """
    rng = np.random.default_rng([seed, 2, exam.number, PLANES.index(plane)])
    volume, lesions = _volume(exam, plane, rng, seed=seed)
    return to_bytes(knee.with_noise(volume, rng)), lesions


def signals(source: PhantomSource) -> Signals:
    """Return what tells where a label shows; see `studies.base.contract.Adapter.signals`.

    What is abnormal is every finding.
    """
    volumes = {
        volume_name(exam.part, plane, exam.exam): (exam, plane)
        for exam in draw_plan(source)
        for plane in PLANES
    }

    def signal(file: str, label: str) -> knee.Pixels | None:
        findings = FINDINGS if label == "abnormal" else (label,)
        if file not in volumes:
            return None
        return finding_signal(*volumes[file], findings, seed=source.seed)

    return signal


def finding_signal(
    exam: PlannedExam, plane: knee.Plane, findings: Collection[str], *, seed: int
) -> knee.Pixels:
    """Return the square of what findings change, (slices, 64, 64), without noise."""
    first, second, third = (
        0.0 if name in findings else each
        for name, each in zip(FINDINGS, exam.severity, strict=True)
    )
    shown, without = (
        _volume(
            one,
            plane,
            np.random.default_rng([seed, 2, exam.number, PLANES.index(plane)]),
            seed=seed,
        )
        for one in (exam, replace(exam, severity=(first, second, third)))
    )
    signal: knee.Pixels = (shown[0].pixels - without[0].pixels) ** 2
    return signal


def _volume(
    exam: PlannedExam, plane: knee.Plane, rng: np.random.Generator, *, seed: int
) -> tuple[knee.KneeVolume, list[tuple[str, knee.SliceBox]]]:
    """Draw a volume without noise, and the boxes of its lesions."""
    build = knee.draw_build(np.random.default_rng([seed, 1, exam.number]))
    volume = knee.cut(plane, exam.slices[PLANES.index(plane)], SIDE, rng, build=build)
    lesions = []
    for finding, severity in zip(FINDINGS, exam.severity, strict=True):
        if plane not in SEEN[finding]:
            continue
        boxes = DRAW[finding](volume, severity, rng)
        if severity >= BOXED_FROM:
            lesions += [(finding, box) for box in boxes]
    return volume, lesions


def _write_tables(out: Path, planned: Sequence[PlannedExam]) -> None:
    for part in STATE_COUNTS:
        for label in LABELS:
            lines = [f"{exam.exam},{exam.labels[label]}\n" for exam in planned if exam.part == part]
            (out / table_name(part, label)).write_text("".join(lines), encoding="utf-8")


def _write_ceiling(path: Path, planned: Sequence[PlannedExam]) -> None:
    """Write one row an exam, under the name of its first volume."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", *LABELS])
        for part in STATE_COUNTS:
            exams = [exam for exam in planned if exam.part == part]
            shares = posterior(np.array([exam.severity for exam in exams]), part)
            for row, exam in enumerate(exams):
                file = volume_name(part, PLANES[0], exam.exam)
                writer.writerow([file, *(repr(float(shares[label][row])) for label in LABELS)])


def _write_boxes(path: Path, boxes: Sequence[LesionBox]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "slice", "x0", "y0", "x1", "y1", "label"])
        writer.writerows([file, *box, finding] for file, finding, box in boxes)
