"""What a predictor is asked about: a case as raw files or arrays, and what is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from radpipe.core.errors import DataError
from radpipe.imaging.read import Array, Side
from radpipe.learning.models import table_of
from radpipe.learning.models.covariates import PREFIX, read_entries
from radpipe.prediction.description import Description

Raw: TypeAlias = Path | str | bytes | Array


@dataclass(frozen=True)
class RawCase:
    """One unit of prediction.

    Attributes
    ----------
    name
        Any name; it comes back beside the answer.
    views
        View to a file, to all bytes of one, or to its pixels: (rows, columns) or
        (rows, columns, 3), or for volumes (slices, rows, columns), uint8 or uint16. A study of
        pictures has the one view "image".
    side
        "R" or "L", where the predictor's cases are sides of the patient.
    both
        The file shows both sides, unless its own tags say otherwise: the half of `side` is taken.
    spacing
        Distance of rows and of columns, mm, for arrays; files tell it themselves.
    covariates
        Name to value; None or NaN is unknown.

    """

    name: str
    views: Mapping[str, Raw] = field(default_factory=dict)
    side: Side | None = None
    both: bool = False
    spacing: tuple[float, float] | None = None
    covariates: Mapping[str, float | None] = field(default_factory=dict)


def check_cases(what: Description, cases: Sequence[RawCase]) -> None:
    """Refuse cases that lack what the predictor takes, before any file is read.

    Cases are named by their number, because names may be those of patients.

    Raises
    ------
    DataError
        Of the first such case: what is missing or too much, and what was asked for.

    """
    for number, case in enumerate(cases, start=1):
        if wrong := _wrong_with(case, what):
            raise DataError(f"case {number} of {len(cases)}: {wrong}")


def _wrong_with(case: RawCase, what: Description) -> str:
    """Say what a case lacks or has too much, and what was asked for; empty if it is as asked."""
    inputs = what.inputs
    if set(case.views) != set(inputs.views) and inputs.views:
        return (
            f"has {len(case.views)} views ({', '.join(sorted(case.views)) or 'none'}),"
            f" and {what.title} takes {len(inputs.views)}: {', '.join(inputs.views)}."
        )
    if inputs.sides and case.side not in ("R", "L"):
        return (
            f"does not say which side of the patient it is, and {what.title} mirrors the left."
            " Say R or L."
        )
    if missing := [name for name in inputs.covariates if name not in case.covariates]:
        return (
            f"lacks the covariates {', '.join(missing)}; {what.title} takes"
            f" {', '.join(inputs.covariates)}. What is unknown is given as empty (None, NaN)."
        )
    return ""


def entries_of(what: Description, cases: Sequence[RawCase]) -> Array | None:
    """Return the covariates that the model takes, float32 (cases, columns); None if it takes none.

    Raises
    ------
    DataError
        A value is none that the model knows.

    """
    taken = table_of(what.model)
    if taken is None:
        return None
    columns = {
        PREFIX + name: pa.array([_number(case.covariates[name]) for case in cases], pa.float64())
        for name in taken.columns
    }
    return read_entries(pa.table(columns), taken)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
