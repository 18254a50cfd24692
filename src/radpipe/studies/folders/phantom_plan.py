"""What a phantom study holds, drawn before any pixel: patients, severities, labels, copies.

Most of the difficulty lies in the labels, as in the clinic. An image's severity v is plain
to see; the reader's label is drawn from P(label | v), which the ideal observer knows:

    P(k | v) is proportional to exp(-(v - k)^2 / (2 READER_SD^2)),  k = 0 .. K-1.

The numbers below give three classes an ideal macro AUC of about 0.91 and an ideal accuracy
of about 0.80 (worked out on 100,000 draws).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from radpipe.core.errors import ConfigError
from radpipe.core.settings import PhantomSource, Target
from radpipe.studies.base.template import IGNORED, Template
from radpipe.studies.folders.layout import FoldersLayout, Part

READER_SD = 0.5
MOST_IMAGES = 4
# How often another image of a patient shows the patient's own state.
SAME_STATE = 0.7
TEST_SHARE = 0.25
# One copy of either kind for so many patients.
PATIENTS_PER_COPY = 75
SHORT_SIDE = (90, 190)
LONGEST_RATIO = 1.4
# File formats and how often they occur, whatever the image shows.
FORMATS = {
    "png-grey": 0.35,
    "jpg-grey": 0.30,
    "jpg-rgb": 0.10,
    "png-rgb": 0.10,
    "png-palette": 0.05,
    "png-16": 0.10,
}
SIDES = ("left", "right")
BODY_PARTS = ("elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist")

CopyKind = Literal["bytes", "augmented"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCase:
    """One file of the phantom.

    Attributes
    ----------
    file
        Path below the root.
    number
        Number of the image; its pixels depend on it, on the patient and on the seed only.
    patient
        Number of the patient whose anatomy is shown.
    severity
        v: 0 is a whole bone, k lies in the middle of class k.
    shown
        The severity on the scale of the drawing: 0 none, around 1 a fracture, around 2 a
        shattered bone.
    label
        Index of the class that the reader gave.
    shape
        (rows, columns) in pixels.
    form
        Key of `FORMATS`.
    copy
        What kind of copy of image `number` this is, standing under another patient.

    """

    file: str
    number: int
    patient: int
    severity: float
    shown: float
    label: int
    shape: tuple[int, int]
    form: str
    copy: CopyKind | None = None


def posterior(severity: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Return P(label | severity), the very numbers that labels are drawn from.

    Parameters
    ----------
    severity
        (n,) values of v, 0 to n_classes - 0.5.
    n_classes
        K.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Rows add up to 1.

    """
    distance = severity[:, None] - np.arange(n_classes)
    weight = np.exp(-(distance**2) / (2 * READER_SD**2))
    shares: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
    return shares


def draw_plan(source: PhantomSource, layout: FoldersLayout, target: Target) -> list[PlannedCase]:
    """Draw the files of a phantom study; same arguments, same plan.

    Raises
    ------
    ConfigError
        The layout or the target cannot be written as class folders.

    """
    namer = _Namer(layout, target)
    rng = np.random.default_rng([source.seed, 0])
    n_classes = len(target.classes)
    planned: list[PlannedCase] = []
    values = [namer.patient_values(rng) for _ in range(source.patients)]
    for patient in range(source.patients):
        own = _draw_state(rng, n_classes)
        for _ in range(int(rng.integers(1, namer.most_images + 1))):
            state = own if rng.random() < SAME_STATE else _draw_state(rng, n_classes)
            severity = 0.0 if state == 0 else float(rng.uniform(state - 0.5, state + 0.5))
            shares = posterior(np.array([severity]), n_classes)[0]
            label = int(rng.choice(n_classes, p=shares))
            image = PlannedCase(
                file="",
                number=len(planned),
                patient=patient,
                severity=severity,
                shown=severity if n_classes == 2 else severity * 2 / (n_classes - 1),
                label=label,
                shape=_draw_shape(rng),
                form=namer.form or str(rng.choice(list(FORMATS), p=list(FORMATS.values()))),
            )
            file = namer.name(image, patient, values[patient], rng)
            planned.append(replace(image, file=file))
    return planned + _draw_copies(planned, namer, values, rng)


def class_folders(layout: FoldersLayout, target: Target) -> list[str]:
    """Return the folder in which each class of the target lies."""
    # Of several folders the first is used.
    mapped = {name: folder for folder, name in reversed(layout.classes.items())}
    return [mapped.get(name, name) for name in target.classes]


