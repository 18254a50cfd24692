"""The blocks of `params.yaml` and `presets/`: every setting, its range, unit and reason.

A setting with a default may be left out; the default stands here and nowhere else.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """A block in which nothing unknown is accepted and nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# --- studies -------------------------------------------------------------------------


class PhantomSource(Strict):
    """A synthetic study written in the adapter's own layout, with known truth."""

    kind: Literal["phantom"]
    seed: int = Field(default=1, description="Another seed, another set of patients.")
    patients: int = Field(default=600, ge=20, description="Number of synthetic patients.")


class PathSource(Strict):
    """Files that lie somewhere already; used there, never copied, linked or changed."""

    kind: Literal["path"]
    path: str = Field(description="Folder of the data set; ~ and $VARIABLES are expanded.")


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


class UrlSource(Strict):
    """Files that can be downloaded without an agreement."""

    kind: Literal["url"]
    files: list[Download] = Field(min_length=1)
    licence: str = Field(description="Licence of the data, shown in the report.")


Source = Annotated[PhantomSource | PathSource | UrlSource, Field(discriminator="kind")]


Kind = Literal["binary", "multi-class", "ordinal", "multi-label"]


class Target(Strict):
    """What is predicted. In tables, an unknown target is NaN, never 0."""

    kind: Kind
    classes: list[str] = Field(
        min_length=1,
        description="binary: [negative, positive]; multi-class and ordinal: all, in order;"
        " multi-label: the labels, each of them present or not.",
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

    @property
    def columns(self) -> list[str]:
        """Columns of the truth in every table: the index of the class, or 0/1 a label."""
        if self.kind == "multi-label":
            return [f"target_{name}" for name in self.classes]
        return ["target"]

    @property
    def score_columns(self) -> list[str]:
        """Columns of the predicted probabilities, one a class or label."""
        return [f"score_{name}" for name in self.classes]

    @property
    def ceiling_columns(self) -> list[str]:
        """Columns of the ideal observer's probabilities, where a study knows them."""
        return [f"ceiling_{name}" for name in self.classes]


class Image(Strict):
    """How pictures enter the store."""

    side: int = Field(ge=8, le=2048, description="Side of the stored square, pixels.")
    resize: Literal["letterbox", "squash", "crop"] = Field(
        default="letterbox",
        description="letterbox keeps the shape and pads with black, squash changes the"
        " shape, crop keeps the centre square.",
    )
    channels: Literal["grey", "colour"] = "grey"
    bits: Literal[8, 16] = Field(default=8, description="Bits kept per channel.")


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
        " pictures with little detail agree more, so look at leaks.csv before lowering it.",
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


# --- localize ------------------------------------------------------------------------


class Detection(Strict):
    """How a detector of joints is trained."""

    seed: int = Field(default=0, description="Another seed, another detector.")
    epochs: Count = 20
    lr: Positive = Field(default=2e-3, description="Peak of the one-cycle schedule.")
    batch_size: Count = 16


class Localize(Strict):
    """How joints are found in a study's pictures and cut out of the raw pixels."""

    # DVC's loop over this block sees nothing else of params.yaml.
    remote: str | None = Field(description="The study's remote once more.")
    label: str = Field(default="joint", description="Label of the known boxes in boxes.parquet.")
    side: int = Field(ge=8, le=2048, description="Side of the stored square crop, pixels.")
    extent_mm: Positive = Field(
        description="Side of the square around the joint, mm, where the file tells the distance"
        " of its pixels."
    )
    extent: Positive = Field(
        default=1.5, description="The same where it does not, times the box's longer side."
    )
    confidence: Fraction = Field(
        default=0.3,
        description="Least confidence; cases below it get no crop and are listed in the crops'"
        " rejected.csv.",
    )
    detection: Detection = Detection()


# --- variants ------------------------------------------------------------------------


class Variant(Strict):
    """One row of the comparison; `model`, `train`, `augment` override the preset."""

    study: str
    store: str = Field(description="Folder of pixels to train on.")
    preset: str = Field(description="<file in presets/>/<name>.")
    weights: str = Field(
        default="weights/random.json",
        description="Starting weights: weights/random.json (none), or those of a planned run,"
        " results/runs/<variant>/fold-<f>-seed-<s>/weights.safetensors.",
    )
    model: dict[str, Any] = Field(default={}, description="Overrides of the preset.")
    train: dict[str, Any] = Field(default={}, description="Overrides of the preset.")
    augment: dict[str, Any] = Field(default={}, description="Overrides of the preset.")

    @property
    def localized(self) -> str | None:
        """The study whose crops it is trained on, which `localize` makes; None: no crops."""
        return self.store.split("/")[1] if self.store.endswith("/crops") else None

    @property
    def inputs(self) -> dict[str, str]:
        """What its recipe is made from: store, split and starting weights."""
        split = f"data/{self.study}/split.parquet"
        return {"store": self.store, "split": split, "weights": self.weights}

    @property
    def overrides(self) -> dict[str, dict[str, Any]]:
        """What is laid over the preset, block by block."""
        return {"model": self.model, "train": self.train, "augment": self.augment}


class Plan(Strict):
    """What runs: every variant on every fold with every seed."""

    variants: list[str] = Field(
        min_length=1, description="Which of the blocks in `variants` run, by name."
    )
    folds: list[Annotated[int, Field(ge=0)]] = Field(
        min_length=1, description="Which part of the non-test patients is `tune`."
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    open_test: list[str] = Field(
        description="Studies whose `test` part is predicted; every opening is written down."
    )
    # No default: DVC's loop asks for it.
    cohorts: dict[str, str] = Field(
        description="Further studies, on all of whose cases variants are judged (external"
        " validation), to the study whose variants these are; {} for none."
    )


class Evaluation(Strict):
    """How scores and their intervals are computed."""

    bootstrap: int = Field(default=2000, ge=100, description="Draws of patients for an interval.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Coverage of an interval.")
    seed: int = Field(default=1, description="Seed of the draws.")
    threshold: Literal["youden", "sensitivity", "half"] = Field(
        default="youden",
        description="Operating point, chosen on `tune`: largest sensitivity + specificity;"
        " the largest threshold that reaches `sensitivity`; or 0.5.",
    )
    sensitivity: Fraction = Field(
        default=0.9, description="Sensitivity to reach, for `threshold: sensitivity`."
    )


# --- presets -------------------------------------------------------------------------


class ModelChoice(BaseModel):
    """An architecture by name; the other keys are its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(description="Name in `radpipe.learning.models.MODELS`.")

    @property
    def settings(self) -> dict[str, Any]:
        """The architecture's own settings: what its builder takes as keywords."""
        return dict(self.model_extra or {})


class Constant(Strict):
    """The learning rate stays."""

    name: Literal["constant"]


class Plateau(Strict):
    """Multiply the learning rate when the watched `tune` value stops improving."""

    name: Literal["plateau"]
    metric: str = Field(default="loss", description="`tune` value that is watched.")
    factor: Fraction = 0.1
    patience: int = Field(
        default=3,
        ge=1,
        description="Epochs without improvement after which the rate falls (Keras' count;"
        " torch's `patience` is one less).",
    )
    min_delta: float = Field(default=1e-4, ge=0, description="Least improvement.")
    relative: bool = Field(
        default=False, description="`min_delta` is a share of the best value (torch's default)."
    )
    min_lr: float = Field(default=0.0, ge=0)


class OneCycle(Strict):
    """Rise to `lr` and fall to nearly 0 over the whole training (arXiv:1708.07120)."""

    name: Literal["one-cycle"]
    warmup: Fraction = Field(default=0.3, description="Share of the steps that rise.")


class Cosine(Strict):
    """Fall from `lr` to `min_lr` along half a cosine, one step an epoch."""

    name: Literal["cosine"]
    min_lr: float = Field(default=0.0, ge=0)


class Step(Strict):
    """Multiply the learning rate by `factor` every `every` epochs."""

    name: Literal["step"]
    every: Count
    factor: Positive


Schedule = Annotated[Constant | Plateau | OneCycle | Cosine | Step, Field(discriminator="name")]


class Freeze(Strict):
    """Layers that keep their weights, for some epochs or for good."""

    layers: list[str] = Field(
        min_length=1,
        description="Names of modules, each with all that is below it (radpipe network lists"
        " them): their weights stay, and batch norm and dropout act as in evaluation.",
    )
    epochs: Count | None = Field(
        default=None, description="Epochs for which they are frozen; null: all."
    )
    lr: Positive | None = Field(
        default=None,
        description="Learning rate while they are frozen; null, and afterwards: the schedule's,"
        " which counts the frozen epochs, too.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "Freeze":
        if self.lr is not None and self.epochs is None:
            raise ValueError("lr is for the frozen epochs; without epochs, set train.lr")
        return self


class Training(Strict):
    """How a network is trained."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    lr: Positive = Field(description="Learning rate (peak, for one-cycle).")
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.0, ge=0, lt=1, description="sgd and rmsprop only.")
    betas: tuple[Fraction, Fraction] = Field(
        default=(0.9, 0.999), description="Adam, AdamW: decay of the two running means."
    )
    epsilon: Positive = Field(default=1e-8, description="Adam, AdamW, RMSprop.")
    decay_rate: float = Field(default=0.99, gt=0, lt=1, description="RMSprop's alpha.")
    schedule: Schedule = Constant(name="constant")
    loss: Literal["auto", "cross-entropy", "binary-cross-entropy", "ordinal"] = Field(
        default="auto",
        description="auto: what the target asks for, binary-cross-entropy for a binary or"
        " multi-label target and cross-entropy for one class of several, so that a preset"
        " serves both. binary-cross-entropy on one class of several trains each class"
        " against the rest. ordinal, for an ordinal target: of the cases that reach a grade,"
        " which go beyond it (CORN, arXiv:2111.08851).",
    )
    class_weights: Literal["none", "balanced", "positive", "prevalence"] = Field(
        default="none",
        description="From the run's own train part. balanced: n / (classes * n of the class)."
        " Of a binary or multi-label target also positive: 1 for an absent finding, n absent /"
        " n present for a present one; prevalence: the share p of the present for an absent"
        " one, 1 - p for a present one.",
    )
    tune_loss: Literal["plain", "weighted"] = Field(
        default="plain",
        description="weighted: by `class_weights` from the labels of `tune` itself, as some"
        " published networks watched it; it cannot be compared with the loss on train.",
    )
    sampler: Literal["shuffle", "weighted", "downsample"] = Field(
        default="shuffle",
        description="weighted draws every class equally often; downsample keeps of every class as"
        " many cases as the rarest has, drawn once a run from its seed.",
    )
    batch_size: Count
    accumulate: Count = Field(default=1, description="Batches per optimiser step.")
    epochs: Count
    max_steps: Count | None = Field(
        default=None, description="Stop after so many optimiser steps, for trying out."
    )
    stop_patience: int | None = Field(
        default=None, ge=1, description="Epochs without improvement before stopping."
    )
    stop_min_delta: float = Field(default=1e-4, ge=0)
    stop_metric: str = Field(default="loss", description="`tune` value for early stopping.")
    best_metric: str = Field(
        default="auc",
        description="`tune` value whose best epoch's weights are kept: loss, auc, accuracy,"
        " balanced_accuracy, of an ordinal target also quadratic_kappa.",
    )
    freeze: Freeze | None = Field(default=None, description="Layers that are not trained.")
    clip_norm: Positive | None = Field(default=None, description="Largest gradient norm.")
    normalize: Literal["unit", "standard", "imagenet", "mrnet"] = Field(
        default="standard",
        description="unit: 0 to 1; standard: mean and SD of the run's own train part;"
        " imagenet: the constants of torchvision's weights; mrnet: the range of each volume to"
        " 0..255, then mean 58.09 and SD 49.73 (Bien et al., 2018).",
    )
    precision: Literal["float32", "bfloat16"] = "float32"
    telemetry: bool = Field(
        default=False,
        description="Show layers and running values of every epoch: docs/how-to/telemetry.md.",
    )
    deterministic: bool = True
    threads: Count = Field(
        default=1,
        description="CPU threads of each process; part of the recipe, because another number"
        " gives other bits.",
    )
    processes: Count = Field(
        default=1,
        description="Processes per node that train a run together, each with a GPU of its own"
        " if there are GPUs; other numbers give other last bits.",
    )
    nodes: Count = Field(default=1, description="Nodes of a SLURM job that train a run together.")

    @property
    def n_processes(self) -> int:
        """Processes that train a run, over all nodes."""
        return self.processes * self.nodes

    @model_validator(mode="after")
    def _fits(self) -> "Training":
        if self.batch_size < self.n_processes:
            raise ValueError(
                f"a batch_size of {self.batch_size} cannot be shared by {self.n_processes}"
                " processes"
            )
        if self.momentum and self.optimizer in ("adam", "adamw"):
            raise ValueError(f"momentum has no meaning for {self.optimizer}")
        return self


class Augmentation(Strict):
    """Random changes of training pictures; 0 or null switches one off."""

    flip_horizontal: Fraction = Field(default=0.0, description="Probability.")
    flip_vertical: Fraction = Field(default=0.0, description="Probability.")
    rotate: float = Field(default=0.0, ge=0, le=180, description="Degrees, either way.")
    translate: float = Field(default=0.0, ge=0, le=1, description="Share of the side.")
    scale: tuple[Positive, Positive] | None = Field(default=None, description="[least, most].")
    scale_apart: bool = Field(default=False, description="Rows and columns by different factors.")
    shear: float = Field(default=0.0, ge=0, lt=90, description="Degrees, either way.")
    brightness: tuple[Positive, Positive] | None = Field(
        default=None, description="[least, most] factor."
    )
    per_slice: bool = Field(
        default=False,
        description="Draw for every slice by itself, and not once for all slices of a volume:"
        " an accident of published networks, kept so that they can be reproduced.",
    )
