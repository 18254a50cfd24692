"""The files of `presets/published/`: what others found, and on which data."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from radpipe.core.checking import check, load_yaml
from radpipe.core.errors import unknown_name
from radpipe.core.settings import Count, Fraction, Strict

# Metrics that papers give and we do not. Weighted kappa: with other weights than the square of
# the distance, or with some that a paper does not name.
OTHERS = {"weighted_kappa": "Weighted kappa"}


class PublishedCounts(Strict):
    """Test cases without and with a finding."""

    negative: Count
    positive: Count


class Number(Strict):
    """One published number, with its interval if it has one."""

    metric: str = Field(description="One of our metrics, or of `OTHERS`.")
    label: str | None = Field(default=None, description="Null: all labels or classes together.")
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


class Data(Strict):
    """How a study's data are known to be the published ones: all that is given must agree."""

    adapter: str
    layout: dict[str, Any] = Field(
        default={}, description="Settings that the study's layout holds, among others."
    )
    n_cases: Count | None = Field(default=None, description="Cases in all parts.")
    n_test: Count | None = Field(default=None, description="Cases of the test part.")


class Published(Strict):
    """One question about some data, and what others found."""

    data: str = Field(description="The data set, in words.")
    known_by: list[Data] = Field(min_length=1, description="Any of these is enough.")
    n_classes: Count | None = Field(
        default=None, description="Classes of the target; null: any number of them."
    )
    labels: dict[str, PublishedCounts | None] = Field(
        default={}, description="Labels that numbers are about; null: counts are not published."
    )
    systems: list[System] = Field(min_length=1)

    @model_validator(mode="after")
    def _labels_known(self) -> "Published":
        for name, counts in self.labels.items():
            total = counts and counts.negative + counts.positive
            if total and {total} != {data.n_test for data in self.known_by}:
                raise ValueError(f"labels.{name}: the counts do not add up to n_test")
        for system in self.systems:
            for number in system.numbers:
                if number.label is not None and number.label not in self.labels:
                    raise ValueError(
                        f"{system.name}: unknown label {number.label!r}. Known:"
                        f" {', '.join(self.labels)}"
                    )
        return self


class Questions(Strict):
    """A whole file."""

    questions: list[Published] = Field(min_length=1)


def read_published(folder: Path, metrics: Iterable[str]) -> list[Published]:
    """Read what was published, a question each.

    Parameters
    ----------
    folder
        All its YAML files are read.
    metrics
        Names of our metrics.

    Raises
    ------
    ConfigError
        A file says something unknown or contradicts itself; one line per mistake.

    """
    found, known = [], [*metrics, *OTHERS]
    for path in sorted(folder.glob("*.yaml")):
        questions = check(Questions, load_yaml(path), where="", source=str(path)).questions
        for number in (n for one in questions for system in one.systems for n in system.numbers):
            if number.metric not in known:
                raise unknown_name(f"{path}: metric", number.metric, known)
        found += questions
    return found
