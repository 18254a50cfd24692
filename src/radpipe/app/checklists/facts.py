"""What answers of checklists are made from, and what an answer is.

Every answer names the files that it is read from. What no file backs is not answered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from radpipe.app.report.estimates import ShownEstimate, percent
from radpipe.app.report.results import StudyResults
from radpipe.app.report.story import Caution
from radpipe.app.report.tables import flatten

SETTINGS = "params.yaml"


@dataclass(frozen=True)
class Asked:
    """What answers may be read from.

    Attributes
    ----------
    study
        Its results; answers are about its first variant.
    cautions
        What the page warns of.
    study_of
        Planned variant to study.

    """

    study: StudyResults
    cautions: tuple[Caution, ...]
    study_of: Mapping[str, str]

    @property
    def scores(self) -> str:
        """Folder of the first variant's scores."""
        return f"results/scores/{self.study.best.name}"

    @property
    def folder(self) -> str:
        """Folder of the study's aggregates."""
        return f"results/studies/{self.study.name}"

    @property
    def level(self) -> str:
        """Coverage of the intervals, as text."""
        return percent(self.study.intervals["confidence"])


@dataclass(frozen=True)
class Fact:
    """An answer.

    Attributes
    ----------
    value
        In plain words.
    places
        Files of the project that it is read from.
    rest
        What is still to be written; empty if nothing is.

    """

    value: str
    places: tuple[str, ...]
    rest: str = ""


Filler: TypeAlias = Callable[[Asked], Fact | None]
FILLERS: dict[str, Filler] = {}


def filler(function: Filler) -> Filler:
    """File a function under its name, by which items ask for it."""
    FILLERS[function.__name__] = function
    return function


def interval(found: ShownEstimate) -> str:
    """Write a number with its interval."""
    return f"{found.text} ({found.interval})"


def settings(block: Mapping[str, Any]) -> str:
    """Write nested settings in one line."""
    return ", ".join(f"{key} {text}" for key, text in flatten(block).items())
