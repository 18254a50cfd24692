"""Settings of a study: source, target, image, split."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from radpipe.core.settings.base import Strict
from radpipe.core.text_files import composed


class PhantomSource(Strict):
    """A synthetic study written in the adapter's own layout, with known truth."""

    kind: Literal["phantom"]
    seed: int = Field(default=1, description="Another seed, another set of patients.")
    patients: int = Field(default=600, ge=20, description="Number of synthetic patients.")
    elsewhere: bool = Field(
        default=False,
        description="Patients of another hospital, in which what goes along with disease by habit"
        " does not: a cohort on which a shortcut shows. The adapter chexpert has one.",
    )


class PathSource(Strict):
    """Files that lie somewhere already; used there, never copied, linked or changed."""

    kind: Literal["path"]
    path: str = Field(description="Folder of the data set; ~ and $VARIABLES are expanded.")


class Arrays(Strict):
    """Which arrays of an .npz are pictures and labels: MedMNIST's, if nothing is said."""

    images: str = Field(
        default="{part}_images",
        pattern=r"^[^{}]*(\{part\})?[^{}]*$",
        description="Name of the array of pictures; {part} stands for train, val and test.",
    )
    labels: str = Field(
        default="{part}_labels",
        pattern=r"^[^{}]*(\{part\})?[^{}]*$",
        description="Name of the array of labels, one whole number or several a picture.",
    )

    @model_validator(mode="after")
    def _alike(self) -> "Arrays":
        if ("{part}" in self.images) != ("{part}" in self.labels):
            raise ValueError("{part} stands in both names or in none")
        return self


class ArraysSource(Arrays):
    """An .npz that lies on this machine: its arrays become pictures and a table."""

    kind: Literal["arrays"]
    path: str = Field(description="The .npz; ~ and $VARIABLES are expanded. It is never changed.")
    sha256: str = Field(
        pattern=r"^(sha256:)?[0-9a-f]{64}$|^md5:[0-9a-f]{32}$",
        description="Hash that it must have, as `sha256sum FILE` says, or md5:<hash>: the pictures"
        " are copies of it, which would else outlive a change of it unseen.",
    )


class Download(Strict):
    """One file to fetch."""

    address: str = Field(pattern=r"^https?://", description="Where it lies.")
    sha256: str | None = Field(
        default=None,
        pattern=r"^([a-z0-9]+:)?[0-9a-f]{32,128}$",
        description="Hash that the file must have (sha256, or md5:<hash>); null accepts the"
        " first download and writes its hash down for the next one.",
    )
    unpack: bool = Field(default=True, description="Unpack a zip or tar archive.")
    arrays: Arrays | None = Field(
        default=None,
        description="Of an .npz: write its pictures as PNG and its labels as labels.csv, with the"
        " columns file, part and label (label_0, label_1, ... if there are several).",
    )


class UrlSource(Strict):
    """Files that can be downloaded without an agreement."""

    kind: Literal["url"]
    files: list[Download] = Field(min_length=1)
    licence: str = Field(description="Licence of the data, shown in the report.")


Source = Annotated[
    PhantomSource | PathSource | ArraysSource | UrlSource, Field(discriminator="kind")
]


Kind = Literal["binary", "multi-class", "ordinal", "multi-label"]


class Target(Strict):
    """What is predicted. In tables, an unknown target is NaN, never 0."""

    kind: Kind
    classes: list[Annotated[str, AfterValidator(composed)]] = Field(
        min_length=1,
        description="binary: [negative, positive]; multi-class and ordinal: all, in order;"
        " multi-label: the labels, each of them present or not.",
    )
    score_on: list[Annotated[str, AfterValidator(composed)]] | None = Field(
        default=None,
        min_length=1,
        description="multi-label only: the labels over which means are taken, so that these rank"
        " variants and choose epochs; all are learned and shown. null: all of them.",
    )

    @model_validator(mode="after")
    def _count(self) -> "Target":
        if self.kind == "binary" and len(self.classes) != 2:
            raise ValueError("a binary target has two classes, [negative, positive]")
        if self.kind in ("multi-class", "ordinal") and len(self.classes) < 2:
            raise ValueError(f"a {self.kind} target has at least two classes")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a class stands twice")
        return self

    @model_validator(mode="after")
    def _scored(self) -> "Target":
        scored = self.score_on
        if scored is None:
            return self
        if self.kind != "multi-label":
            raise ValueError(f"score_on belongs to a multi-label target, and this is {self.kind}")
        if unknown := [name for name in scored if name not in self.classes]:
            raise ValueError(f"score_on names {unknown[0]!r}, which is not one of classes")
        if len(set(scored)) != len(scored):
            raise ValueError("score_on names a label twice")
        return self

    @property
    def scored(self) -> list[str]:
        """Classes, or labels, over which means are taken."""
        return list(self.classes if self.score_on is None else self.score_on)

    @property
    def columns(self) -> list[str]:
        """Columns of the truth in every table: the index of the class, or 0/1 a label."""
        if self.kind == "multi-label":
            return [f"target_{name}" for name in self.classes]
        return ["target"]

    @property
    def uncertain_columns(self) -> list[str]:
        """Columns that say which labels the data set calls uncertain; their truth is unknown."""
        if self.kind == "multi-label":
            return [f"uncertain_{name}" for name in self.classes]
        return ["uncertain"]

    @property
    def score_columns(self) -> list[str]:
        """Columns of the predicted probabilities, one a class or label."""
        return [f"score_{name}" for name in self.classes]

    @property
    def ceiling_columns(self) -> list[str]:
        """Columns of the ideal observer's probabilities, where a study knows them."""
        return [f"ceiling_{name}" for name in self.classes]


