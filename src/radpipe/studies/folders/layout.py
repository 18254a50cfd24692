"""The `layout` block of a study of class folders, or of a folder with a table."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from radpipe.core.errors import ConfigError
from radpipe.core.settings import Strict
from radpipe.core.text_files import composed
from radpipe.imaging.dicom.views import View
from radpipe.studies.base.template import IGNORED, Template

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


VIEW = "image"
# What the header of a DICOM film can say of it.
Tag = Literal["patient", "side", "view", "study"]

TELLERS = "layout.header, or a placeholder or column of that name"

# What a placeholder may mean; every other name is a covariate.
UNDERSTOOD = ("class", "patient", "part", "side")


def check_template(where: str, text: str) -> None:
    """Refuse a template whose placeholders cannot be told apart, or one of which is misspelt.

    Any name may be a covariate, so only one that is nearly a name which is understood counts as
    misspelt, where that name itself does not stand in the template.

    Raises
    ------
    ConfigError
        With the way out.

    """
    template = Template(text)
    if template.unparted:
        raise ConfigError(f"{where}: {text!r}:{template.unparted}")
    missing = [name for name in UNDERSTOOD if name not in template.names]
    for name in template.covariates:
        meant = get_close_matches(name.lower(), missing, n=1, cutoff=0.75)
        if meant and name not in UNDERSTOOD:
            raise ConfigError(
                f"{where}: {text!r}: {{{name}}} would be a covariate, did you mean {{{meant[0]}}}?"
                f" Understood: {', '.join(UNDERSTOOD)}; ignored: {', '.join(IGNORED)}. The way out:"
                " correct it, or call the covariate something else."
            )


def _text_keys(value: Any) -> Any:
    """Let YAML's 0 and 1 be written as keys; yes and no are words there, so refuse them."""
    if not isinstance(value, dict):
        return value
    if any(isinstance(key, bool) for key in value):
        raise ValueError("YAML reads yes, no, on, off as true and false: put quotes around them")
    return {composed(str(key)): _composed(item) for key, item in value.items()}


def _composed(value: Any) -> Any:
    return composed(value) if isinstance(value, str) else value


# A name that is compared with what stands in paths and tables, where accents are composed.
Name = Annotated[str, AfterValidator(composed)]
TextKeys = BeforeValidator(_text_keys)
# Part of the name of a column of the table of cases.
ViewName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Covariate(Strict):
    """A column that is kept, under a name of its own."""

    column: Name = Field(description="Column of the table.")
    mapping: Annotated[dict[str, str | int | float | None], TextKeys] = Field(
        default={},
        description="Value in the table -> value to keep; null: unknown. If given, it must hold"
        " every value but the empty one. 1 also stands for 1.0.",
    )
    unknown: list[str | int | float] = Field(
        default=[],
        description="Values in the table that stand for unknown, such as [NA, -9].",
    )
    category: bool = Field(
        default=False,
        description="Keep it as text, although most or all of its values are numbers.",
    )
    form: Literal["plain", "age"] = Field(
        default="plain",
        description="age: an age as DICOM writes it, such as 058Y, 018M, 012W or 003D, or a number"
        " of years; kept as years.",
    )

    @model_validator(mode="after")
    def _explained_once(self) -> "Covariate":
        if self.mapping and self.unknown:
            raise ValueError("mapping says with null what is unknown; take one of the two out")
        return self


def _covariates(value: Any) -> Any:
    """Let columns be listed, or named as `age: Age`, where nothing has to be recoded."""
    if isinstance(value, list):
        value = {column: column for column in value}
    if isinstance(value, dict):
        named = {name: {"column": it} if isinstance(it, str) else it for name, it in value.items()}
        return _text_keys(named)
    return value


class Labels(Strict):
    """Several labels in one cell, such as "Effusion|Mass"; an empty cell is unknown."""

    separator: str = Field(default="|", min_length=1, description="What stands between labels.")
    none: str | None = Field(
        default=None,
        description='What stands in a cell where there is no label, such as "No Finding".',
    )
    names: Annotated[dict[str, str | None], TextKeys] = Field(
        default={},
        description="Label in the cell -> label of the target; null: not asked for. Labels of the"
        " target themselves need no entry.",
    )


