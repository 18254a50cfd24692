"""Settings of training: optimiser, loss, sampling, processes."""

from typing import Literal

from pydantic import Field, model_validator

from radpipe.core.settings.base import Count, Fraction, Positive, Strict, is_off
from radpipe.core.settings.layers import Freeze, LayerRate
from radpipe.core.settings.schedules import Constant, Schedule


class Asymmetric(Strict):
    """The asymmetric loss (Ridnik et al., ICCV 2021:82): easy absent labels count for little."""

    gamma_absent: float = Field(default=4.0, ge=0, description="Focus on absent labels.")
    gamma_present: float = Field(default=1.0, ge=0, description="Focus on present labels.")
    margin: float = Field(
        default=0.05, ge=0, lt=1, description="Probability below which an absent label is at rest."
    )

    @model_validator(mode="after")
    def _fits(self) -> "Asymmetric":
        if any(0 < gamma < 1 for gamma in (self.gamma_absent, self.gamma_present)):
            raise ValueError("a gamma is 0 or at least 1: between, its gradient has no bound")
        return self


Policy = Literal["ignore", "zeros", "ones", "smooth"]
NOT_NORMALISED = (
    "pictures were normalised while the network learned, and not where it was asked, so that it"
    " has seen no such pictures before"
)


class Uncertain(Strict):
    """What training makes of labels of which the data set is not certain."""

    learn_as: Literal["ignore", "zeros", "ones", "smooth", "three"] = Field(
        default="ignore",
        description="ignore: nothing is learned from them; zeros, ones: as absent, as present;"
        " smooth: as present with doubt, a number drawn between low and high; three: a class of its"
        " own beside absent and present, left out of the probabilities (as Irvin et al., 2019).",
    )
    labels: dict[str, Policy] = Field(
        default={}, description="Another policy for some labels: {edema: ones}."
    )
    low: Fraction = Field(default=0.55, description="smooth: the lowest number drawn.")
    high: Fraction = Field(default=0.85, description="smooth: the highest number drawn.")
    draw: Literal["once", "anew"] = Field(
        default="once",
        description="smooth: once a run, or anew whenever a case is seen; from the run's seed.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "Uncertain":
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        if self.labels and self.learn_as == "three":
            raise ValueError("three is a form of the whole network: no labels beside it")
        return self


class Training(Strict):
    """How a network is trained."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    lr: Positive = Field(description="Learning rate (peak, for one-cycle).")
    layer_rates: list[LayerRate] = Field(
        default=[],
        exclude_if=is_off,
        description="Layers that learn at a share of the learning rate, whatever the schedule"
        " makes of it; of two entries the one that names the smaller module counts.",
    )
    weight_decay: float = Field(default=0.0, ge=0)
    kernel_l2: float = Field(
        default=0.0,
        ge=0,
        exclude_if=is_off,
        description="Keras' kernel_regularizer=l2(f): f times the sum of squares is added to the"
        " loss, of the kernels of convolutions and dense layers that learn, not of norms and"
        " biases. The losses that are shown and watched are those without it.",
    )
    momentum: float = Field(default=0.0, ge=0, lt=1, description="sgd and rmsprop only.")
    betas: tuple[Fraction, Fraction] = Field(
        default=(0.9, 0.999), description="Adam, AdamW: decay of the two running means."
    )
    epsilon: Positive = Field(default=1e-8, description="Adam, AdamW, RMSprop.")
    decay_rate: float = Field(default=0.99, gt=0, lt=1, description="RMSprop's alpha.")
    schedule: Schedule = Constant(name="constant")
    loss: Literal[
        "auto", "cross-entropy", "binary-cross-entropy", "asymmetric", "auc-margin", "ordinal"
    ] = Field(
        default="auto",
        description="auto: what the target asks for, binary-cross-entropy for a binary or"
        " multi-label target and cross-entropy for one class of several, so that a preset"
        " serves both. binary-cross-entropy on one class of several trains each class"
        " against the rest. asymmetric, for a binary or multi-label target, is told by the block"
        " of that name; auc-margin, for the same, makes the order of scores right, label by label,"
        " and no probabilities (Yuan et al., ICCV 2021:3020). ordinal, for an ordinal target: of"
        " the cases that reach a grade, which go beyond it (CORN, arXiv:2111.08851).",
    )
    uncertain: Uncertain = Field(
        default=Uncertain(),
        description="What is learned from labels that the data set calls uncertain; scores are"
        " never judged on them.",
    )
    asymmetric: Asymmetric = Field(default=Asymmetric(), description="Of loss asymmetric.")
    auc_margin: Positive = Field(
        default=1.0,
        le=1,
        description="Of loss auc-margin: by how much the mean score of the present should exceed"
        " that of the absent.",
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share s of a label that is spread over all classes: 1 becomes 1 - s +"
        " s/classes; a label has the classes absent and present (Szegedy et al., CVPR 2016:2818).",
    )
    class_weights: Literal["none", "balanced", "effective", "positive", "prevalence"] = Field(
        default="none",
        description="From the run's own train part. balanced: n / (classes * n of the class)."
        " effective: 1 / (1 - effective_beta**n of the class), scaled to a mean of 1 over the"
        " classes (Cui et al., CVPR 2019:9268)."
        " Of a binary or multi-label target also positive: 1 for an absent finding, n absent /"
        " n present for a present one; prevalence: the share p of the present for an absent"
        " one, 1 - p for a present one.",
    )
    effective_beta: float = Field(
        default=0.9999,
        gt=0,
        lt=1,
        description="Of class_weights effective: near 0 as none, near 1 as balanced.",
    )
    tune_loss: Literal["plain", "weighted"] = Field(
        default="plain",
        description="weighted: by `class_weights` from the labels of `tune` itself, as some"
        " published networks watched it; it cannot be compared with the loss on train.",
    )
    fraction: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of the train patients that is learned from, for learning curves; of"
        " equal seeds a smaller share lies within every larger one.",
    )
    sampler: Literal["shuffle", "weighted", "downsample"] = Field(
        default="shuffle",
        description="weighted draws every class equally often; downsample keeps of every class as"
        " many cases as the rarest has, drawn once a run from its seed.",
    )
    batch_size: Count
    accumulate: Count = Field(default=1, description="Batches per optimiser step.")
    epochs: Count
    small_first: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        exclude_if=is_off,
        description="Share of the epochs, the first, in which pictures are learned at half their"
        " side, which takes a quarter of the arithmetic (progressive learning, Tan and Le, ICML"
        " 2021, arXiv:2104.00298); rounded down to whole epochs, during which `stop_patience` does"
        " not count. For networks that take pictures of any side; wherever they answer, pictures"
        " have their whole side.",
    )
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
    normalize: Literal["unit", "standard", "imagenet", "mrnet", "start"] = Field(
        default="standard",
        description="unit: 0 to 1; standard: mean and SD of the run's own train part;"
        " imagenet: the constants of torchvision's weights; start: as weights/<name>.json says that"
        " the start has learned; mrnet: the range of each volume to"
        " 0..255, then mean 58.09 and SD 49.73 (Bien et al., 2018).",
    )
    normalize_held_out: bool = Field(
        default=True,
        description="false reproduces a fault of published code: pictures are normalised while the"
        " network learns, and stay as they are (0 to 1) wherever it is asked: on tune, on test, on"
        " cohorts and as a predictor. The page and the receipts name it as a fault.",
    )
    precision: Literal["float32", "bfloat16"] = "float32"
    kernels: Literal["auto", "native", "avx512", "avx2"] = Field(
        default="auto",
        description="Which code of torch, oneDNN and MKL computes on processors. avx2: that for"
        " AVX2, so that float32 weights are the same bytes on all processors of one model, whatever"
        " else they can (docs/reference/bits.md); avx512: faster, the same for those with AVX-512;"
        " native: the fastest that a processor has, and other last bits on another."
        " auto: avx2 for float32 and for scores where the processor has it, native for training in"
        " bfloat16, which AVX2 slows down most.",
    )
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

    def kernels_to(self, do: Literal["train", "predict"]) -> Literal["native", "avx512", "avx2"]:
        """Return the kernels that were named, or those that `auto` stands for.

        Scores are computed in float32, whatever the training's precision.
        """
        if self.kernels != "auto":
            return self.kernels
        return "native" if do == "train" and self.precision == "bfloat16" else "avx2"

    @property
    def faults(self) -> dict[str, str]:
        """Faults of published code that are reproduced on purpose: setting to what it does."""
        return {} if self.normalize_held_out else {"train.normalize_held_out": NOT_NORMALISED}

    def halves(self, epoch: int) -> bool:
        """Tell whether pictures are learned at half their side after so many epochs.

        Rounded down, so that the last epoch is always of whole pictures.
        """
        return epoch + 1 <= self.small_first * self.epochs + 1e-9

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
        if self.label_smoothing and self.loss in ("ordinal", "asymmetric", "auc-margin"):
            raise ValueError(f"label_smoothing has no meaning for loss {self.loss}")
        if self.loss == "auc-margin" and (self.class_weights != "none" or self.n_processes > 1):
            raise ValueError(
                "auc-margin compares the cases of a batch, present with absent: it takes no"
                " class_weights, and one process"
            )
        rated = [name for rate in self.layer_rates for name in rate.layers]
        if twice := sorted({name for name in rated if rated.count(name) > 1}):
            raise ValueError(f"layer_rates: {', '.join(twice)} is named twice; leave one out")
        if self.kernel_l2 and self.weight_decay:
            raise ValueError("kernel_l2 and weight_decay both pull weights to 0; name one of them")
        if self.momentum and self.optimizer in ("adam", "adamw"):
            raise ValueError(f"momentum has no meaning for {self.optimizer}")
        return self