class _Namer:
    """Gives images paths that fit the layout's template, each path once."""

    def __init__(self, layout: FoldersLayout, target: Target) -> None:
        if layout.path is None:
            raise ConfigError(
                "source phantom: the phantom of adapter folders writes class folders; give"
                " layout.path, or another source."
            )
        if target.kind == "multi-label":
            raise ConfigError("source phantom: class folders have one class, not several labels.")
        self.template = Template(layout.path)
        self.folders = class_folders(layout, target)
        self.parts: dict[Part, str] = {
            part: next((name for name, p in layout.parts.items() if p == part), part)
            for part in ("train", "test")
        }
        self.form = self._only_form()
        free = self.template.is_free
        self.per_patient = "patient" in self.template.names
        # Whether a patient can always have one more image.
        self.roomy = free or not self.per_patient
        self.two_sided = "side" in self.template.names and not self.roomy
        self.most_images = MOST_IMAGES if self.roomy else 1 + self.two_sided
        if not (free or self.per_patient):
            raise ConfigError(
                f"source phantom: layout.path {layout.path!r} has neither {{patient}} nor"
                " {file}, so all images of a class would have one name."
            )
        self.numbered = "{patient:" in layout.path
        self.taken: dict[int, int] = {}
        self.count = 0

    def _only_form(self) -> str | None:
        """Return the one format that the template's own suffix allows, if it has one."""
        if not self.template.with_suffix:
            return None
        suffix = self.template.text.rpartition(".")[2].lower()
        forms = {"png": "png-grey", "jpg": "jpg-grey", "jpeg": "jpg-grey"}
        return forms.get(suffix, None if "}" in suffix else "png-grey")

    def patient_values(self, rng: np.random.Generator) -> dict[str, str]:
        """Draw what stays with a patient; none of it has to do with the label."""
        part: Part = "test" if rng.random() < TEST_SHARE else "train"
        known = {
            "part": self.parts[part],
            "sex": str(rng.choice(["f", "m"])),
            "age": str(rng.integers(18, 90)),
            "body_part": str(rng.choice(BODY_PARTS)),
        }
        other = {name: str(rng.choice(["a", "b"])) for name in self.template.covariates}
        return {**other, **known}

    def name(
        self, image: PlannedCase, patient: int, values: dict[str, str], rng: np.random.Generator
    ) -> str:
        """Return the path of an image that stands under a patient."""
        self.taken[patient] = self.taken.get(patient, 0) + 1
        self.count += 1
        number = str(self.taken[patient]) if self.per_patient else f"{self.count:05d}"
        next_side = SIDES[(self.taken[patient] - 1) % 2]
        own = {
            "class": self.folders[image.label],
            "patient": str(patient) if self.numbered else f"p{patient:05d}",
            "side": next_side if self.two_sided else str(rng.choice(SIDES)),
            **dict.fromkeys(IGNORED, number),
        }
        path = self.template.render({**values, **own})
        if self.template.match(path) is None:
            raise ConfigError(
                f"source phantom: its files, such as {path!r}, do not fit layout.path"
                f" {self.template.text!r}. Only {{patient}}, {{file}} and {{_}} of the phantom are"
                " numbers."
            )
        return path if self.template.with_suffix else f"{path}.{image.form[:3]}"


def _draw_copies(
    planned: Sequence[PlannedCase],
    namer: _Namer,
    values: Sequence[dict[str, str]],
    rng: np.random.Generator,
) -> list[PlannedCase]:
    """Plant copies of images under other patients' names, with the label of the original."""
    n_patients = len(values)
    n_each = max(1, n_patients // PATIENTS_PER_COPY)
    originals = rng.choice(len(planned), size=2 * n_each, replace=False)
    # Where a patient has room for few images, copies stand under patients of their own.
    hosts = rng.permutation(n_patients) if namer.roomy else None
    copies = []
    for order, original in enumerate(originals):
        image = planned[int(original)]
        kind: CopyKind = "bytes" if order < n_each else "augmented"
        host = n_patients + order
        if hosts is not None:
            host = next(int(h) for h in np.roll(hosts, -order) if h != image.patient)
        form = image.form if kind == "bytes" or namer.form else "jpg-grey"
        image = replace(image, copy=kind, form=form)
        file = namer.name(image, host, values[host % n_patients], rng)
        copies.append(replace(image, file=file))
    return copies


def _draw_state(rng: np.random.Generator, n_classes: int) -> int:
    """Draw a class, healthier ones somewhat more often: 0.41, 0.33, 0.26 for three."""
    weight = 1.6 - 0.6 * np.arange(n_classes) / (n_classes - 1)
    return int(rng.choice(n_classes, p=weight / weight.sum()))


def _draw_shape(rng: np.random.Generator) -> tuple[int, int]:
    short = int(rng.integers(*SHORT_SIDE))
    long = math.ceil(short * float(rng.uniform(1.0, LONGEST_RATIO)))
    return (long, short) if rng.random() < 0.7 else (short, long)
