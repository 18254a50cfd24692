"""What others published on the same data and question, beside our own best variant.

Facts stand in `presets/published/`, a file for what is published about one source of data, with
a block for each question. They are shown only where a study's data are those: no phantom, and
the adapter, the settings of its layout and the numbers of cases that the block asks for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from radpipe.app.report.estimates import ShownEstimate, decimal
from radpipe.app.report.publications import OTHERS, Data, Number, Published, System
from radpipe.app.report.results import StudyResults
from radpipe.core.settings import Study as Settings

NO_INTERVAL = "no interval published"


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
    ours: ShownEstimate | None


@dataclass(frozen=True)
class Beside:
    """One published system with its rows."""

    system: System
    rows: tuple[Comparison, ...]


def published_on(
    study: StudyResults, settings: Settings, published: Iterable[Published]
) -> Published | None:
    """Return what was published on the study's data about its question, None if nothing was.

    Parameters
    ----------
    study
        Its results.
    settings
        Its block of `params.yaml`.
    published
        All that is known.

    """
    if settings.source.kind == "phantom":
        return None
    fitting = (
        one
        for one in published
        if one.n_classes in (None, len(study.classes))
        and any(_is(study, settings, data) for data in one.known_by)
    )
    return next(fitting, None)


def _is(study: StudyResults, settings: Settings, data: Data) -> bool:
    cases: Mapping[str, Any] = study.split["cases"]
    parts: Mapping[str, Any] = study.split["parts"]
    return (
        data.adapter == settings.adapter
        and _holds(settings.layout, data.layout)
        and data.n_cases in (None, cases["indexed"])
        and data.n_test in (None, parts.get("test", {}).get("n_cases"))
    )


def _holds(block: Any, wanted: Mapping[str, Any]) -> bool:
    """Tell whether a block of settings holds others, blocks within blocks likewise."""
    if not isinstance(block, Mapping):
        return False
    return all(
        _holds(block.get(key), value) if isinstance(value, Mapping) else block.get(key) == value
        for key, value in wanted.items()
    )


def beside(study: StudyResults) -> list[Beside]:
    """Set every published number that the study answers, too, beside its best variant's."""
    if study.published is None:
        return []
    found = []
    for system in study.published.systems:
        numbers = [n for n in system.numbers if _is_asked(n, study)]
        if numbers:
            found.append(Beside(system, tuple(_row(number, study) for number in numbers)))
    return found


def _is_asked(number: Number, study: StudyResults) -> bool:
    """Tell whether a number is about what the study predicts.

    Labels are asked one by one; of classes that exclude each other a number may join some
    ("grade 2 or more"), which stays of interest where we have no number beside it.
    """
    labels_apart = study.kind in ("binary", "multi-label")
    return number.label is None or number.label in study.classes or not labels_apart


def as_published(value: float) -> str:
    """Write a number with the decimals it was published with, two at least."""
    return decimal(value, digits=max(2, len(repr(value).partition(".")[2])))


def _row(number: Number, study: StudyResults) -> Comparison:
    interval = NO_INTERVAL
    if number.low is not None and number.high is not None:
        interval = f"{decimal(number.low)} to {decimal(number.high)}"
    card = study.cards.get(number.metric)
    return Comparison(
        metric=card.title if card else OTHERS[number.metric],
        label=number.label or "all",
        of=number.of,
        value=as_published(number.value),
        interval=interval,
        # A binary target has one question, its positive class: the metric is that label's own.
        ours=study.best.estimate(
            number.metric, "" if study.kind == "binary" else number.label or ""
        ),
    )
