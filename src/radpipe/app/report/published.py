"""What others published on the same data, beside our own best variant.

Facts stand in `presets/published/<adapter>.yaml`. They are shown only where a study's data are
those: the adapter, no phantom, and the published numbers of cases, in all and in test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from radpipe.app.report.estimates import Estimate, decimal
from radpipe.app.report.results import Study
from radpipe.core.params import check, load_yaml
from radpipe.core.settings import Count, Fraction, Strict

METRICS = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "kappa": "Kappa",
    "quadratic_kappa": "Quadratic kappa",
}
NO_INTERVAL = "no interval published"


class Counts(Strict):
    """Test cases without and with a finding."""

    negative: Count
    positive: Count


class Number(Strict):
    """One published number, with its interval if it has one."""

    metric: Literal["auc", "accuracy", "sensitivity", "specificity", "kappa", "quadratic_kappa"]
    label: str | None = Field(default=None, description="Null: all labels together.")
    value: Fraction
    low: Fraction | None = None
    high: Fraction | None = None
    of: str = Field(default="", description="Which of a system's models, if it has several.")

    @model_validator(mode="after")
    def _ordered(self) -> "Number":
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval needs both low and high")
        if self.low is None or self.high is None or self.low <= self.value <= self.high:
            return self
        raise ValueError(f"{self.value} lies outside its interval")


class System(Strict):
    """What somebody built, and what they found."""

    name: str
    source: str = Field(description="Citation.")
    link: str = Field(pattern=r"^https://", description="Where to read it.")
    cases: str = Field(description="What its numbers are about.")
    same_cases: bool = Field(description="Whether these are the very cases of our test part.")
    note: str = Field(default="", description="What a reader must know before comparing.")
    numbers: list[Number] = Field(min_length=1)


class Published(Strict):
    """The file of one adapter."""

    data: str = Field(description="The data set, in words.")
    n_cases: Count = Field(description="Cases in all parts.")
    n_test: Count = Field(description="Cases of the test part.")
    labels: dict[str, Counts] = Field(min_length=1)
    systems: list[System] = Field(min_length=1)

    @model_validator(mode="after")
    def _labels_known(self) -> "Published":
        for name, counts in self.labels.items():
            if counts.negative + counts.positive != self.n_test:
                raise ValueError(f"labels.{name}: the counts do not add up to n_test")
        for system in self.systems:
            for number in system.numbers:
                if number.label is not None and number.label not in self.labels:
                    raise ValueError(
                        f"{system.name}: unknown label {number.label!r}. Known:"
                        f" {', '.join(self.labels)}"
                    )
        return self


@dataclass(frozen=True)
class Comparison:
    """One row: a published number and ours.

    Attributes
    ----------
    metric
        Such as "AUC".
    label
        Such as "acl", or "all".
    of
        Which of a system's models; empty if it has one.
    value, interval
        As published; `NO_INTERVAL` where there is none.
    ours
        The best variant's, None without an interval.

    """

    metric: str
    label: str
    of: str
    value: str
    interval: str
    ours: Estimate | None


@dataclass(frozen=True)
class Beside:
    """One published system with its rows."""

    system: System
    rows: tuple[Comparison, ...]


def read_published(folder: Path, adapter: str) -> Published | None:
    """Read what was published on the data that an adapter reads, None if nothing is known.

    Raises
    ------
    ConfigError
        The file says something unknown or contradicts itself; one line per mistake.

    """
    path = folder / f"{adapter}.yaml"
    if not path.exists():
        return None
    return check(Published, load_yaml(path), where="", source=str(path))


def published_on(study: Study, published: Published | None) -> Published | None:
    """Return what was published if the study's data are the published ones, else None."""
    if published is None or study.source.get("kind") == "phantom":
        return None
    cases: Mapping[str, Any] = study.split["cases"]
    parts: Mapping[str, Any] = study.split["parts"]
    counts = (cases["indexed"], parts.get("test", {}).get("n_cases"))
    return published if counts == (published.n_cases, published.n_test) else None


def beside(study: Study) -> list[Beside]:
    """Set every published number that the study answers, too, beside its best variant's."""
    if study.published is None:
        return []
    found = []
    for system in study.published.systems:
        numbers = [n for n in system.numbers if n.label is None or n.label in study.classes]
        if numbers:
            found.append(Beside(system, tuple(_row(number, study) for number in numbers)))
    return found


def as_published(value: float) -> str:
    """Write a number with the decimals it was published with, two at least."""
    return decimal(value, digits=max(2, len(repr(value).partition(".")[2])))


def _row(number: Number, study: Study) -> Comparison:
    interval = NO_INTERVAL
    if number.low is not None and number.high is not None:
        interval = f"{decimal(number.low)} to {decimal(number.high)}"
    return Comparison(
        metric=METRICS[number.metric],
        label=number.label or "all",
        of=number.of,
        value=as_published(number.value),
        interval=interval,
        # A binary target has one question, its positive class: the metric is that label's own.
        ours=study.best.estimate(
            number.metric, "" if study.kind == "binary" else number.label or ""
        ),
    )