class Dicom(Strict):
    """What is done about DICOM films that break the standard, or are not meant for display."""

    on_bad_window: Literal["full_range", "refuse"] = Field(
        default="full_range",
        description="A window of no width, or that is no number: full_range shows all grey"
        " levels, as viewers do; refuse leaves the film out. Either way they are counted.",
    )
    on_for_processing: Literal["refuse", "read"] = Field(
        default="refuse",
        description="Films that say FOR PROCESSING hold raw values of the detector, which look"
        " otherwise than the films that radiologists see. read takes them as they are.",
    )
    on_inverse: Literal["refuse", "read"] = Field(
        default="refuse",
        description="MONOCHROME2 whose Presentation LUT Shape is INVERSE, a pair that the standard"
        " forbids: most often a film that software has turned and whose tags it has left. read"
        " believes MONOCHROME2, and neither window nor padding.",
    )


class Image(Strict):
    """How pictures enter the store."""

    side: int = Field(ge=8, le=2048, description="Side of the stored square, pixels.")
    resize: Literal["letterbox", "squash", "crop"] = Field(
        default="letterbox",
        description="letterbox keeps the shape and pads with black, squash changes the"
        " shape, crop keeps the centre square.",
    )
    channels: Literal["grey", "colour"] = "grey"
    bits: Literal[8, 16] = Field(
        default=8,
        description="Bits kept per channel. 16 keeps all grey levels of pictures of 16 bits, and"
        " takes twice the space. 8 refuses those that leave the highest of 16 bits unused, because"
        " few of their levels would be left.",
    )
    decode: Literal["full", "reduced"] = Field(
        default="full",
        description="reduced decodes grey JPEG 2000 films at the smallest of their own sizes that"
        " is at least twice the stored one, in a fraction of the time. Text in their pixels is then"
        " not looked for, and films count as having equal pixels only if both are read so.",
    )
    dicom: Dicom = Dicom()


class Split(Strict):
    """Who stands in which part. Patients are never divided."""

    seed: int = Field(description="Another seed, another draw of patients.")
    test: float = Field(
        default=0.25, gt=0, lt=1, description="Share of patients in `test`, unless official."
    )
    folds: int = Field(default=5, ge=2, description="Parts of the non-test patients.")
    draw: Literal["stratified", "hashed"] = Field(
        default="stratified",
        description="stratified: classes are shared out evenly; hashed: a patient's place depends"
        " on nothing but its name and the seed, so that studies which share patients and say the"
        " same of seed, test and folds share parts, which starting from each other's weights"
        " needs.",
    )
    on_leak: Literal["refuse", "group", "drop"] = Field(
        default="refuse",
        description="What to do when two patients share a picture: stop with a table, treat"
        " them as one patient, or drop all but the first copy.",
    )
    accept: list[str] = Field(
        default=[],
        description="Files whose likeness to others was looked at and is no leak; shown in"
        " the report.",
    )
    correlation: float = Field(
        default=0.97,
        gt=0,
        le=1,
        description="Agreement of fine detail after alignment from which two pictures count as"
        " copies. On chest films of 64 pixels copies reach 0.97 and different patients 0.88;"
        " pictures with little detail agree more: look at leaks.csv, and raise it if pairs called"
        " near are no copies, or lower it if copies stay unseen.",
    )


class External(Strict):
    """What is done about patients whom the variants of another study already know.

    Asked only of studies in `plan.cohorts`.
    """

    same_names: bool = Field(
        default=True,
        description="Whether a patient's name means the same person here and in the data that the"
        " variants learned from. false: names are given by somebody else (two hospitals that both"
        " count from 1, two phantoms), so that an equal name says nothing; pictures are compared"
        " all the same.",
    )
    on_leak: Literal["refuse", "drop"] = Field(
        default="refuse",
        description="What to do about a patient or a picture that variants learned from: stop with"
        " a table, or leave out the whole patient here.",
    )
    accept: list[str] = Field(
        default=[],
        description="Files of this study whose likeness to others was looked at and is no leak;"
        " their number is shown in the report.",
    )


class Study(Strict):
    """One data set with one question."""

    adapter: str = Field(description="Module in `radpipe.studies` that reads the layout.")
    source: Source
    # No default: dvc.yaml asks for it, and where data may go should be said, not assumed.
    remote: str | None = Field(
        description="DVC remote that keeps this study's data; null: the default remote. Give"
        " restricted data one of their own.",
    )
    layout: dict[str, Any] = Field(description="The adapter's own settings.")
    target: Target
    image: Image
    split: Split
    external: External = External()
    data_sets: list[str] = Field(
        default=[],
        description="Names of the published data sets that its images come from, as those who"
        " publish weights write them (weights/*.json, learned_from); case and signs do not count."
        " The study's own name and its adapter's are such names anyway.",
    )

    def known_as(self, name: str) -> list[str]:
        """Return the names of the data sets that it may come from; `name` is the study's own."""
        return list(dict.fromkeys([name, self.adapter, *self.data_sets]))
