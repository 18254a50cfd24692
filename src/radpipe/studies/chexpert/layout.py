"""What CheXpert calls its labels, tables and parts, and which of them a study asks for."""

from typing import Literal, get_args

from pydantic import Field

from radpipe.core.errors import ConfigError, unknown_name
from radpipe.core.settings import Strict, Target

Label = Literal[
    "no_finding",
    "enlarged_cardiomediastinum",
    "cardiomegaly",
    "lung_opacity",
    "lung_lesion",
    "edema",
    "consolidation",
    "pneumonia",
    "atelectasis",
    "pneumothorax",
    "pleural_effusion",
    "pleural_other",
    "fracture",
    "support_devices",
]
LABELS: tuple[str, ...] = get_args(Label)
# The data set's own parts, and what their tables may be called; without `test` there are two.
TABLES = {
    "train": ("train.csv",),
    "valid": ("valid.csv",),
    "test": ("test.csv", "test_labels.csv"),
}
NEEDED = ("train", "valid")
VIEWS = ("frontal", "lateral")
IMAGE = "image"


class ChexpertLayout(Strict):
    """Which films are cases, and how silence is read; the target names its labels."""

    views: Literal["frontal", "all"] = Field(
        default="frontal", description="frontal leaves lateral films out."
    )
    unit: Literal["image", "study"] = Field(
        default="image",
        description="What gets one prediction: image, a film; study, all that was taken at once,"
        " of which the first film of each view is used.",
    )
    blank: Literal["negative", "unknown"] = Field(
        default="negative",
        description="What an empty cell means, where the report said nothing of a label: that it is"
        " absent, or that nobody knows.",
    )
    outlines: list[str] = Field(
        default=[],
        description="Outlines of findings, as CheXlocalize's JSON files have them: paths below the"
        " root. They become boxes, with which maps are scored.",
    )
    label: Label | None = Field(
        default=None,
        description="For a binary target only: the label that its classes, [negative,"
        " positive], stand for.",
    )


def header_of(label: str) -> str:
    """Return the header of a label's column: "pleural_effusion" is "Pleural Effusion"."""
    return label.replace("_", " ").title()


def label_of(header: str) -> str | None:
    """Return the label of a column, None if it is none."""
    label = header.lower().replace(" ", "_")
    return label if label in LABELS and header_of(label) == header else None


def views_of(layout: ChexpertLayout) -> tuple[str, ...]:
    """Return the names of the pictures that a case has."""
    if layout.unit == "image":
        return (IMAGE,)
    return VIEWS if layout.views == "all" else VIEWS[:1]


def official_parts(*, with_test: bool) -> dict[str, str]:
    """Return what the data set's parts are here.

    A release with its test films has a part for each purpose. Without them no model has seen
    `valid` until the end, and `tune` is a share of `train`.
    """
    if with_test:
        return {"train": "train", "valid": "tune", "test": "test"}
    return {"train": "train", "valid": "test"}


def wanted_labels(layout: ChexpertLayout, target: Target) -> tuple[str, ...]:
    """Return the labels that make up the target, in its order.

    Raises
    ------
    ConfigError
        The target cannot be made from CheXpert's labels.

    """
    if target.kind == "multi-label":
        if layout.label is not None:
            raise ConfigError(
                "layout.label belongs to a binary target; a multi-label target names its labels in"
                " target.classes. Take one of the two out."
            )
        for name in target.classes:
            if name not in LABELS:
                raise unknown_name("target.classes: label of CheXpert", name, LABELS)
        return tuple(target.classes)
    if target.kind == "binary" and layout.label is not None:
        return (layout.label,)
    known = ", ".join(LABELS)
    if target.kind == "binary":
        raise ConfigError(
            "a binary target needs layout.label, the label that its classes [negative, positive]"
            f" stand for: one of {known}."
        )
    raise ConfigError(
        f"CheXpert has 14 labels, each present or not ({known}), and no {target.kind} target. The"
        " way out: kind: multi-label with classes of these names, or kind: binary with"
        " layout.label."
    )