class FoldersTable(Strict):
    """A table (CSV) with one row per image."""

    file: str = Field(description="The table, relative to the root of the data set.")
    image: Name = Field(description="Column that names the image; it becomes the case's name.")
    path: Name | None = Field(
        default=None,
        description="Where the image lies, from columns in braces, such as"
        ' "png/{image_id}.png"; by default the image column is the path.',
    )
    find: Literal["path", "name"] = Field(
        default="path",
        description="How the image is found: path, the image column (or `path`) is its path; name,"
        " the image column is the file's name, with or without its suffix, in whatever folder.",
    )
    name: str | None = Field(
        default=None,
        description="Template of what stands in the image column, such as"
        ' "{patient}_{side}"; placeholders as in layout.path, but without class.',
    )
    target: Name | list[Name] = Field(
        description="Column of the target; for multi-label one column per label, in order."
    )
    mapping: Annotated[dict[str, str | int | None], TextKeys] = Field(
        default={},
        description="Value in the table -> class (for multi-label 1 or 0); null: unknown."
        ' An empty cell is the key "". Classes themselves need no entry; 1 stands for 1.0, too.',
    )
    labels: Labels | None = Field(
        default=None,
        description="For a multi-label target whose labels all stand in one column, `target`.",
    )
    patient: Name | list[Name] | None = Field(
        default=None,
        description="Column of the patient; several where numbers restart, such as"
        " [split, patient]. null: every image is taken for a patient of its own.",
    )
    part: Name | None = Field(default=None, description="Column of the official part.")
    part_files: dict[Part, str] = Field(
        default={},
        description="Instead: part -> file with the names of its images as in the image column,"
        " one a line. Without a list of train, that is what no list names.",
    )
    side: Name | None = Field(
        default=None,
        description="Column of the patient's side: R, right or 1, and L, left or 2. Pictures of"
        " the left side are mirrored.",
    )
    view: Name | None = Field(
        default=None,
        description="Column of the view, such as AP; a covariate, unless layout.views is given.",
    )
    study: Name | None = Field(
        default=None,
        description="Column of the visit or examination, with layout.views: what tells films of a"
        " case from those of another visit.",
    )
    covariates: Annotated[dict[str, Covariate], BeforeValidator(_covariates)] = Field(
        default={},
        description="Columns to keep for subgroups and as inputs: a list of columns; or name ->"
        " column; or name -> column and mapping.",
    )
    missing_files: Literal["refuse", "skip"] = Field(
        default="refuse", description="What to do with rows whose image is not there."
    )
    separator: str | None = Field(
        default=None,
        pattern=r'^[^"\r\n]$',
        description="What stands between cells, such as ';'. By default the header tells.",
    )
    decimal: Literal[".", ","] = Field(
        default=".",
        description="What stands before the decimals of numbers in target and covariates.",
    )
    encoding: str = Field(default="utf-8", description="cp1252 for old Excel exports.")

    @model_validator(mode="after")
    def _said_once(self) -> "FoldersTable":
        if self.path is not None and self.find == "name":
            raise ValueError("layout.table: path says where the image lies; take find: name out")
        if self.part_files and self.part is not None:
            raise ValueError("layout.table: give either part or part_files, and not both")
        if self.labels is not None and (self.mapping or not isinstance(self.target, str)):
            raise ValueError(
                "layout.table: with labels, target is one column and labels.names what a mapping is"
            )
        said = Template(self.name or "").names
        if "class" in said:
            raise ValueError("layout.table.name: the class stands in the column of target")
        part = self.part or self.part_files
        columns = {"patient": self.patient, "side": self.side, "part": part}
        columns |= {"view": self.view, "study": self.study}
        given = {name for name, column in columns.items() if column} | set(self.covariates)
        if twice := [name for name in dict.fromkeys(said) if name in given]:
            raise ValueError(f"layout.table: both name and a column give {', '.join(twice)}")
        return self


