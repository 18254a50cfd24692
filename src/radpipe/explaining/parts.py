"""The cases that a step may explain: what a run has answered, beside what it looks at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from radpipe.core.errors import DataError, StaleError
from radpipe.core.recipe import Recipe
from radpipe.evaluation.ensemble import cases_of
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.explaining.choosing import Asked
from radpipe.learning.data.cases import Cases, Pixels, read_part
from radpipe.prediction.description import Description


@dataclass(frozen=True)
class Part:
    """A part of one run.

    Attributes
    ----------
    asked
        What the run has answered.
    cases
        The same cases in the same order, as the network takes them.

    """

    asked: Asked
    cases: Cases

    @property
    def name(self) -> str:
        """`tune` or `test`."""
        return self.asked.part


def point_of(described: Description) -> OperatingPoint:
    """Return the operating point of a run.

    Raises
    ------
    DataError
        It was never chosen.

    """
    chosen = described.operating_point
    if chosen is None:
        raise DataError(f"{described.title}: its thresholds were never chosen. Run predict again.")
    return OperatingPoint(chosen.rule, tuple(chosen.thresholds), chosen.temperature)


def read_parts(
    recipe: Recipe,
    point: OperatingPoint,
    predictions: pa.Table,
    store: Pixels,
    split: Path,
    *,
    names: Sequence[str],
    fold: int,
) -> list[Part]:
    """Read the parts that a run has predicted.

    Parameters
    ----------
    recipe, point
        Of the run.
    predictions
        Its `predictions.parquet`.
    store, split
        What it looks at, and `split.parquet`.
    names
        Parts that may be looked at: `tune`, and `test` where the study is opened.
    fold
        Of the run.

    Raises
    ------
    StaleError
        A part was predicted for other cases than the split has now, or not at all.

    """
    return [_part(recipe, point, predictions, store, split, name, fold) for name in names]


def _part(
    recipe: Recipe,
    point: OperatingPoint,
    predictions: pa.Table,
    store: Pixels,
    split: Path,
    name: str,
    fold: int,
) -> Part:
    cases = read_part(split, store, recipe.target, part=name, fold=fold, model=recipe.model)
    answers = cases_of(recipe.target, predictions, name, where="predictions.parquet")
    if answers is None or answers.case.tolist() != cases.table["case"].to_pylist():
        raise StaleError(
            f"predictions.parquet: not of the cases that {name} has now. Run predict again."
        )
    sample = point.sample(recipe.target, answers.truth, answers.scores)
    return Part(Asked(name, answers.case, answers.patient, sample, point.thresholds), cases)
