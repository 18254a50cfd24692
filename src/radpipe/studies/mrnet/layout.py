"""Where things lie in MRNet-v1.0, and which of its labels a study asks for."""

from typing import Literal

from pydantic import Field

from radpipe.core.errors import ConfigError, unknown_name
from radpipe.core.settings import Strict, Target

PLANES = ("axial", "coronal", "sagittal")
LABELS = ("abnormal", "acl", "meniscus")
# The data set's own parts and what they are called here: no model has seen `valid` until the
# end, so it is our test part.
PARTS = {"train": "train", "valid": "test"}


class MrnetLayout(Strict):
    """Which label a binary target means; a multi-label target names its labels itself."""

    label: Literal["abnormal", "acl", "meniscus"] | None = Field(
        default=None,
        description="For a binary target only: the label that its classes, [negative,"
        " positive], stand for.",
    )


def table_name(part: str, label: str) -> str:
    """Return the name of a label table: `part` is train or valid."""
    return f"{part}-{label}.csv"


def volume_name(part: str, plane: str, exam: str) -> str:
    """Return the path of an exam's volume below the root."""
    return f"{part}/{plane}/{exam}.npy"


def wanted_labels(layout: MrnetLayout, target: Target) -> tuple[str, ...]:
    """Return the labels that make up the target, in its order.

    Raises
    ------
    ConfigError
        The target cannot be made from MRNet's labels.

    """
    known = ", ".join(LABELS)
    if target.kind == "multi-label":
        if layout.label is not None:
            raise ConfigError(
                "layout.label belongs to a binary target; a multi-label target names its"
                f" labels in target.classes (any of {known}). Take one of the two out."
            )
        for name in target.classes:
            if name not in LABELS:
                raise unknown_name("target.classes: label of MRNet", name, LABELS)
        return tuple(target.classes)
    if target.kind == "binary":
        if layout.label is None:
            raise ConfigError(
                "a binary target needs layout.label, the label that its classes [negative,"
                f" positive] stand for: one of {known}."
            )
        return (layout.label,)
    raise ConfigError(
        f"MRNet has three labels, each present or not ({known}), and no {target.kind} target."
        " The way out: kind: multi-label with classes of these names, or kind: binary with"
        " layout.label."
    )