class FoldersLayout(Strict):
    """How a folder of images says what each image shows: by `path` or by `table`."""

    path: str | None = Field(
        default=None,
        description="Template of every image's path, such as"
        ' "{part}/{class}/{patient}-{_}". class, patient, part and side (R, right or 1; L, left'
        " or 2) are understood, file and _ ignored, side and all other names become covariates."
        " A placeholder stays within one folder name and takes as little as it can;"
        " {patient:7} takes seven digits. The suffix (.png) is left out unless the last part of"
        " the template has a dot.",
    )
    table: FoldersTable | None = Field(default=None, description="Instead of `path`.")
    header: list[Tag] = Field(
        default=[],
        description="What headers of DICOM films say instead of path or table: patient (a keyed"
        " hash of Patient ID), side (Image Laterality and the like), view (frontal, lateral,"
        " oblique or axial; a covariate, unless `views` is given), study (with `views`: a keyed"
        " hash of Study Instance UID).",
    )
    views: dict[ViewName, Literal["required", "optional"]] | None = Field(
        default=None,
        description="Views that a case has, by name: required, or optional. One: films of other"
        " views are left out. Several: films of the same patient, study and side are one case."
        " Names are what header, path or table say: frontal (also AP, PA), lateral (LL, RL),"
        " oblique and axial of headers, any of your own otherwise.",
    )
    devices: bool = Field(
        default=False,
        description="Whether radpipe check-data tells makers and models of DICOM films: free text,"
        " which sites can edit.",
    )
    key_file: str | None = Field(
        default=None,
        description="File with the secret of the hashes that stand for patients of headers,"
        " absolute, with ~ or $VARIABLES, or below the root of the data set; null takes a published"
        " key, so that whoever has a list of identifiers can find them out.",
    )
    classes: Annotated[dict[str, str | None], TextKeys] = Field(
        default={},
        description="Class folder -> class of the target; null leaves the folder out. Folders"
        " named like a class need no entry.",
    )
    parts: Annotated[dict[str, Part | None], TextKeys] = Field(
        default={},
        description="Name of a part in the data set -> train, tune or test; null leaves it out.",
    )
    patient_forms: Literal["refuse", "merge", "keep"] = Field(
        default="refuse",
        description="What to do with patients that are probably one, written in several forms (7"
        " and 7.0, 007 and 7, P01 and p01), and with words for an unknown one (nan): refuse; merge"
        " the forms, and take each image of an unknown patient for one of its own; or keep all as"
        " different names.",
    )
    leave_out: list[Name] = Field(
        default=[],
        description="Files to ignore, by path or with * and ?; for wrong or contradicting ones.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "FoldersLayout":
        if (self.path is None) == (self.table is None):
            raise ValueError("layout: give either path (class folders) or table, and not both")
        if self.path is not None and "class" not in Template(self.path).names:
            raise ValueError(f"layout.path: {self.path!r} has no {{class}}")
        if twice := [name for name in dict.fromkeys(self.header) if name in self._told]:
            where = "path" if self.table is None else "table"
            raise ValueError(
                f"layout.header: {', '.join(twice)}: layout.{where} gives the same; take it out of"
                " one of the two"
            )
        return self

    @model_validator(mode="after")
    def _views_can_be_told(self) -> "FoldersLayout":
        given = self._told.union(self.header)
        several = self.views is not None and len(self.views) > 1
        if not several and ("study" in self.header or (self.table and self.table.study)):
            raise ValueError("layout: study only parts films of several views; give layout.views")
        if self.views is None:
            return self
        if "required" not in self.views.values():
            raise ValueError("layout.views: at least one view must be required")
        for name in ("view", "patient") if several else ("view",):
            if name not in given:
                raise ValueError(f"layout.views: nothing says the {name} of a film: {TELLERS}")
        unknown = [name for name in self.views if name not in get_args(View)]
        if unknown and "view" in self.header:
            raise ValueError(
                f"layout.views: headers never say {unknown[0]!r}, but {', '.join(get_args(View))}"
            )
        return self

    @property
    def _told(self) -> set[str]:
        """What path or table say of an image."""
        if self.table is None:
            return set(Template(self.path or "").names)
        columns = {"patient": self.table.patient, "side": self.table.side}
        columns |= {"view": self.table.view, "study": self.table.study}
        given = {name for name, column in columns.items() if column}
        return given.union(self.table.covariates, Template(self.table.name or "").names)

    def words(self, classes: Iterable[str] = ()) -> set[str]:
        """Return what messages may show of names of files: classes, their folders, and parts."""
        return {*classes, *self.classes, *self.part_names}

    @property
    def part_names(self) -> dict[str, Part | None]:
        """Name in the data set to part (None: left out), the usual ones and the study's own."""
        return {**USUAL_PARTS, **self.parts}
