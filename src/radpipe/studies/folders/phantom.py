"""The phantom of adapter `folders`: class folders of synthetic long bones, whole or broken.

Writes what `layout.path` describes, as PNG and JPEG of mixed sizes and modes, and beside it
what is known of the truth: `ceiling.csv` and `boxes.csv` (see `studies.base.truth`).
"""

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radpipe.core.settings import PhantomSource, Target
from radpipe.imaging.phantom import bones as phantom
from radpipe.studies.base.contract import Signals
from radpipe.studies.base.drawing import draw_all
from radpipe.studies.base.truth import BOXES, CEILING
from radpipe.studies.folders.layout import FoldersLayout
from radpipe.studies.folders.phantom_plan import (
    PlannedCase,
    class_folders,
    draw_plan,
    posterior,
)

NOISE_SD = 0.02
GAIN = 0.3
JPEG_QUALITY = 90
# What an augmented copy went through: scanned again, smaller, brighter, stored as JPEG.
COPY_SCALE = 0.8
COPY_GAMMA = 0.85

Grey = NDArray[np.float32]
LesionBox = tuple[str, tuple[float, float, float, float]]


def write_phantom(
    out: Path,
    *,
    source: PhantomSource,
    layout: FoldersLayout,
    target: Target,
    workers: int | None = None,
) -> None:
    """Write a phantom study; its bytes do not depend on the number of workers.

    Parameters
    ----------
    out
        Folder to write into.
    source
        Seed and number of patients.
    layout
        With `path`.
    target
        binary, multi-class or ordinal; the first class is a whole bone, the last the worst.
    workers
        Processes; by default the cores this process may use.

    """
    planned = draw_plan(source, layout, target)
    write = partial(write_image, out, seed=source.seed)
    boxes = draw_all(write, planned, unit="images", workers=workers)
    _write_ceiling(out / CEILING, planned, class_folders(layout, target))
    _write_boxes(out / BOXES, planned, boxes)


def write_image(out: Path, image: PlannedCase, *, seed: int) -> LesionBox | None:
    """Draw and write one image; return its lesion's kind and box, if it has one."""
    pixels, lesion = draw(image, seed=seed)
    if image.copy == "augmented":
        pixels, lesion = _augment(pixels, lesion)
    path = out / image.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(pixels, image.form))
    return lesion


def draw(image: PlannedCase, *, seed: int) -> tuple[Grey, LesionBox | None]:
    """Draw an image: the patient's bone, its lesion, uneven exposure, noise.

    Parameters
    ----------
    image
        What to draw; copies get the pixels of their original.
    seed
        Seed of the study.

    Returns
    -------
    pixels
        (rows, columns) float32 in 0..1.
    lesion
        Kind and (x0, y0, x1, y1) in pixels, or None for a whole bone.

    """
    rng = np.random.default_rng([seed, 2, image.number])
    _, pixels, lesion = _without_and_with(image, rng, seed=seed)
    pixels = pixels * phantom.gain_field(image.shape, rng, strength=GAIN)
    return np.clip(phantom.noise(pixels, NOISE_SD, rng), 0, 1), lesion


def signals(source: PhantomSource, layout: FoldersLayout, target: Target) -> Signals:
    """Return what tells where a lesion shows; see `studies.base.contract.Adapter.signals`.

    Every class but the first, a whole bone, is about the one lesion of a picture.
    """
    planned = {image.file: image for image in draw_plan(source, layout, target)}

    def signal(file: str, label: str) -> Grey | None:
        whole = label == target.classes[0] or file not in planned
        return None if whole else lesion_signal(planned[file], seed=source.seed)

    return signal


def lesion_signal(image: PlannedCase, *, seed: int) -> Grey:
    """Return the square of what an image's lesion changes, (1, rows, columns), without noise."""
    rng = np.random.default_rng([seed, 2, image.number])
    *both, _ = _without_and_with(image, rng, seed=seed)
    gain = phantom.gain_field(image.shape, rng, strength=GAIN)
    without, shown = (np.clip(pixels * gain, 0, 1) for pixels in both)
    if image.copy == "augmented":
        without, shown = _augment(without, None)[0], _augment(shown, None)[0]
    signal: Grey = (shown - without)[None] ** 2
    return signal


def _without_and_with(
    image: PlannedCase, rng: np.random.Generator, *, seed: int
) -> tuple[Grey, Grey, LesionBox | None]:
    """Draw the patient's bone whole and as it is shown, both (rows, columns); and the lesion."""
    build = phantom.draw_build(np.random.default_rng([seed, 1, image.patient]))
    anatomy = phantom.bone(image.shape, rng, build=build)
    if image.shown == 0:
        return anatomy.pixels, anatomy.pixels, None
    if image.shown < 1.5:
        strength = 0.45 + 0.55 * min(max(image.shown - 0.5, 0.0), 1.0)
        pixels, box = phantom.fracture(anatomy, strength, rng)
        return anatomy.pixels, pixels, ("fracture", box)
    strength = 0.5 + 0.5 * min(image.shown - 1.5, 1.0)
    pixels, box = phantom.shatter(anatomy, strength, rng)
    return anatomy.pixels, pixels, ("shatter", box)


def encode(pixels: Grey, form: str) -> bytes:
    """Encode grey values 0..1 in one of the formats of the plan."""
    grey = phantom.to_bytes(pixels)
    picture = Image.fromarray(grey)
    if form == "png-16":
        picture = Image.fromarray((pixels * 65535 + 0.5).astype(np.uint16))
    elif form.endswith("-rgb"):
        picture = picture.convert("RGB")
    elif form == "png-palette":
        picture = picture.convert("P")
    stream = io.BytesIO()
    if form.startswith("jpg"):
        picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    else:
        picture.save(stream, "PNG")
    return stream.getvalue()


def _augment(pixels: Grey, lesion: LesionBox | None) -> tuple[Grey, LesionBox | None]:
    """Make a picture smaller and brighter, as a copy from another archive is."""
    rows, columns = pixels.shape
    size = (max(round(columns * COPY_SCALE), 1), max(round(rows * COPY_SCALE), 1))
    smaller = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    brighter: Grey = np.asarray(smaller, dtype=np.float32) ** np.float32(COPY_GAMMA)
    if lesion is None:
        return brighter, None
    kind, (x0, y0, x1, y1) = lesion
    across, down = size[0] / columns, size[1] / rows
    return brighter, (kind, (x0 * across, y0 * down, x1 * across, y1 * down))


def _write_ceiling(path: Path, planned: Sequence[PlannedCase], folders: Sequence[str]) -> None:
    severity = np.array([image.severity for image in planned])
    shares = posterior(severity, len(folders))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", *folders])
        for image, row in zip(planned, shares, strict=True):
            writer.writerow([image.file, *(repr(float(share)) for share in row)])


def _write_boxes(
    path: Path, planned: Sequence[PlannedCase], boxes: Sequence[LesionBox | None]
) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "x0", "y0", "x1", "y1", "label"])
        for image, lesion in zip(planned, boxes, strict=True):
            if lesion is not None:
                kind, box = lesion
                writer.writerow([image.file, *(f"{edge:g}" for edge in box), kind])
