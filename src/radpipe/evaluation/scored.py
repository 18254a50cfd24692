"""Scored variants, and the cases of a part that all variants of a study were scored on.

Stores of one study can hold different cases: a crop, for instance, that could not be found
in some pictures. What is compared must be the same questions, so order and tests use the
cases that all variants answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from radpipe.core.errors import DataError
from radpipe.core.settings import Target
from radpipe.evaluation.ensemble import EnsembleCases, cases_of, in_common
from radpipe.evaluation.operating_point import OperatingPoint
from radpipe.evaluation.sample import Sample


class Scored:
    """One variant: its `metrics.json`, and its cases with the frozen operating point."""

    def __init__(self, metrics: dict[str, Any], table: pa.Table) -> None:
        self.metrics = metrics
        self.name: str = metrics["variant"]
        self.target = Target.model_validate(metrics["target"])
        self.points = {
            part: OperatingPoint.from_json(block.get("operating_point", metrics["operating_point"]))
            for part, block in metrics["parts"].items()
        }
        self.cases: dict[str, EnsembleCases] = {}
        for part in metrics["parts"]:
            cases = cases_of(self.target, table, part, where=f"{self.name}: cases.parquet")
            if cases is None:
                raise DataError(
                    f"{self.name}: metrics.json has part {part}, cases.parquet has not. Run"
                    " evaluate again."
                )
            self.cases[part] = cases.take(cases.known)

    @property
    def is_reader(self) -> bool:
        """Whether the answers are those of a person."""
        return bool(self.metrics.get("imported", {}).get("by", {}).get("kind") == "reader")

    def sample(self, cases: EnsembleCases, part: str) -> Sample:
        """Return some of the variant's cases of a part as metrics see them."""
        return self.points[part].sample(self.target, cases.truth, cases.scores)


@dataclass(frozen=True)
class Common:
    """The cases of a part that all variants of a study were scored on.

    Attributes
    ----------
    cases
        By variant, each with its own scores: the same cases in the same order.
    whole
        No variant was scored on others besides.

    """

    cases: Mapping[str, EnsembleCases]
    whole: bool

    @property
    def n_cases(self) -> int:
        """Their number."""
        return len(next(iter(self.cases.values())).case)


def check_parts(variants: Sequence[Scored]) -> None:
    """Refuse variants of a study that come from different splits.

    Raises
    ------
    DataError
        A case stands in one part for one variant and in another part for another.

    """
    placed: dict[str, tuple[str, str]] = {}
    for one in variants:
        for part, cases in one.cases.items():
            for case in cases.case:
                before, other = placed.setdefault(case, (part, one.name))
                if before != part:
                    raise DataError(
                        f"{other} and {one.name} cannot be compared: they come from different"
                        f" splits, some cases being in {before} for one and in {part} for the"
                        " other. Run split and everything after it again."
                    )


def common_cases(variants: Sequence[Scored], part: str) -> Common:
    """Return the cases of a part that all variants, at least one, were scored on.

    Raises
    ------
    DataError
        Variants have other targets, no case in common, or say different things of a case.

    """
    own = [one.cases[part] for one in variants]
    shared = in_common(own)
    whole = all(len(one.case) == len(shared[0].case) for one in own)
    cases = {one.name: found for one, found in zip(variants, shared, strict=True)}
    for other in variants[1:]:
        _same_questions(variants[0], other, cases, part)
    return Common(cases, whole)


def _same_questions(
    first: Scored, other: Scored, cases: Mapping[str, EnsembleCases], part: str
) -> None:
    a, b = cases[first.name], cases[other.name]
    if first.target != other.target:
        what = f"targets {first.target.classes} and {other.target.classes}"
    elif not len(a.case):
        what = "cases of which none is common to all variants"
    elif not np.array_equal(a.patient, b.patient):
        what = "the same cases of different patients"
    elif not np.array_equal(a.truth, b.truth, equal_nan=True):
        what = "the same cases with different truths"
    else:
        return
    way_out = (
        "Imported predictions need answers to cases that all others have, too: complete the tables,"
        " or compare them in another plan."
        if any("imported" in one.metrics for one in (first, other))
        else "Variants of a study need stores of the same patients, one split and the same folds:"
        " run ingest, split and everything after them again, or make the odd one a study of its"
        " own."
    )
    raise DataError(
        f"{first.name} and {other.name} cannot be compared on {part}: they were scored"
        f" on {what}. {way_out}"
    )
