"""The `layout` block of a study of class folders, or of a folder with a table."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from radpipe.core.settings import Strict
from radpipe.studies.folders.template import Template

Part = Literal["train", "tune", "test"]
# What data sets call the parts; `layout.parts` adds to it.
USUAL_PARTS: dict[str, Part] = {
    "train": "train",
    "tune": "tune",
    "val": "tune",
    "valid": "tune",
    "validation": "tune",
    "test": "test",
}


def _text_keys(value: Any) -> Any:
    """Let YAML's 0 and 1 be written as keys; yes and no are words there, so refuse them."""
    if not isinstance(value, dict):
        return value
    if any(isinstance(key, bool) for key in value):
        raise ValueError("YAML reads yes, no, on, off as true and false: put quotes around them")
    return {str(key): item for key, item in value.items()}


TextKeys = BeforeValidator(_text_keys)


class Table(Strict):
    """A table (CSV) with one row per image."""

    file: str = Field(description="The table, relative to the root of the data set.")
    image: str = Field(description="Column that names the image; it becomes the case's name.")
    path: str | None = Field(
        default=None,
        description="Where the image lies, from columns in braces, such as"
        ' "png/{image_id}.png"; by default the image column is the path.',
    )
    target: str | list[str] = Field(
        description="Column of the target; for multi-label one column per label, in order."
    )
    mapping: Annotated[dict[str, str | int | None], TextKeys] = Field(
        default={},
        description="Value in the table -> class (for multi-label 1 or 0); null: unknown."
        ' An empty cell is the key "". Classes themselves need no entry.',
    )
    patient: str | list[str] | None = Field(
        default=None,
        description="Column of the patient; several where numbers restart, such as"
        " [split, patient]. null: every image is taken for a patient of its own.",
    )
    part: str | None = Field(default=None, description="Column of the official part.")
    covariates: list[str] = Field(default=[], description="Columns to keep for subgroups.")
    missing_files: Literal["refuse", "skip"] = Field(
        default="refuse", description="What to do with rows whose image is not there."
    )
    separator: str | None = Field(
        default=None, min_length=1, max_length=1, description="By default the header tells."
    )
    encoding: str = Field(default="utf-8", description="cp1252 for old Excel exports.")


class Layout(Strict):
    """How a folder of images says what each image shows: by `path` or by `table`."""

    path: str | None = Field(
        default=None,
        description="Template of every image's path, such as"
        ' "{part}/{class}/{patient}-{_}". class, patient and part are understood, file and _'
        " ignored, all other names become covariates. A placeholder stays within one folder"
        " name and takes as little as it can. The suffix (.png) is left out unless the last"
        " part of the template has a dot.",
    )
    table: Table | None = Field(default=None, description="Instead of `path`.")
    classes: Annotated[dict[str, str | None], TextKeys] = Field(
        default={},
        description="Class folder -> class of the target; null leaves the folder out. Folders"
        " named like a class need no entry.",
    )
    parts: Annotated[dict[str, Part], TextKeys] = Field(
        default={}, description="Name of a part in the data set -> train, tune or test."
    )
    leave_out: list[str] = Field(
        default=[],
        description="Files to ignore, by path or with * and ?; for wrong or contradicting ones.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Layout":
        if (self.path is None) == (self.table is None):
            raise ValueError("layout: give either path (class folders) or table, and not both")
        if self.path is not None and "class" not in Template(self.path).names:
            raise ValueError(f"layout.path: {self.path!r} has no {{class}}")
        return self

    @property
    def part_names(self) -> dict[str, Part]:
        """Name in the data set to part, the usual ones and the study's own."""
        return {**USUAL_PARTS, **self.parts}
